/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random changes on SQLite. */
#include "config.h"

#include "change.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	char folder[64];
	char file[96];
	sqlite3 *db;
};

static void
fresh(void *ctx, struct db_target *t)
{
	struct fixture *f = ctx;

	sqlite3_close(f->db);
	(void)unlink(f->file);
	assert_int_equal(sqlite3_open(f->file, &f->db), SQLITE_OK);
	sqlite3_busy_timeout(f->db, 10000);
	assert_int_equal(sqlite3_exec(f->db, "PRAGMA foreign_keys = 1; PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
	*t = (struct db_target){ .engine = SQL_SQLITE, .file = f->file, .tag = "s1", .statement_timeout_ms = 30000, .lock_timeout_ms = 200 };
}

static bool
exec(void *ctx, const char *sql, uint64_t *touched, const char **why)
{
	struct fixture *f = ctx;

	if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		*why = sqlite3_errmsg(f->db);
		return false;
	}
	if (touched != NULL)
		*touched = (uint64_t)sqlite3_changes64(f->db);
	return true;
}

static void
rows(void *ctx, const char *sql, change_each *each, void *each_ctx)
{
	struct fixture *f = ctx;
	const char *cell[CHANGE_COLUMNS];
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(f->db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(f->db));
	while (sqlite3_step(st) == SQLITE_ROW) {
		int n = sqlite3_column_count(st);

		for (int i = 0; i < n; i++)
			cell[i] = (const char *)sqlite3_column_text(st, i);
		each(each_ctx, cell, (size_t)n);
	}
	sqlite3_finalize(st);
}

static const struct change_engine engine = { .engine = SQL_SQLITE, .worlds = 120, .fresh = fresh, .exec = exec, .rows = rows };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/twokey-change-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->file, sizeof f->file, "%s/world.db", f->folder);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	sqlite3_close(f->db);
	(void)unlink(f->file);
	(void)rmdir(f->folder);
	free(f);
	return 0;
}

int
main(void)
{
	return change_main("random changes: sqlite", &engine, setup, teardown);
}
