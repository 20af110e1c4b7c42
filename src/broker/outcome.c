/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "outcome.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/sql/facts.h"

static const char *
field(const json_t *point, const char *key)
{
	const char *s = json_str(point, key, NULL);

	return s != NULL ? s : "";
}

/* The xid, system and timeline are the server's words; what is no number has no place in a query. */
static bool
is_number(const char *s)
{
	return s[0] != '\0' && strspn(s, "0123456789") == strlen(s);
}

static void
how_postgres(const json_t *point, struct buf *out)
{
	const char *xid = field(point, "xid"), *system = field(point, "system");

	if (!is_number(xid) || !is_number(system)) {
		buf_puts(out, "the server gave no number of the transaction to ask by");
		return;
	}
	buf_putf(out, "ask the server: SELECT pg_xact_status('%s'), system_identifier = %s AS same_server FROM pg_control_system(); "
	    "it holds only where same_server is true, on timeline %s: committed or aborted is the outcome; in progress: backend %"
	    PRId64 " still runs, end it and ask again; NULL: it is too long ago. If the server crashed "
	    "since (stats_reset of pg_stat_bgwriter is later than this session), committed may be another transaction's", xid, system, field(point, "timeline"),
	    json_int(point, "backend", 0));
}

static void
how_mysql(const json_t *point, struct buf *out)
{
	buf_putf(out, "no server of this kind keeps what became of a transaction: see that its connection has ended, SELECT id FROM"
	    " information_schema.PROCESSLIST WHERE id = %" PRId64 " gives no row", json_int(point, "backend", 0));
}

static void
how_sqlite(const json_t *point, struct buf *out)
{
	const char *counter = field(point, "timeline");

	buf_puts(out, "the file keeps no record of its transactions");
	if (is_number(counter))
		buf_putf(out, " (its change counter, bytes 24 to 27, was %s before: the same number means that it was not kept, another "
		    "that somebody has committed since)", counter);
}

void
outcome_how(const char *engine, const json_t *point, struct buf *out)
{
	enum sql_engine is;

	if (engine == NULL || !sql_engine_parse(engine, &is))
		buf_puts(out, "there is no query for this engine");
	else if (is == SQL_POSTGRES)
		how_postgres(point, out);
	else if (is == SQL_SQLITE)
		how_sqlite(point, out);
	else
		how_mysql(point, out);
	buf_putf(out, "; by hand: compare the rows that are there with the statement of event %" PRId64 " and the rows on its sheet, "
	    "which are those from before it", json_int(point, "of", 0));
}
