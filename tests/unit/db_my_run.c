/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/must.h"

#include "db_my.h"

static bool
dangerous(const struct bench *b, enum sql_danger d)
{
	return (b->sheet.dangers & SQL_DANGER_BIT(d)) != 0;
}

static void
the_sheet_counts_and_shows_before_and_after(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = total + 1 WHERE state = 'open'"), 0);
	assert_string_equal(s->b.sheet.how, "derived");
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 3);
	assert_string_equal(buf_str(&s->b.rows), "10|5|6\n11|7|8\n12|9|10\n");
	assert_true(s->b.sheet.table_rows >= 0);
	assert_int_equal(strncmp(buf_str(&s->b.sheet.undo), "none: ", 6), 0);
	assert_non_null(strstr(buf_str(&s->b.sheet.own), "my.derived-keys"));
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only"), "1|1\n");
}

static void
the_sheet_names_triggers_and_cascades(void **state)
{
	struct my_shop *s = *state;

	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET state = 'x' WHERE id = 10"), 0);
	assert_string_equal(buf_str(&s->b.sheet.triggers), "[\"orders_audit\"]");
	assert_true(dangerous(&s->b, SQL_DANGER_TRIGGER));
	assert_int_equal(buf_len(&s->b.sheet.cascades), 0);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE id = 1"), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"orders_customer on orders\",\"items_order on items\"]");
	assert_true(dangerous(&s->b, SQL_DANGER_CASCADE));
	assert_false(dangerous(&s->b, SQL_DANGER_TRIGGER));
	assert_int_equal(s->b.sheet.count, 1);
	/* only a key that is set goes on */
	assert_int_equal(bench_sheet(&s->b, "UPDATE customers SET name = 'x' WHERE id = 1"), 0);
	assert_int_equal(buf_len(&s->b.sheet.cascades), 0);
	assert_int_equal(bench_sheet(&s->b, "UPDATE customers SET id = 9 WHERE id = 1"), 0);
	assert_string_equal(buf_str(&s->b.sheet.cascades), "[\"orders_customer on orders\"]");
	assert_int_equal(bench_sheet(&s->b, "REPLACE INTO customers VALUES (1, 'x', '')"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_CASCADE));
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "as two"));
}

/* Whoever has no right to see triggers is not told that there are none. */
static void
triggers_that_may_not_be_seen_are_a_danger(void **state)
{
	struct my_shop *s = *state;

	bench_close(&s->b);
	my_shop_sql("REVOKE TRIGGER ON shop.* FROM ben@localhost");
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET state = 'x' WHERE id = 10"), 0);
	my_shop_sql("GRANT TRIGGER ON shop.* TO ben@localhost");
	assert_true(dangerous(&s->b, SQL_DANGER_TRIGGER));
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "TRIGGER"));
}

static void
a_function_of_others_keeps_the_sheet_from_running_anything(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE FUNCTION any_value(a text) RETURNS text MODIFIES SQL DATA BEGIN INSERT INTO audit VALUES ('x');"
	    " RETURN a; END;");
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM customers WHERE any_value(name) = 'Di'"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_SHADOWED));
	assert_false(s->b.sheet.count_known);
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "any_value"));
	assert_string_equal(my_shop_sql("SELECT count(*) FROM audit"), "0");
}

static void
an_allowed_write_is_committed_with_its_effects(void **state)
{
	struct my_shop *s = *state;
	const char *is;

	for (int i = 0; i < 2; i++) {	/* the second one changes nothing and matches all the same */
		assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'sent' WHERE id IN (10, 11)", 0), 0);
		assert_int_equal(s->b.r.end, DB_COMMITTED);
		assert_int_equal(s->b.r.rows, 2);
		assert_int_equal(s->b.asked, 1);
		assert_string_equal(buf_str(&s->b.r.effects), i == 0 ?
		    "[{\"table\":\"orders\",\"inserted\":0,\"updated\":2,\"deleted\":0}]" :
		    "[{\"table\":\"orders\",\"inserted\":0,\"updated\":0,\"deleted\":0}]");
		assert_non_null(strstr(buf_str(&s->b.r.own), "\"my.commit\""));
	}
	assert_true(s->b.point.backend > 0);
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM orders WHERE state = 'sent'"), "2\n");
	assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only"), "1|1\n");
	assert_int_equal(s->b.d->outcome(s->b.c, &s->b.point, &is, &s->b.e), ERR_UNKNOWN);
	assert_string_equal(is, "unknown");
}

