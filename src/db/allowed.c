/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "allowed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
db_keys_row(struct db_keys *k, const struct db_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char type = (char)('a' + (int)cells[i].type);

		digest_add(k->sum, &type, 1);
		digest_add_part(k->sum, cells[i].p, cells[i].n);
	}
	if (k->list != NULL)
		db_key_list(k->list, cells, n);
	k->count++;
}

static int
no_columns(void *ctx, const struct db_column *cols, size_t n)
{
	(void)ctx, (void)cols, (void)n;
	return 0;
}

static int
add_row(void *ctx, const struct db_cell *cells, size_t n)
{
	struct db_keys *k = ctx;

	db_keys_row(k, cells, n);
	if (n == 1 && cells[0].type == DB_INTEGER)
		k->told = strtoull(cells[0].p, NULL, 10);
	return 0;
}

struct db_sink
db_keys_sink(struct db_keys *k)
{
	return (struct db_sink){ k, no_columns, add_row };
}

static int
seen_columns(void *ctx, const struct db_column *cols, size_t n)
{
	const struct db_seen *seen = ctx;

	return seen->to != NULL ? seen->to->columns(seen->to->ctx, cols, n) : 0;
}

static int
seen_row(void *ctx, const struct db_cell *cells, size_t n)
{
	const struct db_seen *seen = ctx;

	for (size_t i = 0; i < n; i++) {
		char type = (char)('a' + (int)cells[i].type);

		if (seen->timed && (seen->adds || (seen->pairs && i >= seen->nkeys && (i - seen->nkeys) % 2 == 1)))
			continue;
		digest_add(seen->sum, &type, 1);
		digest_add_part(seen->sum, cells[i].p, cells[i].n);
	}
	return seen->to != NULL ? seen->to->row(seen->to->ctx, cells, n) : 0;
}

/* Wherever the word stands: one too many compares less. */
static bool
asks_the_time(const struct db_statement *s)
{
	static const char *const words[] = { "now", "current_timestamp", "current_date", "current_time", "localtime",
	    "localtimestamp", "transaction_timestamp", "age", "sysdate", "curdate", "curtime", "utc_date", "utc_time", "utc_timestamp",
	    "unix_timestamp", "unixepoch", "datetime", "julianday", "strftime", "date", "time" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (db_has_whole_word(s, words[i]))
			return true;
	return false;
}

struct db_sink
db_seen_begin(struct db_seen *seen, const struct db_sink *to, const struct db_statement *s, const struct sql_facts *f, size_t nkeys,
    const struct db_match *m)
{
	*seen = (struct db_seen){ .to = to, .nkeys = nkeys, .pairs = strcmp(f->verb, "UPDATE") == 0,
	    .adds = db_adds_rows(f), .timed = asks_the_time(s), .sum = digest_begin() };
	digest_add_part(seen->sum, m->keys.b, sizeof m->keys.b);
	return (struct db_sink){ seen, seen_columns, seen_row };
}

void
db_seen_end(struct db_seen *seen, struct db_match *m)
{
	m->keys = digest_end(seen->sum);
}

void
db_seen_note(struct db_sheet *sheet, const struct sql_facts *f)
{
	if ((strcmp(f->verb, "UPDATE") == 0 || db_adds_rows(f)) && buf_len(&sheet->triggers) > 0)
		db_note(&sheet->note, "the new values are those of the statement: its triggers may make others of them");
}

void
db_tell_waited(struct db_result *r, const struct db_waiting *others)
{
	if (others->n > 0 && r->end == DB_ROLLEDBACK && strcmp(r->code, "conflict") == 0)
		buf_putf(&r->text, "; it waited for %s%s", others->who, others->n > 1 ? " and others" : "");
}

void
db_bind_place(struct db_ground *g, const struct db_statement *s, const struct db_place *p)
{
	struct digest d = digest_of(s->bytes, s->n);

	db_ground_text(g, p->format);
	db_ground_add(g, d.b, sizeof d.b);
	db_ground_name(g, "the statement");
	db_ground_text(g, p->identity);
	db_ground_name(g, "the server");
	db_ground_text(g, p->database);
	db_ground_name(g, "the database");
	db_ground_text(g, p->role);
	db_ground_name(g, "the account");
	db_ground_text(g, "no transaction");
	db_ground_text(g, p->guard);
	db_ground_name(g, "what the names in it mean");
}

void
db_bind_end(struct db_ground *g, const struct db_match *m, struct db_sheet *sheet)
{
	struct digest_sum *sum = digest_begin();
	char line[48];

	sheet->ground = db_ground_end(g);
	snprintf(line, sizeof line, "%d %" PRIu64, m->known, m->count);
	digest_add_part(sum, sheet->ground.b, sizeof sheet->ground.b);
	digest_add_part(sum, line, strlen(line));
	digest_add_part(sum, m->keys.b, sizeof m->keys.b);
	sheet->bind = digest_end(sum);
	sheet->count_known = m->known;
	sheet->count = m->count;
	sheet->keys = m->keys;
	if (!m->known)
		sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_COUNT_UNKNOWN);
}

