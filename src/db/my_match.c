/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that a write would touch, by derived SELECTs. EXPLAIN of a write is refused inside the wall. */
#include "config.h"

#include "my.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "allowed.h"
#include "told.h"

enum { SQL_MAX = 2 * 1024 * 1024 };

static int
find_keys(struct my_look *l, struct db_told *k, struct err *e)
{
	struct my_value v[4] = { my_text(l->schema), my_text(l->name), my_text(l->schema), my_text(l->name) };
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(l->c, OWN_MY_KEY, 4, v, &l->sheet->own, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL)
		db_told_add(k, row[0] != NULL ? row[0] : "", row[1]);
	mysql_free_result(res);
	return ret;
}

/* Runs a derived SELECT, which must be a read by itself. */
static int
select_derived(struct my_look *l, enum own_id id, const struct buf *sql, struct my_rows *rows, struct err *e)
{
	struct db_conn *c = l->c;
	MYSQL *m = c->my;
	unsigned number = 0;

	sql_classify(c->facts, &c->sql, buf_data(sql), buf_len(sql));
	if (c->facts->class != SQL_CLASS_READ)
		return err_set(e, ERR_UNSUPPORTED, "what it matches cannot be asked by a read: %s", c->facts->why);
	buf_reset(&c->text);
	buf_putf(&c->text, "/* twokey %s */ ", c->tag);
	buf_put(&c->text, buf_data(sql), buf_len(sql));
	if (l->locks)
		buf_puts(&c->text, " FOR UPDATE");
	own_ran(&l->sheet->own, id);
	if (buf_over(&c->text))
		return err_set(e, ERR_UNSUPPORTED, "the derived SELECT would be too long");
	if (mysql_send_query(m, buf_data(&c->text), buf_len(&c->text)) != 0)
		return my_lose(c, e, "the connection to the database is lost");
	my_wait(c);
	number = mysql_read_query_result(m) != 0 ? mysql_errno(m) : my_rows_drain(rows);
	if (my_is_lost(number))
		return my_lose(c, e, "the connection to the database is lost");
	if (number == 0)
		my_watch(c);
	else
		c->flagged = true;
	my_wait_is_over(c, number);
	if (number == 0 || (rows->cut && my_is_cancelled(number)))
		return 0;
	return err_set(e, my_is_cancelled(number) ? ERR_CANCELLED : number == ER_LOCK_WAIT_TIMEOUT ||
	    number == ER_LOCK_DEADLOCK ? ERR_BOUND : ERR_STATEMENT, "the derived SELECT failed: %s", mysql_error(m));
}

static int
derive(struct my_look *l, enum sql_derived kind, const struct db_told *k, struct buf *out, struct err *e)
{
	return db_told_derive(k, &l->c->sql, l->s, kind, out, e);
}

/* With a key the keys themselves, without one only how many rows there are. */
static int
match_rows(struct my_look *l, const struct db_told *k, struct err *e)
{
	bool named = k->nkeys > 0;
	struct db_keys sum = { .count = 0 };
	struct db_sink sink = db_keys_sink(&sum);
	struct my_rows rows = { .c = l->c, .sink = &sink };
	struct digest digest;
	int ret = derive(l, named ? SQL_DERIVE_KEYS : SQL_DERIVE_COUNT, k, &l->sheet->derived, e);

	if (ret == ERR_UNSUPPORTED && named) {	/* with a LIMIT rows can be counted, not named */
		named = false;
		ret = derive(l, SQL_DERIVE_COUNT, k, &l->sheet->derived, e);
	}
	if (ret != 0)
		return ret;
	if (!named && !db_adds_rows(l->f))
		db_note(&l->sheet->note, k->nkeys == 0 ? "the table has no primary key: rows are counted, but not which they are" :
		    "rows are counted, but not which they are");
	sum.sum = digest_begin();
	sum.list = named ? &l->sheet->shown.keys : NULL;
	ret = select_derived(l, named ? OWN_MY_DERIVED_KEYS : OWN_MY_DERIVED_COUNT, &l->sheet->derived, &rows, e);
	digest = digest_end(sum.sum);
	if (ret != 0)
		return ret;
	if (named)
		l->match.keys = digest;
	l->match.count = named ? sum.count : sum.told;
	l->match.known = true;
	if (mysql_warning_count(l->c->my) == 0)
		return 0;
	return my_warned(l->c, &l->sheet->own, "the server warned: ", &l->sheet->note, NULL, e);
}