struct effect {
	const char *sql;
	uint64_t rows;
	const char *effects;
};

static const struct effect effects[] = {
	{ "INSERT INTO audit VALUES ('x')", 1, "[{\"table\":\"audit\",\"inserted\":1,\"updated\":0,\"deleted\":0}]" },
	{ "INSERT INTO audit SELECT 'x' FROM orders", 4, "[{\"table\":\"audit\",\"inserted\":4,\"updated\":0,\"deleted\":0}]" },
	{ "INSERT INTO audit VALUES ('x'), ('y') RETURNING what", 2, NULL },
	{ "INSERT INTO customers VALUES (1, 'A', ''), (9, 'N', '') ON DUPLICATE KEY UPDATE name = 'B'", 3,
	  "[{\"table\":\"customers\",\"inserted\":1,\"updated\":1,\"deleted\":0}]" },
	{ "REPLACE INTO items VALUES (10, 1, 'q'), (12, 1, 'w')", 3,
	  "[{\"table\":\"items\",\"inserted\":2,\"updated\":0,\"deleted\":1}]" },
	{ "DELETE FROM items WHERE order_id = 10 RETURNING what", 2, "[{\"table\":\"items\",\"inserted\":0,\"updated\":0,\"deleted\":2}]" },
	{ "DELETE FROM customers WHERE id = 1", 1, "[{\"table\":\"customers\",\"inserted\":0,\"updated\":0,\"deleted\":1}]" },
	{ "DELETE FROM nokey LIMIT 1", 1, "[{\"table\":\"nokey\",\"inserted\":0,\"updated\":0,\"deleted\":1}]" },
};

static void
rows_are_counted_for_every_kind_of_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
		void *own = NULL;
		struct my_shop *s;

		assert_int_equal(my_shop_setup(&own), 0);
		s = own;
		assert_int_equal(bench_do(&s->b, effects[i].sql, effects[i].rows), 0);
		if (s->b.r.end != DB_COMMITTED || s->b.r.rows != effects[i].rows)
			print_error("%s: %d %s %s\n", effects[i].sql, (int)s->b.r.rows, s->b.r.code, buf_str(&s->b.r.text));
		assert_int_equal(s->b.r.end, DB_COMMITTED);
		assert_int_equal(s->b.r.rows, effects[i].rows);
		if (effects[i].effects != NULL)
			assert_string_equal(buf_str(&s->b.r.effects), effects[i].effects);
		my_shop_teardown(&own);
	}
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
	{ "DELETE FROM nokey", "INSERT INTO nokey VALUES (3)", 0, false, DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'",
	  "UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13", 0, false,
	  DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 0, false,
	  DB_ROLLEDBACK, "count" },
	{ "UPDATE orders SET total = 0 WHERE state = 'open'", "UPDATE orders SET state = 'x' WHERE id = 12", 9, true,
	  DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = total + 1 WHERE id = 12", "UPDATE orders SET total = 50 WHERE id = 12", 0, false, DB_ROLLEDBACK, "keys" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "CREATE TRIGGER late BEFORE UPDATE ON orders FOR EACH ROW SET @a = 1", 0,
	  false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "CREATE OR REPLACE TRIGGER orders_audit AFTER UPDATE ON orders"
	  " FOR EACH ROW DELETE FROM audit", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "ALTER TABLE orders ADD COLUMN z int", 0, false, DB_ROLLEDBACK, "bind" },
	{ "DELETE FROM orders WHERE id = 12", "ALTER TABLE items DROP CONSTRAINT items_order", 0, false, DB_ROLLEDBACK, "bind" },
	{ "DELETE FROM nokey", "ALTER TABLE nokey ENGINE=MyISAM", 0, false, DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET total = 0 WHERE id = 10", "DROP TABLE items; DROP TABLE orders", 0, false, DB_ROLLEDBACK, "bind" },
	{ "DELETE FROM customers WHERE upper(name) = 'DI'", "CREATE FUNCTION upper (a text) RETURNS text RETURN 'DI'", 0, false,
	  DB_ROLLEDBACK, "bind" },
	{ "UPDATE orders SET state = 'bad' WHERE id = 10", NULL, 0, false, DB_FAILED, "23000" },
	{ "DELETE FROM flat WHERE id = 1", NULL, 0, false, DB_FAILED, "wall" },
	{ "UPDATE orders SET state = 'longer than ten' WHERE id = 10", NULL, 0, false, DB_FAILED, "22001" },
	/* a duplicate in the second row: the first one goes too */
	{ "INSERT INTO customers VALUES (77, 'x', ''), (1, 'y', '')", NULL, 2, false, DB_FAILED, "23000" },
};

