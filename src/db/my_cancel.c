/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stopping what runs, over the second connection that was opened for this. */
#include "config.h"

#include "my.h"

#include <poll.h>
#include <stdio.h>

#include "twokey/base/clock.h"

enum { AGAIN_MS = 100, LOOK_MS = 500 };	/* a lock is waited for a second at least */

void
my_begin(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->cancelled, false);
	c->running = true;
	pthread_mutex_unlock(&c->lock);
}

/* Waits for a KILL that is under way, so that it cannot hit the next statement. */
void
my_end(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	c->running = false;
	pthread_mutex_unlock(&c->lock);
}

static void
kill_query(struct db_conn *c)
{
	char id[24];
	struct my_value v;

	snprintf(id, sizeof id, "%llu", c->id);
	v = my_number(id);
	(void)my_ask(c->stop, OWN_MY_KILL, c->tag, 1, &v, NULL, NULL);
}

void
my_stop(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->running)
		kill_query(c);
	pthread_mutex_unlock(&c->lock);
}

void
my_cancel(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->running) {
		atomic_store(&c->cancelled, true);
		kill_query(c);
	}
	pthread_mutex_unlock(&c->lock);
}

void
my_wait(struct db_conn *c)
{
	struct pollfd p = { .fd = mysql_get_socket(c->my), .events = POLLIN };
	int64_t now = clock_mono_ms(), end = now + c->wait_ms, look_ms = now + LOOK_MS;

	/* KILL QUERY on a connection that has not begun yet is lost */
	while (poll(&p, 1, AGAIN_MS) <= 0 && (c->wait_ms == 0 || (now = clock_mono_ms()) < end)) {
		if (atomic_load(&c->cancelled))
			my_stop(c);
		if (c->names == NULL || c->others_hidden || clock_mono_ms() < look_ms)
			continue;	/* no change runs, or it is not time */
		my_look_at_others(c);
		look_ms = clock_mono_ms() + LOOK_MS;
	}
}
