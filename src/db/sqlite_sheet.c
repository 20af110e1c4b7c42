/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a write of SQLite would touch, and the digest that binds it. */
#include "config.h"

#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/sql/derive.h"

#include "allowed.h"
#include "locks.h"

enum { KEYS_MAX = 16 };

/* One look at one statement. */
struct work {
	struct db_conn *c;
	sqlite3 *db;
	const struct db_statement *s;
	const struct sql_facts *f;
	const struct sql_table *table;	/* the one written, or NULL */
	struct db_sheet *sheet;
	bool plain;			/* that one is a table */
	bool replaces;			/* by its definition a row may take another one's place */
	char *keys[KEYS_MAX];
	size_t nkeys;
};

static int
own_failed(const struct work *w, struct err *e)
{
	return err_set(e, ERR_DATABASE, "the catalogue cannot be read: %s", sqlite3_errmsg(w->db));
}

/* One of our own statements about the table written. */
static sqlite3_stmt *
about_table(struct work *w, enum own_id id, struct err *e)
{
	sqlite3_stmt *st = sqlite_own(w->c, w->db, id, &w->sheet->own, e);

	if (st != NULL)
		sqlite3_bind_text(st, 1, w->table->name.p, (int)w->table->name.n, SQLITE_TRANSIENT);
	return st;
}

/* The whole schema: another change of it than the one shown is rare, and then asking again is right. */
static int
add_definitions(struct work *w, struct db_ground *g, struct err *e)
{
	sqlite3_stmt *st = sqlite_own(w->c, w->db, OWN_SQLITE_DEFINITIONS, &w->sheet->own, e);
	int rc;

	if (st == NULL)
		return ERR_DATABASE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(st, 0), *name = (const char *)sqlite3_column_text(st, 1);
		const char *of = (const char *)sqlite3_column_text(st, 2), *sql = (const char *)sqlite3_column_text(st, 3);

		w->replaces = w->replaces || (w->table != NULL && strlen(name) == w->table->name.n && sql != NULL &&
		    strncasecmp(name, w->table->name.p, w->table->name.n) == 0 && strcasestr(sql, "REPLACE") != NULL);
		for (int i = 0; i < 4; i++) {
			struct db_cell cell = sqlite_cell(st, i);

			db_ground_add(g, cell.p, cell.n);
		}
		if (strcmp(name, of) == 0)
			db_ground_name(g, "the %s %s", type, name);
		else
			db_ground_name(g, "the %s %s of %s", type, name, of);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : own_failed(w, e);
}

static bool
is_trigger(struct work *w, const char *name)
{
	sqlite3_stmt *st = sqlite_own(w->c, w->db, OWN_SQLITE_IS_TRIGGER, &w->sheet->own, NULL);
	bool is;

	if (st == NULL)
		return true;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	is = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	return is;
}

/* names: NUL-terminated ones, as often as the authorizer met them. */
static void
list_triggers(struct work *w, const struct buf *names)
{
	const char *p = buf_data(names), *end = p + buf_len(names);

	for (const char *name = p; name < end; name += strlen(name) + 1) {
		const char *seen = p;

		while (seen < name && strcmp(seen, name) != 0)
			seen += strlen(seen) + 1;
		if (seen < name || !is_trigger(w, name))
			continue;
		own_list_add(&w->sheet->triggers, name, strlen(name));
		w->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
	}
}

/* Prepared and never stepped: the engine itself says which triggers the statement would fire. */
static int
find_triggers(struct work *w, struct err *e)
{
	sqlite3_stmt *st;
	struct buf names;
	int ret;

	buf_init(&names, 1024 * 1024);
	w->c->gate.triggers = &names;
	ret = sqlite_prepare(w->c, w->db, sqlite_wall_of(w->f), w->s, &st, e);
	w->c->gate.triggers = NULL;
	if (ret == ERR_STATEMENT)
		err_set(e, ERR_STATEMENT, "the database refuses the statement: %s", sqlite3_errmsg(w->db));
	if (ret == 0) {
		sqlite3_finalize(st);
		if (buf_len(&names) > 0)
			list_triggers(w, &names);
	}
	buf_fini(&names);
	return ret;
}

