/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real db on a real file, and a recorder that is the test. */
#ifndef TESTS_ATTACK_DB_WORLD_H
#define TESTS_ATTACK_DB_WORLD_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/digest.h"

enum { MONITOR, CONTROL, BULK, CREDENTIAL, ALIVE, ENDS, DEADLINE_MS = 30000 };

struct world {
	const char *ticket;	/* of its digest it was told at its start */
	pid_t pid;
	int fd[ENDS];
	char folder[64], file[128];
	struct buf heard;
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1], keys[DIGEST_HEX + 1];
	char identity[200], role[128], database[256];
};


extern const char write_sql[], other_sql[], ticket_text[];

/* A db that is connected, with one request (17, of ben: 2 rows) on record and its sheet made. ticket NULL: ticket_text. */
void	begin(struct world *w, const char *ticket, const char *wish, const char *signer);
void	end(struct world *w);
void	sql(const struct world *w, const char *text);
/* How many rows the statement has changed. */
int	written(const struct world *w);
/* A packet of the recorder; body NULL: without. Takes head. */
void	tell(struct world *w, json_t *head, const char *k, const char *body);
void	send_event(struct world *w, int n, json_t *ev);
/* The next event of one of these names, as a new object. */
json_t	*hears(struct world *w, const char *one, const char *two);
/* It is rolled back, with words, and the file is as it was. */
void	not_run(struct world *w, const char *what);
/* The event allowed, and the event run, as they should be. */
json_t	*allowed(const struct world *w);
json_t	*run(const struct world *w);

#endif
