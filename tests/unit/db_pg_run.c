/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "twokey/base/clock.h"

#include "db_pg.h"

static bool
dangerous(const struct bench *b, enum sql_danger d)
{
	return (b->sheet.dangers & SQL_DANGER_BIT(d)) != 0;
}

static void
the_sheet_counts_and_shows_before_and_after(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = total + 1 WHERE state = 'open'"), 0);
	assert_string_equal(s->b.sheet.how, "derived");
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 3);
	assert_string_equal(buf_str(&s->b.rows), "10|5|6\n11|7|8\n12|9|10\n");
	assert_int_equal(s->b.sheet.table_rows, 4);
	assert_int_equal(strncmp(buf_str(&s->b.sheet.undo), "none: ", 6), 0);
	assert_non_null(strstr(buf_str(&s->b.sheet.own), "pg.derived-keys"));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ben' AND state <> 'idle'"), "0");
}

static void
the_sheet_names_triggers_cascades_and_rules(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET state = 'x' WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "triggers may make others"));
	assert_true(dangerous(&s->b, SQL_DANGER_TRIGGER));
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE id = 1"), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"items_order on items\",\"orders_customer on orders\"]");
	assert_true(dangerous(&s->b, SQL_DANGER_CASCADE));
	assert_int_equal(s->b.sheet.count, 1);
	pg_shop_sql("CREATE RULE keep AS ON DELETE TO items DO INSTEAD NOTHING");
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM items"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_RULE));
	assert_false(s->b.sheet.count_known);
	assert_string_equal(buf_str(&s->b.sheet.rules), "[\"keep\"]");
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "a rule"));
}

static void
rows_that_are_added_are_counted_before(void **state)
{
	struct pg_shop *s = *state;

	bench_adds(&s->b, "INSERT INTO audit VALUES ('x'), ('y')", 2, "", "");
	bench_adds(&s->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id < 12", 2, "what (new) ", "open\nopen\n");
	bench_adds(&s->b, "INSERT INTO audit (what) SELECT state FROM orders WHERE id > 100", 0, "", "");
}

static void
what_cannot_be_counted_is_said(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "INSERT INTO audit SELECT 'x' FROM orders ON CONFLICT DO NOTHING"), 0);
	assert_string_equal(s->b.sheet.how, "explain");
	assert_true(s->b.sheet.estimate == 4);
	assert_false(s->b.sheet.count_known);
	assert_true(dangerous(&s->b, SQL_DANGER_COUNT_UNKNOWN));
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM nokey"), 0);
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 2);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "primary key"));
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET nothere = 1 WHERE id = 1"), ERR_STATEMENT);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 1 WHERE nothere = 1"), ERR_STATEMENT);
	assert_non_null(strstr(s->b.e.text, "nothere"));
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM orders WHERE id = 13"), 0);
}

static void
a_shadow_keeps_the_sheet_from_running_anything(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'select ''x''::text'");
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE upper(name) = 'DI'"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_SHADOWED));
	assert_false(s->b.sheet.count_known);
	assert_string_equal(s->b.sheet.how, "unknown");
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "upper"));
}

static void
an_allowed_write_is_committed_with_its_effects(void **state)
{
	struct pg_shop *s = *state;
	const char *is;

	for (int i = 0; i < 2; i++) {	/* the second one is not told the first one's effects */
		assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'sent' WHERE id IN (10, 11)", 0), 0);
		assert_int_equal(s->b.r.end, DB_COMMITTED);
		assert_int_equal(s->b.r.rows, 2);
		assert_int_equal(s->b.asked, 1);
		assert_string_equal(buf_str(&s->b.r.effects), "[{\"table\":\"audit\",\"inserted\":2,\"updated\":0,\"deleted\":0},"
		    "{\"table\":\"orders\",\"inserted\":0,\"updated\":2,\"deleted\":0}]");
		assert_non_null(strstr(buf_str(&s->b.r.own), "\"pg.commit\""));
	}
	assert_true(s->b.point.xid[0] != '\0' && s->b.point.system[0] != '\0' && s->b.point.timeline[0] != '\0');
	assert_true(s->b.point.backend > 0);
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM orders WHERE state = 'sent'"), "2\n");
	assert_int_equal(s->b.d->outcome(s->b.c, &s->b.point, &is, &s->b.e), 0);
	assert_string_equal(is, "committed");
	strcpy(s->b.point.timeline, "0000FFFF");
	assert_int_equal(s->b.d->outcome(s->b.c, &s->b.point, &is, &s->b.e), ERR_UNKNOWN);
	assert_string_equal(is, "unknown");
}

