/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A relay between a client and a server on Unix sockets, in a process of its own: a test cuts the link, or lets a COMMIT
 * through and keeps its answer back. */
#ifndef TESTS_LIB_RELAY_H
#define TESTS_LIB_RELAY_H

#include <sys/types.h>

struct relay {
	pid_t pid;
	int fd;			/* orders to it */
	char folder[64];
	char path[128];		/* where it listens */
};

/* Listens on FOLDER/name (a fresh folder) and connects each client to the socket "to". */
void	relay_start(struct relay *r, const char *name, const char *to);
void	relay_stop(struct relay *r);
/* Ends every connection, as when the network goes. */
void	relay_cut(struct relay *r);
/* From now on: the next bytes with COMMIT pass, and what the server says after that waits. */
void	relay_keep_answer(struct relay *r);
/* Waits until that COMMIT has passed. */
void	relay_wait_commit(struct relay *r);
/* What waits goes to the client. */
void	relay_release(struct relay *r);

#endif
