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

enum { NAME_MAX_BYTES = 300, SQL_MAX_BYTES = 2000, LOCKS_MAX = 250 * 1024 };

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

/* What finds no room is counted only. */
static void
keep(struct db_sheet *s, const json_t *o)
{
	size_t n = buf_len(&s->locks);
	struct buf text;

	buf_init(&text, LOCKS_MAX);
	json_put(&text, o);
	if (s->nlocks < DB_HOLDERS_MAX && !buf_over(&text) && n + buf_len(&text) + 2 <= LOCKS_MAX) {
		if (n > 0)
			buf_truncate(&s->locks, n - 1);	/* its "]" */
		buf_putc(&s->locks, n == 0 ? '[' : ',');
		buf_put(&s->locks, buf_data(&text), buf_len(&text));
		buf_putc(&s->locks, ']');
		s->nlocks++;
	}
	buf_fini(&text);
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
	keep(s, o);
	json_decref(o);
}

static bool
is_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "backend", "on", "mode", "waits" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const json_t *x = json_object_get(a, keys[i]), *y = json_object_get(b, keys[i]);

		if (x != y && !json_equal(x, y))
			return false;
	}
	return true;
}

static json_t *
parsed(const struct buf *list)
{
	json_t *v = json_loadb(buf_data(list), buf_len(list), 0, NULL);

	if (json_is_array(v))
		return v;
	json_decref(v);
	return json_array();
}

/* Of several statements the worst stands; a word that is not known is as bad as any. */
static size_t
badness(const char *rollback)
{
	static const char *const words[] = { "yes", "triggers", "foreign", "unknown", "engine", "statement" };
	size_t i = 0;

	while (i < sizeof words / sizeof *words && strcmp(words[i], rollback) != 0)
		i++;
	return i;
}

void
db_locks_join(struct db_sheet *all, const struct db_sheet *one)
{
	json_t *have = parsed(&all->locks), *more = parsed(&one->locks), *v, *w;
	size_t i, k;

	all->holders += one->holders;
	all->blocking += one->blocking;
	json_array_foreach(more, i, v) {
		bool there = false;

		json_array_foreach(have, k, w)
			there = there || is_same(v, w);
		if (!there) {
			keep(all, v);
			continue;
		}
		all->holders--;
		all->blocking -= json_is_true(json_object_get(v, "blocks"));
	}
	json_decref(have);
	json_decref(more);
	if (strcmp(all->sight, one->sight) != 0)
		all->sight = "part";
	if (badness(one->rollback) > badness(all->rollback))
		all->rollback = one->rollback;
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