static int
take_sample(struct my_look *l, const struct db_told *k, const struct db_sink *sample, struct err *e)
{
	struct db_limits max = { DB_SAMPLE_ROWS, 0 };
	struct db_seen seen;
	struct db_sink sink = db_seen_begin(&seen, sample, l->s, l->f, k->nkeys, &l->match);
	struct my_rows rows = { .c = l->c, .sink = &sink, .count = { .max = &max } };
	struct buf text;
	struct err why;
	int ret;

	buf_init(&text, SQL_MAX);
	if (derive(l, SQL_DERIVE_SAMPLE, k, &text, &why) != 0) {
		db_note_no_sample(l->sheet, &why);
		ret = 0;
	} else {
		ret = select_derived(l, OWN_MY_DERIVED_SAMPLE, &text, &rows, e);
		db_seen_note(l->sheet, l->f);
	}
	db_seen_end(&seen, &l->match);
	buf_fini(&text);
	return ret;
}

static int
match_derived(struct my_look *l, const struct db_sink *sample, struct err *e)
{
	struct db_told k = { .nkeys = 0 };
	bool adds = db_adds_rows(l->f);
	int ret = find_keys(l, &k, e);

	if (ret == 0)
		ret = match_rows(l, &k, e);
	if (ret == 0)
		l->sheet->how = "derived";
	if (ret == 0 && (adds || k.nkeys > 0) && l->match.count > 0)
		ret = take_sample(l, &k, sample, e);
	db_told_fini(&k);
	return ret;
}

static int
plan_columns(void *ctx, const struct db_column *cols, size_t n)
{
	my_plan_columns(ctx, cols, n);
	return 0;
}

static int
plan_row(void *ctx, const struct db_cell *cells, size_t n)
{
	my_plan_row(ctx, cells, n);
	return 0;
}

/* The second way. EXPLAIN of a write is refused inside the wall; of the query whose rows are added it tells about how
 * many there are. */
static int
explain(struct my_look *l, struct err *e)
{
	struct my_plan plan = { .bad = true };
	struct db_sink sink = { &plan, plan_columns, plan_row };
	struct my_rows rows = { .c = l->c, .sink = &sink };
	struct db_told none = { .nkeys = 0 };
	struct buf text;
	struct err why;
	int ret;

	buf_init(&text, SQL_MAX);
	buf_puts(&text, "EXPLAIN ");
	ret = derive(l, SQL_DERIVE_SOURCE, &none, &text, &why);
	if (ret == 0)
		ret = select_derived(l, OWN_MY_EXPLAIN_SOURCE, &text, &rows, &why);
	if (ret == 0 && !plan.bad && plan.n > 0) {
		l->sheet->how = "explain";
		l->sheet->estimate = plan.times;
	} else if (ret != ERR_DATABASE && ret != ERR_CANCELLED) {
		db_note(&l->sheet->note, "EXPLAIN does not tell it either: inside the wall the server takes it for no write");
		ret = 0;
	} else {
		err_set(e, (enum err_code)ret, "%s", why.text);
	}
	buf_fini(&text);
	return ret;
}

int
my_look_match(struct my_look *l, const struct db_sink *sample, struct err *e)
{
	struct err why;
	int ret;

	if (!l->guarded)
		return 0;	/* the note says it already */
	if (!l->plain) {
		db_note(&l->sheet->note, "it is not known how many rows it touches: it does not write one plain table");
		return sample != NULL ? explain(l, e) : 0;
	}
	ret = match_derived(l, sample, &why);
	if (ret == ERR_UNSUPPORTED) {
		db_note_no_count(l->sheet, &why);
		return sample != NULL ? explain(l, e) : 0;
	}
	if (ret != 0 && e != NULL)
		*e = why;
	return ret;
}
