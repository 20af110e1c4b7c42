/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own statements on a connection of PostgreSQL, and the words of its errors. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"

enum { WORDS_MAX = 32 * 1024 };

void
pg_begin(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->cancelled, false);
	c->running = true;
	pthread_mutex_unlock(&c->lock);
}

/* Waits for a cancel that is under way, so that it cannot hit the next statement. */
void
pg_end(struct db_conn *c)
{
	pthread_mutex_lock(&c->lock);
	c->running = false;
	pthread_mutex_unlock(&c->lock);
}

void
pg_cancel(struct db_conn *c)
{
	char why[256];

	pthread_mutex_lock(&c->lock);
	if (c->running) {
		atomic_store(&c->cancelled, true);
		(void)PQcancel(c->stop, why, sizeof why);
	}
	pthread_mutex_unlock(&c->lock);
}

int
pg_lose(struct db_conn *c, struct err *e, const char *why)
{
	c->lost = true;
	return err_set(e, ERR_DATABASE, "%s; the session ends, open a new one", why);
}

const char *
pg_state(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL ? state : "";
}

enum err_code
pg_code(struct db_conn *c, const PGresult *res)
{
	c->waited = c->waited || strcmp(pg_state(res), "55P03") == 0;
	return strcmp(pg_state(res), "57014") == 0 ? ERR_CANCELLED : ERR_STATEMENT;
}

void
pg_words(const PGresult *res, struct buf *out)
{
	static const struct { int field; const char *before; } parts[] = {
		{ PG_DIAG_MESSAGE_PRIMARY, "" }, { PG_DIAG_MESSAGE_DETAIL, "\nDETAIL: " },
		{ PG_DIAG_MESSAGE_HINT, "\nHINT: " }, { PG_DIAG_CONTEXT, "\nCONTEXT: " },
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *s = PQresultErrorField(res, parts[i].field);

		if (s != NULL) {
			buf_puts(out, parts[i].before);
			buf_put(out, s, strnlen(s, WORDS_MAX));	/* an error may quote a whole value */
		}
	}
	if (buf_len(out) == 0)
		buf_put(out, PQresultErrorMessage(res), strnlen(PQresultErrorMessage(res), WORDS_MAX));
}

/* The server counts characters; a byte that begins none is one that goes on. */
static long
byte_position(const struct db_statement *s, const char *chars)
{
	long want = chars != NULL ? strtol(chars, NULL, 10) : 0;
	size_t i = 0;

	if (want <= 0)
		return 0;
	for (long seen = 0; i < s->n; i++)
		if (((unsigned char)s->bytes[i] & 0xc0) != 0x80 && ++seen == want)
			break;
	return (long)i + 1;
}

void
pg_failed(const PGresult *res, const struct db_statement *s, struct db_result *r)
{
	db_end_with(r, DB_FAILED, pg_state(res), "");
	pg_words(res, &r->text);
	r->position = byte_position(s, PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION));
}

static int
own_result(struct db_conn *c, enum own_id id, const PGresult *res, struct err *e)
{
	ExecStatusType is = PQresultStatus(res);
	const char *words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(c->pg) != CONNECTION_OK)
		return pg_lose(c, e, "the connection to the database is lost");
	if (is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK)
		return 0;
	return err_set(e, pg_code(c, res), "%s failed: %s",
	    own_name(id), words != NULL ? words : "no reason given");
}

/* Those that each write asks for are planned once: planning them costs more than they do. */
static bool
is_kept(enum own_id id)
{
	static const enum own_id kept[] = { OWN_PG_RELATIONS, OWN_PG_SETTINGS, OWN_PG_DEFINITIONS, OWN_PG_SETS_OFF, OWN_PG_MADE,
		OWN_PG_KEY, OWN_PG_VARIES, OWN_PG_LOCKS, OWN_PG_TOUCHED, OWN_PG_POINT };

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (kept[i] == id)
			return true;
	return false;
}

void
pg_forget_kept(struct db_conn *c)
{
	memset(c->kept, 0, sizeof c->kept);
	c->generation++;
}

/* A name that is taken is an error of the server: nobody else's statement runs in the place of ours. */
static PGresult *
run_kept(struct db_conn *c, enum own_id id, int n, const char *const *values)
{
	char name[64];
	PGresult *res;

	snprintf(name, sizeof name, "%s %u", own_name(id), c->generation);
	if (!c->kept[id]) {
		res = PQprepare(c->pg, name, own_sql(&c->text, id, c->tag), n, NULL);
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			return res;
		c->kept[id] = true;
		PQclear(res);
	}
	res = PQexecPrepared(c->pg, name, n, values, NULL, NULL, 0);
	if (strcmp(pg_state(res), "26000") == 0)	/* code of others has deallocated it: the next time it is there */
		pg_forget_kept(c);
	return res;
}

int
pg_own(struct db_conn *c, enum own_id id, int n, const char *const *values, struct buf *names, PGresult **res,
    struct err *e)
{
	PGresult *got = is_kept(id) ? run_kept(c, id, n, values) :
	    PQexecParams(c->pg, own_sql(&c->text, id, c->tag), n, NULL, values, NULL, NULL, 0);
	int ret = own_result(c, id, got, e);

	if (names != NULL)
		own_ran(names, id);
	if (res != NULL)
		*res = got;
	else
		PQclear(got);
	return ret;
}

int
pg_leave(struct db_conn *c, struct buf *names, struct err *e)
{
	if (c->lost)
		return ERR_DATABASE;
	/* a cancel that comes late may hit the ROLLBACK itself: once more */
	for (int i = 0; i < 2 && PQtransactionStatus(c->pg) != PQTRANS_IDLE; i++)
		(void)pg_own(c, OWN_PG_ROLLBACK, 0, NULL, names, NULL, NULL);
	if (PQstatus(c->pg) != CONNECTION_OK || PQtransactionStatus(c->pg) != PQTRANS_IDLE)
		return pg_lose(c, e, "the connection is lost or a transaction could not be ended");
	return 0;
}

bool
pg_moves_transaction(PGresult *res)
{
	static const char *const tags[] = { "COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "PREPARE TRANSACTION" };
	const char *tag = PQresultStatus(res) == PGRES_COMMAND_OK ? PQcmdStatus(res) : "";

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (strcmp(tag, tags[i]) == 0)
			return true;
	return false;
}

void
pg_array_add(struct buf *array, const char *s, size_t n)
{
	buf_puts(array, buf_len(array) > 1 ? ",\"" : "\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_putc(array, '\\');
		buf_putc(array, s[i]);
	}
	buf_putc(array, '"');
}