static char *
rows_now(void)
{
	return strdup(my_shop_sql("SELECT concat_ws(' ', (SELECT group_concat(concat_ws('/', id, name) ORDER BY id) FROM customers),"
	    " (SELECT group_concat(concat_ws('/', order_id, line, what) ORDER BY order_id, line) FROM items),"
	    " (SELECT count(*) FROM audit), (SELECT count(*) FROM nokey), (SELECT sum(a * id) FROM flat))"));
}

static void
what_is_not_as_allowed_is_rolled_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *t = &refusals[i];
		bool dropped = t->between != NULL && strstr(t->between, "DROP TABLE") != NULL;
		char *before, *after;
		void *own = NULL;
		struct my_shop *s;

		assert_int_equal(my_shop_setup(&own), 0);
		s = own;
		assert_int_equal(bench_sheet(&s->b, t->sql), 0);
		if (t->between != NULL)
			my_shop_sql(t->between);
		before = dropped ? strdup("") : rows_now();
		assert_int_equal(bench_run(&s->b, t->sql, t->rows > 0 ? t->rows : s->b.sheet.count, t->at_most), 0);
		if (s->b.r.end != t->end || strcmp(s->b.r.code, t->code) != 0)
			print_error("%s / %s: %d %s %s\n", t->sql, t->between ? t->between : "", s->b.r.end, s->b.r.code,
			    buf_str(&s->b.r.text));
		assert_int_equal(s->b.r.end, t->end);
		assert_string_equal(s->b.r.code, t->code);
		assert_true(buf_len(&s->b.r.text) > 0);
		assert_int_equal(s->b.asked, 0);
		after = dropped ? strdup("") : rows_now();
		assert_string_equal(before, after);
		free(before);
		free(after);
		assert_string_equal(bench_rows(&s->b, "SELECT @@in_transaction, @@tx_read_only"), "1|1\n");
		my_shop_teardown(&own);
	}
}

static void
what_cannot_be_taken_back_is_not_run(void **state)
{
	static const char *const texts[] = { "COMMIT", "ROLLBACK", "TRUNCATE orders", "DROP TABLE items", "CREATE TABLE t (a int)",
		"UPDATE orders SET total = 1; COMMIT", "BEGIN NOT ATOMIC UPDATE orders SET total = 1; COMMIT; END", "CALL p()",
		"LOAD DATA INFILE '/etc/hosts' INTO TABLE audit", "ANALYZE TABLE orders", "ALTER TABLE orders ADD COLUMN z int",
		"SET STATEMENT max_statement_time = 1 FOR UPDATE orders SET total = 1" };
	struct my_shop *s = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int ret;

		(void)bench_sheet(&s->b, texts[i]);
		ret = bench_run(&s->b, texts[i], 100, true);
		if (ret != ERR_WALL)
			print_error("not refused: %s: %d\n", texts[i], ret);
		assert_int_equal(ret, ERR_WALL);
		assert_int_equal(s->b.asked, 0);
		assert_string_equal(my_shop_sql("SELECT sum(total) FROM orders"), "22");
	}
	/* and one that the catalogue shows */
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM flat WHERE id = 1"), 0);
	assert_true(dangerous(&s->b, SQL_DANGER_NO_ROLLBACK));
	assert_non_null(strstr(buf_str(&s->b.sheet.note), "MyISAM"));
}

