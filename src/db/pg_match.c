/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that a write would touch: by derived SELECTs, else what the planner guesses. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

#include "allowed.h"
#include "told.h"

static int
find_keys(struct pg_look *l, struct db_told *k, struct err *e)
{
	const char *values[1] = { l->oid };
	PGresult *res;
	int ret = pg_own(l->c, OWN_PG_KEY, 1, values, &l->sheet->own, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++)
		db_told_add(k, PQgetvalue(res, i, 0), PQgetisnull(res, i, 1) ? NULL : PQgetvalue(res, i, 1));
	PQclear(res);
	return ret;
}

static int
failed(struct pg_look *l, const PGresult *res, const char *what, struct err *e)
{
	const char *words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(l->c->pg) != CONNECTION_OK)
		return pg_lose(l->c, e, "the connection to the database is lost");
	if (PQresultStatus(res) == PGRES_TUPLES_OK || PQresultStatus(res) == PGRES_COMMAND_OK)
		return 0;
	return err_set(e, pg_code(l->c, res), "%s: %s", what,
	    words != NULL ? words : "no reason given");
}

/* Sends a SELECT of ours that is not in the table: derived, or EXPLAIN of the statement. */
static bool
send(struct pg_look *l, enum own_id id, const char *before, const struct buf *sql)
{
	buf_reset(&l->c->text);
	buf_putf(&l->c->text, "/* twokey %s */ %s", l->c->tag, before);
	buf_put(&l->c->text, buf_data(sql), buf_len(sql));
	own_ran(&l->sheet->own, id);
	return !buf_over(&l->c->text) &&
	    PQsendQueryParams(l->c->pg, buf_str(&l->c->text), 0, NULL, NULL, NULL, NULL, 0) == 1 &&
	    PQsetSingleRowMode(l->c->pg) == 1;
}

static int
derive(struct pg_look *l, enum sql_derived kind, const struct db_told *k, struct buf *out, struct err *e)
{
	return db_told_derive(k, &l->c->sql, l->s, kind, out, e);
}

static int
match_keys(struct pg_look *l, const struct db_told *k, struct err *e)
{
	struct db_keys sum = { .list = &l->sheet->shown.keys };
	struct db_sink sink = db_keys_sink(&sum);
	struct pg_rows rows = { .c = l->c, .sink = &sink };
	PGresult *res;
	int ret = derive(l, SQL_DERIVE_KEYS, k, &l->sheet->derived, e);

	if (ret != 0)
		return ret;
	sum.sum = digest_begin();
	if (send(l, OWN_PG_DERIVED_KEYS, "", &l->sheet->derived)) {
		res = pg_rows_drain(&rows);
		ret = failed(l, res, "the derived SELECT failed", e);
		PQclear(res);
	} else {
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	}
	l->match.keys = digest_end(sum.sum);
	l->match.count = sum.count;
	l->match.known = ret == 0;
	return ret;
}

static int
take_sample(struct pg_look *l, const struct db_told *k, const struct db_sink *sample, struct err *e)
{
	struct db_limits max = { DB_SAMPLE_ROWS, 0 };
	struct db_seen seen;
	struct db_sink sink = db_seen_begin(&seen, sample, l->s, l->f, k->nkeys, &l->match);
	struct pg_rows rows = { .c = l->c, .sink = &sink, .count = { .max = &max } };
	struct buf text;
	PGresult *res;
	struct err why;
	int ret;

	buf_init(&text, 2 * 1024 * 1024);
	if (derive(l, SQL_DERIVE_SAMPLE, k, &text, &why) != 0) {
		db_note_no_sample(l->sheet, &why);
		ret = 0;
	} else if (!send(l, OWN_PG_DERIVED_SAMPLE, "", &text)) {
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	} else {
		res = pg_rows_drain(&rows);
		ret = failed(l, res, "the SELECT of the sample failed", e);
		PQclear(res);
		db_seen_note(l->sheet, l->f);
	}
	db_seen_end(&seen, &l->match);
	buf_fini(&text);
	return ret;
}

/* Without a key rows can be counted but not named. */
static int
match_count(struct pg_look *l, const struct db_told *k, struct err *e)
{
	PGresult *res;
	int ret = derive(l, SQL_DERIVE_COUNT, k, &l->sheet->derived, e);

	if (ret != 0)
		return ret;
	if (!db_adds_rows(l->f))
		db_note(&l->sheet->note, "the table has no primary key: rows are counted, but not which they are");
	if (!send(l, OWN_PG_DERIVED_COUNT, "", &l->sheet->derived))
		return pg_lose(l->c, e, "the connection to the database is lost");
	while ((res = PQgetResult(l->c->pg)) != NULL) {
		if (PQntuples(res) == 1)
			l->match.count = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
		if (ret == 0 && PQresultStatus(res) != PGRES_SINGLE_TUPLE)
			ret = failed(l, res, "the derived SELECT failed", e);
		PQclear(res);
	}
	l->match.known = ret == 0;
	return ret;
}

