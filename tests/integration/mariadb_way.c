/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way to a real MariaDB: behind a real sshd, by socket and by TLS whose certificate is checked, and why it cannot be
 * reached. */
#include "config.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"

#include "lib/beside.h"
#include "lib/broker.h"
#include "lib/cert.h"
#include "lib/mariadb.h"
#include "lib/sshd.h"

#define READ "access: read\\nstage: production\\n"

static struct mariadb_server *server;
static struct sshd *hop;
static char folder[] = "/tmp/twokey-tls-XXXXXX";

/* Whom the server runs as: it must read its key. */
static unsigned
server_uid(void)
{
	const char *user = getenv("TWOKEY_TEST_USER");
	const struct passwd *pw = getpwnam(user != NULL ? user : "nobody");

	return getuid() == 0 && pw != NULL ? pw->pw_uid : getuid();
}

static void
make_certificates(void)
{
	struct cert *ca = cert_make("authority", -60, 86400, NULL), *other = cert_make("another", -60, 86400, NULL);
	struct cert *mine = cert_make("localhost", -60, 86400, ca);
	char path[96];

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof path, "%s/ca.pem", folder);
	cert_write(ca, path);
	snprintf(path, sizeof path, "%s/other.pem", folder);
	cert_write(other, path);
	snprintf(path, sizeof path, "%s/server.pem", folder);
	cert_write(mine, path);
	snprintf(path, sizeof path, "%s/server.key", folder);
	cert_write_key(mine, path, server_uid());
	cert_free(mine);
	cert_free(other);
	cert_free(ca);
}

static void
sql(const char *text)
{
	char *got = mariadb_server_sql(server, NULL, text);

	if (strncmp(got, "error", 5) == 0)
		fail_msg("%s: %s", text, got);
	free(got);
}

static int
start(void **state)
{
	char cert[96], key[96], path[96];
	const char *more[] = { cert, key, NULL };

	(void)state;
	make_certificates();
	snprintf(cert, sizeof cert, "--ssl-cert=%s/server.pem", folder);
	snprintf(key, sizeof key, "--ssl-key=%s/server.key", folder);
	server = mariadb_server_start(more);
	hop = sshd_start("");
	assert_true(server != NULL && hop != NULL);
	snprintf(path, sizeof path, "%s/password", folder);
	assert_int_equal(io_write_file(path, 0600, "turn both keys", 14, NULL), 0);
	snprintf(path, sizeof path, "%s/wrong", folder);
	assert_int_equal(io_write_file(path, 0600, "turn one key", 12, NULL), 0);
	sql("DELETE FROM mysql.global_priv WHERE host <> 'localhost'; FLUSH PRIVILEGES;"
	    "CREATE DATABASE shop; CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders VALUES (1), (2);"
	    "CREATE USER t_readonly@localhost IDENTIFIED BY 'turn both keys' PASSWORD EXPIRE INTERVAL 30 DAY;"
	    "GRANT SELECT, SHOW VIEW ON shop.* TO t_readonly@localhost; GRANT SLAVE MONITOR ON *.* TO t_readonly@localhost");
	return 0;
}

static int
stop(void **state)
{
	char command[100];

	(void)state;
	sshd_stop(hop);
	mariadb_server_stop(server);
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	return system(command);
}

/* From here on the account may come over TCP, too. */
static void
allow_address(void)
{
	sql("CREATE USER IF NOT EXISTS t_readonly@'127.0.0.1' IDENTIFIED BY 'turn both keys' REQUIRE SSL PASSWORD EXPIRE"
	    " INTERVAL 30 DAY; GRANT SELECT, SHOW VIEW ON shop.* TO t_readonly@'127.0.0.1'");
}

static void
put_hop(struct buf *b)
{
	char *key = sshd_file(hop, "id"), *host_key = sshd_host_key(hop), path[200];

	/* a copy that belongs to whom the tunnel runs as */
	snprintf(path, sizeof path, "%s/of-the-broker", sshd_folder(hop));
	assert_int_equal(io_write_file(path, 0600, key, strlen(key), NULL), 0);
	buf_putf(b, "    hops:\n      - name: jump\n        host: 127.0.0.1\n        port: %d\n        user: %s\n"
	    "        key: %s\n        host_key: \"%s\"\n", sshd_port(hop), sshd_user(hop), path, host_key);
	free(host_key);
	free(key);
}

/* host and port as the last hop sees them; name is what the certificate must say. */
static void
begin(struct test_broker *b, bool hops, const char *way, const char *password)
{
	struct test_broker_options o = { .engine = "mariadb" };
	struct buf text;

	buf_init(&text, 16384);
	if (hops)
		put_hop(&text);
	buf_putf(&text, "%s    database: shop\n    user: t_readonly\n    password_file: %s/%s\n", way, folder, password);
	o.target = buf_str(&text);
	test_broker_start(b, &o);
	buf_fini(&text);
}

