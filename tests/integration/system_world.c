/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "system_world.h"

#include <dirent.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/cert.h"
#include "lib/pg.h"
#include "lib/sshd.h"

enum { HOUR = 3600 };

static const struct timespec tick = { 0, 10 * 1000 * 1000 };

static struct pg_server *server;
static struct sshd *outer, *inner;
static char dir[] = "/tmp/twokey-sysway-XXXXXX";

static bool
is_root(void)
{
	return geteuid() == 0;
}

bool
world_root_or_skip(void)
{
	if (is_root())
		return true;
	print_message("# only root can start the broker in system mode\n");
	skip();
	return false;
}

uid_t
world_uid(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	assert_non_null(pw);
	return pw->pw_uid;
}

const char *
world_path(const char *name)
{
	static char path[4][128];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof path[at], "%s/%s", dir, name);
	return path[at];
}

/* A file of that user, mode 0600. */
void
world_put(const char *name, const char *text, const char *user)
{
	assert_int_equal(io_write_file(world_path(name), 0600, text, strlen(text), NULL), 0);
	assert_int_equal(chown(world_path(name), world_uid(user), (gid_t)-1), 0);
}

void
world_copy_key(const struct sshd *s, const char *name, const char *as)
{
	char *text = sshd_file(s, name);

	world_put(as, text, WORLD_USER_TUNNEL);
	free(text);
}

static struct pg_server *
start_pg(void)
{
	static char key[160], cert[160];
	const char *const settings[] = { "ssl=on", key, cert, NULL };
	const struct pg_server_options o = { .tcp = true, .settings = settings,
		.hba = "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n" };
	struct cert *ca = cert_make("authority.example.com", -HOUR, HOUR, NULL);
	struct cert *own = cert_make("localhost", -HOUR, HOUR, ca);
	const char *user = getenv("TWOKEY_TEST_USER");

	cert_write(ca, world_path("ca"));
	cert_write(own, world_path("cert"));
	cert_write_key(own, world_path("cert.key"), world_uid(user != NULL ? user : "nobody"));
	cert_free(own);
	cert_free(ca);
	snprintf(key, sizeof key, "ssl_key_file=%s", world_path("cert.key"));
	snprintf(cert, sizeof cert, "ssl_cert_file=%s", world_path("cert"));
	return pg_server_start_with(&o);
}

int
world_start(void **state)
{
	char *got;

	(void)state;
	if (!is_root())
		return 0;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	outer = sshd_start("");
	inner = sshd_start("");
	server = start_pg();
	assert_true(server != NULL && outer != NULL && inner != NULL);
	got = pg_server_sql(server, "postgres", "CREATE TABLE orders(id int PRIMARY KEY, note text);"
	    "INSERT INTO orders SELECT i FROM generate_series(1, 500) i;"
	    "CREATE ROLE metricfixer_readonly LOGIN PASSWORD '" WORLD_PASSWORD "';"
	    "GRANT SELECT, UPDATE ON orders TO metricfixer_readonly");
	assert_string_equal(got, "");
	free(got);
	world_copy_key(outer, "id", "outer");
	world_copy_key(inner, "id", "inner");
	world_copy_key(inner, "id_pass", "inner.locked");
	world_put("password", WORLD_PASSWORD "\n", "root");
	world_put("wrong", "one hop\n", "root");
	return 0;
}

int
world_stop(void **state)
{
	char cmd[100];

	(void)state;
	if (!is_root())
		return 0;
	pg_server_stop(server);
	sshd_stop(inner);
	sshd_stop(outer);
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	return getenv("TWOKEY_KEEP") == NULL ? system(cmd) : 0;
}

struct sshd *
world_outer(void)
{
	return outer;
}

struct sshd *
world_inner(void)
{
	return inner;
}

uint16_t
world_port(void)
{
	return pg_server_port(server);
}

char *
world_sql(const char *sql)
{
	return pg_server_sql(server, "postgres", sql);
}

