/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "locks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "own.h"

enum { NAME_MAX_BYTES = 300, SQL_MAX_BYTES = 2000 };

/* As it is where it is UTF-8; cut, it says so. Whoever shows it makes it harmless. */
static void
put(json_t *o, const char *key, const char *s, size_t max)
{
	struct buf text;

	if (s == NULL)
		return;
	buf_init(&text, 16 * max + 16);
	if (strlen(s) > max) {
		text_safe(&text, s, max, TEXT_ONE_LINE);
		buf_puts(&text, " ...");
		s = buf_str(&text);
	} else if (!text_is_utf8(s, strlen(s))) {
		text_safe(&text, s, strlen(s), TEXT_ONE_LINE);
		s = buf_str(&text);
	}
	must(json_object_set_new(o, key, json_string(s)) == 0);
	buf_fini(&text);
}

static void
put_number(json_t *o, const char *key, int64_t n)
{
	if (n >= 0)
		must(json_object_set_new(o, key, json_integer(n)) == 0);
}

void
db_holder_add(struct db_sheet *s, const struct db_holder *h)
{
	json_t *o = json_pack("{s:b}", "blocks", (int)h->blocks);

	s->holders++;
	s->blocking += h->blocks;
	put(o, "backend", h->backend, NAME_MAX_BYTES);
	put(o, "user", h->user, NAME_MAX_BYTES);
	put(o, "application", h->application, NAME_MAX_BYTES);
	put(o, "on", h->on, NAME_MAX_BYTES);
	put(o, "mode", h->mode, NAME_MAX_BYTES);
	put(o, "state", h->state, NAME_MAX_BYTES);
	put_number(o, "age", h->age_s);
	put_number(o, "rows", h->rows);
	if (h->waits)
		must(json_object_set_new(o, "waits", json_true()) == 0);
	put(o, "sql", h->sql, SQL_MAX_BYTES);
	if (s->holders <= DB_HOLDERS_MAX) {
		buf_truncate(&s->locks, buf_len(&s->locks) > 0 ? buf_len(&s->locks) - 1 : 0);	/* its "]" */
		buf_putc(&s->locks, s->holders == 1 ? '[' : ',');
		json_put(&s->locks, o);
		buf_putc(&s->locks, ']');
	}
	json_decref(o);
}

void
db_takes_add(struct db_sheet *s, const char *mode, const char *table, bool up_to)
{
	char text[500];
	int n = snprintf(text, sizeof text, "%s%.60s on %.400s", up_to ? "up to " : "", mode, table);

	own_list_add(&s->takes, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static const char *
word(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL && s[0] != '\0' ? s : otherwise;
}

void
db_locks_tell(const struct db_sheet *s, struct err *e)
{
	json_t *all = json_loadb(buf_data(&s->locks), buf_len(&s->locks), 0, NULL), *h = json_array_get(all, 0);
	struct err was;
	struct buf who;

	if (e != NULL && h != NULL && json_is_true(json_object_get(h, "blocks"))) {
		was = *e;
		buf_init(&who, 4096);
		buf_putf(&who, "%.80s %s %.40s on %.80s", word(h, "backend", "somebody"),
		    json_bool(h, "waits") ? "waits for" : "has", word(h, "mode", "a lock"), word(h, "on", "it"));
		if (json_str(h, "user", NULL) != NULL)
			buf_putf(&who, " (%.60s, %.60s)", word(h, "user", ""), word(h, "application", "no name"));
		if (s->blocking > 1)
			buf_putf(&who, ", and %u more", s->blocking - 1);
		err_set(e, was.code, "%.300s; %s", was.text, buf_str(&who));
		buf_fini(&who);
	}
	json_decref(all);
}

void
db_rollback_is(struct db_sheet *s, const struct sql_facts *f, const char *of_table)
{
	s->rollback = f->can_roll_back ? of_table : "statement";
}
