/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

static int
send_columns(sqlite3_stmt *st, int n, const struct db_sink *sink)
{
	struct db_column *cols = must_alloc(((size_t)n + 1) * sizeof *cols);
	int ret;

	for (int i = 0; i < n; i++) {
		const char *type = sqlite3_column_decltype(st, i);

		cols[i].name = sqlite3_column_name(st, i);
		if (cols[i].name == NULL)
			cols[i].name = "";
		cols[i].type = type != NULL ? type : "";
	}
	ret = sink->columns(sink->ctx, cols, (size_t)n);
	free(cols);
	return ret;
}

static uint64_t
fill_row(sqlite3_stmt *st, int n, struct db_cell *cells)
{
	uint64_t bytes = 0;

	for (int i = 0; i < n; i++) {
		cells[i] = sqlite_cell(st, i);
		bytes += cells[i].n + 1;
	}
	return bytes;
}

int
sqlite_drain(sqlite3_stmt *st, const struct db_sink *sink, struct db_count *count, bool *cut)
{
	int n = sqlite3_column_count(st), rc;
	struct db_cell *cells = must_alloc(((size_t)n + 1) * sizeof *cells);

	*cut = sink != NULL && send_columns(st, n, sink) != 0;
	rc = *cut ? SQLITE_DONE : sqlite3_step(st);
	while (rc == SQLITE_ROW) {
		uint64_t bytes = fill_row(st, n, cells);

		*cut = !db_count_row(count, bytes);
		if (!*cut && sink != NULL)
			*cut = sink->row(sink->ctx, cells, (size_t)n) != 0;
		if (*cut) {
			rc = SQLITE_DONE;
			break;
		}
		rc = sqlite3_step(st);
	}
	free(cells);
	return rc;
}

void
sqlite_failed(const struct db_conn *c, sqlite3 *db, int rc, struct db_result *r)
{
	int at = sqlite3_error_offset(db);
	const char *text = sqlite3_errmsg(db);

	if ((rc & 0xff) == SQLITE_INTERRUPT)
		text = atomic_load(&c->cancelled) ? "cancelled" : "cancelled: it took longer than the time limit";
	db_end_with(r, DB_FAILED, sqlite_code(rc), text);
	r->position = at >= 0 ? at + 1 : 0;
}

static bool
explains(const struct sql_facts *f)
{
	return f != NULL && strncmp(f->verb, "EXPLAIN", 7) == 0;
}

static int
read_inside(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e)
{
	struct db_count count = { .max = max };
	sqlite3_stmt *st;
	bool cut = false;
	int rc, ret;

	ret = sqlite_prepare(c, c->ro, explains(f) ? SQLITE_WALL_EXPLAIN : SQLITE_WALL_READ, s, &st, e);
	if (ret == ERR_STATEMENT) {
		sqlite_failed(c, c->ro, sqlite3_extended_errcode(c->ro), r);
		return 0;
	}
	if (ret != 0)
		return ret;
	rc = sqlite_drain(st, sink, &count, &cut);
	r->rows = count.rows;
	if (rc == SQLITE_DONE)
		r->end = cut ? DB_CUT : DB_DONE;
	else if ((rc & 0xff) == SQLITE_AUTH || (rc & 0xff) == SQLITE_READONLY)
		ret = err_set(e, ERR_WALL, "the wall stopped it while it ran: %s", sqlite3_errmsg(c->ro));
	else
		sqlite_failed(c, c->ro, rc, r);
	sqlite3_finalize(st);
	return ret;
}

int
sqlite_read(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e)
{
	int64_t began = clock_wall_us();
	int ret = sqlite_same_file(c, c->ro, e);

	if (ret != 0)
		return ret;
	sqlite_begin(c, c->ro);
	ret = read_inside(c, s, f, max, sink, r, e);
	sqlite_end(c);
	r->ms = (double)(clock_wall_us() - began) / 1000.0;
	if (!sqlite3_get_autocommit(c->ro))
		return err_set(e, ERR_DATABASE, "a read left a transaction open; the session ends");
	return ret;
}
