/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "driver.h"
#include "locks.h"
#include "own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/err.h"
#include "twokey/base/secret.h"

enum { TEXT_MAX = 256 * 1024, HOLD_MS = 60 * 1000, HOLD_MORE_MS = 30 * 1000, IDLE_MAX_MS = 2147483647 };

const struct db_driver *
db_driver_find(enum sql_engine engine)
{
	switch (engine) {
	case SQL_POSTGRES:
		return &pg_driver;
	case SQL_SQLITE:
		return &sqlite_driver;
	case SQL_MARIADB:
		return &mariadb_driver;
	case SQL_MYSQL:
		return &mysql_driver;
	case SQL_ENGINES:
		break;
	}
	return NULL;
}

void
db_result_init(struct db_result *r)
{
	*r = (struct db_result){ .end = DB_FAILED };
	buf_init(&r->text, TEXT_MAX);
	buf_init(&r->effects, TEXT_MAX);
	buf_init(&r->own, TEXT_MAX);
	buf_init(&r->notices, DB_NOTICES_MAX);
}

void
db_result_fini(struct db_result *r)
{
	buf_fini(&r->text);
	buf_fini(&r->effects);
	buf_fini(&r->own);
	buf_fini(&r->notices);
}

void
db_sheet_init(struct db_sheet *s)
{
	*s = (struct db_sheet){ .how = "unknown", .table_rows = -1, .table_bytes = -1, .estimate = -1, .rollback = "unknown",
	    .sight = "none" };
	buf_init(&s->triggers, TEXT_MAX);
	buf_init(&s->cascades, TEXT_MAX);
	buf_init(&s->rules, TEXT_MAX);
	buf_init(&s->policies, TEXT_MAX);
	buf_init(&s->takes, TEXT_MAX);
	buf_init(&s->locks, TEXT_MAX);
	buf_init(&s->depends, TEXT_MAX);
	buf_init(&s->derived, 2 * 1024 * 1024);
	buf_init(&s->note, TEXT_MAX);
	buf_init(&s->undo, TEXT_MAX);
	buf_init(&s->own, TEXT_MAX);
	db_shown_init(&s->shown);
}

void
db_sheet_fini(struct db_sheet *s)
{
	buf_fini(&s->triggers);
	buf_fini(&s->cascades);
	buf_fini(&s->rules);
	buf_fini(&s->policies);
	buf_fini(&s->takes);
	buf_fini(&s->locks);
	buf_fini(&s->depends);
	buf_fini(&s->derived);
	buf_fini(&s->note);
	buf_fini(&s->undo);
	buf_fini(&s->own);
	db_shown_fini(&s->shown);
}

/* A JSON array behind another. */
static void
add_list(struct buf *all, const struct buf *one)
{
	if (buf_len(one) <= 2)
		return;
	if (buf_len(all) <= 2) {
		buf_reset(all);
		buf_putc(all, '[');
	} else {
		buf_truncate(all, buf_len(all) - 1);
		buf_putc(all, ',');
	}
	buf_put(all, buf_data(one) + 1, buf_len(one) - 1);
}

static void
add_text(struct buf *all, struct buf *one)
{
	if (buf_len(one) > 0)
		db_note(all, buf_str(one));
}

void
db_sheet_add(struct db_sheet *all, struct db_sheet *one, bool first)
{
	struct db_sheet empty = *all;

	if (first) {
		*all = *one;
		*one = empty;
		return;
	}
	if (strcmp(all->how, "derived") == 0)
		all->how = one->how;
	all->count_known = all->count_known && one->count_known;
	all->count = all->count_known ? all->count + one->count : 0;
	all->inexact = all->inexact || one->inexact;
	all->dangers |= one->dangers;
	all->table_rows = all->table_bytes = -1;	/* of which of them */
	all->estimate = -1;
	all->ms += one->ms;
	add_list(&all->triggers, &one->triggers);
	add_list(&all->cascades, &one->cascades);
	add_list(&all->rules, &one->rules);
	add_list(&all->policies, &one->policies);
	add_list(&all->takes, &one->takes);
	db_locks_join(all, one);
	own_list_join(&all->own, &one->own);
	add_text(&all->derived, &one->derived);
	add_text(&all->note, &one->note);
}