/* The rows that a trigger writes to MyISAM stay after ROLLBACK (1196). */
static void
what_stays_after_a_rollback_is_said(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("ALTER TABLE audit ENGINE=MyISAM");
	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET total = 0 WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "partial");
	assert_non_null(strstr(buf_str(&s->b.r.text), "stay"));
	assert_string_equal(my_shop_sql("SELECT concat(total, ' ', (SELECT count(*) FROM audit)) FROM orders WHERE id = 10"), "5 1");
}

/* Without strict mode the server would keep another value than the one that was shown. */
static void
a_value_that_would_not_be_kept_as_written_is_rolled_back(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("SET GLOBAL sql_mode = ''");
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	my_shop_sql("SET GLOBAL sql_mode = DEFAULT");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'longer than ten' WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "01000");
	assert_non_null(strstr(buf_str(&s->b.r.text), "truncated"));
	assert_string_equal(my_shop_sql("SELECT state FROM orders WHERE id = 10"), "open");
	assert_int_equal(bench_do(&s->b, "UPDATE orders SET state = 'x' WHERE id = 10", 0), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

static void
without_its_record_nothing_is_committed(void **state)
{
	struct my_shop *s = *state;

	s->b.wants_commit = false;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.asked, 1);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "refused");
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
}

/* By root, in a session of its own that is not ended yet. */
static MYSQL *
other_session(const char *sql)
{
	MYSQL *m = mariadb_server_connect(my_shop_server_of(), "shop");

	assert_non_null(m);
	assert_int_equal(mysql_query(m, sql), 0);
	while (mysql_next_result(m) == 0)
		;
	assert_int_equal(mysql_errno(m), 0);
	return m;
}

static void
a_row_that_others_lock_is_a_conflict(void **state)
{
	struct my_shop *s = *state;
	MYSQL *other;

	assert_int_equal(bench_sheet(&s->b, "UPDATE items SET what = 'q'"), 0);
	other = other_session("BEGIN; UPDATE items SET what = 'mine' WHERE order_id = 11");
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "conflict");
	mysql_close(other);
	assert_int_equal(bench_run(&s->b, "UPDATE items SET what = 'q'", 3, false), 0);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
}

/* A thread of root's that waits until a question is answered with other than 0, then does something. */
struct watcher {
	MYSQL *m;		/* where it is done; closed at the end */
	const char *ask;
	char then[120];
	pthread_t thread;
};

static void *
watch(void *watcher)
{
	struct watcher *w = watcher;
	int64_t end = clock_mono_ms() + 30000;
	bool seen = false;

	while (!seen && clock_mono_ms() < end) {
		char *is = mariadb_server_sql(my_shop_server_of(), NULL, w->ask);

		seen = strcmp(is, "0") != 0;
		free(is);
	}
	(void)mysql_query(w->m, w->then);
	mysql_close(w->m);
	return NULL;
}