static void
a_cascade_is_told_as_an_effect(void **state)
{
	struct pg_shop *s = *state;

	assert_int_equal(bench_do(&s->b, "DELETE FROM customers WHERE id = 1 RETURNING name", 0), 0);
	if (s->b.r.end != DB_COMMITTED)
		assert_int_equal(bench_do(&s->b, "DELETE FROM customers WHERE id = 1", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(buf_str(&s->b.r.effects), "\"items\",\"inserted\":0,\"updated\":0,\"deleted\":3"));
}

struct refusal {
	const char *sql;
	const char *between;	/* run by another connection between sheet and run */
	uint64_t rows;		/* bound, 0: the count of the sheet */
	bool at_most;
	enum db_end end;
	const char *code;
};

static const struct refusal refusals[] = {
	{ "UPDATE orders SET total = 0 WHERE id < 12", NULL, 3, false, DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE id < 12", NULL, 1, true, DB_ROLLEDBACK, "count" },
	{ "INSERT INTO audit SELECT 'x' FROM orders", NULL, 3, false, DB_ROLLEDBACK, "count" },
	{ "INSERT INTO audit SELECT state FROM orders WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 0, false,
	  DB_ROLLEDBACK, "count" },
	{ "DELETE FROM nokey", "INSERT INTO nokey VALUES (3)", 0, false, DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'",
	  "UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13", 0, false,
	  DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 0, false,
	  DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 9, true,
	  DB_ROLLEDBACK, "keys" },
	/* the same rows, and they do not look as they were shown */
	{ "UPDATE orders SET total = total + 1 WHERE id = 12", "UPDATE orders SET total = 50 WHERE id = 12", 0, false, DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = (SELECT max(id) FROM customers) WHERE id = 12", "INSERT INTO customers VALUES (50, 'x', '')", 0, false,
	  DB_ROLLEDBACK, "keys" },
	{ "DELETE FROM orders WHERE id = 12", "UPDATE orders SET total = 50 WHERE id = 12", 0, false, DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "CREATE TRIGGER late BEFORE UPDATE ON orders FOR EACH ROW"
	  " EXECUTE FUNCTION note_change()", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "ALTER TABLE orders DISABLE TRIGGER orders_audit", 0, false,
	  DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "CREATE OR REPLACE FUNCTION note_change() RETURNS trigger"
	  " LANGUAGE plpgsql AS 'BEGIN DELETE FROM audit; RETURN new; END'", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "ALTER TABLE orders ADD COLUMN z int", 0, false, DB_ROLLEDBACK, "bind" },
	{ "DELETE FROM orders WHERE id = 12", "ALTER TABLE items DROP CONSTRAINT items_order", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "CREATE RULE r AS ON UPDATE TO orders DO ALSO DELETE FROM audit", 0,
	  false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "DROP TABLE orders CASCADE", 0, false, DB_ROLLEDBACK, "bind" },
	{ "DELETE FROM customers WHERE lower(name) = 'di'", "CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql"
	  " AS 'select ''di''::text'", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET state = 'bad' WHERE id = 10", NULL, 0, false, DB_FAILED, "23514" },
	{ "DELETE FROM orders WHERE id = 13", NULL, 0, false, DB_FAILED, "23503" },	/* deferred: before COMMIT */
};

static char *
rows_now(void)
{
	return strdup(pg_shop_sql("SELECT concat_ws(' ', (SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM customers),"
	    " (SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM items), (SELECT count(*) FROM audit),"
	    " (SELECT count(*) FROM nokey))"));
}

static void
what_is_not_as_allowed_is_rolled_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *t = &refusals[i];
		char *before, *after;
		void *own = NULL;
		struct pg_shop *s;

		assert_int_equal(pg_shop_setup(&own), 0);
		s = own;
		assert_int_equal(bench_sheet(&s->b, t->sql), 0);
		if (t->between != NULL)
			pg_shop_sql(t->between);
		before = rows_now();
		assert_int_equal(bench_run(&s->b, t->sql, t->rows > 0 ? t->rows : s->b.sheet.count, t->at_most), 0);
		if (s->b.r.end != t->end || strcmp(s->b.r.code, t->code) != 0)
			print_error("%s / %s: %d %s %s\n", t->sql, t->between ? t->between : "", s->b.r.end, s->b.r.code,
			    buf_str(&s->b.r.text));
		assert_int_equal(s->b.r.end, t->end);
		assert_string_equal(s->b.r.code, t->code);
		assert_true(buf_len(&s->b.r.text) > 0);
		assert_int_equal(s->b.asked, 0);
		after = rows_now();
		assert_string_equal(before, after);
		free(before);
		free(after);
		assert_string_equal(bench_rows(&s->b, "SELECT 1"), "1\n");
		pg_shop_teardown(&own);
	}
}

static void
a_statement_cannot_end_its_own_transaction(void **state)
{
	static const char *const texts[] = { "COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "UPDATE orders SET total = 1; COMMIT",
		"COPY audit FROM STDIN", "DO $$ BEGIN COMMIT; END $$" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		void *own = NULL;
		struct pg_shop *s;
		int ret;

		assert_int_equal(pg_shop_setup(&own), 0);
		s = own;
		(void)bench_sheet(&s->b, texts[i]);
		ret = bench_run(&s->b, texts[i], 100, true);
		if (ret == 0 && s->b.r.end == DB_COMMITTED)
			print_error("committed: %s\n", texts[i]);
		assert_true(ret == ERR_WALL || s->b.r.end == DB_FAILED || s->b.r.end == DB_ROLLEDBACK);
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(pg_shop_sql("SELECT sum(total) FROM orders"), "22");
		pg_shop_teardown(&own);
	}
}

static void
without_its_record_nothing_is_committed(void **state)
{
	struct pg_shop *s = *state;
	const char *is;

	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.asked, 1);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
	assert_int_equal(s->b.d->outcome(s->b.c, &s->b.point, &is, &s->b.e), 0);
	assert_string_equal(is, "aborted");
}

