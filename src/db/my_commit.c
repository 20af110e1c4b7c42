/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commit: first on record, then sent. */
#include "config.h"

#include "my.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

#include "allowed.h"

static void
send_commit(struct db_conn *c, struct db_result *r)
{
	struct err e;
	int ret = my_own(c, OWN_MY_COMMIT, 0, NULL, &r->own, NULL, &e);

	if (ret == 0) {
		r->end = DB_COMMITTED;
		r->code[0] = '\0';
	} else if (c->lost) {
		db_end_with(r, DB_UNKNOWN, "lost", "the connection was lost after COMMIT was sent");
	} else if (mysql_errno(c->my) == ER_LOCK_DEADLOCK) {	/* a cluster refused it and rolled back */
		my_ended_by(c, ER_LOCK_DEADLOCK, &(struct db_statement){ .bytes = "" }, r);
	} else {	/* an error while committing does not say what was kept */
		c->lost = true;
		db_end_with(r, DB_UNKNOWN, "lost", e.text);
	}
}

/* From the first line on a cancel may still roll back; once COMMIT is sent none is sent any more: a KILL QUERY in the
 * middle of a commit could make the answer a lie. */
void
my_commit(struct db_conn *c, const struct db_allowed *a, struct db_result *r)
{
	struct db_commit_point p = { .affected = r->rows, .backend = (int64_t)c->id };

	snprintf(p.system, sizeof p.system, "%s", c->system);
	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled");
		return;
	}
	if (!db_on_record(a, &p, r))
		return;
	my_end(c);
	if (atomic_load(&c->cancelled)) {
		db_end_with(r, DB_ROLLEDBACK, "cancelled", "cancelled before COMMIT was sent");
		return;
	}
	if (!my_is_there(c)) {
		c->lost = true;
		db_end_with(r, DB_FAILED, "lost", "the connection was lost before COMMIT was sent: the server rolls back");
		return;
	}
	send_commit(c, r);
}

/* These servers keep no record that a transaction could be asked about afterwards: a client has no number for it
 * (InnoDB's own is shown to administrators while it runs, a GTID only after the COMMIT was answered). So the
 * answer stays what it is. */
int
my_outcome(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e)
{
	*is = "unknown";
	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (c->system[0] == '\0' || strcmp(c->system, p->system) != 0)
		return err_set(e, ERR_UNKNOWN, "it is another server than the one that was written");
	return err_set(e, ERR_UNKNOWN, "MariaDB and MySQL cannot be asked what became of a transaction; look at the rows");
}
