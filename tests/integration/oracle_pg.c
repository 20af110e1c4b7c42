/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PostgreSQL as oracle, as its superuser: every row's version, every catalogue, sequences, large objects, locks,
 * files, settings, and the number of the next transaction are the same. */
#include "config.h"

#include "oracle.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/pg.h"

struct world {
	struct pg_server *server;
	PGconn *admin, *db;
	char name[32];
	int n;
};

static const char tables[] =
	"CREATE SCHEMA trap; CREATE TABLE trap.said (what text);"
	"CREATE FUNCTION trap.writes() RETURNS int LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO trap.said VALUES ('ran'); RETURN 1; END$$;"
	"CREATE FUNCTION trap.note() RETURNS trigger LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO trap.said VALUES (tg_op); RETURN NULL; END$$;"
	"CREATE SEQUENCE trap.seq; SELECT nextval('trap.seq'); SELECT lo_create(4711);"
	"CREATE TABLE t (a int, b text, c text); INSERT INTO t VALUES (1, 'x', 'y'), (2, 'y', 'z');"
	"CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON t EXECUTE FUNCTION trap.note();"
	"CREATE RULE also AS ON UPDATE TO t DO ALSO INSERT INTO trap.said VALUES ('rule');"
	"CREATE TABLE u (a int, b text, k int, v int); INSERT INTO u VALUES (1, 'u', 2, 3);"
	"CREATE TABLE secret (a int, password text); CREATE TABLE users (id int, name text, password text);"
	"CREATE VIEW v_trap AS SELECT trap.writes() AS n; CREATE VIEW v_next AS SELECT nextval('trap.seq') AS n;";

/* What the texts of tests/golden/sql name. */
static const char hostile_tables[] =
	"CREATE TABLE \"delete\" (a int); CREATE TABLE \"update t set a\" (a int); CREATE TABLE jt (j jsonb);"
	"INSERT INTO jt VALUES ('{\"delete\": 1}'); CREATE SEQUENCE s;"
	"CREATE FUNCTION f_write() RETURNS int LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO trap.said VALUES ('f_write'); RETURN 1; END$$;"
	"CREATE FUNCTION f_liar() RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
	" $$BEGIN INSERT INTO trap.said VALUES ('f_liar'); RETURN 1; END$$;"
	"CREATE FUNCTION f_read() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM t';"
	"CREATE FUNCTION f_set() RETURNS SETOF int LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO trap.said VALUES ('f_set'); RETURN NEXT 1; END$$;"
	"CREATE FUNCTION f_row(t) RETURNS int LANGUAGE plpgsql AS"
	" $$BEGIN INSERT INTO trap.said VALUES ('f_row'); RETURN 1; END$$;"
	"CREATE FUNCTION xcount(text) RETURNS int LANGUAGE plpgsql AS $$BEGIN EXECUTE $1; RETURN 1; END$$;"
	"CREATE FUNCTION \"select\"() RETURNS int LANGUAGE sql AS 'SELECT trap.writes()';"
	"CREATE FUNCTION two(int, int) RETURNS int LANGUAGE sql AS 'SELECT trap.writes()';"
	"CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = two);"
	"CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS 'SELECT trap.writes()';"
	"CREATE AGGREGATE agg_write(int) (SFUNC = step, STYPE = int, INITCOND = '0');"
	"CREATE FUNCTION over(text) RETURNS int LANGUAGE sql AS 'SELECT trap.writes()';"
	"CREATE FUNCTION evil(int) RETURNS bool LANGUAGE sql AS 'SELECT trap.writes() = 1';"
	"CREATE DOMAIN dom_w AS int CHECK (evil(value)); CREATE DOMAIN mydom AS int CHECK (evil(value));"
	"CREATE TYPE ct AS (x int);"
	"CREATE VIEW v_write AS SELECT f_write() AS n;"
	"CREATE RULE r_sel AS ON INSERT TO u DO INSTEAD SELECT f_write();";