static struct test_console *
opened(struct test_broker *b, const char *id)
{
	struct test_console *ben;

	test_ticket_with(b, id, READ);
	ben = test_console(b, "ben");
	test_send(ben, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	return ben;
}

static void
says(const char *why, const char *words)
{
	if (why == NULL || strstr(why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why != NULL ? why : "", words);
}

/* It works; and whether the connection has TLS. */
static void
works(struct test_broker *b, const char *id, bool encrypted)
{
	struct test_console *ben = opened(b, id);
	json_t *connected = test_event(ben, "connected", 0), *a;

	assert_int_equal(json_bool(connected, "encrypted"), encrypted);
	a = test_ok(ben, "{\"do\":\"sql\",\"text\":\"select * from orders\"}");
	assert_int_equal(json_int(test_event(ben, "done", json_int(a, "n", 0)), "rows", 0), 2);
	/* the second connection went the same way: it stops what runs */
	a = test_ok(ben, "{\"do\":\"sql\",\"text\":\"select count(*) from information_schema.columns a, information_schema.columns b,"
	    " information_schema.columns c\"}");
	test_ok(ben, "{\"do\":\"cancel\"}");
	test_event(ben, "failed", json_int(a, "n", 0));
	test_end(b, ben);
	test_console_close(ben);
	test_broker_stop(b);
}

static void
cannot(struct test_broker *b, const char *id, const char *what, const char *next)
{
	struct test_console *ben = opened(b, id);
	json_t *ended = test_event(ben, "ended", 0);
	const char *why;

	assert_string_equal(json_str(ended, "code", NULL), "unreachable");
	why = test_body(ben, json_int(ended, "n", 0), "why");
	says(why, what);
	says(why, next);
	assert_null(strstr(why, "turn "));
	test_wait_eof(ben);
	test_console_close(ben);
	test_broker_stop(b);
}

/* First: no account of any user is for this address yet. */
static void
an_address_that_may_not_come_is_told_from_a_wrong_password(void **state)
{
	struct test_broker b;
	char way[200];

	(void)state;
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %d\n    tls: off\n", mariadb_server_port(server));
	begin(&b, false, way, "password");
	cannot(&b, "W-1", "is not allowed to connect", "CREATE USER user@address");
	snprintf(way, sizeof way, "    socket: %s\n", mariadb_server_socket(server));
	begin(&b, false, way, "wrong");
	cannot(&b, "W-2", "Access denied", "ask for a new password");
	begin(&b, true, way, "wrong");
	cannot(&b, "W-3", "Access denied", "ask for a new password");
}

static int
listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* Three sentences: for what takes a connection and is silent, */
static void
silence_is_told(void **state)
{
	struct test_broker b;
	uint16_t port;
	char way[200];
	int fd = listener(&port);

	(void)state;
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %d\n    tls: off\n", port);
	begin(&b, false, way, "password");
	cannot(&b, "W-4", "says nothing", "no MariaDB or MySQL");
	close(fd);
}

/* what drops every packet (the queue of the listener is full), and what is not there. */
static void
dropped_packets_and_a_closed_port_differ(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct test_broker b;
	int fd, full[4];
	uint16_t port;
	char way[200];

	(void)state;
	fd = listener(&port);
	a.sin_port = htons(port);
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %d\n    tls: off\n", port);
	for (int i = 0; i < 4; i++) {	/* the queue has room for one */
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&a, sizeof a);
	}
	begin(&b, false, way, "password");
	cannot(&b, "W-5", "no answer at all", "a firewall drops");
	for (int i = 0; i < 4; i++)
		close(full[i]);
	close(fd);
	begin(&b, false, way, "password");
	cannot(&b, "W-6", "nothing listens there", "host and port");
}

static void
a_session_goes_behind_a_hop_by_socket(void **state)
{
	struct test_broker b;
	char way[200];

	(void)state;
	snprintf(way, sizeof way, "    socket: %s\n", mariadb_server_socket(server));
	begin(&b, true, way, "password");
	works(&b, "W-7", false);
}

static void
the_certificate_is_checked_behind_a_hop(void **state)
{
	struct test_broker b;
	char way[300];

	(void)state;
	allow_address();
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %d\n    tls: verify-full\n    ca: %s/ca.pem\n",
	    mariadb_server_port(server), folder);
	begin(&b, true, way, "password");
	cannot(&b, "W-8", "certificate", "host must be the name in the certificate");
	snprintf(way, sizeof way, "    host: 127.0.0.1\n    port: %d\n    tls: require\n    ca: %s/other.pem\n",
	    mariadb_server_port(server), folder);
	begin(&b, true, way, "password");
	cannot(&b, "W-9", "certificate", "ca the authority that signed it");
	snprintf(way, sizeof way, "    host: localhost\n    port: %d\n    tls: verify-full\n    ca: %s/ca.pem\n",
	    mariadb_server_port(server), folder);
	begin(&b, true, way, "password");
	works(&b, "W-10", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_may_not_come_is_told_from_a_wrong_password),
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(dropped_packets_and_a_closed_port_differ),
		cmocka_unit_test(a_session_goes_behind_a_hop_by_socket),
		cmocka_unit_test(the_certificate_is_checked_behind_a_hop),
	};

	return test_run_apart("mariadb way", tests, sizeof tests / sizeof *tests, start, stop);
}