bool
db_has_word(const struct db_statement *s, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= s->n; i++)
		if (strncasecmp(s->bytes + i, word, n) == 0)
			return true;
	return false;
}

void
db_hide(char *words, const struct db_target *t)
{
	const char *secret = t->password != NULL ? secret_reveal(t->password) : "";
	size_t n = strlen(secret);
	char *hit;

	while (n > 0 && (hit = strstr(words, secret)) != NULL) {
		memset(hit, '*', n);
		if (strspn(secret, "*") == n)
			break;
	}
}

void
db_note(struct buf *note, const char *s)
{
	if (buf_len(note) > 0)
		buf_putc(note, '\n');
	buf_puts(note, s);
}

static void
note_why(struct db_sheet *s, const char *what, const struct err *why)
{
	char text[sizeof why->text + 60];

	snprintf(text, sizeof text, "%s: %s", what, why->text);
	db_note(&s->note, text);
}

void
db_note_no_count(struct db_sheet *s, const struct err *why)
{
	note_why(s, "it is not known how many rows it touches", why);
}

void
db_note_no_sample(struct db_sheet *s, const struct err *why)
{
	note_why(s, "no sample of rows can be shown", why);
}

bool
db_adds_rows(const struct sql_facts *f)
{
	return strcmp(f->verb, "INSERT") == 0;
}

void
db_note_object(struct db_sheet *s, const char *what, const struct digest *definition)
{
	char hex[DIGEST_HEX + 1], text[400];

	s->how = "definition";
	if (what == NULL) {
		db_note(&s->note, "there is no object of that name now");
		return;
	}
	digest_hex(definition, hex);
	snprintf(text, sizeof text, "it is the %.300s; the SHA-256 of its definition begins with %.16s", what, hex);
	db_note(&s->note, text);
	if (buf_len(&s->depends) == 0)
		db_note(&s->note, "nothing is known that depends on it");
}

void
db_notice(struct db_result *r, const char *s, size_t n)
{
	static const char more[] = "(more was said than is kept)";

	if (r->notices.max < DB_NOTICES_MAX)
		return;		/* it says so already */
	if (buf_len(&r->notices) + n + 1 + sizeof more > DB_NOTICES_MAX) {
		db_note(&r->notices, more);
		r->notices.max = buf_len(&r->notices);
		return;
	}
	if (buf_len(&r->notices) > 0)
		buf_putc(&r->notices, '\n');
	buf_put(&r->notices, s, n);
}

void
db_end_with(struct db_result *r, enum db_end end, const char *code, const char *text)
{
	size_t i = 0;

	r->end = end;
	for (; code[i] != '\0' && i < sizeof r->code - 1; i++)
		r->code[i] = code[i];
	r->code[i] = '\0';
	buf_reset(&r->text);
	buf_put(&r->text, text, strnlen(text, TEXT_MAX / 2));
}

unsigned
db_idle_ms(const struct db_target *t)
{
	uint64_t ms = (uint64_t)(t->hold_ms > 0 ? t->hold_ms : HOLD_MS) + HOLD_MORE_MS;

	return ms < IDLE_MAX_MS ? (unsigned)ms : IDLE_MAX_MS;
}

bool
db_within(const struct db_part *p, uint64_t affected)
{
	return p->at_most ? affected <= p->rows : affected == p->rows;
}

bool
db_count_row(struct db_count *c, uint64_t n)
{
	if (c->max != NULL && ((c->max->rows > 0 && c->rows >= c->max->rows) ||
	    (c->max->bytes > 0 && c->bytes >= c->max->bytes)))
		return false;
	c->rows++;
	c->bytes += n;
	return true;
}
