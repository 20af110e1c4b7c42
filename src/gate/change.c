/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/gate/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gate/differ.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/gate/request.h"
#include "twokey/sql/facts.h"

enum { SCREEN_COLUMNS = 80 };

static const int64_t HOUR_US = INT64_C(3600) * 1000000;

size_t
gate_lines(const char *sql, size_t n)
{
	return text_lines(sql, n, SCREEN_COLUMNS);
}

bool
gate_object(const struct sql_facts *f, char out[GATE_OBJECT_MAX])
{
	const struct sql_table *t = sql_is_definition(f) ? sql_definition_object(f) : sql_written_table(f);

	out[0] = '\0';
	if (t == NULL || t->name.n == 0 || t->schema.n + t->name.n + 2 > GATE_OBJECT_MAX)
		return false;
	snprintf(out, GATE_OBJECT_MAX, "%.*s%s%.*s", (int)t->schema.n, t->schema.p, t->schema.n > 0 ? "." : "", (int)t->name.n,
	    t->name.p);
	return true;
}

void
gate_act(const struct sql_facts *f, char out[GATE_ACT_MAX])
{
	size_t n = 0;

	if (sql_is_definition(f))
		for (; n + 1 < GATE_ACT_MAX && f->verb[n] != '\0' && f->verb[n] != ' '; n++)
			out[n] = f->verb[n] >= 'A' && f->verb[n] <= 'Z' ? (char)(f->verb[n] + 32) : f->verb[n];
	out[n] = '\0';
}

enum gate_named
gate_named_in(const struct ticket *t, const struct digest *digest, const char *object, int64_t now_us)
{
	const struct ticket_change *c = t != NULL ? ticket_change_of(t, digest) : NULL;

	if (c == NULL)
		return GATE_NAMED_NOT;
	if (c->object == NULL || strcmp(c->object, object) != 0)
		return GATE_NAMED_OTHER_OBJECT;
	if (c->backup == NULL)
		return GATE_NAMED_NO_BACKUP;
	if (c->backup_taken_us > now_us || now_us - c->backup_taken_us > (int64_t)t->backup_max_hours * HOUR_US)
		return GATE_NAMED_OLD_BACKUP;
	return GATE_NAMED_WELL;
}

int
gate_change_bound(const struct ticket_change *c, struct gate_bound *out, struct err *e)
{
	struct gate_bound named;

	if (c == NULL || c->rows == NULL)
		return 0;
	named = (struct gate_bound){ .given = true, .op = c->at_most ? GATE_OP_AT_MOST : GATE_OP_EQUAL, .rows = c->bound };
	if (!out->given)
		*out = named;
	if (!gate_bound_holds(&named, out->rows) || (out->op == GATE_OP_AT_MOST && !c->at_most))
		return err_set(e, ERR_DENIED, "the ticket names this change with rows %s %" PRIu64 "; leave rows out, or name no more",
		    c->at_most ? "<=" : "=", c->bound);
	return 0;
}

void
gate_change_wanted(struct buf *out, const struct digest *digest, const char *object, bool strict)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(digest, hex);
	buf_putf(out, "have a ticket accepted with this among its changes: { digest: %s", hex);
	if (object[0] != '\0')
		buf_putf(out, ", object: \"%s\"", object);
	if (strict)
		buf_puts(out, ", backup: \"which, and where\", backup_taken: 2026-01-31T12:00:00Z");
	buf_puts(out, " }");
}

static void
tell_named(struct buf *out, const struct ticket_change *c, size_t number)
{
	char taken[CLOCK_TEXT];

	buf_putf(out, "as change %zu of the ticket, byte for byte\n", number);
	if (c->rows != NULL)
		buf_putf(out, "rows: %s %" PRIu64 "\n", c->at_most ? "<=" : "=", c->bound);
	if (c->backup == NULL)
		return;
	clock_format(c->backup_taken_us, taken);
	buf_putf(out, "backup: %s, taken %.19sZ\n", c->backup, taken);
}

/* The change of that object whose text has the fewest other bytes; NULL when there is none. */
static const struct ticket_change *
nearest(const struct ticket *t, const struct gate_text *s)
{
	const struct ticket_change *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < t->nchanges; i++) {
		const struct ticket_change *c = &t->changes[i];
		size_t far;

		if (c->sql == NULL || c->object == NULL || strcmp(c->object, s->object) != 0)
			continue;
		far = differ(NULL, c->sql, strlen(c->sql), s->sql, s->n);
		if (found == NULL || far < best) {
			found = c;
			best = far;
		}
	}
	return found;
}

size_t
gate_change_tell(struct buf *out, const struct ticket *t, const struct gate_text *s)
{
	const struct ticket_change *c = ticket_change_of(t, s->digest);

	if (c != NULL) {
		tell_named(out, c, (size_t)(c - t->changes) + 1);
		return (size_t)(c - t->changes) + 1;
	}
	c = nearest(t, s);
	if (c != NULL) {
		buf_putf(out, "not in the ticket; the nearest change of %s there is change %zu, which differs:\n", s->object,
		    (size_t)(c - t->changes) + 1);
		(void)differ(out, c->sql, strlen(c->sql), s->sql, s->n);
	} else if (t->nchanges > 0) {
		buf_putf(out, "not in the ticket, whose changes have none of %s in words\n", s->object[0] != '\0' ? s->object : "this");
	}
	return 0;
}
