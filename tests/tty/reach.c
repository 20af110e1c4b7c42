/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles on terminals, a real PostgreSQL behind a real sshd, and people who give its secrets: what is asked, what is
 * shown of the way, definitions, a read that is too costly, and what a lost hop looks like. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/pg.h"
#include "lib/sshd.h"
#include "term.h"

enum { PATIENCE_MS = 30000 };
#define PASSWORD "correct horse 9"

static struct pg_server *server;
static struct sshd *jump;
static struct test_broker broker;

/* A hop whose key has a passphrase that anna knows. */
static void
put_hop(struct buf *b)
{
	char *key = sshd_file(jump, "id_pass"), *host_key = sshd_host_key(jump), path[200];

	/* a copy that belongs to whom the tunnel runs as */
	snprintf(path, sizeof path, "%s/of-the-broker", sshd_folder(jump));
	assert_int_equal(io_write_file(path, 0600, key, strlen(key), NULL), 0);
	buf_putf(b, "    hops:\n      - name: jump\n        host: 127.0.0.1\n        port: %d\n        user: %s\n"
	    "        key: %s\n        passphrase_from: anna\n        host_key: \"%s\"\n    keepalive: 1\n    dead_after: 3\n",
	    sshd_port(jump), sshd_user(jump), path, host_key);
	free(key);
	free(host_key);
}

/* The way to the database: through the hop or straight, with an account whose password ben knows or without one. */
static void
begin(bool hop, bool password)
{
	struct test_broker_options o = { .engine = "postgres" };
	struct buf target;

	buf_init(&target, 16384);
	if (hop)
		put_hop(&target);
	buf_putf(&target, "    socket: %s%s\n    database: postgres\n    user: %s\n    table_limit: 8KiB\n%s",
	    pg_server_socket(server), hop ? "/.s.PGSQL.5432" : "", password ? "metricfixer_ben" : "metricfixer_readonly", password ? "    password_from: ben\n" : "");
	o.target = buf_str(&target);
	test_broker_start(&broker, &o);
	buf_fini(&target);
}

static int
start(void **state)
{
	static const struct pg_server_options hba = { .hba = "local all metricfixer_ben scram-sha-256\nlocal all all trust\n" };
	char *got;

	(void)state;
	server = pg_server_start_with(&hba);
	jump = sshd_start("");
	assert_true(server != NULL && jump != NULL);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 20000) i; ANALYZE orders;"
	    "CREATE ROLE metricfixer_readonly LOGIN; CREATE ROLE metricfixer_ben LOGIN PASSWORD '" PASSWORD "';"
	    "GRANT SELECT ON orders TO metricfixer_readonly, metricfixer_ben");
	assert_string_equal(got, "");
	free(got);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	sshd_stop(jump);
	pg_server_stop(server);
	return 0;
}

static struct term *
console(const char *what, const char *ticket, const char *person, int rows, int cols)
{
	char program[1024], home[400];
	const char *top = getenv("top_builddir");
	const char *argv[] = { program, what, ticket, "--socket", broker.socket, "--as", person, NULL };
	const char *env[] = { home, "NO_COLOR=1", NULL };

	snprintf(program, sizeof program, "%s/twokey", top != NULL ? top : ".");
	snprintf(home, sizeof home, "HOME=%s", broker.dir);
	return term_start(rows, cols, argv, env);
}

static void
sees(struct term *t, const char *text)
{
	assert_true(term_wait(t, text, PATIENCE_MS));
}

struct pair {
	struct term *ben, *anna;
};

/* Through the hop: anna gives the passphrase. */
static struct pair
through_the_hop(const char *ticket, int rows, int cols)
{
	struct pair p;

	begin(true, false);
	test_ticket_with(&broker, ticket, "access: write\\nstage: production\\nmax_rows_read: 100\\n");
	p.ben = console("open", ticket, "ben", rows, cols);
	sees(p.ben, "waits for anna to give the passphrase of jump");
	p.anna = console("join", ticket, "anna", rows, cols);
	sees(p.anna, "passphrase of the key for jump (only the broker's tunnel process can open it)");
	term_feed(p.anna, SSHD_PASSPHRASE "\r");
	return p;
}

/* Straight: ben pastes the password. */
static struct pair
straight(const char *ticket, int rows, int cols)
{
	struct pair p;

	begin(false, true);
	test_ticket_with(&broker, ticket, "access: write\\nstage: production\\nmax_rows_read: 100\\n");
	p.ben = console("open", ticket, "ben", rows, cols);
	sees(p.ben, "password of metricfixer_ben (only the broker's database process can open it)");
	p.anna = console("join", ticket, "anna", rows, cols);
	sees(p.anna, "waits for ben to give the password of metricfixer_ben");
	term_paste(p.ben, PASSWORD "\n");
	term_feed(p.ben, "\r");
	return p;
}

static void
never_wrote(struct term *t)
{
	size_t n;
	const char *raw = term_raw(t, &n);

	assert_null(memmem(raw, n, PASSWORD, sizeof PASSWORD - 1));
	assert_null(memmem(raw, n, SSHD_PASSPHRASE, sizeof SSHD_PASSPHRASE - 1));
}

static void
end(struct pair *p)
{
	never_wrote(p->ben);
	never_wrote(p->anna);
	term_free(p->ben);
	term_free(p->anna);
	test_broker_stop(&broker);
}

