/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that lies: what it is told of the password and of our files, and what its answers may do to us. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/db/driver.h"

enum { IN_WALL = 0x2001, PEERS = 2, HEARD_MAX = 4096 };
enum answers { ALL_OK, ONE_COLUMN, ALL_NULL, A_FILE, AN_ERROR, ERROR_IN_ROWS, NO_ROWS };

struct liar {
	const char *plugin;	/* that it switches to, or NULL */
	enum answers answers;
	const char *file;	/* that it asks for */
	int listener;
	uint16_t port;
	pthread_t thread[PEERS];
	atomic_bool gave_away;	/* it was sent more than a scramble of the password, or of the file */
};

struct peer {
	struct liar *l;
	int fd;
	unsigned char seq;
	char heard[HEARD_MAX + 1];
	size_t n;
};

static bool
hear(struct peer *p)
{
	unsigned char head[4];

	if (recv(p->fd, head, 4, MSG_WAITALL) != 4)
		return false;
	p->n = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	p->seq = head[3];
	if (p->n > HEARD_MAX || (p->n > 0 && recv(p->fd, p->heard, p->n, MSG_WAITALL) != (ssize_t)p->n))
		return false;
	p->heard[p->n] = '\0';
	if (memmem(p->heard, p->n, "sesame", 6) != NULL || memmem(p->heard, p->n, "inside", 6) != NULL)
		atomic_store(&p->l->gave_away, true);
	return true;
}

static void
say(struct peer *p, const void *bytes, size_t n)
{
	unsigned char all[512] = { (unsigned char)n, (unsigned char)(n >> 8), 0, ++p->seq };

	assert_true(n < sizeof all - 4);
	memcpy(all + 4, bytes, n);
	(void)send(p->fd, all, n + 4, MSG_NOSIGNAL);
}

static void
say_end(struct peer *p, unsigned char kind)
{
	if (kind == 0)
		say(p, "\0\0\0\x01\x20\0", 7);
	else
		say(p, "\xfe\0\0\x01\x20", 5);
}

static void
greet(struct peer *p)
{
	static const char hello[] = "\x0a" "5.5.5-10.11.19-MariaDB\0" "\7\0\0\0" "AAAAAAAA\0" "\x8f\xa2" "\x2d" "\2\0" "\xab\0"
		"\x15" "\0\0\0\0\0\0\0\0\0\0" "BBBBBBBBBBBB\0" "mysql_native_password";

	p->seq = 255;
	say(p, hello, sizeof hello);
}

static void
say_rows(struct peer *p)
{
	static const char column[] = "\3def\0\0\0\1x\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0";
	unsigned n = p->l->answers == ALL_NULL ? 12 : 1;
	char nulls[12];

	memset(nulls, '\xfb', sizeof nulls);
	say(p, (const char[]){ (char)n }, 1);
	for (unsigned i = 0; i < n; i++)
		say(p, column, sizeof column);
	say_end(p, 1);
	if (p->l->answers == ERROR_IN_ROWS) {
		say(p, "\xff\x15\x04#HY000no", 11);
		return;
	}
	if (p->l->answers == ALL_NULL)
		say(p, nulls, n);
	else if (p->l->answers != NO_ROWS)
		say(p, "\7utf8mb4", 8);
	say_end(p, 1);
}

static void
answer(struct peer *p)
{
	char file[200];
	int n = snprintf(file, sizeof file, "\xfb%s", p->l->file != NULL ? p->l->file : "");

	if (p->l->answers == A_FILE)
		say(p, file, (size_t)n);
	else if (p->l->answers == AN_ERROR)
		say(p, "\xff\x15\x04#HY000no", 11);
	else if (p->l->answers == ALL_OK || (strstr(p->heard, "SELECT") == NULL && strstr(p->heard, "SHOW") == NULL))
		say_end(p, 0);
	else
		say_rows(p);
}

