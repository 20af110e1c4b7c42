/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "transcript/compose.h"

#include <string.h>

#include "transcript/body.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/transcript/line.h"

enum { LIST_MAX = TRANSCRIPT_EVENT_MAX };

/* One of the names in a list that is separated by blanks. */
static bool
is_listed(const char *list, const char *p, size_t n)
{
	while (*list != '\0') {
		size_t len = strcspn(list, " ");

		if (len == n && memcmp(list, p, n) == 0)
			return true;
		list += len + (list[len] == ' ');
	}
	return false;
}

void
compose_named(struct buf *list, const char *k, size_t k_len, const struct digest *sha, uint64_t len)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(sha, hex);
	buf_putf(list, "%s{\"k\":\"%.*s\",\"sha\":\"%s\",\"len\":%llu}", buf_len(list) > 0 ? "," : "", (int)k_len, k, hex,
	    (unsigned long long)len);
}

void
compose_body(struct buf *out, struct buf *list, uint64_t of, const char *json, size_t n)
{
	struct digest salt, sha;
	char hex[DIGEST_HEX + 1];
	size_t from = buf_len(out), k_len;
	const char *k;

	random_bytes(salt.b, sizeof salt.b);
	digest_hex(&salt, hex);
	buf_putf(out, "{\"s\":\"%s\",\"of\":%llu,", hex, (unsigned long long)of);
	buf_put(out, json + 1, n - 1);
	if (!buf_over(out) && body_kind(json, n, &k, &k_len)) {
		sha = digest_of(buf_data(out) + from, buf_len(out) - from);
		compose_named(list, k, k_len, &sha, buf_len(out) - from);
	}
	buf_putc(out, '\n');
}

void
compose_front(struct buf *out, const struct compose *c, const char *name)
{
	char t[CLOCK_TEXT], prev[DIGEST_HEX + 1];

	clock_format(c->wall_us, t);
	digest_hex(&c->prev, prev);
	buf_putf(out, "{\"n\":%llu,\"t\":\"%s\",\"ms\":%lld,\"prev\":\"%s\",\"ev\":\"%s\"", (unsigned long long)c->n, t,
	    (long long)c->ms, prev, name);
}

void
compose_end(struct buf *out, size_t from, struct buf *list, struct compose *c)
{
	if (buf_len(list) > 0) {
		buf_puts(out, ",\"b\":[");
		buf_put(out, buf_data(list), buf_len(list));
		buf_puts(out, "]");
	}
	buf_puts(out, "}");
	c->head = digest_of(buf_data(out) + from, buf_len(out) - from);
	buf_putc(out, '\n');
}

static int
put_bodies(struct buf *out, struct buf *list, const struct compose *c, const struct transcript_event_rule *rule,
    const struct transcript_body *bodies, size_t n, struct err *e)
{
	const char *k;
	size_t k_len;

	if (n > TRANSCRIPT_BODIES_MAX)
		return err_set(e, ERR_TOO_LARGE, "an event has at most %d bodies", TRANSCRIPT_BODIES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (bodies[i].n > TRANSCRIPT_BODY_MAX)
			return err_set(e, ERR_TOO_LARGE, "a body of %s has %zu bytes, %d are allowed; send it in parts", rule->name,
			    bodies[i].n, TRANSCRIPT_BODY_MAX);
		if (transcript_body_check(bodies[i].json, bodies[i].n) != 0 || !body_kind(bodies[i].json, bodies[i].n, &k, &k_len))
			return err_set(e, ERR_INVALID, "a body of %s is not one compact JSON object that begins with \"k\"", rule->name);
		if (!is_listed(rule->bodies, k, k_len))
			return err_set(e, ERR_INVALID, "the event %s has no body %.*s", rule->name, (int)k_len, k);
		compose_body(out, list, c->n, bodies[i].json, bodies[i].n);
	}
	return 0;
}

static int
put_fields(struct buf *out, const struct transcript_event_rule *rule, const json_t *event, struct err *e)
{
	json_t *members = json_incref((json_t *)(uintptr_t)event);
	const char *key;
	json_t *v;
	int ret = 0;

	json_object_foreach(members, key, v) {
		if (strcmp(key, "ev") == 0)
			continue;
		if (!is_listed(rule->fields, key, strlen(key))) {
			ret = err_set(e, ERR_INVALID, "the event %s has no field %.40s", rule->name, key);
			break;
		}
		buf_putf(out, ",\"%s\":", key);
		json_put(out, v);
		if (buf_over(out))
			break;
	}
	json_decref(members);
	return ret;
}

int
compose_event(struct buf *out, struct compose *c, const struct transcript_event_rule *rule,
    const json_t *event, const struct transcript_body *bodies, size_t nbodies, struct err *e)
{
	const char *name = json_str(event, "ev", NULL);
	struct transcript_line scan;
	struct buf list;
	size_t from;
	int ret;

	if (name == NULL || strcmp(name, rule->name) != 0)
		return err_set(e, ERR_INVALID, "the event does not say \"ev\":\"%s\"", rule->name);
	if (strcmp(name, "seal") == 0 || strcmp(name, "recovered") == 0)
		return err_set(e, ERR_INVALID, "the event %s is only written by the transcript itself", name);
	buf_init(&list, LIST_MAX);
	ret = put_bodies(out, &list, c, rule, bodies, nbodies, e);
	from = buf_len(out);
	if (ret == 0) {
		compose_front(out, c, rule->name);
		ret = put_fields(out, rule, event, e);
	}
	if (ret == 0) {
		compose_end(out, from, &list, c);
		if (buf_over(out) || buf_len(out) - from - 1 > TRANSCRIPT_EVENT_MAX)
			ret = err_set(e, ERR_TOO_LARGE, "the event %s is longer than %d bytes", rule->name, TRANSCRIPT_EVENT_MAX);
	}
	if (ret == 0) {
		/* what we write, we can read */
		transcript_line_scan(buf_data(out) + from, buf_len(out) - from - 1, &scan);
		if (scan.type != TRANSCRIPT_LINE_EVENT)
			ret = err_set(e, ERR_INVALID, "the event %s holds a value that no reader would take", rule->name);
	}
	buf_fini(&list);
	return ret;
}

/* A member of the seal, when there is one: armour and words of our own, so ASCII. */
static void
put_said(struct buf *out, const char *key, const char *value)
{
	size_t n = value != NULL ? strlen(value) : 0;

	if (value == NULL || !text_is_utf8(value, n) || n > TRANSCRIPT_EVENT_MAX / 2)
		return;
	buf_putf(out, ",\"%s\":", key);
	json_put_string(out, value, n);
}

void
compose_seal(struct buf *out, struct compose *c, const struct transcript_seal_with *with)
{
	char hex[DIGEST_HEX + 1];
	struct digest sum;
	struct buf none;
	size_t from = buf_len(out);

	buf_init(&none, 0);
	digest_hex(&c->prev, hex);
	compose_front(out, c, "seal");
	buf_putf(out, ",\"head\":\"%s\",\"count\":%llu", hex, (unsigned long long)(c->n - 1));
	put_said(out, "sig", with->signature);
	put_said(out, "anchor", with->anchor);
	sum = digest_of(buf_data(out) + from, buf_len(out) - from);
	digest_hex(&sum, hex);
	buf_putf(out, ",\"sum\":\"%s\"", hex);
	compose_end(out, from, &none, c);
	buf_fini(&none);
}