/* "3 (1, 2, 3)": how many rows, and which. */
static void
put_rows(struct buf *text, uint64_t n, const struct buf *keys)
{
	buf_putf(text, "%" PRIu64, n);
	if (keys != NULL && buf_len(keys) > 0) {
		buf_puts(text, " (");
		buf_put(text, buf_data(keys), buf_len(keys));
		buf_putc(text, ')');
	}
}

/* As far as they are listed. */
static bool
same_list(const struct db_part *p, const struct db_sheet *now)
{
	const struct buf *was = p->shown != NULL ? &p->shown->keys : NULL, *is = &now->shown.keys;

	return now->count == p->matched && (was == NULL || (buf_len(was) == buf_len(is) &&
	    (buf_len(is) == 0 || memcmp(buf_data(was), buf_data(is), buf_len(is)) == 0)));
}

/* For a later part: that those before it changed its rows is what they are for, and its own rows are what is looked at. Where not
 * all are listed the digest tells, which knows their values too. */
static bool
same_rows(const struct db_part *p, const struct db_sheet *now)
{
	static const char more[] = ", ...";
	size_t n = buf_len(&now->shown.keys);
	bool cut = n >= sizeof more && memcmp(buf_data(&now->shown.keys) + n - (sizeof more - 1), more, sizeof more - 1) == 0;

	return same_list(p, now) && (!cut || digest_equal(&now->keys, &p->keys));
}

/* Into p->differs: "2 (3, 4) when it was shown, 2 (3, 5) now". */
static void
tell_rows(struct db_part *p, const struct db_sheet *now)
{
	struct buf text;

	buf_init(&text, sizeof p->differs - 1);
	put_rows(&text, p->matched, p->shown != NULL ? &p->shown->keys : NULL);
	buf_puts(&text, " when it was shown, ");
	put_rows(&text, now->count, &now->shown.keys);
	buf_puts(&text, " now");
	if (same_list(p, now))
		buf_puts(&text, ", with other values in them");
	snprintf(p->differs, sizeof p->differs, "%s", buf_str(&text));
	buf_fini(&text);
}

static void
other_rows(const char *code, const struct db_part *p, struct db_result *r)
{
	char text[sizeof p->differs + 100];

	snprintf(text, sizeof text, "the rows that it matches are not those that were shown: %s; ask again", p->differs);
	db_end_with(r, DB_ROLLEDBACK, code, text);
}

static void
other_ground(const struct db_part *p, const struct db_sheet *now, struct db_result *r)
{
	struct buf text, names;

	buf_init(&names, 8192);
	buf_init(&text, 8192 + 200);
	if (p->shown != NULL)
		db_shown_differ(p->shown, &now->shown, &names);
	if (p->keys_known != now->count_known)
		buf_putf(&names, "%s%s", buf_len(&names) > 0 ? ", and " : "",
		    p->keys_known ? "the rows cannot be counted any more" : "the rows can be counted now");
	if (buf_len(&names) == 0)
		buf_puts(&names, "a table, trigger or setting");
	buf_puts(&text, "not everything is as it was shown: ");
	buf_put(&text, buf_data(&names), buf_len(&names));
	buf_puts(&text, "; ask again");
	db_end_with(r, DB_ROLLEDBACK, "bind", buf_str(&text));
	buf_fini(&names);
	buf_fini(&text);
}

