/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes that are collected, in the log. */
#include "config.h"

#include "log_priv.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"

#include "set_parts.h"

static void
put_bound(struct buf *b, bool most, int64_t rows)
{
	if (rows >= 0)
		buf_putf(b, "%s %" PRId64, most ? "<=" : "=", rows);
	else
		buf_puts(b, "as counted");
}

void
log_staged(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	struct lay *l = &o->lay;
	struct buf b;

	log_statement(o);
	buf_init(&b, 256);
	put_bound(&b, strcmp(e->op, "<=") == 0, e->op[0] != '\0' ? e->rows_wanted : -1);
	lay_line(l, SCREEN_WARN, "COLLECTED as change %zu   rows expected: %s   not sent", e->staged,
	    buf_str(&b));
	buf_fini(&b);
	if (e->reason != NULL && e->reason[0] != '\0')
		lay_text(l, SCREEN_PLAIN, "  reason: ", "    ", e->reason, strlen(e->reason), LAY_WORDS);
}

void
log_bounds(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	struct set_part p;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_putf(&b, "  %zu changes as one; rows expected: ", set_size(e));
	for (size_t i = 0; i < set_size(e); i++) {
		set_part(o->m, e, i, &p);
		buf_puts(&b, i > 0 ? ", " : "");
		put_bound(&b, p.most, p.wanted);
	}
	buf_putf(&b, "   table%s: %s", strchr(e->table, '+') != NULL ? "s" : "", e->table);
	lay_line(&o->lay, SCREEN_PLAIN, "%s", buf_str(&b));
	buf_fini(&b);
}

/* Why the set is no more. */
static void
lay_dropped(struct log_entry *o, const char *at)
{
	static const char *const reasons[][2] = {
		{ "rollback", "ROLLBACK" },
		{ "age", "it was open for too long" },
		{ "driver-left", "the driver left" },
		{ "empty", "there was nothing in it" },
	};
	const struct model_entry *e = o->e;
	const char *why = e->code;

	if (strcmp(e->code, "asked") == 0) {
		lay_line(&o->lay, SCREEN_DIM, "-- %s the %zu collected change%s: asked for as one request", at, e->staged,
		    e->staged == 1 ? "" : "s");
		return;
	}
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (strcmp(e->code, reasons[i][0]) == 0)
			why = reasons[i][1];
	lay_line(&o->lay, e->staged > 0 ? SCREEN_WARN : SCREEN_DIM, "-- %s the change set is closed (%s); %zu change%s dropped, nothing "
	    "reached the database", at, why, e->staged, e->staged == 1 ? "" : "s");
}

bool
log_set(struct log_entry *o, const char *at)
{
	const struct model_entry *e = o->e;
	char until[12];

	if (e->state == TRANSCRIPT_EVENT_DROPPED) {
		lay_dropped(o, at);
		return true;
	}
	if (e->state != TRANSCRIPT_EVENT_BEGUN)
		return false;
	lay_clock(&o->lay, e->until_us, until);
	lay_line(&o->lay, SCREEN_WARN, "-- %s BEGIN by %s: changes are collected and not sent; COMMIT asks for all of them at once, ROLLBACK "
	    "drops them, at %s they are dropped", at, e->by, until);
	if (!o->ruled)
		lay_line(&o->lay, SCREEN_DIM, "   Reads go on and do not see them.");
	return true;
}
