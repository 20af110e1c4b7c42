/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who stands in the way of a write, as the sheet keeps it. */
#ifndef DB_LOCKS_H
#define DB_LOCKS_H

#include "driver.h"

/* Somebody with a lock, as far as the account may see him; NULL or -1: not told. */
struct db_holder {
	const char *backend;	/* number of his connection or process */
	const char *user, *application;
	const char *on;		/* a table, a file */
	const char *mode;
	const char *state;	/* "idle in transaction" */
	const char *sql;	/* what he runs or ran last */
	int64_t age_s;		/* of his transaction */
	int64_t rows;		/* that he has locked or changed */
	bool blocks;		/* it has to wait for him; else only where they meet at a row */
	bool waits;		/* he has not got it yet, and stands before it in the queue */
};
/* At most so many are kept; the sheet counts them all. */
enum { DB_HOLDERS_MAX = 50 };
void	db_holder_add(struct db_sheet *s, const struct db_holder *h);
/* What another statement of the same change meets too. */
void	db_locks_join(struct db_sheet *all, const struct db_sheet *one);
/* "MODE on table", with "up to " before it when it may be less. */
void	db_takes_add(struct db_sheet *s, const char *mode, const char *table, bool up_to);
/* Appends to the sentence of an error who holds what was waited for; nothing when nobody was seen. */
void	db_locks_tell(const struct db_sheet *s, struct err *e);
/* Whether the engine's word on the statement and its table lets it be taken back. */
void	db_rollback_is(struct db_sheet *s, const struct sql_facts *f, const char *of_table);

#endif
