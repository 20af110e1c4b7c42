/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One case of the crash test: a change on a real server, a death at one step of it, and what is told afterwards. */
#ifndef TESTS_INTEGRATION_CRASH_WORLD_H
#define TESTS_INTEGRATION_CRASH_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum crash_engine { CRASH_SQLITE, CRASH_POSTGRES, CRASH_MARIADB, CRASH_ENGINES };
enum crash_victim { CRASH_MONITOR, CRASH_FRONT, CRASH_SESSION, CRASH_RECORDER, CRASH_DB, CRASH_DRIVER, CRASH_CONFIRMER,
	CRASH_TUNNEL, CRASH_LINK, CRASH_SERVER, CRASH_VICTIMS };
enum crash_step { CRASH_REQUESTED, CRASH_LOOKING, CRASH_SHEET, CRASH_OPENED, CRASH_ALLOWED, CRASH_RUN, CRASH_BEFORE_RUN,
	CRASH_SENT, CRASH_HELD, CRASH_KEPT, CRASH_EXECUTED, CRASH_COMMITTING, CRASH_BEFORE_COMMIT, CRASH_UNANSWERED, CRASH_ANSWERED, CRASH_RECORDED,
	CRASH_STEPS };

struct crash_case {
	enum crash_engine engine;
	enum crash_victim victim;
	enum crash_step step;
	unsigned row;		/* its own row of the table; its ticket is named by it */
};

const char *crash_engine_name(enum crash_engine e);
const char *crash_victim_name(enum crash_victim v);
const char *crash_step_name(enum crash_step s);
/* Whether that engine has such a process or link, and that case a meaning. */
bool	crash_has(enum crash_engine e, enum crash_victim v);
bool	crash_applies(const struct crash_case *c);
/* By hand: TWOKEY_CRASH="engine victim" picks one, TWOKEY_CRASH_STEP a step. */
bool	crash_wanted(enum crash_engine e, enum crash_victim v);

/* A signal to one process, which must be one: 0 and -1 would be everybody. */
void	crash_signal(pid_t pid, int sig);

/* crash_server.c: servers that all workers share, found by them in the environment */
int	crash_servers_start(void **state);
int	crash_servers_stop(void **state);
/* In a worker: the shared one, or one of its own where the server is the victim. */
void	crash_server_begin(enum crash_engine e, enum crash_victim v);
void	crash_server_end(void);
/* Its socket; its folder for PostgreSQL. */
const char *crash_server_socket(void);
/* The first cell as a number, -1: NULL, error or no row. Waits for who has the row locked. */
int64_t	crash_server_number(enum crash_engine e, const char *sql);
void	crash_server_exec(enum crash_engine e, const char *sql);
/* A transaction of somebody else that keeps the row; until unlock. */
void	crash_server_lock(enum crash_engine e, unsigned row);
void	crash_server_unlock(enum crash_engine e);
/* Waits until the account waits for a lock. */
void	crash_server_wait_blocked(enum crash_engine e, const char *account);
/* kill -9 of the backend of that account, or of the whole server, which is started again. */
void	crash_server_kill(enum crash_engine e, const char *account);

/* crash_world.c: runs *state, a struct crash_case */
void	crash_run(void **state);

#endif
