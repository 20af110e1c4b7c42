/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "allowed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
db_key_add(struct digest_sum *sum, const struct db_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char type = (char)('a' + (int)cells[i].type);

		digest_add(sum, &type, 1);
		digest_add_part(sum, cells[i].p, cells[i].n);
	}
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

	db_key_add(k->sum, cells, n);
	if (n == 1 && cells[0].type == DB_INTEGER)
		k->told = strtoull(cells[0].p, NULL, 10);
	k->count++;
	return 0;
}

struct db_sink
db_keys_sink(struct db_keys *k)
{
	return (struct db_sink){ k, no_columns, add_row };
}

void
db_bind_text(struct digest_sum *sum, const char *s)
{
	digest_add_part(sum, s, strlen(s));
}

void
db_bind_place(struct digest_sum *sum, const struct db_statement *s, const struct db_place *p)
{
	struct digest d = digest_of(s->bytes, s->n);

	db_bind_text(sum, p->format);
	digest_add_part(sum, d.b, sizeof d.b);
	db_bind_text(sum, p->identity);
	db_bind_text(sum, p->database);
	db_bind_text(sum, p->role);
	db_bind_text(sum, "no transaction");
	db_bind_text(sum, p->guard);
}

void
db_bind_end(struct digest_sum *ground, const struct db_match *m, struct db_sheet *sheet)
{
	struct digest_sum *sum = digest_begin();
	char line[48];

	sheet->ground = digest_end(ground);
	snprintf(line, sizeof line, "%d %" PRIu64, m->known, m->count);
	digest_add_part(sum, sheet->ground.b, sizeof sheet->ground.b);
	db_bind_text(sum, line);
	digest_add_part(sum, m->keys.b, sizeof m->keys.b);
	sheet->bind = digest_end(sum);
	sheet->count_known = m->known;
	sheet->count = m->count;
	sheet->keys = m->keys;
	if (!m->known)
		sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_COUNT_UNKNOWN);
}

bool
db_as_shown(const struct db_allowed *a, struct db_part *p, const struct db_match *now, const struct digest *ground,
    struct db_result *r)
{
	bool other = p->keys_known && now->known && (!digest_equal(&now->keys, &p->keys) || now->count != p->matched);

	if (other && !db_within(p, now->count))
		db_end_with(r, DB_ROLLEDBACK, "count", "the rows that it matches are not those that were shown; ask again");
	else if (!digest_equal(ground, &p->ground) || p->keys_known != now->known)
		db_end_with(r, DB_ROLLEDBACK, "bind",
		    "the tables, triggers, settings or rows are not as they were shown; ask again");
	else if (other && a->holding == NULL)
		db_end_with(r, DB_ROLLEDBACK, "keys", "the rows that it matches are not those that were shown; ask again");
	else {
		p->moved = other;
		return true;
	}
	r->rows = now->count;
	return false;
}

bool
db_bound_kept(struct db_part *p, uint64_t touched, struct db_result *r)
{
	char text[120];

	p->touched = touched;
	if (db_within(p, touched))
		return true;
	r->rows = touched;
	snprintf(text, sizeof text, "%" PRIu64 " rows were touched, %s%" PRIu64 " were allowed", touched,
	    p->at_most ? "at most " : "", p->rows);
	db_end_with(r, DB_ROLLEDBACK, "count", text);
	return false;
}

bool
db_kept(const struct db_allowed *a, struct db_result *r)
{
	struct db_held h = { .parts = a->parts, .nparts = a->nparts, .effects = buf_str(&r->effects) };

	r->rows = 0;
	for (size_t i = 0; i < a->nparts; i++) {
		r->rows += a->parts[i].touched;
		h.moved = h.moved || a->parts[i].moved;
	}
	h.affected = r->rows;
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