static void
must_run(PGconn *c, const char *sql)
{
	PGresult *res = PQexec(c, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(res);
}

static void
no_notice(void *ctx, const PGresult *res)
{
	(void)ctx, (void)res;
}

/* A session by the name "look" is not looked at: the last one may still be ending. */
static PGconn *
connect_to(const struct world *w, const char *database, const char *name)
{
	const char *keys[] = { "host", "port", "user", "dbname", "passfile", "application_name", "options", NULL };
	const char *values[] = { pg_server_socket(w->server), "5432", pg_server_user(w->server), database,
	    "/dev/null/none", name,
	    "-c synchronous_commit=off -c statement_timeout=20000 -c max_parallel_workers_per_gather=0", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);

	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(c));
	PQsetNoticeReceiver(c, no_notice, NULL);
	return c;
}

static void
begin(void *ctx, const char *modes, bool hostile)
{
	struct world *w = ctx;
	char sql[200];

	PQfinish(w->db);
	w->db = NULL;
	if (w->n > 0) {
		snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", w->name);
		must_run(w->admin, sql);
	}
	must_run(w->admin, "ALTER ROLE trap_role RESET ALL");
	must_run(w->admin, "DROP ROLE IF EXISTS trap_role_2");
	must_run(w->admin, "ALTER SYSTEM RESET work_mem");
	snprintf(sql, sizeof sql, "%s/data/copy", pg_server_socket(w->server));
	(void)unlink(sql);
	snprintf(w->name, sizeof w->name, "world%d", ++w->n);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", w->name, hostile ? "hostile" : "plain");
	must_run(w->admin, sql);
	if (strcmp(modes, "scs_off") == 0) {
		snprintf(sql, sizeof sql, "ALTER DATABASE %s SET standard_conforming_strings = off", w->name);
		must_run(w->admin, sql);
	}
	w->db = connect_to(w, w->name, "fixture");
	must_run(w->db, "SET statement_timeout = 300");
}

static void
make(void *ctx, const char *sql, size_t n)
{
	const struct world *w = ctx;

	(void)n;
	PQclear(PQexec(w->db, sql));
}

static void
finish(void *ctx)
{
	static const char *const common[] = {
	    "CREATE TABLE IF NOT EXISTS int8_tbl (q1 int8, q2 int8)", "INSERT INTO int8_tbl VALUES (123, 456)",
	    "CREATE TABLE IF NOT EXISTS int4_tbl (f1 int4)", "INSERT INTO int4_tbl VALUES (0), (123456)",
	    "CREATE TABLE IF NOT EXISTS int2_tbl (f1 int2)", "CREATE TABLE IF NOT EXISTS float8_tbl (f1 float8)",
	    "CREATE TABLE IF NOT EXISTS text_tbl (f1 text)", "CREATE TABLE IF NOT EXISTS point_tbl (f1 point)",
	    "CREATE TABLE IF NOT EXISTS circle_tbl (f1 circle)", "CREATE TABLE IF NOT EXISTS box_tbl (f1 box)",
	    "CREATE TABLE IF NOT EXISTS inet_tbl (c cidr, i inet)", "CREATE TABLE IF NOT EXISTS timestamp_tbl (d1 timestamp)",
	    "CREATE TABLE IF NOT EXISTS timestamptz_tbl (d1 timestamptz)",
	    "CREATE TABLE IF NOT EXISTS tenk1 (unique1 int4, unique2 int4, two int4, four int4, ten int4, twenty int4,"
	    " hundred int4, thousand int4, twothousand int4, fivethous int4, tenthous int4, odd int4, even int4,"
	    " stringu1 name, stringu2 name, string4 name)",
	    "CREATE TABLE IF NOT EXISTS onek (LIKE tenk1)",
	    "INSERT INTO tenk1 SELECT g, g, g % 2, g % 4, g % 10, g, g, g, g, g, g, 1, 2, 'a', 'b', 'c'"
	    " FROM generate_series(1, 100) g",
	    "INSERT INTO onek SELECT * FROM tenk1", "CREATE INDEX ON tenk1 (unique1)",
	    "CREATE TABLE IF NOT EXISTS foo (f1 int, f2 text, a int, b int)",
	    "CREATE TABLE IF NOT EXISTS empsalary (depname varchar, empno int8, salary int, enroll_date date)",
	    "CREATE TABLE IF NOT EXISTS prt1 (a int, b int, c varchar)", "CREATE TABLE IF NOT EXISTS prt2 (LIKE prt1)",
	    "CREATE TABLE IF NOT EXISTS j1_tbl (i int, j int, t text)", "CREATE TABLE IF NOT EXISTS j2_tbl (i int, k int)",
	    "CREATE TABLE IF NOT EXISTS ft1 (c1 int, c2 int, c3 text, c4 timestamptz, c5 timestamp, c6 varchar, c7 char(10), c8 text)",
	    "CREATE TABLE IF NOT EXISTS ft2 (LIKE ft1)", "CREATE TABLE IF NOT EXISTS ft4 (c1 int, c2 int, c3 text)",
	    "CREATE TABLE IF NOT EXISTS ft5 (LIKE ft4)", "CREATE TABLE IF NOT EXISTS t1 (a int, b int, c text)",
	    "CREATE TABLE IF NOT EXISTS t2 (a int, b int, c text)", "CREATE TABLE IF NOT EXISTS t3 (a int, b int, c text)",
	    "CREATE TABLE IF NOT EXISTS test2 (a int, b int, t text)", "CREATE TABLE IF NOT EXISTS testjsonb (j jsonb)",
	    "CREATE TABLE IF NOT EXISTS money_data (m money)", "CREATE TABLE IF NOT EXISTS num_data (id int, val numeric)",
	    "CREATE TABLE IF NOT EXISTS srt (f1 text)" };

	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		make(ctx, common[i], strlen(common[i]));
}

