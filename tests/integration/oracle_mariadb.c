/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MariaDB as oracle, as its superuser: every table's checksum, what is defined, sequences, locks, global variables,
 * the counter of written rows and files are the same. Tables are MyISAM unless they say otherwise: what is written
 * there no ROLLBACK hides. */
#include "config.h"

#include "oracle.h"

#include <mysql.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/mariadb.h"

struct world {
	struct mariadb_server *server;
	MYSQL *admin, *db;
	char name[32];
	int n;
};

static const char tables[] =
	"CREATE TABLE trap_said (what text);"
	"CREATE FUNCTION trap_writes() RETURNS int BEGIN INSERT INTO trap_said VALUES ('ran'); RETURN 1; END;"
	"CREATE SEQUENCE trap_seq NOCACHE; DO NEXT VALUE FOR trap_seq;"
	"CREATE TABLE t (a int, b text, i int, KEY i (i)); INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2);"
	"CREATE TRIGGER t_insert AFTER INSERT ON t FOR EACH ROW INSERT INTO trap_said VALUES ('insert');"
	"CREATE TRIGGER t_delete AFTER DELETE ON t FOR EACH ROW INSERT INTO trap_said VALUES ('delete');"
	"CREATE TABLE u (a int, b text) ENGINE = InnoDB; INSERT INTO u VALUES (1, 'u');"
	"CREATE TABLE secret (a int, password text) ENGINE = InnoDB; CREATE TABLE counted (a int AUTO_INCREMENT PRIMARY KEY);"
	"CREATE VIEW v_trap AS SELECT trap_writes() AS n; CREATE VIEW v_next AS SELECT NEXT VALUE FOR trap_seq AS n;";

/* What the texts of tests/golden/sql name. */
static const char hostile_tables[] =
	"CREATE TABLE `delete` (a int); CREATE TABLE `1_0` (a int); CREATE SEQUENCE s NOCACHE;"
	"CREATE FUNCTION f_write() RETURNS int BEGIN INSERT INTO trap_said VALUES ('f_write'); RETURN 1; END;"
	"CREATE FUNCTION f_liar() RETURNS int DETERMINISTIC NO SQL"
	" BEGIN INSERT INTO trap_said VALUES ('f_liar'); RETURN 1; END;"
	"CREATE FUNCTION f_read() RETURNS int READS SQL DATA RETURN (SELECT count(*) FROM t);"
	"CREATE AGGREGATE FUNCTION agg_write(x int) RETURNS int BEGIN"
	" DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN 1;"
	" LOOP FETCH GROUP NEXT ROW; INSERT INTO trap_said VALUES ('agg'); END LOOP; END;";

static void
drain(MYSQL *m)
{
	do
		mysql_free_result(mysql_store_result(m));
	while (mysql_next_result(m) == 0);
}

static void
must_run(MYSQL *m, const char *sql)
{
	if (mysql_query(m, sql) == 0)
		drain(m);
	if (mysql_errno(m) != 0)
		fail_msg("%.100s: %s", sql, mysql_error(m));
}

static MYSQL *
connect_to(const struct world *w, const char *database)
{
	MYSQL *m = mariadb_server_connect(w->server, database);

	assert_non_null(m);
	return m;
}

static void
begin(void *ctx, const char *modes, bool hostile)
{
	struct world *w = ctx;
	char sql[300];

	mysql_close(w->db);
	w->db = NULL;
	if (w->n > 0) {
		snprintf(sql, sizeof sql, "DROP DATABASE %s", w->name);
		must_run(w->admin, sql);
	}
	must_run(w->admin, "DROP USER IF EXISTS trap_user; SET GLOBAL sort_buffer_size = DEFAULT");
	snprintf(sql, sizeof sql, "%s/copy", mariadb_server_folder(w->server));
	(void)unlink(sql);
	snprintf(w->name, sizeof w->name, "world%d", ++w->n);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s; SET GLOBAL sql_mode = DEFAULT", w->name);
	must_run(w->admin, sql);
	w->db = connect_to(w, w->name);
	must_run(w->db, tables);
	if (hostile)
		must_run(w->db, hostile_tables);
	snprintf(sql, sizeof sql, "SET GLOBAL sql_mode = '%s'; SET sql_mode = '%s', max_statement_time = 0.3", modes, modes);
	if (modes[0] != '\0')
		must_run(w->db, sql);
	else
		must_run(w->db, "SET max_statement_time = 0.3");
}

static void
make(void *ctx, const char *sql, size_t n)
{
	const struct world *w = ctx;

	if (mysql_real_query(w->db, sql, n) == 0)
		drain(w->db);
}