static int
find_cascades(struct work *w, struct err *e)
{
	sqlite3_stmt *st;
	int rc;

	if (w->table == NULL || strcmp(w->f->verb, "INSERT") == 0 ||
	    (sql_is_definition(w->f) && strcmp(w->f->verb, "DROP TABLE") != 0))	/* which deletes its rows first */
		return 0;
	st = about_table(w, OWN_SQLITE_CASCADES, e);
	if (st == NULL)
		return ERR_DATABASE;
	sqlite3_bind_int(st, 2, strcmp(w->f->verb, "UPDATE") != 0);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct db_cell cell = sqlite_cell(st, 0);

		own_list_add(&w->sheet->cascades, cell.p, cell.n);
		w->sheet->dangers |= SQL_DANGER_BIT(SQL_DANGER_CASCADE);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : own_failed(w, e);
}

/* The type of a table or view of that name; false: there is none. */
static bool
has_type(struct work *w, const struct sql_str *name, const char *type)
{
	sqlite3_stmt *st = sqlite_own(w->c, w->db, OWN_SQLITE_TABLE, &w->sheet->own, NULL);
	bool is = false;

	if (st == NULL)
		return false;
	sqlite3_bind_text(st, 1, name->p, (int)name->n, SQLITE_TRANSIENT);
	if (sqlite3_step(st) == SQLITE_ROW) {
		struct db_cell cell = sqlite_cell(st, 0);

		is = strcmp(cell.p, type) == 0;
	}
	sqlite3_finalize(st);
	return is;
}

/* An UPDATE or DELETE changes rows while it still looks for others: what it reads of its own table, itself or by a view, may be what
 * it has made of it. Then no SELECT tells which rows it will have touched, and what comes to be in them. */
static bool
reads_itself(struct work *w)
{
	if (w->table == NULL || (strcmp(w->f->verb, "UPDATE") != 0 && strcmp(w->f->verb, "DELETE") != 0))
		return false;
	for (size_t i = 0; i < w->f->ntables; i++) {
		const struct sql_table *t = &w->f->tables[i];

		if ((t->use & SQL_USE_READ) != 0 && ((t->name.n == w->table->name.n &&
		    strncasecmp(t->name.p, w->table->name.p, t->name.n) == 0) || has_type(w, &t->name, "view")))
			return true;
	}
	return false;
}

/* An ordinary table has keys; a view is written by triggers, and how many rows it matches says nothing. */
static bool
is_table(struct work *w)
{
	return w->table != NULL && (w->table->schema.n == 0 ||
	    (w->table->schema.n == 4 && memcmp(w->table->schema.p, "main", 4) == 0)) && has_type(w, &w->table->name, "table");
}

static bool
named(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (sqlite3_stricmp(names[i], name) == 0)
			return true;
	return false;
}

/* The declared primary key, else the name of the row number that no column hides. */
static int
find_keys(struct work *w, struct err *e)
{
	static const char *const rowids[] = { "rowid", "_rowid_", "oid" };
	sqlite3_stmt *st = about_table(w, OWN_SQLITE_KEY, e);
	bool hidden[3] = { false, false, false };
	int rc;

	if (st == NULL)
		return ERR_DATABASE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);

		for (size_t i = 0; i < 3; i++)
			hidden[i] = hidden[i] || sqlite3_stricmp(name, rowids[i]) == 0;
		if (sqlite3_column_int(st, 1) > 0 && w->nkeys < KEYS_MAX && !named(w->keys, w->nkeys, name))
			w->keys[w->nkeys++] = must_strdup(name);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return own_failed(w, e);
	for (size_t i = 0; i < 3 && w->nkeys == 0; i++)
		if (!hidden[i])
			w->keys[w->nkeys++] = must_strdup(rowids[i]);
	return 0;
}

/* Derives and prepares one SELECT; ERR_UNSUPPORTED when it cannot be derived. */
static int
derive(struct work *w, enum sql_derived kind, struct buf *text, sqlite3_stmt **st, struct err *e)
{
	struct sql_derive_want want = { .kind = kind, .keys = (const char *const *)w->keys, .nkeys = w->nkeys, .limit = DB_SAMPLE_ROWS };
	struct db_statement s = { .language = DB_SQL };
	int ret = sql_derive(&w->c->sql, w->s->bytes, w->s->n, &want, text, e);

	if (ret != 0)
		return ERR_UNSUPPORTED;
	s.bytes = buf_data(text);
	s.n = buf_len(text);
	return sqlite_prepare(w->c, w->db, SQLITE_WALL_READ, &s, st, e);
}