static void
target(void *ctx, struct db_target *t)
{
	const struct world *w = ctx;

	t->socket = pg_server_socket(w->server);
	t->port = 5432;
	t->database = w->name;
	t->user = pg_server_user(w->server);
}

/* One SELECT over every table with rows of its own: how many, and the versions of all of them; of tables that are no
 * catalogue also what stands in them. */
static const char every_table[] =
	"SELECT string_agg(format('SELECT %L, count(*)::text || '' '' || coalesce(md5(string_agg(twokey_row.ctid::text ||"
	" twokey_row.xmin || twokey_row.xmax%s, '','' ORDER BY twokey_row.ctid)), '''') FROM ONLY %s twokey_row',"
	" 'table ' || c.oid::regclass, CASE WHEN c.oid >= 16384 THEN ' || (twokey_row.*)::text' ELSE '' END, c.oid::regclass),"
	" ' UNION ALL ') || ' ORDER BY 1' FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relispopulated"
	" AND c.relpersistence <> 't'";

static const char everything_else[] =
	"SELECT 'sequence ' || c.oid::regclass, coalesce(pg_sequence_last_value(c.oid)::text, 'none') FROM pg_class c"
	" WHERE c.relkind = 'S' AND c.relpersistence <> 't'"
	" UNION ALL SELECT 'setting ' || name, setting || ' ' || source FROM pg_settings"
	" UNION ALL SELECT 'set in a file ' || name, setting FROM pg_file_settings"
	" UNION ALL SELECT 'next transaction', pg_snapshot_xmax(pg_current_snapshot())::text"
	" UNION ALL SELECT 'lock ' || locktype, mode || ' ' || coalesce(relation::text, '') || ' ' || coalesce(objid::text, '')"
	" FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name <> 'look'"
	" UNION ALL SELECT 'sessions', count(*)::text FROM pg_stat_activity"
	" WHERE backend_type = 'client backend' AND application_name <> 'look'"
	" UNION ALL SELECT 'slots', count(*)::text FROM pg_replication_slots"
	" UNION ALL SELECT 'prepared transactions', count(*)::text FROM pg_prepared_xacts"
	" UNION ALL SELECT 'temporary tables', count(*)::text FROM pg_class WHERE relpersistence = 't'"
	" UNION ALL SELECT 'started', pg_postmaster_start_time()::text || pg_conf_load_time() ORDER BY 1, 2";

