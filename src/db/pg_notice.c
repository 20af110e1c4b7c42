/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server says beside its results: RAISE NOTICE, warnings. */
#include "config.h"

#include "pg.h"

#include <string.h>

enum { ONE_MAX = 2 * 1024 };

static void
nobody(void *ctx, const PGresult *res)
{
	(void)ctx, (void)res;
}

static void
put(struct buf *out, const char *before, const char *s)
{
	if (s == NULL)
		return;
	buf_puts(out, before);
	buf_put(out, s, strnlen(s, ONE_MAX));
}

/* Waiting for a standby was broken off: the change is committed here, and perhaps nowhere else. Told by the server's own
 * function, for the words are in its language (syncrep.c). */
static bool
is_unreplicated(const PGresult *res)
{
	const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	return function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0;
}

static void
keep(void *conn, const PGresult *res)
{
	struct db_conn *c = conn;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct buf words;

	if (severity == NULL)
		severity = PQresultErrorField(res, PG_DIAG_SEVERITY);
	buf_init(&words, 4 * ONE_MAX);
	buf_puts(&words, severity != NULL ? severity : "NOTICE");
	put(&words, ": ", PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	put(&words, "\nDETAIL: ", PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL));
	put(&words, "\nHINT: ", PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
	if (strncmp(buf_str(&words), "FATAL", 5) == 0 || strncmp(buf_str(&words), "PANIC", 5) == 0)
		c->ended = true;
	c->unreplicated = c->unreplicated || is_unreplicated(res);
	db_notice(c->told, buf_data(&words), buf_len(&words));
	buf_fini(&words);
}

void
pg_notices_begin(struct db_conn *c, struct db_result *r)
{
	c->told = r;
	c->unreplicated = false;
	PQsetNoticeReceiver(c->pg, keep, c);
}

void
pg_notices_end(struct db_conn *c)
{
	PQsetNoticeReceiver(c->pg, nobody, NULL);
	c->told = NULL;
}
