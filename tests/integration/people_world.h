/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session with two confirmers: anna of the customer, kim of the firm; ben drives. */
#ifndef TESTS_INTEGRATION_PEOPLE_WORLD_H
#define TESTS_INTEGRATION_PEOPLE_WORLD_H

#include "lib/broker.h"

/* A ticket that is accepted; lines: more of it, "\\n" between them. */
void	people_ticket(const struct test_broker *b, const char *id, const char *lines);
/* ben opens it, everybody else joins. */
struct test_console *people_join(const struct test_broker *b, const char *person, const char *id);
/* What the one session looks like on the wall once its state is that word and so many requests wait; the caller drops it. */
json_t	*people_wall(const struct test_broker *b, const char *person, const char *state, int waiting);
/* The k-th event of that name, from 1; waits for it. */
json_t	*people_event(struct test_console *c, const char *ev, int k);

#endif
