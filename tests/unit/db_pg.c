/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "db_pg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct pg_server *server;
static char *last;

static const char tables[] =
	"CREATE TABLE customers (id int PRIMARY KEY, name varchar(40) NOT NULL, email text);"
	"CREATE TABLE orders (id int PRIMARY KEY, customer_id int CONSTRAINT orders_customer REFERENCES customers"
	" ON DELETE CASCADE, state text CHECK (state <> 'bad'), total int);"
	"CREATE TABLE items (order_id int CONSTRAINT items_order REFERENCES orders ON DELETE CASCADE, line int,"
	" what text, PRIMARY KEY (order_id, line));"
	"CREATE TABLE notes (order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED, said text);"
	"CREATE TABLE audit (what text);"
	"CREATE TABLE nokey (a int); INSERT INTO nokey VALUES (1), (1);"
	"CREATE SEQUENCE numbers;"
	"CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO audit VALUES (new.id); RETURN new; END$$;"
	"CREATE TRIGGER orders_audit AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_change();"
	"CREATE VIEW loud AS SELECT id, upper(name) AS name FROM customers;"
	"CREATE VIEW louder AS SELECT * FROM loud;"
	"INSERT INTO customers VALUES (1, 'Ada', 'a@example.com'), (2, 'Bob', NULL), (3, 'Cy', NULL), (4, 'Di', NULL);"
	"INSERT INTO orders VALUES (10, 1, 'open', 5), (11, 1, 'open', 7), (12, 2, 'open', 9), (13, 3, 'done', 1);"
	"INSERT INTO items VALUES (10, 1, 'x'), (10, 2, 'y'), (11, 1, 'z');"
	"INSERT INTO notes VALUES (13, 'hm'); ANALYZE orders;"
	"GRANT ALL ON ALL TABLES IN SCHEMA public TO ben; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ben;"
	"GRANT ALL ON SCHEMA public TO ben;";

int
pg_shop_server(void **state)
{
	char *made;

	(void)state;
	server = pg_server_start();
	if (server == NULL)
		return -1;
	made = pg_server_sql(server, "postgres", "CREATE ROLE ben LOGIN PASSWORD 'sesame-77'");
	free(made);
	return 0;
}

int
pg_shop_server_end(void **state)
{
	(void)state;
	pg_server_stop(server);
	free(last);
	last = NULL;
	return 0;
}

const struct pg_server *
pg_shop_server_of(void)
{
	return server;
}

static const char *
run_sql(const char *database, const char *sql)
{
	free(last);
	last = pg_server_sql(server, database, sql);
	if (strncmp(last, "error:", 6) == 0)
		fail_msg("%s: %s", sql, last);
	return last;
}

const char *
pg_shop_sql(const char *sql)
{
	return run_sql("shop", sql);
}

int
pg_shop_setup(void **state)
{
	struct pg_shop *s = calloc(1, sizeof *s);

	run_sql("postgres", "DROP DATABASE IF EXISTS shop WITH (FORCE)");
	run_sql("postgres", "CREATE DATABASE shop STRATEGY file_copy");
	pg_shop_sql(tables);
	s->target = (struct db_target){ .engine = SQL_POSTGRES, .socket = pg_server_socket(server), .port = 5432,
	    .database = "shop", .user = "ben", .statement_timeout_ms = 30000, .lock_timeout_ms = 300, .tag = "s1" };
	bench_open(&s->b, &s->target);
	s->b.ctx = s;
	*state = s;
	return 0;
}

int
pg_shop_teardown(void **state)
{
	struct pg_shop *s = *state;

	bench_close(&s->b);
	free(s);
	return 0;
}