bool
db_as_shown(const struct db_allowed *a, struct db_part *p, const struct db_sheet *now, struct db_result *r)
{
	bool other = p->keys_known && now->count_known && (!digest_equal(&now->keys, &p->keys) || now->count != p->matched);

	if (other)
		tell_rows(p, now);
	if (other && !db_within(p, now->count))
		other_rows("count", p, r);
	else if (!digest_equal(&now->ground, &p->ground) || p->keys_known != now->count_known)
		other_ground(p, now, r);
	else if (other && a->holding == NULL)
		other_rows("keys", p, r);
	else {
		p->moved = other;
		/* later parts of a set meet what those before them made, and a set is held anyway */
		p->found = a->nparts == 1 && now->count_known ? now->count : UINT64_MAX;
		return true;
	}
	r->rows = now->count;
	return false;
}

bool
db_ground_kept(struct db_part *p, const struct db_sheet *now, struct db_result *r)
{
	struct buf text;

	if (digest_equal(&now->ground, &p->ground)) {
		if (p->keys_known && now->count_known && !same_rows(p, now)) {
			tell_rows(p, now);
			p->moved = true;
		}
		return true;
	}
	buf_init(&text, 8192 + 200);
	buf_puts(&text, "a part before it changed what a later one rests on: ");
	if (p->shown != NULL)
		db_shown_differ(p->shown, &now->shown, &text);
	buf_puts(&text, p->shown != NULL ? "; ask for them one by one" : "a table, trigger, setting or variable; ask for them one"
	    " by one");
	db_end_with(r, DB_ROLLEDBACK, "bind", buf_str(&text));
	buf_fini(&text);
	return false;
}

/* Something kept rows from it, or it met some that did not match before. */
static void
tell_touched(struct db_part *p)
{
	size_t n = p->moved ? strlen(p->differs) : 0;

	snprintf(p->differs + n, sizeof p->differs - n, "%s%" PRIu64 " matched when it began, %" PRIu64 " %s touched", n > 0 ? "; " : "",
	    p->found, p->touched, p->touched == 1 ? "was" : "were");
	p->moved = true;
}

bool
db_bound_kept(struct db_part *p, uint64_t touched, struct db_result *r)
{
	char text[160], nth[32] = "";

	p->touched = touched;
	if (db_within(p, touched)) {
		if (p->found != UINT64_MAX && touched != p->found)
			tell_touched(p);
		return true;
	}
	r->rows = touched;
	if (p->nth > 0)
		snprintf(nth, sizeof nth, "statement %u: ", p->nth);
	snprintf(text, sizeof text, "%s%" PRIu64 " row%s touched, %s%" PRIu64 " %s allowed", nth, touched,
	    touched == 1 ? " was" : "s were", p->at_most ? "at most " : "", p->rows, p->rows == 1 ? "was" : "were");
	db_end_with(r, DB_ROLLEDBACK, "count", text);
	return false;
}

bool
db_kept(const struct db_allowed *a, struct db_result *r)
{
	struct db_held h = { .parts = a->parts, .nparts = a->nparts, .effects = buf_str(&r->effects), .unseen = r->unseen };

	r->rows = 0;
	for (size_t i = 0; i < a->nparts; i++) {
		r->rows += a->parts[i].touched;
		h.moved = h.moved || a->parts[i].moved;
	}
	h.affected = r->rows;
	if (a->holding == NULL && h.moved) {
		for (size_t i = 0; i < a->nparts; i++)
			if (a->parts[i].moved)
				other_rows("keys", &a->parts[i], r);
		return false;
	}
	if (a->holding == NULL || a->holding(a->ctx, &h))
		return true;
	db_end_with(r, DB_ROLLEDBACK, h.code, h.text);
	return false;
}

bool
db_on_record(const struct db_allowed *a, const struct db_commit_point *p, struct db_result *r)
{
	if (a->committing == NULL || a->committing(a->ctx, p) == 0)
		return true;
	db_end_with(r, DB_ROLLEDBACK, "refused", "the commit could not be put on record");
	return false;
}
