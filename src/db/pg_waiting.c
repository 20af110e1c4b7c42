/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for a held change, and whom a change that runs waits for, as a second connection sees it. Nothing is sent on the
 * one that holds it. */
#include "config.h"

#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

enum { DIAL_MS = 3000, ANSWER_MS = 3000, WHO_MAX = 200, EVERY_MS = 1000 };

struct pg_watch {
	PGconn *pg;		/* NULL: not open */
	bool seen;		/* the connection that holds the change has been seen from here */
	struct err why_not;	/* once it could not be opened it is not tried again in this run */
};

/* The held connection as far as this side can tell: the server says something on its own only when it ends it. */
bool
pg_is_there(struct db_conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	if (c->lost || (poll(&p, 1, 0) > 0 && PQconsumeInput(c->pg) != 1))
		return false;
	(void)PQisBusy(c->pg);	/* reads what has come: a notice may be, the last words of the server too */
	if (c->ended || PQstatus(c->pg) != CONNECTION_OK || (p.revents & (POLLHUP | POLLERR)) != 0)
		return false;
	return (p.revents & POLLIN) == 0 || poll(&p, 1, 0) == 0;
}

static int
gone(struct db_conn *c, struct err *e)
{
	return pg_lose(c, e, "the connection that holds the change is lost: the server rolls it back");
}

/* One of our own statements on the second connection; NULL and *e when it does not answer with rows in time. */
static PGresult *
ask(struct db_conn *c, enum own_id id, int n, const char *const *values, struct err *e)
{
	PGconn *pg = c->watch->pg;
	struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };
	int64_t end = clock_mono_ms() + ANSWER_MS, left;
	PGresult *res, *more;

	if (c->names != NULL)
		own_ran(c->names, id);
	if (PQsendQueryParams(pg, own_sql(&c->text, id, c->tag), n, NULL, values, NULL, NULL, 0) != 1)
		return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: the second connection is lost"), NULL;
	while (PQisBusy(pg)) {
		left = end - clock_mono_ms();
		if (left <= 0 || (poll(&p, 1, (int)left) > 0 && PQconsumeInput(pg) != 1))
			return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: the second connection does not answer"), NULL;
	}
	res = PQgetResult(pg);
	while (res != NULL && (more = PQgetResult(pg)) != NULL)
		PQclear(more);
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
		return res;
	err_set(e, ERR_UNSUPPORTED, "who waits is not seen: %s failed", own_name(id));
	PQclear(res);
	return NULL;
}

/* The wall of the second connection: read-only, and it waits for nothing. */
static int
wall(struct db_conn *c, struct err *e)
{
	static const char *const short_times[] = { "2000", "1000", "10000" };
	PGresult *res = ask(c, OWN_PG_PATH, 0, NULL, e);
	bool plain = res != NULL && pg_path_is_plain(PQgetvalue(res, 0, 0));

	PQclear(res);
	if (res == NULL)
		return ERR_UNSUPPORTED;
	if (!plain)
		return err_set(e, ERR_UNSUPPORTED, "who waits is not seen: the search_path of this role has been changed");
	res = ask(c, OWN_PG_SETUP, 3, short_times, e);
	PQclear(res);
	return res != NULL ? 0 : ERR_UNSUPPORTED;
}

static int
open_watch(struct db_conn *c, struct err *e)
{
	struct pg_watch *w = c->watch;
	char words[160];
	int ret = 0;

	w->pg = pg_dial_again(c->pg, DIAL_MS, words, sizeof words);
	if (w->pg == NULL)
		ret = err_set(e, ERR_UNSUPPORTED, "who waits is not seen: a second connection of this role could not be made (%s);"
		    " let it have one more", words);
	else
		ret = wall(c, e);
	return ret;
}

static void
close_watch(struct pg_watch *w)
{
	PQfinish(w->pg);
	w->pg = NULL;
}

void
pg_unwatch(struct db_conn *c)
{
	if (c->watch != NULL)
		close_watch(c->watch);
	free(c->watch);
	c->watch = NULL;
}