static void
put_hop(struct buf *b, const char *name, const struct sshd *s, const char *key)
{
	char *host_key = sshd_host_key(s);

	buf_putf(b, "      - name: %s\n        host: 127.0.0.1\n        port: %d\n        user: %s\n"
	    "        host_key: \"%s\"\n        %s\n", name, sshd_port(s), sshd_user(s), host_key, key);
	free(host_key);
}

void
world_begin(struct test_broker *b, const struct world_way *w)
{
	struct test_broker_options o = { .engine = "postgres", .fault = w->fault, .system_mode = true };
	char outer_key[160], inner_key[160], end[160], password[160];
	struct buf text;

	snprintf(outer_key, sizeof outer_key, "key: %s", world_path("outer"));
	snprintf(inner_key, sizeof inner_key, "key: %s", world_path("inner"));
	snprintf(end, sizeof end, "socket: %s/.s.PGSQL.%u", pg_server_socket(server), pg_server_port(server));
	snprintf(password, sizeof password, "password_file: %s", world_path("password"));
	buf_init(&text, 16384);
	buf_puts(&text, "    hops:\n");
	put_hop(&text, "jump", outer, w->outer_key != NULL ? w->outer_key : outer_key);
	put_hop(&text, "shop-host", inner, w->inner_key != NULL ? w->inner_key : inner_key);
	buf_putf(&text, "    %s\n    %s\n    database: postgres\n    user: metricfixer_readonly\n",
	    w->end != NULL ? w->end : end, w->password != NULL ? w->password : password);
	o.target = buf_str(&text);
	test_broker_start(b, &o);
	buf_fini(&text);
}

void
world_read(struct test_console *ben)
{
	json_t *a = test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from orders\"}");

	test_event(ben, "done", json_int(a, "n", 0));
}

void
world_says(const char *why, const char *words)
{
	if (why == NULL || strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why != NULL ? why : "", words);
}

/* Everything that a session had is gone: processes, folder, socket, note, connection. */
void
world_nothing_left(const struct test_broker *b)
{
	static const char *const roles[] = { "session", "recorder", "db", "tunnel" };
	int64_t until = clock_mono_ms() + TEST_DEADLINE_MS;
	char run[300], *n = NULL;
	struct dirent *de;
	size_t left;
	DIR *d;

	snprintf(run, sizeof run, "%s/run", b->dir);
	do {
		nanosleep(&tick, NULL);
		left = 0;
		for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
			left += test_broker_role(b, roles[i]) != 0;
		d = opendir(run);
		assert_non_null(d);
		while ((de = readdir(d)) != NULL)
			left += de->d_name[0] != '.';
		closedir(d);
		free(n);
		n = pg_server_sql(server, "postgres", "select count(*) from pg_stat_activity where usename = "
		    "'metricfixer_readonly'");
		left += strcmp(n, "0") != 0;
	} while (left > 0 && clock_mono_ms() < until);
	if (left > 0)
		fail_msg("%zu things of a session are left (%s connections)", left, n);
	free(n);
}

void
world_done(const struct test_broker *b, struct test_console *ben, struct test_console *anna)
{
	test_end(b, ben);
	test_console_close(ben);
	if (anna != NULL)
		test_console_close(anna);
	world_nothing_left(b);
}

struct test_console *
world_open(const struct test_broker *b, const char *id)
{
	struct test_console *ben;

	test_ticket(b, id);
	ben = test_console(b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	return ben;
}

/* The session ends by itself, sealed, with this code and these words. */
void
world_ends(const struct test_broker *b, const char *id, const char *code, const char *words)
{
	struct test_console *ben = world_open(b, id);
	json_t *ended = test_event(ben, "ended", 0);

	world_says(test_body(ben, json_int(ended, "n", 0), "why"), words);
	assert_string_equal(json_str(ended, "code", NULL), code);
	test_wait_eof(ben);
	assert_true(test_wait_sealed(b));
	test_console_close(ben);
	world_nothing_left(b);
}

