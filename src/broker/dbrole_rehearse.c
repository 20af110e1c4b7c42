/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rehearsal: an allowed run that is always taken back. It is a run (law 4), so it needs the key; what a rollback does not
 * take back, and code that somebody made, is not rehearsed. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "dbrole.h"

static bool
none(const struct buf *list)
{
	return buf_len(list) <= 2;
}

/* What the ticket, the text and the sheet say against it. */
static const char *
against(const struct dbrole *d, const struct db_pending *q, const struct db_sheet *sheet)
{
	const struct db_statement text = { DB_SQL, q->sql, q->sql_len };
	const struct sql_facts *f = d->facts;
	uint64_t calls = SQL_DANGER_BIT(SQL_DANGER_VOLATILE) | SQL_DANGER_BIT(SQL_DANGER_EFFECT_FUNCTION) |
	    SQL_DANGER_BIT(SQL_DANGER_UNKNOWN_FUNCTION);

	if (d->ticket == NULL || !d->ticket->rehearsal || d->ticket->stage == TICKET_STAGE_PRODUCTION ||
	    d->ticket->stage == TICKET_STAGE_REPLICA)
		return "the ticket has no rehearsal";
	if (q->nparts != 1 || f->statements != 1 || (strcmp(f->verb, "UPDATE") != 0 && strcmp(f->verb, "DELETE") != 0 &&
	    strcmp(f->verb, "INSERT") != 0))
		return "only one UPDATE, DELETE or INSERT is rehearsed";
	if ((q->dangers & calls) != 0)
		return "it calls a function that is not known to be harmless";
	/* wherever a word stands: one too many is not rehearsed, one too few would count up */
	if (db_has_word(&text, "PORTION"))
		return "what is left of a row beside the portion is inserted, which may count up";
	if (db_has_word(&text, "DEFAULT"))
		return "a default may count up, which is not taken back: write the value";
	if (strcmp(sheet->rollback, "yes") != 0)
		return "it is not known that all of it can be taken back";
	if (!sheet->count_known)
		return "what it matches is not known, so it does not write one plain table";
	if (!none(&sheet->triggers) || !none(&sheet->cascades) || !none(&sheet->rules) || !none(&sheet->policies))
		return "triggers, cascades, rules or policies run with it";
	return NULL;
}

const char *
dbrole_no_rehearsal(struct dbrole *d, const struct db_pending *q, const struct db_sheet *sheet, char why[DBROLE_WHY])
{
	struct err e = { .text = "" };
	const char *no;

	if (!q->rehearsal)
		return NULL;
	no = against(d, q, sheet);
	if (no == NULL && d->driver->alone != NULL && d->driver->alone(d->conn, d->facts, &e) != 0)
		no = e.text;
	if (no == NULL)
		return NULL;
	snprintf(why, DBROLE_WHY, "it is not rehearsed: %.560s", no);
	return why;
}

bool
dbrole_rehearsed(const struct db_pending *q, struct db_held *h)
{
	(void)dbrole_send(json_pack("{s:s, s:I, s:I, s:[I], s:o}", "ev", "rehearsed", "of", (json_int_t)q->n, "affected",
	    (json_int_t)h->affected, "counts", (json_int_t)h->parts[0].touched, "effects",
	    dbrole_effects(h->effects, strlen(h->effects))), NULL, 0);
	snprintf(h->code, sizeof h->code, "rehearsed");
	snprintf(h->text, sizeof h->text, "it was a rehearsal: it ran within its bound and was taken back");
	return false;
}
