/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A broker in system mode and a real PostgreSQL behind two real sshds; for root only. */
#ifndef TESTS_INTEGRATION_SYSTEM_WORLD_H
#define TESTS_INTEGRATION_SYSTEM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/broker.h"

struct sshd;

/* Whom lib/broker.c runs the roles as. */
#define WORLD_USER_FRONT "daemon"
#define WORLD_USER_RECORDER "bin"
#define WORLD_USER_DB "sys"
#define WORLD_USER_TUNNEL "games"
/* The password of the one account, metricfixer_readonly. */
#define WORLD_PASSWORD "two hops and back"

/* What the target is made of; NULL: as usual, which is keys, a Unix socket without TLS, and a password_file. */
struct world_way {
	const char *outer_key, *inner_key;	/* "key: PATH" or "agent: PATH", with more lines of the hop */
	const char *end;			/* where the server is: "socket: PATH", "host: ..." with tls */
	const char *password;			/* "password_file: PATH" or another source */
	const char *fault;
};

/* True for root; marks the test as skipped otherwise. */
bool	world_root_or_skip(void);
/* Servers, keys and passwords of all tests; for cmocka. Nothing when this is not root. */
int	world_start(void **state);
int	world_stop(void **state);
struct sshd *world_outer(void);
struct sshd *world_inner(void);
uint16_t world_port(void);
uid_t	world_uid(const char *user);
/* NAME in the folder of this world ("outer", "inner", "inner.locked": keys; "password", "wrong", "ca"). One of four
 * buffers in turn. */
const char *world_path(const char *name);
/* A file there of that user, mode 0600. */
void	world_put(const char *name, const char *text, const char *user);
/* A key of a server as a file of the tunnel's user. */
void	world_copy_key(const struct sshd *s, const char *name, const char *as);
/* The first cell of what the superuser asks; the caller frees. */
char	*world_sql(const char *sql);

/* Starts a broker with that target. */
void	world_begin(struct test_broker *b, const struct world_way *w);
/* Makes a ticket and asks for its session. */
struct test_console *world_open(const struct test_broker *b, const char *id);
void	world_read(struct test_console *ben);
void	world_says(const char *why, const char *words);
/* A session that ends by itself, sealed, with this code and these words, and leaves nothing. */
void	world_ends(const struct test_broker *b, const char *id, const char *code, const char *words);
/* Waits until every process, file, socket and connection of sessions is gone. */
void	world_nothing_left(const struct test_broker *b);
/* Ends a session and closes its consoles (anna may be NULL); nothing of it is left. */
void	world_done(const struct test_broker *b, struct test_console *ben, struct test_console *anna);

#endif