static void
the_transcript_has_no_secret(void)
{
	struct buf b;
	char path[600];

	test_transcript(&broker, path, sizeof path);
	buf_init(&b, 64 << 20);
	assert_int_equal(io_read_file(path, 64 << 20, &b, NULL), 0);
	assert_non_null(memmem(buf_data(&b), buf_len(&b), "\"ev\":\"given\"", 12));
	assert_null(memmem(buf_data(&b), buf_len(&b), PASSWORD, sizeof PASSWORD - 1));
	assert_null(memmem(buf_data(&b), buf_len(&b), SSHD_PASSPHRASE, sizeof SSHD_PASSPHRASE - 1));
	buf_fini(&b);
}

static void
the_way_is_shown_on_wide_screens_early_and_late(void **state)
{
	struct pair p = through_the_hop("TTY-R1", 40, 140);
	struct term *kim;

	(void)state;
	sees(p.ben, "names of tables, columns and functions, for Tab");
	kim = console("join", "TTY-R1", "kim", 40, 140);
	sees(kim, "WATCHER kim");
	for (int i = 0; i < 3; i++) {
		struct term *t = i == 0 ? p.ben : i == 1 ? p.anna : kim;

		sees(t, "1 jump: open");
		sees(t, "encrypted by the tunnel");
		sees(t, "primary");
		sees(t, "statement 30 s, lock 2 s, 10 000 rows, 16 MiB");
		sees(t, "account: shown:");
	}
	term_feed(kim, "\\tunnel\r");
	sees(kim, "SHA256:");
	sees(kim, "Every host key was compared");
	term_feed(kim, "q");
	term_feed(p.anna, "\\account\r");
	sees(p.anna, "WHAT THE WORDS MEAN");
	term_feed(p.anna, "q");
	term_free(kim);
	the_transcript_has_no_secret();
	end(&p);
}

static void
definitions_and_costly_reads_at_80x24(void **state)
{
	struct pair p = straight("TTY-R2", 24, 80);

	(void)state;
	sees(p.ben, "connected to PostgreSQL 15");
	/* typed at once: it waits for the names by itself */
	term_feed(p.ben, "select id from orders where id = 4711;\r");
	sees(p.ben, "(1 row)");
	term_feed(p.ben, "\\d ord\t");
	sees(p.ben, "\\d orders");
	term_feed(p.ben, "\r");
	sees(p.ben, "orders_pkey");
	term_feed(p.ben, "\\dt\r");
	sees(p.ben, "DEFINITIONS");
	term_feed(p.ben, "\\df\r");
	sees(p.ben, "(0 rows)");	/* it has ended: the next one may be sent */
	term_feed(p.ben, "select count(*) from orders;\r");
	sees(p.ben, "NOT RUN: it would go through about");
	term_feed(p.ben, "\\costly once a year\r");
	sees(p.ben, "PENDING");
	sees(p.anna, "WAITING");
	term_feed(p.anna, "\033[15~");	/* F5 */
	sees(p.anna, "it only reads; it would go through about");
	for (int i = 0; i < 3; i++)
		term_feed(p.anna, "\033[6~");
	sees(p.anna, "type the table and the limit (<=N)");
	term_feed(p.anna, "public.orders <=20000\r");
	sees(p.ben, "READ #");
	sees(p.ben, "20000");
	the_transcript_has_no_secret();
	end(&p);
}

static void
a_lost_hop_is_said_by_name(void **state)
{
	struct pair p = through_the_hop("TTY-R3", 24, 80);

	(void)state;
	sees(p.ben, "for Tab");
	sshd_signal_children(jump, SIGKILL);
	sees(p.ben, "hop 1 jump: lost");
	sees(p.anna, "hop 1 jump: lost");
	sees(p.ben, "THE SESSION IS OVER");
	end(&p);
}

static void
esc_twice_declines_and_ends(void **state)
{
	struct pair p;

	(void)state;
	begin(true, false);
	test_ticket(&broker, "TTY-R4");
	p.ben = console("open", "TTY-R4", "ben", 24, 80);
	sees(p.ben, "waits for anna");
	p.anna = console("join", "TTY-R4", "anna", 24, 80);
	sees(p.anna, "passphrase of the key for jump");
	term_feed(p.anna, "abc\033");
	sees(p.anna, "Esc again declines");
	term_feed(p.anna, "\033");
	sees(p.ben, "anna did not give what was asked");
	end(&p);
}

static void
database_and_hop_ask_at_the_same_time(void **state)
{
	struct pair p;

	(void)state;
	begin(true, true);
	test_ticket(&broker, "TTY-R5");
	p.ben = console("open", "TTY-R5", "ben", 24, 80);
	sees(p.ben, "password of metricfixer_ben (only the broker's database process can open it)");
	sees(p.ben, "anna is asked for the passphrase of jump");
	term_feed(p.ben, PASSWORD "\r");
	sees(p.ben, "ben gave it");
	sees(p.ben, "waits for anna to give the passphrase of jump");
	p.anna = console("join", "TTY-R5", "anna", 24, 80);
	sees(p.anna, "passphrase of the key for jump");
	term_feed(p.anna, SSHD_PASSPHRASE "\r");
	sees(p.ben, "encrypted by the tunnel");
	sees(p.anna, "encrypted by the tunnel");
	the_transcript_has_no_secret();
	end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_way_is_shown_on_wide_screens_early_and_late),
		cmocka_unit_test(definitions_and_costly_reads_at_80x24),
		cmocka_unit_test(a_lost_hop_is_said_by_name),
		cmocka_unit_test(database_and_hop_ask_at_the_same_time),
		cmocka_unit_test(esc_twice_declines_and_ends),
	};

	return test_run_apart("reach", tests, sizeof tests / sizeof *tests, start, stop);
}
