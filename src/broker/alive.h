/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a db of a session still lives, whoever started it: it holds a lock on RUN/SESSION.db until it dies. A
 * transaction's outcome is asked for only after that, for who lives may still send COMMIT. */
#ifndef TWOKEY_BROKER_ALIVE_H
#define TWOKEY_BROKER_ALIVE_H

#include <stdbool.h>

struct err;
struct monitor;
struct watched;

/* db: takes the lock on the descriptor that it was started with, for the rest of its life (a lock of the process,
 * fcntl(2): nobody else can hold it for it). False when another one has it. */
bool	alive_take(int fd);

/* monitor: the descriptor for a db that is started, -1 and *e on failure; the caller hands it on. */
int	alive_open(const struct monitor *m, const struct watched *w, struct err *e);
/* monitor: true when no db of the session lives. One that does is killed: ask again. */
bool	alive_ended(const struct monitor *m, const struct watched *w);
void	alive_remove(const struct monitor *m, const struct watched *w);

#endif