/* Another session that has changed a row and not ended yet. */
static PGconn *
other_session(const struct pg_shop *s, const char *sql)
{
	const char *keys[] = { "host", "dbname", "user", NULL };
	const char *values[] = { s->target.socket, "shop", pg_server_user(pg_shop_server_of()), NULL };
	PGconn *c = PQconnectdbParams(keys, values, 0);
	PGresult *res = PQexec(c, sql);

	assert_int_equal(PQresultStatus(res), PGRES_COMMAND_OK);
	PQclear(res);
	return c;
}

static void
a_row_that_others_lock_is_a_conflict(void **state)
{
	struct pg_shop *s = *state;
	PGconn *other;
	char who[64];

	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'q'"), 0);
	other = other_session(s, "BEGIN; UPDATE items SET what = 'mine' WHERE order_id = 11");
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	snprintf(who, sizeof who, "it waited for process %d of ", PQbackendPID(other));
	if (strstr(buf_str(&s->b.r.text), who) == NULL)
		fail_msg("\"%s\" is not in: %s", who, buf_str(&s->b.r.text));
	PQfinish(other);
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static void
a_row_that_others_change_meanwhile_is_a_conflict(void **state)
{
	struct pg_shop *s = *state;
	PGconn *other;

	bench_close(&s->b);
	s->target.lock_timeout_ms = 20000;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'q'"), 0);
	other = other_session(s, "SET application_name = 'other'");
	/* commits as soon as somebody waits for its row */
	assert_int_equal(PQsendQuery(other, "DO $$ DECLARE n int := 0; BEGIN UPDATE items SET what = 'mine' WHERE order_id = 11;"
	    " LOOP EXIT WHEN n > 1500 OR EXISTS (SELECT FROM pg_locks WHERE NOT granted); n := n + 1; PERFORM pg_sleep(0.01);"
	    " END LOOP; COMMIT; END $$"), 1);
	while (strcmp(pg_shop_sql("SELECT count(*) FROM pg_locks WHERE relation = 'items'::regclass AND granted"
	    " AND mode = 'RowExclusiveLock'"), "0") == 0)
		;
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	PQfinish(other);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	assert_int_equal(s->b.asked, 0);
}

static void
a_cancel_rolls_back(void **state)
{
	struct pg_shop *s = *state;
	struct canceller *k;
	PGconn *other;

	bench_close(&s->b);
	s->target.lock_timeout_ms = 0;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM items"), 0);
	other = other_session(s, "BEGIN; UPDATE items SET what = 'mine'");
	k = canceller_start(&s->b);
	assert_int_equal(bench_run(&s->b, "DELETE FROM items", 3, false), 0);
	canceller_stop(k);
	PQfinish(other);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "cancelled");
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
}