static void
finish(void *ctx)
{
	static const char *const names[] = { "t1", "t2", "t3", "t4", "t5", "t0", "v1", "v2", "city" };
	static const char *const columns[] = { "a int", "b int", "c int", "d int", "e int", "f int", "id int", "pk int",
	    "i int", "f1 int", "f2 int", "c1 varchar(20)", "c2 varchar(20)", "x int", "y int", "s1 varchar(20)", "name varchar(20)",
	    "col1 int", "g geometry", "j text", "dt datetime", "k int" };
	struct buf sql;

	buf_init(&sql, 64 * 1024);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		buf_reset(&sql);
		buf_putf(&sql, "CREATE TABLE IF NOT EXISTS %s (twokey_n int)", names[i]);
		make(ctx, buf_str(&sql), buf_len(&sql));
		buf_reset(&sql);
		buf_putf(&sql, "ALTER TABLE %s ", names[i]);
		for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
			buf_putf(&sql, "%sADD COLUMN IF NOT EXISTS %s", k > 0 ? ", " : "", columns[k]);
		if (i < 3)
			make(ctx, buf_str(&sql), buf_len(&sql));
		buf_reset(&sql);
		buf_putf(&sql, "INSERT INTO %s () VALUES ()", names[i]);
		make(ctx, buf_str(&sql), buf_len(&sql));
	}
	buf_fini(&sql);
}

static void
target(void *ctx, struct db_target *t)
{
	const struct world *w = ctx;

	t->socket = mariadb_server_socket(w->server);
	t->database = w->name;
	t->user = "root";
}

static void
put_rows(MYSQL *m, const char *sql, struct buf *out)
{
	MYSQL_RES *res;
	MYSQL_ROW row;

	if (mysql_query(m, sql) != 0 || (res = mysql_store_result(m)) == NULL)
		fail_msg("%.100s: %s", sql, mysql_error(m));
	while ((row = mysql_fetch_row(res)) != NULL) {
		for (unsigned i = 0; i < mysql_num_fields(res); i++)
			buf_putf(out, "%s%s", i > 0 ? " " : "", row[i] != NULL ? row[i] : "NULL");
		buf_putc(out, '\n');
	}
	mysql_free_result(res);
}

/* Makes a statement of what a query answers and puts its rows. */
static void
put_made(MYSQL *m, const char *sql, struct buf *out)
{
	struct buf made;

	buf_init(&made, 16 * 1024 * 1024);
	put_rows(m, sql, &made);
	if (buf_len(&made) > 0 && strcmp(buf_str(&made), "NULL\n") != 0)
		put_rows(m, buf_str(&made), out);
	buf_fini(&made);
}

static const char every_table[] =
	"SELECT concat('CHECKSUM TABLE ', group_concat(concat('`', replace(table_schema, '`', '``'), '`.`',"
	" replace(table_name, '`', '``'), '`') ORDER BY binary table_schema, binary table_name SEPARATOR ', '))"
	" FROM information_schema.tables"
	" WHERE table_type LIKE '%BASE TABLE%' AND table_schema NOT IN ('information_schema', 'performance_schema')"
	" AND table_name NOT IN ('innodb_table_stats', 'innodb_index_stats', 'gtid_slave_pos', 'transaction_registry')";

static const char every_sequence[] =
	"SELECT group_concat(concat('SELECT ''sequence ', table_name, ''', x.* FROM `', table_schema, '`.`', table_name, '` x')"
	" ORDER BY binary table_name SEPARATOR ' UNION ALL ') FROM information_schema.tables WHERE table_type = 'SEQUENCE'";

static const char *const everything_else[] = {
	"SELECT 'defined', table_schema, table_name, table_type, engine, auto_increment, create_time, table_comment"
	" FROM information_schema.tables WHERE table_schema LIKE 'world%' OR table_schema = 'mysql'"
	" ORDER BY binary table_schema, binary table_name",
	"SELECT 'schema', schema_name, default_character_set_name FROM information_schema.schemata ORDER BY binary schema_name",
	"SELECT 'routine', routine_schema, routine_name, last_altered FROM information_schema.routines"
	" ORDER BY binary routine_schema, binary routine_name",
	"SELECT 'triggers', count(*), max(created) FROM information_schema.triggers",
	"SELECT 'events', count(*) FROM information_schema.events",
	"SELECT 'plugins', count(*) FROM information_schema.all_plugins WHERE plugin_status = 'ACTIVE'",
	"SELECT 'right', grantee, privilege_type FROM information_schema.user_privileges ORDER BY 2, 3",
	"SELECT 'variable', variable_name, variable_value FROM information_schema.global_variables"
	" WHERE variable_name NOT LIKE 'GTID%' ORDER BY 2",
	"SELECT 'counter', variable_name, variable_value FROM information_schema.global_status WHERE variable_name = 'HANDLER_WRITE'",
	/* of connections: the server's own threads, which purge and count, take and leave them when they will */
	"SELECT 'lock', lock_mode, lock_type, table_schema, table_name FROM information_schema.metadata_lock_info"
	" WHERE thread_id <> connection_id() AND thread_id IN (SELECT id FROM information_schema.processlist)"
	" ORDER BY 2, 3, 4, 5",
	"SELECT 'transaction', trx_state, trx_tables_locked, trx_rows_modified FROM information_schema.innodb_trx"
	" WHERE trx_rows_modified > 0 OR trx_tables_locked > 0",
};