static int
stopped(struct work *w, struct err *e)
{
	if (sqlite3_errcode(w->db) == SQLITE_INTERRUPT)
		return err_set(e, ERR_CANCELLED, "counting the rows was cancelled or took longer than the time limit");
	return err_set(e, ERR_STATEMENT, "the derived SELECT failed: %s", sqlite3_errmsg(w->db));
}

static int
match_keys(struct work *w, struct db_match *m, struct err *e)
{
	struct db_keys keys = { .list = &w->sheet->shown.keys };
	struct db_cell cells[KEYS_MAX];
	sqlite3_stmt *st;
	int rc, ret;

	ret = derive(w, SQL_DERIVE_KEYS, &w->sheet->derived, &st, e);
	if (ret != 0)
		return ret == ERR_STATEMENT ? stopped(w, e) : ret;
	own_ran(&w->sheet->own, OWN_SQLITE_DERIVED_KEYS);
	keys.sum = digest_begin();
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int n = sqlite3_column_count(st);

		must(n <= KEYS_MAX);
		for (int i = 0; i < n; i++)
			cells[i] = sqlite_cell(st, i);
		db_keys_row(&keys, cells, (size_t)n);
	}
	m->keys = digest_end(keys.sum);
	m->count = keys.count;
	m->known = rc == SQLITE_DONE;
	ret = m->known ? 0 : stopped(w, e);
	sqlite3_finalize(st);
	return ret;
}

/* How many rows an INSERT adds. */
static int
match_count(struct work *w, struct db_match *m, struct err *e)
{
	sqlite3_stmt *st;
	int ret = derive(w, SQL_DERIVE_COUNT, &w->sheet->derived, &st, e);

	if (ret != 0)
		return ret == ERR_STATEMENT ? stopped(w, e) : ret;
	own_ran(&w->sheet->own, OWN_SQLITE_DERIVED_COUNT);
	m->known = sqlite3_step(st) == SQLITE_ROW;
	m->count = m->known ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	ret = m->known ? 0 : stopped(w, e);
	sqlite3_finalize(st);
	return ret;
}

static int
take_sample(struct work *w, const struct db_sink *sample, struct db_match *m, struct err *e)
{
	struct db_count count = { .max = NULL };
	struct db_seen seen;
	struct db_sink sink;
	sqlite3_stmt *st;
	struct buf text;
	struct err why;
	bool cut;
	int rc, ret;

	buf_init(&text, 2 * 1024 * 1024);
	ret = derive(w, SQL_DERIVE_SAMPLE, &text, &st, &why);
	if (ret == ERR_UNSUPPORTED) {
		db_note_no_sample(w->sheet, &why);
		ret = 0;
	} else if (ret == 0) {
		own_ran(&w->sheet->own, OWN_SQLITE_DERIVED_SAMPLE);
		sink = db_seen_begin(&seen, sample, w->s, w->f, w->nkeys, m);
		rc = sqlite_drain(st, &sink, &count, &cut);
		db_seen_end(&seen, m);
		db_seen_note(w->sheet, w->f);
		ret = rc == SQLITE_DONE ? 0 : stopped(w, e);
		sqlite3_finalize(st);
	} else if (ret == ERR_STATEMENT) {
		ret = stopped(w, e);
	} else if (e != NULL) {
		*e = why;
	}
	buf_fini(&text);
	return ret;
}

static int
match(struct work *w, const struct db_sink *sample, struct db_match *m, struct err *e)
{
	struct err why;
	int ret;

	if (sql_is_definition(w->f)) {
		m->known = true;	/* no rows are matched: what binds is the definitions */
		return sqlite_define(w->c, w->db, w->f, w->sheet, e);
	}
	w->plain = is_table(w);
	if (!w->plain) {
		db_note(&w->sheet->note, "it is not known how many rows it touches: it does not write one plain table");
		return 0;
	}
	ret = db_adds_rows(w->f) ? 0 : find_keys(w, e);
	if (ret != 0)
		return ret;
	ret = db_adds_rows(w->f) ? match_count(w, m, &why) : match_keys(w, m, &why);
	if (ret == ERR_UNSUPPORTED) {
		db_note_no_count(w->sheet, &why);
		return 0;
	}
	if (ret != 0) {
		if (e != NULL)
			*e = why;
		return ret;
	}
	w->sheet->how = "derived";
	return m->count > 0 ? take_sample(w, sample, m, e) : 0;
}