static void
note_estimate(struct pg_look *l, const char *json)
{
	json_t *plans = json_loads(json, 0, NULL), *plan = json_object_get(json_array_get(plans, 0), "Plan");
	json_t *below = json_array_get(json_object_get(plan, "Plans"), 0);
	const json_t *rows = json_object_get(below != NULL ? below : plan, "Plan Rows");

	if (json_is_number(rows)) {
		l->sheet->how = "explain";
		l->sheet->estimate = json_number_value(rows);
	} else {
		db_note(&l->sheet->note, "EXPLAIN gives no number either");
	}
	json_decref(plans);
}

static bool
explained(const struct sql_facts *f)
{
	static const char *const verbs[] = { "UPDATE", "DELETE", "INSERT", "MERGE" };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (f->class == SQL_CLASS_WRITE && strcmp(f->verb, verbs[i]) == 0)
			return true;
	return false;
}

/* EXPLAIN plans and does not run; only where the guard has passed and every function is known. */
static int
explain(struct pg_look *l, struct err *e)
{
	uint64_t unknown = SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION) | SQL_DANGER_BIT(SQL_DANGER_EFFECT_FUNCTION) |
	    SQL_DANGER_BIT(SQL_DANGER_MULTI) | SQL_DANGER_BIT(SQL_DANGER_UNREADABLE);
	struct buf text;
	PGresult *res;
	int ret = 0;

	if (!explained(l->f) || (l->f->dangers & unknown) != 0) {
		db_note(&l->sheet->note, explained(l->f) ? "EXPLAIN is not asked: it may run functions that are not known" :
		    "EXPLAIN does not tell it of such a statement either");
		return 0;
	}
	buf_init(&text, 2 * 1024 * 1024);
	buf_put(&text, l->s->bytes, l->s->n);
	if (!send(l, OWN_PG_EXPLAIN, "EXPLAIN (FORMAT JSON, ANALYZE false) ", &text))
		ret = pg_lose(l->c, e, "the connection to the database is lost");
	while (ret != ERR_DATABASE && (res = PQgetResult(l->c->pg)) != NULL) {
		if (PQntuples(res) == 1)
			note_estimate(l, PQgetvalue(res, 0, 0));
		if (ret == 0 && PQresultStatus(res) != PGRES_SINGLE_TUPLE)
			ret = failed(l, res, "the database refuses the statement", e);
		PQclear(res);
	}
	buf_fini(&text);
	return ret;
}

static int
match_derived(struct pg_look *l, const struct db_sink *sample, struct err *e)
{
	struct db_told k = { .nkeys = 0 };
	bool adds = db_adds_rows(l->f);
	int ret = find_keys(l, &k, e);

	if (ret == 0)
		ret = k.nkeys > 0 && !adds ? match_keys(l, &k, e) : match_count(l, &k, e);
	if (ret == 0)
		l->sheet->how = "derived";
	if (ret == 0 && buf_len(&l->sheet->policies) > 0)
		db_note(&l->sheet->note, "rows are counted as a read sees them; a row policy may keep some of them from the change");
	if (ret == 0 && (adds || k.nkeys > 0) && l->match.count > 0)
		ret = take_sample(l, &k, sample, e);
	db_told_fini(&k);
	return ret;
}

/* Does a SELECT see the rows that the change will? The change runs as another statement, at another moment. */
static int
find_varying(struct pg_look *l, char *what, size_t size, struct err *e)
{
	struct pg_guard g;
	const char *values[2];
	PGresult *res;
	int ret;

	what[0] = '\0';
	if (l->f->ntables <= 1 && buf_len(&l->sheet->policies) == 0)
		return 0;
	pg_guard_init(&g, l->s, l->f);
	values[0] = buf_str(&g.schemas);
	values[1] = buf_str(&g.tables);
	ret = pg_own(l->c, OWN_PG_VARIES, 2, values, &l->sheet->own, &res, e);
	pg_guard_fini(&g);
	if (ret == 0 && PQntuples(res) > 0)
		snprintf(what, size, "%.150s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return ret;
}

static int
match_if_same(struct pg_look *l, const struct db_sink *sample, struct err *e)
{
	char what[160];
	int ret = find_varying(l, what, sizeof what, e);

	if (ret == 0 && what[0] != '\0')
		return err_set(e, ERR_UNSUPPORTED, "%s may answer otherwise when it runs", what);
	return ret != 0 ? ret : match_derived(l, sample, e);
}

int
pg_look_match(struct pg_look *l, const struct db_sink *sample, struct err *e)
{
	struct err why;
	int ret;

	if (!l->guarded)
		return 0;	/* the note says it already */
	if (l->oid[0] == '\0' || (l->kind != 'r' && l->kind != 'p') || l->ruled) {
		db_note(&l->sheet->note, l->ruled ? "it is not known how many rows it touches: a rule replaces or adds statements" :
		    "it is not known how many rows it touches: it does not write one plain table");
		return explain(l, e);
	}
	ret = match_if_same(l, sample, &why);
	if (ret == ERR_UNSUPPORTED) {
		db_note_no_count(l->sheet, &why);
		return explain(l, e);
	}
	if (ret != 0 && e != NULL)
		*e = why;
	return ret;
}