static void
look_at(void *ctx, struct buf *out)
{
	/* what the server itself writes while it runs and reads */
	static const char *const skip[] = { "data/ib", "data/aria_log", "data/undo", "log", "data/#", "data/ddl_", NULL };
	const struct world *w = ctx;
	MYSQL *m = connect_to(w, w->name);

	must_run(m, "SET sql_mode = '', group_concat_max_len = 16000000");
	put_made(m, every_table, out);
	put_made(m, every_sequence, out);
	for (size_t i = 0; i < sizeof everything_else / sizeof *everything_else; i++)
		put_rows(m, everything_else[i], out);
	mysql_close(m);
	oracle_files(out, mariadb_server_folder(w->server), false, skip);
}

static bool
tried(const struct sql_facts *f, const char *why)
{
	return strncmp(f->verb, "EXPLAIN", 7) != 0 && strncmp(f->verb, "DESC", 4) != 0 && strstr(why, "READ ONLY transaction") != NULL;
}

static const char *const session[] = {
	"SELECT variable_name, variable_value FROM information_schema.session_variables WHERE variable_name NOT IN ('TIMESTAMP',"
	" 'LAST_INSERT_ID', 'INSERT_ID', 'IDENTITY', 'RAND_SEED1', 'RAND_SEED2', 'WARNING_COUNT', 'ERROR_COUNT',"
	" 'LAST_GTID', 'IN_TRANSACTION', 'PSEUDO_THREAD_ID', 'GTID_SEQ_NO') ORDER BY variable_name",
	"SELECT database(), user()", NULL
};

static struct oracle_engine engine = {
	.engine = SQL_MARIADB, .begin = begin, .make = make, .target = target, .look = look_at, .finish = finish,
	.batch = 100, .session = session, .tried = tried
};

static void
a_write_around_the_driver_is_found(void **state)
{
	static const char *const writes[] = { "INSERT INTO u VALUES (9, 'z')", "UPDATE t SET b = 'v'", "DELETE FROM t",
	    "DO NEXT VALUE FOR trap_seq", "SELECT trap_writes()", "CREATE USER trap_user", "CREATE TABLE other (a int)",
	    "SET GLOBAL sort_buffer_size = 300000", "SELECT GET_LOCK('twokey', 0)", "SELECT 1 INTO OUTFILE '../copy'",
	    "CREATE FUNCTION f() RETURNS int RETURN 1", "LOCK TABLES t READ", "INSERT INTO counted VALUES ()",
	    "BEGIN; INSERT INTO u VALUES (9, 'z'); ROLLBACK" };

	oracle_self_check(&engine, *state, writes, sizeof writes / sizeof *writes);
}

static void
hostile_reads_change_nothing(void **state)
{
	struct oracle o;

	oracle_init(&o, &engine, *state);
	oracle_golden(&o);
	oracle_run(&o);
	oracle_judge(&o, 50);
	oracle_fini(&o);
}

static void
reads_of_the_corpus_change_nothing(void **state)
{
	struct oracle o;

	oracle_init(&o, &engine, *state);
	if (oracle_corpus(&o, "mariadb")) {
		oracle_run(&o);
		oracle_judge(&o, 50);
	}
	oracle_fini(&o);
	if (o.count.rows == 0) {
		print_message("no corpus beside the source tree: ../shared/corpus/mariadb.jsonl\n");
		skip();
	}
}

static int
setup(void **state)
{
	static const char *const more[] = { "--default-storage-engine=MyISAM", "--event-scheduler=OFF", "--local-infile=1",
	    "--plugin-load-add=metadata_lock_info", "--innodb-stats-auto-recalc=OFF", "--secure-file-priv=",
	    "--log-bin-trust-function-creators=1", "--sync-frm=OFF", "--innodb-flush-method=nosync", NULL };
	struct world *w = calloc(1, sizeof *w);

	*state = w;
	w->server = mariadb_server_start(more);
	if (w->server == NULL)
		return -1;
	w->admin = connect_to(w, NULL);
	engine.driver = db_driver_find(SQL_MARIADB);
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mysql_close(w->db);
	mysql_close(w->admin);
	mariadb_server_stop(w->server);
	free(w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_around_the_driver_is_found),
		cmocka_unit_test(hostile_reads_change_nothing),
		cmocka_unit_test(reads_of_the_corpus_change_nothing),
	};

	return cmocka_run_group_tests_name("oracle: mariadb", tests, setup, teardown);
}