/* The wait for a standby is broken off by an administrator, once COMMIT waits for it. */
static void *
break_off(void *unused)
{
	int64_t until = clock_mono_ms() + 30000;

	while (strcmp(pg_shop_sql("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), "0") == 0 &&
	    clock_mono_ms() < until)
		nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL);
	return unused;
}

/* A standby is waited for that is not there, though the account asked not to wait. */
static void
a_commit_that_no_standby_confirmed_says_so(void **state)
{
	struct pg_shop *s = *state;
	pthread_t admin;

	pg_shop_sql("ALTER ROLE ben SET synchronous_commit = off");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	pg_shop_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	pg_shop_sql("SELECT pg_reload_conf()");
	assert_int_equal(pthread_create(&admin, NULL, break_off, NULL), 0);
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 99 WHERE id = 10", 1), 0);
	pthread_join(admin, NULL);
	pg_shop_sql("ALTER SYSTEM RESET synchronous_standby_names");
	pg_shop_sql("SELECT pg_reload_conf()");
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_string_equal(s->b.r.code, "not-replicated");
	assert_string_equal(bench_rows(&s->b, "SELECT total FROM orders WHERE id = 10"), "99\n");
	pg_shop_sql("ALTER ROLE ben RESET synchronous_commit");
}

static void
cancel_now(struct bench *b)
{
	b->d->cancel(b->c);
}

static void
a_cancel_at_the_commit_point_still_rolls_back(void **state)
{
	struct pg_shop *s = *state;

	s->b.meanwhile = cancel_now;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "cancelled");
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
}

static void
kill_backend(struct bench *b)
{
	char sql[120];

	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%ld, 5000)", (long)b->point.backend);
	assert_string_equal(pg_shop_sql(sql), "t");
}

static void
a_connection_killed_before_commit_has_changed_nothing(void **state)
{
	struct pg_shop *s = *state;
	const char *is;

	s->b.meanwhile = kill_backend;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM items"), "3");
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	bench_close(&s->b);
	{
		struct db_commit_point p = s->b.point;

		bench_open(&s->b, &s->target);
		assert_int_equal(s->b.d->outcome(s->b.c, &p, &is, &s->b.e), 0);
	}
	assert_string_equal(is, "aborted");
}

/* A standby that is behind knows nothing of the last transactions, and has the system identifier and the timeline of its primary. */
static void
a_standby_is_not_believed(void **state)
{
	struct pg_shop *s = *state;
	struct pg_server *replica = pg_server_start_replica(pg_shop_server_of());
	struct db_target t = s->target;
	struct db_commit_point p;
	const char *is;

	assert_non_null(replica);
	free(pg_server_sql(replica, "postgres", "SELECT pg_wal_replay_pause()"));
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'sent' WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	p = s->b.point;
	bench_close(&s->b);
	t.socket = pg_server_socket(replica);
	bench_open(&s->b, &t);
	(void)s->b.d->outcome(s->b.c, &p, &is, &s->b.e);
	assert_string_equal(is, "unknown");
	assert_non_null(strstr(s->b.e.text, "standby"));
	bench_close(&s->b);
	pg_server_stop(replica);
	bench_open(&s->b, &s->target);
	assert_int_equal(s->b.d->outcome(s->b.c, &p, &is, &s->b.e), 0);
	assert_string_equal(is, "committed");
}

/* Waits until new sessions see it. */
static void
set_standbys(const char *sql, const char *value)
{
	pg_shop_sql(sql);
	pg_shop_sql("SELECT pg_reload_conf()");
	while (strcmp(pg_shop_sql("SHOW synchronous_standby_names"), value) != 0)
		;
}

