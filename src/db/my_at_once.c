/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What commits by itself: DDL and TRUNCATE. Looked at in a transaction, which is given up, then put on record as if it was done
 * already, then sent. There is no way back, and the end is told as it is. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

#include "allowed.h"

bool
my_is_at_once(const struct sql_facts *f)
{
	return sql_is_definition(f) && (f->dangers & SQL_DANGER_BIT(SQL_DANGER_IMPLICIT_COMMIT)) != 0;
}

/* The server's error: nothing says how far it had come. */
static void
ended_by(struct db_conn *c, unsigned number, const struct db_statement *s, struct db_result *r)
{
	if (my_is_lost(number)) {
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "lost", "the connection was lost after the statement was sent, which commits by itself");
		return;
	}
	my_failed(number, mysql_sqlstate(c->my), mysql_error(c->my), s, r);
	snprintf(r->code, sizeof r->code, "partial");
	db_note(&r->text, "it commits by itself: what the server had done of it before the error may stay; look at the definition");
}

static void
send(struct db_conn *c, const struct db_statement *s, struct db_result *r)
{
	MYSQL *m = c->my;
	unsigned number = 0;

	if (mysql_send_query(m, s->bytes, s->n) == 0)
		my_wait(c);
	if (mysql_read_query_result(m) != 0)
		number = mysql_errno(m);
	if (number != 0) {
		ended_by(c, number, s, r);
		return;
	}
	if (mysql_field_count(m) > 0 || mysql_more_results(m)) {	/* nothing of this kind answers with rows */
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "wall", "the statement answered with rows, so what it did is not known");
		return;
	}
	r->end = DB_COMMITTED;
	r->code[0] = '\0';
	if (mysql_warning_count(m) > 0)
		my_notices(c, r);
}

/* The session writes for this one statement. What it tracks is compared anew afterwards, with all that it was before. */
static void
send_alone(struct db_conn *c, const struct db_statement *s, struct db_result *r)
{
	MYSQL_RES *variables = c->variables;
	struct err e;

	c->variables = NULL;
	if (my_own(c, OWN_MY_READ_WRITE, 0, NULL, &r->own, NULL, &e) != 0)
		db_end_with(r, DB_FAILED, c->lost ? "lost" : "wall", "the statement was not sent: the session could not be let write");
	else
		send(c, s, r);
	if (!c->lost && my_own(c, OWN_MY_READ_ONLY, 0, NULL, &r->own, NULL, &e) != 0)
		c->lost = true;
	c->variables = variables;
	c->flagged = true;
}

void
my_run_at_once(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_commit_point p = { .backend = (int64_t)c->id };
	struct err e;

	if (a->nparts != 1) {
		db_end_with(r, DB_FAILED, "wall", "it commits by itself, so it stands alone in its request");
		return;
	}
	snprintf(p.system, sizeof p.system, "%s", c->system);
	if (!my_still_as_allowed(c, a, r))
		return;
	if (my_own(c, OWN_MY_ROLLBACK, 0, NULL, &r->own, NULL, &e) != 0)
		db_end_with(r, DB_FAILED, "lost", e.text);
	else if (atomic_load(&c->cancelled))
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
	else if (!db_on_record(a, &p, r))
		return;
	else if (atomic_load(&c->cancelled))
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled before it was sent");
	else if (!my_is_there(c)) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before the statement was sent");
	} else {
		send_alone(c, &a->parts[0].statement, r);
	}
}
