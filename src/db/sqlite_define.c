/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of definitions on SQLite: its object, and what hangs on it. What binds is the whole schema (sqlite_sheet.c). */
#include "config.h"

#include "sqlite.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

enum sqlite_wall
sqlite_wall_of(const struct sql_facts *f)
{
	return sql_is_definition(f) ? SQLITE_WALL_DEFINE : SQLITE_WALL_WRITE;
}

static sqlite3_stmt *
about(struct db_conn *c, sqlite3 *db, enum own_id id, const struct sql_table *t, struct db_sheet *sheet, struct err *e)
{
	sqlite3_stmt *st = sqlite_own(c, db, id, &sheet->own, e);

	if (st != NULL)
		sqlite3_bind_text(st, 1, t->name.p, (int)t->name.n, SQLITE_TRANSIENT);
	return st;
}

static int
find_depends(struct db_conn *c, sqlite3 *db, const struct sql_table *t, struct db_sheet *sheet, struct err *e)
{
	sqlite3_stmt *st = about(c, db, OWN_SQLITE_DEPENDS, t, sheet, e);
	int rc;

	if (st == NULL)
		return ERR_DATABASE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct db_cell cell = sqlite_cell(st, 0);

		own_list_add(&sheet->depends, cell.p, cell.n);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : err_set(e, ERR_DATABASE, "the catalogue cannot be read: %s", sqlite3_errmsg(db));
}

int
sqlite_define(struct db_conn *c, sqlite3 *db, const struct sql_facts *f, struct db_sheet *sheet, struct err *e)
{
	const struct sql_table *t = sql_definition_object(f);
	struct digest definition;
	char what[300] = "";
	sqlite3_stmt *st;
	int ret = 0;

	if (t == NULL)
		return err_set(e, ERR_STATEMENT, "it is not about one table, view, index or trigger");
	st = about(c, db, OWN_SQLITE_OBJECT, t, sheet, e);
	if (st == NULL)
		return ERR_DATABASE;
	if (sqlite3_step(st) == SQLITE_ROW) {
		struct db_cell sql = sqlite_cell(st, 2);

		definition = digest_of(sql.p, sql.n);
		snprintf(what, sizeof what, "%.20s %.250s", (const char *)sqlite3_column_text(st, 0),
		    (const char *)sqlite3_column_text(st, 1));
	}
	sqlite3_finalize(st);
	if (what[0] != '\0')
		ret = find_depends(c, db, t, sheet, e);
	if (ret == 0)
		db_note_object(sheet, what[0] != '\0' ? what : NULL, &definition);
	return ret;
}