static void
put_rows(PGconn *c, const char *sql, struct buf *out)
{
	PGresult *res = PQexec(c, sql);

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%.100s ...: %s", sql, PQerrorMessage(c));
	for (int i = 0; i < PQntuples(res); i++)
		buf_putf(out, "%s: %s\n", PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));
	PQclear(res);
}

static void
look_at(void *ctx, struct buf *out)
{
	/* what the server itself writes while it runs and reads */
	static const char *const skip[] = { "data/base", "data/pg_wal", "data/pg_stat", "data/pg_xact", "data/pg_subtrans",
	    "data/pg_multixact", "data/pg_dynshmem", "data/global", "data/pg_logical", "data/pg_notify", NULL };
	const struct world *w = ctx;
	PGconn *c = connect_to(w, w->name, "look");
	PGresult *res = PQexec(c, every_table);

	assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
	put_rows(c, PQgetvalue(res, 0, 0), out);
	PQclear(res);
	put_rows(c, everything_else, out);
	PQfinish(c);
	oracle_files(out, pg_server_socket(w->server), false, skip);
}

static bool
tried(const struct sql_facts *f, const char *why)
{
	(void)f;
	return strstr(why, "read-only transaction") != NULL || strstr(why, "transaction block") != NULL;
}

static const char *const session[] = {
	"SELECT count(*) FROM pg_prepared_statements", "SELECT count(*) FROM pg_cursors",
	"SELECT name, setting FROM pg_settings ORDER BY name", "SELECT session_user, current_user", NULL
};

static struct oracle_engine engine = {
	.engine = SQL_POSTGRES, .begin = begin, .make = make, .target = target, .look = look_at, .finish = finish,
	.batch = 100, .session = session, .tried = tried
};

static void
a_write_around_the_driver_is_found(void **state)
{
	static const char *const writes[] = { "INSERT INTO u VALUES (9, 'z')", "UPDATE u SET b = b", "DELETE FROM t",
	    "SELECT nextval('trap.seq')", "SELECT lo_create(0)", "SELECT trap.writes()", "SELECT * FROM t FOR UPDATE",
	    "CREATE ROLE trap_role_2", "ALTER ROLE trap_role SET work_mem = '1MB'", "ALTER SYSTEM SET work_mem = '1MB'",
	    "SELECT pg_advisory_lock(1)", 
	    "DO $$BEGIN EXECUTE format('COPY t TO %L', current_setting('data_directory') || '/copy'); END$$",
	    "CREATE FUNCTION f() RETURNS int RETURN 1",
	    "SELECT txid_current()", "BEGIN; INSERT INTO u VALUES (9, 'z'); ROLLBACK", "CREATE TEMP TABLE x (a int)",
	    "COMMENT ON TABLE t IS 'x'", "GRANT SELECT ON t TO trap_role", "ANALYZE u" };

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
	if (oracle_corpus(&o, "postgres")) {
		oracle_run(&o);
		oracle_judge(&o, 50);
	}
	oracle_fini(&o);
	if (o.count.rows == 0) {
		print_message("no corpus beside the source tree: ../shared/corpus/postgres.jsonl\n");
		skip();
	}
}

static void
make_template(struct world *w, const char *name, const char *more)
{
	char sql[100];

	snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
	must_run(w->admin, sql);
	w->db = connect_to(w, name, "fixture");
	must_run(w->db, tables);
	must_run(w->db, more);
	PQfinish(w->db);
	w->db = NULL;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	*state = w;
	w->server = pg_server_start();
	if (w->server == NULL)
		return -1;
	w->admin = connect_to(w, "postgres", "fixture");
	must_run(w->admin, "ALTER SYSTEM SET autovacuum = off");
	must_run(w->admin, "SELECT pg_reload_conf()");
	must_run(w->admin, "CREATE ROLE trap_role");
	make_template(w, "plain", "SELECT 1");
	make_template(w, "hostile", hostile_tables);
	engine.driver = db_driver_find(SQL_POSTGRES);
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	PQfinish(w->db);
	PQfinish(w->admin);
	pg_server_stop(w->server);
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

	return cmocka_run_group_tests_name("oracle: postgres", tests, setup, teardown);
}