static int
look_into(struct work *w, const struct db_sink *sample, struct db_match *m, struct err *e)
{
	const struct db_match none = { .known = false };
	struct db_ground g;
	bool itself;
	int ret;

	db_ground_begin(&g, &w->sheet->shown.parts);
	db_bind_place(&g, w->s, &(struct db_place){ .format = "twokey bind sqlite 1", .identity = w->c->identity,
	    .database = w->c->path, .role = "", .guard = "" });
	ret = sqlite_settings(w->c, w->db, &w->sheet->own, &g, e);
	if (ret == 0)
		ret = add_definitions(w, &g, e);
	if (ret == 0)
		ret = find_triggers(w, e);
	if (ret == 0)
		ret = find_cascades(w, e);
	if (ret == 0 && m != NULL)
		ret = match(w, sample, m, e);
	itself = ret == 0 && reads_itself(w);
	if (itself)
		db_note(&w->sheet->note, "it reads the table that it changes: rows that it comes to later may be others than those that are"
		    " told, and become something else");
	w->sheet->inexact = itself || db_is_inexact(SQL_SQLITE, w->s, w->f, w->plain) ||
	    (w->replaces && strcmp(w->f->verb, "DELETE") != 0);
	db_bind_end(&g, m != NULL ? m : &none, w->sheet);
	return ret;
}

int
sqlite_look(struct db_conn *c, sqlite3 *db, const struct db_statement *s, const struct sql_facts *f,
    struct db_sheet *sheet, const struct db_sink *sample, struct db_match *m, struct err *e)
{
	struct work w = { .c = c, .db = db, .s = s, .f = f, .table = sql_written_table(f), .sheet = sheet };
	int ret;

	if (m != NULL)
		*m = (struct db_match){ .known = false };
	ret = look_into(&w, sample, m, e);
	for (size_t i = 0; i < w.nkeys; i++)
		free(w.keys[i]);
	return ret;
}

/* It has to be locked longer than we wait; who has it is worth a look. */
static int
locked(struct db_conn *c, const struct sql_facts *f, struct db_sheet *sheet, struct err *e)
{
	int code = sqlite3_errcode(c->ro) & 0xff;

	if (code != SQLITE_BUSY && code != SQLITE_LOCKED)
		return ERR_DATABASE;
	err_set(e, ERR_STATEMENT, "the database file is locked by another process: try again");
	sqlite_locks(c, f, NULL, sheet);
	db_locks_tell(sheet, e);
	return ERR_STATEMENT;
}

/* The second way: what the plan goes through. */
static void
guess(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f, struct db_sheet *sheet)
{
	sheet->estimate = sqlite_guess(c, s, f, &sheet->own);
	if (sheet->estimate >= 0)
		sheet->how = "explain";
	db_note(&sheet->note, sheet->estimate >= 0 ? "SQLite tells how rows are sought, not how many match: the guess is of the rows that"
	    " it goes through" : "EXPLAIN gives no number either");
}

int
sqlite_sheet(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
    const struct db_sink *sample, struct db_sheet *sheet, struct err *e)
{
	int64_t began = clock_wall_us();
	struct db_match m;
	int ret = sqlite_same_file(c, c->ro, e);

	if (ret != 0)
		return ret;
	sqlite_begin(c, c->ro);
	if (sqlite_own_run(c, c->ro, OWN_SQLITE_BEGIN_READ, &sheet->own) != SQLITE_OK)
		ret = err_set(e, ERR_DATABASE, "no read transaction could be begun: %s", sqlite3_errmsg(c->ro));
	if (ret == 0)
		ret = sqlite_look(c, c->ro, s, f, sheet, sample, &m, e);
	if (ret == 0 && !m.known && f->class == SQL_CLASS_WRITE)
		guess(c, s, f, sheet);
	if (ret == 0)
		sqlite_locks(c, f, sql_written_table(f), sheet);
	else if (ret == ERR_DATABASE || ret == ERR_STATEMENT)
		ret = locked(c, f, sheet, e) == ERR_STATEMENT ? ERR_STATEMENT : ret;
	db_note(&sheet->undo, "none: this version keeps no before-images");
	sqlite_end(c);
	if (!sqlite3_get_autocommit(c->ro) &&
	    sqlite_own_run(c, c->ro, OWN_SQLITE_ROLLBACK, &sheet->own) != SQLITE_OK)
		ret = err_set(e, ERR_DATABASE, "a read transaction could not be ended; the session ends");
	sheet->ms = (double)(clock_wall_us() - began) / 1000.0;
	return ret;
}