/* Any answer to the switch but a refusal is the beginning of giving it away: a request for a public key, or the word. */
static bool
log_in(struct peer *p)
{
	char text[64];
	int n;

	greet(p);
	if (!hear(p))
		return false;
	if (p->l->plugin != NULL) {
		n = snprintf(text, sizeof text, "\xfe%s%cCCCCCCCCCCCCCCCCCCCC", p->l->plugin, '\0');
		say(p, text, (size_t)n + 1);
		if (!hear(p))
			return false;
		atomic_store(&p->l->gave_away, true);
	}
	say_end(p, 0);
	return true;
}

static void *
serve(void *liar)
{
	struct peer p = { .l = liar };
	bool on;

	p.fd = accept(p.l->listener, NULL, NULL);
	if (p.fd < 0)
		return NULL;
	for (on = log_in(&p); on && hear(&p);)
		answer(&p);
	close(p.fd);
	return NULL;
}

static void
liar_start(struct liar *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	l->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(l->listener, PEERS), 0);
	assert_int_equal(getsockname(l->listener, (struct sockaddr *)&a, &n), 0);
	l->port = ntohs(a.sin_port);
	for (int i = 0; i < PEERS; i++)
		must(pthread_create(&l->thread[i], NULL, serve, l) == 0);
}

/* What the driver makes of it: it must refuse, and say why. */
static void
meet(struct liar *l, enum sql_engine engine, struct err *e)
{
	struct secret *password = secret_create("sesame-77", 9);
	struct db_target t = { .engine = engine, .host = "127.0.0.1", .database = "shop", .user = "ben", .password = password,
	    .statement_timeout_ms = 5000, .lock_timeout_ms = 1000, .tag = "s1" };
	struct db_info info;
	struct db_conn *c;

	liar_start(l);
	t.port = l->port;
	*e = (struct err){ .text = "" };
	c = db_driver_find(engine)->open(&t, &info, e);
	if (c != NULL)
		db_driver_find(engine)->close(c);
	shutdown(l->listener, SHUT_RDWR);
	for (int i = 0; i < PEERS; i++)
		pthread_join(l->thread[i], NULL);
	close(l->listener);
	secret_free(password);
	assert_null(c);
	assert_true(e->text[0] != '\0');
}

/* In clear, by a dialog, by the oldest scramble; or under a public key that the server sends along. */
static void
a_password_is_not_given_to_a_server_that_asks_for_it(void **state)
{
	static const char *const plugins[] = { "mysql_clear_password", "dialog", "mysql_old_password", "sha256_password",
		"caching_sha2_password" };

	(void)state;
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
		struct liar l = { .plugin = plugins[i] };
		struct err e;

		meet(&l, SQL_MARIADB, &e);
		if (atomic_load(&l.gave_away))
			print_error("answered: %s: %s\n", plugins[i], e.text);
		assert_false(atomic_load(&l.gave_away));
		assert_null(strstr(e.text, "sesame"));
		assert_non_null(strstr(e.text, "TLS"));
	}
}

static void
a_file_of_ours_is_not_given_to_a_server_that_asks_for_it(void **state)
{
	char file[] = "/tmp/twokey-file-XXXXXX";
	struct liar l = { .answers = A_FILE, .file = file };
	int fd = mkstemp(file);
	struct err e;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "inside", 6), 6);
	close(fd);
	meet(&l, SQL_MARIADB, &e);
	unlink(file);
	assert_false(atomic_load(&l.gave_away));
}

/* Fewer columns than were asked for, only NULL, no rows, "done" for a question, errors: never past the end of a row. */
static void
answers_of_another_form_end_the_connection(void **state)
{
	static const enum answers kinds[] = { ONE_COLUMN, ALL_NULL, ALL_OK, AN_ERROR, ERROR_IN_ROWS, NO_ROWS };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct liar l = { .answers = kinds[i] };
		struct err e;

		meet(&l, SQL_MARIADB, &e);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_is_not_given_to_a_server_that_asks_for_it),
		cmocka_unit_test(a_file_of_ours_is_not_given_to_a_server_that_asks_for_it),
		cmocka_unit_test(answers_of_another_form_end_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
