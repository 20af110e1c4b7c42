/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/state.h"

#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

bool
state_name_ok(const char *name)
{
	if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof ((struct ticket_state *)0)->made_by)
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static void
put_digest(json_t *o, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	must(json_object_set_new(o, key, json_string(hex)) == 0);
}

static void
put_when(json_t *o, const char *by_key, const char *by, const char *us_key, int64_t us)
{
	must(json_object_set_new(o, by_key, json_string(by)) == 0);
	must(json_object_set_new(o, us_key, json_integer(us)) == 0);
}

void
state_write(const struct state_file *s, struct buf *out)
{
	json_t *o = json_object();

	must(o != NULL && json_object_set_new(o, "v", json_integer(1)) == 0);
	put_digest(o, "digest", &s->digest);
	put_when(o, "made_by", s->s.made_by, "made_us", s->s.made_us);
	if (s->s.accepted_by[0] != '\0') {
		put_when(o, "accepted_by", s->s.accepted_by, "accepted_us", s->s.accepted_us);
		put_digest(o, "accepted", &s->s.accepted);
	}
	json_put(out, o);
	buf_putc(out, '\n');
	json_decref(o);
}

static bool
get_digest(const json_t *o, const char *key, struct digest *out)
{
	size_t n;
	const char *hex = json_str(o, key, &n);

	return hex != NULL && digest_parse(hex, n, out);
}

static bool
get_when(const json_t *o, const char *by_key, char by[64], const char *us_key, int64_t *us)
{
	size_t n;
	const char *name = json_str(o, by_key, &n);

	*us = json_int(o, us_key, -1);
	if (!state_name_ok(name) || strlen(name) != n || *us <= 0)
		return false;
	memcpy(by, name, n + 1);
	return true;
}

int
state_read(struct state_file *s, const char *json, size_t n, const char *id, struct err *e)
{
	struct buf again;
	json_t *o;
	bool ok;

	memset(s, 0, sizeof *s);
	o = json_line_parse(json, n, NULL);
	ok = o != NULL && json_int(o, "v", 0) == 1 && get_digest(o, "digest", &s->digest) &&
	    get_when(o, "made_by", s->s.made_by, "made_us", &s->s.made_us);
	if (ok && json_object_size(o) != 4)
		ok = get_when(o, "accepted_by", s->s.accepted_by, "accepted_us", &s->s.accepted_us) &&
		    get_digest(o, "accepted", &s->s.accepted);
	json_decref(o);
	if (ok) {	/* no second way to write the same: no member more, no byte more */
		buf_init(&again, STATE_TEXT_MAX);
		state_write(s, &again);
		ok = buf_len(&again) == n && memcmp(buf_data(&again), json, n) == 0;
		buf_fini(&again);
	}
	return ok ? 0 : err_set(e, ERR_BROKEN, "the state of ticket %s is not what twokey wrote; bring it again under a new id",
	    id);
}