/* A backend that is killed while COMMIT waits for a standby that never comes: nobody can say from here what
 * became of it. */
static void
a_connection_killed_in_commit_is_unknown_until_asked(void **state)
{
	struct pg_shop *s = *state;
	struct db_commit_point p;
	PGconn *killer;
	const char *is;

	pg_shop_sql("ALTER ROLE ben SET synchronous_commit = 'on'");
	pg_shop_sql("ALTER SYSTEM SET synchronous_commit = 'local'");
	set_standbys("ALTER SYSTEM SET synchronous_standby_names = 'never'", "never");
	killer = other_session(s, "SET synchronous_commit = local");
	assert_int_equal(PQsendQuery(killer, "DO $$ DECLARE n int := 0; BEGIN LOOP PERFORM pg_stat_clear_snapshot();"
	    " PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ben' AND wait_event = 'SyncRep';"
	    " EXIT WHEN FOUND OR n > 3000; n := n + 1; PERFORM pg_sleep(0.01); END LOOP; END $$"), 1);
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	/* the server may need a moment until commits begin to wait */
	for (int i = 0; i < 500 && s->b.r.end != DB_UNKNOWN; i++)
		assert_int_equal(bench_do(&s->b, "INSERT INTO audit VALUES ('x')", 1), 0);
	PQfinish(killer);
	pg_shop_sql("ALTER SYSTEM RESET synchronous_commit");
	set_standbys("ALTER SYSTEM RESET synchronous_standby_names", "");
	pg_shop_sql("ALTER ROLE ben RESET synchronous_commit");
	assert_int_equal(s->b.r.end, DB_UNKNOWN);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	p = s->b.point;
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	assert_int_equal(s->b.d->outcome(s->b.c, &p, &is, &s->b.e), 0);
	assert_string_equal(is, "committed");
}

static void
hostile_names_are_only_names(void **state)
{
	struct pg_shop *s = *state;

	pg_shop_sql("CREATE TABLE \"ev\"\"il; DROP TABLE audit; --\" (\"k\"\"; --\" int PRIMARY KEY, \"v\\'\" bytea);"
	    "INSERT INTO \"ev\"\"il; DROP TABLE audit; --\" VALUES (1, '\\x00'), (2, NULL);"
	    "GRANT ALL ON ALL TABLES IN SCHEMA public TO ben");
	assert_int_equal(bench_do(&s->b, "UPDATE \"ev\"\"il; DROP TABLE audit; --\" SET \"v\\'\" = '\\x01' WHERE \"k\"\"; --\" = 1",
	    0), 0);
	assert_int_equal(s->b.sheet.count, 1);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(buf_str(&s->b.r.effects), "ev\\\"il"));
	assert_string_equal(pg_shop_sql("SELECT count(*) FROM audit"), "0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, pg_shop_setup, pg_shop_teardown)
		T(the_sheet_counts_and_shows_before_and_after),
		T(the_sheet_names_triggers_cascades_and_rules),
		T(rows_that_are_added_are_counted_before),
		T(what_cannot_be_counted_is_said),
		T(a_shadow_keeps_the_sheet_from_running_anything),
		T(an_allowed_write_is_committed_with_its_effects),
		T(a_cascade_is_told_as_an_effect),
		T(a_commit_that_no_standby_confirmed_says_so),
		cmocka_unit_test(what_is_not_as_allowed_is_rolled_back),
		cmocka_unit_test(a_statement_cannot_end_its_own_transaction),
		T(without_its_record_nothing_is_committed),
		T(a_row_that_others_lock_is_a_conflict),
		T(a_row_that_others_change_meanwhile_is_a_conflict),
		T(a_cancel_rolls_back),
		T(a_cancel_at_the_commit_point_still_rolls_back),
		T(a_connection_killed_before_commit_has_changed_nothing),
		T(a_standby_is_not_believed),
		T(a_connection_killed_in_commit_is_unknown_until_asked),
		T(hostile_names_are_only_names),
	};

	return cmocka_run_group_tests_name("db pg run", tests, pg_shop_server, pg_shop_server_end);
}
