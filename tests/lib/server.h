/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests do to run a real server: a folder of its own, an ordinary user, stopped by its pid. */
#ifndef TESTS_LIB_SERVER_H
#define TESTS_LIB_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct server {
	char folder[64];	/* set to a template of mkdtemp before server_prepare; mode 0755 */
	pid_t pid;		/* 0: not started */
	uid_t uid;		/* never root's */
	gid_t gid;
};

/* Makes the folder and finds whom to run as (TWOKEY_TEST_USER or nobody, for root); -1 when it cannot. */
int	server_prepare(struct server *s);
/* Starts argv in the folder as that user, words into the file "log" there; it ends with this process. */
pid_t	server_spawn(const struct server *s, char *const argv[]);
/* Runs argv to its end; 0 when it succeeded. */
int	server_command(const struct server *s, char *const argv[]);
/* Waits until ready says so; -1 when the server has ended or does not come. */
int	server_wait(struct server *s, bool (*ready)(const void *ctx), const void *ctx);
/* Says on stderr that it could not be started, and the end of its log. */
void	server_failed(const struct server *s, const char *name);
/* Stops it by sig (harder later), waits, removes the folder unless TWOKEY_KEEP is set. */
void	server_stop(struct server *s, int sig);
/* A port of 127.0.0.1 that nobody listens on now. */
int	server_free_port(void);

#endif
