/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "db_shop.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"

static const char tables[] =
	"CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT);"
	"CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id) ON DELETE CASCADE,"
	" state TEXT CHECK (state <> 'bad'), total INTEGER);"
	"CREATE TABLE items (order_id INTEGER REFERENCES orders(id) ON DELETE CASCADE, line INTEGER, what TEXT,"
	" PRIMARY KEY (order_id, line)) WITHOUT ROWID;"
	"CREATE TABLE notes (order_id INTEGER REFERENCES orders(id) DEFERRABLE INITIALLY DEFERRED, said TEXT);"
	"CREATE TABLE audit (what TEXT);"
	"CREATE TRIGGER orders_audit AFTER UPDATE OF state ON orders BEGIN INSERT INTO audit VALUES (new.id); END;"
	"CREATE VIEW loud_customers AS SELECT id, upper(name) AS name FROM customers;"
	"INSERT INTO customers VALUES (1, 'Ada', 'a@example.com'), (2, 'Bob', NULL), (3, 'Cy', NULL), (4, 'Di', NULL);"
	"INSERT INTO orders VALUES (10, 1, 'open', 5), (11, 1, 'open', 7), (12, 2, 'open', 9), (13, 3, 'done', 1);"
	"INSERT INTO items VALUES (10, 1, 'x'), (10, 2, 'y'), (11, 1, 'z');"
	"INSERT INTO notes VALUES (13, 'hm');";

static void
exec(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 30000);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void
shop_fill(const struct shop *s)
{
	exec(s->path, tables);
}

void
shop_make(struct shop *s)
{
	memset(s, 0, sizeof *s);
	strcpy(s->folder, "/tmp/twokey-shop-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof s->path, "%s/shop.db", s->folder);
	shop_fill(s);
	s->target = (struct db_target){ .engine = SQL_SQLITE, .file = s->path, .tag = "s1",
	    .statement_timeout_ms = 30000, .lock_timeout_ms = 200 };
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void
shop_remove(struct shop *s)
{
	nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
shop_exec(const struct shop *s, const char *sql)
{
	exec(s->path, sql);
}

struct digest
shop_digest(const struct shop *s)
{
	struct digest d;
	struct buf b;

	buf_init(&b, 64 * 1024 * 1024);
	assert_int_equal(io_read_file(s->path, 64 * 1024 * 1024, &b, NULL), 0);
	d = digest_of(buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return d;
}

void
shop_kill_writer(const struct shop *s, const char *sql)
{
	sqlite3 *db;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* the smallest cache: changed pages go to the file before any commit */
		if (sqlite3_open(s->path, &db) != SQLITE_OK ||
		    sqlite3_exec(db, "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK || sqlite3_db_cacheflush(db) != SQLITE_OK)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}