static void
a_row_that_others_change_meanwhile_is_seen(void **state)
{
	struct my_shop *s = *state;
	struct watcher w = { .then = "COMMIT", .ask = "SELECT variable_value FROM information_schema.global_status"
	    " WHERE variable_name = 'Innodb_row_lock_current_waits'" };

	bench_close(&s->b);
	s->target.lock_timeout_ms = 20000;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "UPDATE orders SET total = 0 WHERE state = 'open'"), 0);
	/* as many rows, but not the same; committed as soon as we wait for its lock */
	w.m = other_session("BEGIN; UPDATE orders SET state = 'x' WHERE id = 12; UPDATE orders SET state = 'open' WHERE id = 13");
	must(pthread_create(&w.thread, NULL, watch, &w) == 0);
	assert_int_equal(bench_run(&s->b, "UPDATE orders SET total = 0 WHERE state = 'open'", 3, false), 0);
	pthread_join(w.thread, NULL);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "keys");
	assert_int_equal(s->b.asked, 0);
	assert_string_equal(my_shop_sql("SELECT sum(total) FROM orders"), "22");
}

static const char joined[] = "DELETE i FROM items i JOIN orders o ON o.id = i.order_id WHERE o.state = 'open'";

/* Another session tries to change rows of ours, and of the table that is only read; one that is joined, for in which order
 * the tables are read is the server's choice, and with it which others it locks. */
static void
others_have_to_wait(struct bench *b)
{
	MYSQL *other = other_session("SET innodb_lock_wait_timeout = 0");

	(void)b;
	assert_int_not_equal(mysql_query(other, "UPDATE orders SET state = 'x' WHERE id = 10"), 0);
	assert_int_equal(mysql_errno(other), 1205);
	assert_int_not_equal(mysql_query(other, "INSERT INTO items VALUES (12, 7, 'late')"), 0);
	assert_int_equal(mysql_errno(other), 1205);
	mysql_close(other);
}

static void
a_join_is_locked_in_all_its_tables(void **state)
{
	struct my_shop *s = *state;

	s->b.meanwhile = others_have_to_wait;
	assert_int_equal(bench_do(&s->b, joined, 0), 0);
	assert_true(s->b.sheet.count_known);
	assert_int_equal(s->b.sheet.count, 3);
	assert_int_equal(s->b.asked, 1);
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_int_equal(s->b.r.rows, 3);
}

static void
a_cancel_rolls_back(void **state)
{
	struct my_shop *s = *state;
	struct canceller *k;
	MYSQL *other;

	bench_close(&s->b);
	s->target.lock_timeout_ms = 0;
	bench_open(&s->b, &s->target);
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM items"), 0);
	other = other_session("BEGIN; UPDATE items SET what = 'mine'");
	k = canceller_start(&s->b);
	assert_int_equal(bench_run(&s->b, "DELETE FROM items", 3, false), 0);
	canceller_stop(k);
	mysql_close(other);
	assert_int_equal(s->b.r.end, DB_ROLLEDBACK);
	assert_string_equal(s->b.r.code, "cancelled");
	assert_string_equal(bench_rows(&s->b, "SELECT count(*) FROM items"), "3\n");
}

static void
cancel_now(struct bench *b)
{
	b->d->cancel(b->c);
}

static void
a_cancel_at_the_commit_point_still_rolls_back(void **state)
{
	struct my_shop *s = *state;

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

	snprintf(sql, sizeof sql, "KILL %ld", (long)b->point.backend);
	my_shop_sql(sql);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM information_schema.processlist WHERE id = %ld", (long)b->point.backend);
	while (strcmp(my_shop_sql(sql), "0") != 0)
		;
}

static void
a_connection_killed_before_commit_has_changed_nothing(void **state)
{
	struct my_shop *s = *state;

	s->b.meanwhile = kill_backend;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	assert_int_equal(s->b.r.end, DB_FAILED);
	assert_string_equal(s->b.r.code, "lost");
	assert_string_equal(my_shop_sql("SELECT count(*) FROM items"), "3");
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
}

static struct watcher killer;
static MYSQL *blocker;