static void
tell(const PGresult *res, struct db_waiting *w)
{
	struct buf who;
	size_t n;

	*w = (struct db_waiting){ .n = (unsigned)strtoul(PQgetvalue(res, 0, 0), NULL, 10) };
	if (w->n == 0)
		return;
	buf_init(&who, 4096);
	buf_putf(&who, "process %s of ", PQgetvalue(res, 0, 1));
	text_safe(&who, PQgetvalue(res, 0, 2), strnlen(PQgetvalue(res, 0, 2), WHO_MAX), TEXT_ONE_LINE);
	if (PQgetvalue(res, 0, 3)[0] != '\0') {
		buf_puts(&who, " (");
		text_safe(&who, PQgetvalue(res, 0, 3), strnlen(PQgetvalue(res, 0, 3), WHO_MAX), TEXT_ONE_LINE);
		buf_putc(&who, ')');
	}
	n = text_fit(buf_data(&who), buf_len(&who), sizeof w->who / 4);	/* a column is four bytes at the most */
	memcpy(w->who, buf_data(&who), n);
	buf_fini(&who);
}

/* 0: *w is filled. */
static int
look(struct db_conn *c, struct db_waiting *w, struct err *e)
{
	char pid[16];
	const char *values[1] = { pid };
	PGresult *res;
	bool here;

	snprintf(pid, sizeof pid, "%d", PQbackendPID(c->pg));
	res = ask(c, OWN_PG_WAITING, 1, values, e);
	if (res == NULL)
		return ERR_UNSUPPORTED;
	here = strcmp(PQgetvalue(res, 0, 4), "t") == 0;
	if (here)
		tell(res, w);
	PQclear(res);
	if (!here && c->watch->seen)
		return gone(c, e);
	c->watch->seen = c->watch->seen || here;
	return here ? 0 : err_set(e, ERR_UNSUPPORTED, "who waits is not seen: a second connection reaches another server");
}

static int
reach(struct db_conn *c, struct err *e)
{
	if (c->watch == NULL)
		c->watch = must_zalloc(sizeof *c->watch);
	if (c->watch->why_not.text[0] != '\0')
		return err_set(e, ERR_UNSUPPORTED, "%s", c->watch->why_not.text);
	return c->watch->pg == NULL ? open_watch(c, e) : 0;
}

static void
give_up(struct db_conn *c, const struct err *why)
{
	close_watch(c->watch);
	c->watch->why_not = *why;
}

static void
look_at_others(struct db_conn *c, struct db_waiting *w)
{
	struct err why = { .text = "" };
	const char *values[1];
	PGresult *res = NULL;
	char pid[16];

	snprintf(pid, sizeof pid, "%d", PQbackendPID(c->pg));
	values[0] = pid;
	if (reach(c, &why) == 0)
		res = ask(c, OWN_PG_BLOCKERS, 1, values, &why);
	if (res == NULL)
		give_up(c, &why);
	else if (strcmp(PQgetvalue(res, 0, 0), "0") != 0)
		tell(res, w);
	PQclear(res);
}

/* Half of the time that a lock is waited for: each wait that is given up has been looked at once. */
void
pg_await(struct db_conn *c, struct db_waiting *w)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };
	int every = atoi(c->limits[1]) / 2, got;

	*w = (struct db_waiting){ .n = 0 };
	while (PQisBusy(c->pg)) {
		got = poll(&p, 1, every > 0 ? every : EVERY_MS);
		if ((got > 0 && PQconsumeInput(c->pg) != 1) || (got < 0 && errno != EINTR))
			return;
		if (got == 0 && (c->watch == NULL || c->watch->why_not.text[0] == '\0'))
			look_at_others(c, w);
	}
}

int
pg_waiting(struct db_conn *c, struct db_waiting *w, struct err *e)
{
	struct err why = { .text = "" };
	int ret = 0;

	*w = (struct db_waiting){ .n = 0 };
	if (!pg_is_there(c))
		return gone(c, e);
	ret = reach(c, &why);
	if (ret == 0)
		ret = look(c, w, &why);
	if (ret == ERR_UNSUPPORTED)
		give_up(c, &why);
	if (!pg_is_there(c))
		return gone(c, e);
	return ret != 0 ? err_set(e, (enum err_code)ret, "%s", why.text) : 0;
}
