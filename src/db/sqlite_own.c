/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own statements on a handle of SQLite. */
#include "config.h"

#include "sqlite.h"

#include "twokey/base/err.h"
#include "twokey/base/must.h"

sqlite3_stmt *
sqlite_own(struct db_conn *c, sqlite3 *db, enum own_id id, struct buf *names, struct err *e)
{
	const char *sql = own_sql(&c->text, id, c->tag);
	sqlite3_stmt *st = NULL;

	c->gate.wall = SQLITE_WALL_OWN;
	c->gate.denied[0] = '\0';
	c->gate.triggers = NULL;
	if (sqlite3_prepare_v3(db, sql, -1, 0, &st, NULL) != SQLITE_OK) {
		err_set(e, ERR_DATABASE, "the database refused %s: %s %s", own_name(id), sqlite3_errmsg(db),
		    c->gate.denied);
		return NULL;
	}
	if (names != NULL)
		own_ran(names, id);
	return st;
}

int
sqlite_own_run(struct db_conn *c, sqlite3 *db, enum own_id id, struct buf *names)
{
	sqlite3_stmt *st = sqlite_own(c, db, id, names, NULL);
	int rc = st != NULL ? sqlite3_step(st) : sqlite3_extended_errcode(db);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW && st != NULL)
		rc = sqlite3_extended_errcode(db);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

struct db_cell
sqlite_cell(sqlite3_stmt *st, int i)
{
	struct db_cell cell = { .type = DB_NULL, .p = "", .n = 0 };

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		return cell;
	case SQLITE_BLOB:
		cell.type = DB_BYTES;
		cell.p = sqlite3_column_blob(st, i);
		cell.n = (size_t)sqlite3_column_bytes(st, i);
		if (cell.p == NULL)
			cell.p = "";
		return cell;
	case SQLITE_INTEGER:
		cell.type = DB_INTEGER;
		break;
	case SQLITE_FLOAT:
		cell.type = DB_REAL;
		break;
	default:
		cell.type = DB_TEXT;
	}
	cell.p = (const char *)sqlite3_column_text(st, i);
	must(cell.p != NULL);	/* only without memory */
	cell.n = (size_t)sqlite3_column_bytes(st, i);
	return cell;
}

int
sqlite_settings(struct db_conn *c, sqlite3 *db, struct buf *names, struct db_ground *g, struct err *e)
{
	sqlite3_stmt *st = sqlite_own(c, db, OWN_SQLITE_SETTINGS, names, e);
	int rc;

	if (st == NULL)
		return ERR_DATABASE;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int i = 0; i < 2; i++) {
			struct db_cell cell = sqlite_cell(st, i);

			db_ground_add(g, cell.p, cell.n);
		}
		db_ground_name(g, "setting %s", (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : err_set(e, ERR_DATABASE, "the settings cannot be read: %s", sqlite3_errmsg(db));
}