/* Commits wait from now on; who waits is killed. */
static void
block_commits(struct bench *b)
{
	blocker = other_session("FLUSH TABLES WITH READ LOCK");
	killer = (struct watcher){ .m = other_session("DO 1"),
		.ask = "SELECT count(*) FROM information_schema.processlist WHERE user = 'ben' AND info LIKE '%COMMIT%'"
		" AND state LIKE 'Waiting%'" };
	snprintf(killer.then, sizeof killer.then, "KILL %ld", (long)b->point.backend);
	must(pthread_create(&killer.thread, NULL, watch, &killer) == 0);
}

static void
a_connection_killed_in_commit_is_unknown(void **state)
{
	struct my_shop *s = *state;
	struct db_commit_point p;
	const char *is;

	s->b.meanwhile = block_commits;
	assert_int_equal(bench_do(&s->b, "DELETE FROM items", 0), 0);
	pthread_join(killer.thread, NULL);
	mysql_close(blocker);
	assert_int_equal(s->b.r.end, DB_UNKNOWN);
	assert_int_equal(bench_read(&s->b, "SELECT 1"), ERR_DATABASE);
	p = s->b.point;
	bench_close(&s->b);
	bench_open(&s->b, &s->target);
	assert_int_equal(s->b.d->outcome(s->b.c, &p, &is, &s->b.e), ERR_UNKNOWN);
	assert_string_equal(is, "unknown");
}

static void
a_lost_connection_ends_the_session(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("KILL USER ben@localhost");
	while (strcmp(my_shop_sql("SELECT count(*) FROM information_schema.processlist WHERE user = 'ben'"), "0") != 0)
		;
	assert_int_equal(bench_sheet(&s->b, "DELETE FROM orders"), ERR_DATABASE);
	assert_int_equal(bench_run(&s->b, "DELETE FROM orders", 1, true), ERR_DATABASE);
}

static void
hostile_names_are_only_names(void **state)
{
	struct my_shop *s = *state;

	my_shop_sql("CREATE TABLE `ev``il'; DROP TABLE audit; -- x` (`k'`` --x` int PRIMARY KEY, `v\\'` blob);"
	    "INSERT INTO `ev``il'; DROP TABLE audit; -- x` VALUES (1, x'00'), (2, NULL)");
	assert_int_equal(bench_do(&s->b, "UPDATE `ev``il'; DROP TABLE audit; -- x` SET `v\\'` = x'01' WHERE `k'`` --x` = 1", 0), 0);
	assert_int_equal(s->b.sheet.count, 1);
	assert_string_equal(buf_str(&s->b.rows), "");
	assert_int_equal(s->b.r.end, DB_COMMITTED);
	assert_non_null(strstr(buf_str(&s->b.r.effects), "ev`il"));
	assert_string_equal(my_shop_sql("SELECT count(*) FROM audit"), "0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, my_shop_setup, my_shop_teardown)
		T(the_sheet_counts_and_shows_before_and_after),
		T(the_sheet_names_triggers_and_cascades),
		T(triggers_that_may_not_be_seen_are_a_danger),
		T(a_function_of_others_keeps_the_sheet_from_running_anything),
		T(an_allowed_write_is_committed_with_its_effects),
		cmocka_unit_test(rows_are_counted_for_every_kind_of_write),
		cmocka_unit_test(what_is_not_as_allowed_is_rolled_back),
		T(what_cannot_be_taken_back_is_not_run),
		T(what_stays_after_a_rollback_is_said),
		T(a_value_that_would_not_be_kept_as_written_is_rolled_back),
		T(without_its_record_nothing_is_committed),
		T(a_row_that_others_lock_is_a_conflict),
		T(a_row_that_others_change_meanwhile_is_seen),
		T(a_join_is_locked_in_all_its_tables),
		T(a_cancel_rolls_back),
		T(a_cancel_at_the_commit_point_still_rolls_back),
		T(a_connection_killed_before_commit_has_changed_nothing),
		T(a_connection_killed_in_commit_is_unknown),
		T(a_lost_connection_ends_the_session),
		T(hostile_names_are_only_names),
	};

	return cmocka_run_group_tests_name("db my run", tests, my_shop_server, my_shop_server_end);
}
