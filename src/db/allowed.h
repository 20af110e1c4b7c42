/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Law 4 as the drivers share it: what was shown about a write as digests, and whether it still is so. */
#ifndef DB_ALLOWED_H
#define DB_ALLOWED_H

#include "driver.h"
#include "shown.h"

/* A sink for rows of keys; the caller begins and ends the sum. */
struct db_keys {
	struct digest_sum *sum;
	struct buf *list;	/* for the eye; NULL: none */
	uint64_t count;
	uint64_t told;		/* the last row's only cell, when that is an integer */
};
struct db_sink db_keys_sink(struct db_keys *k);
/* Adds one row: type and bytes of each cell. */
void	db_keys_row(struct db_keys *k, const struct db_cell *cells, size_t n);

/* The sample on its way to whom it is shown: what its cells are is a part of the rows matched, for a row that looks otherwise
 * is not the one that was shown. Not so the values to come of a statement that asks what time it is. */
struct db_seen {
	const struct db_sink *to;	/* NULL: nobody */
	size_t nkeys;
	bool pairs;			/* behind the keys: what is there, what comes, of each column that is set */
	bool adds;			/* all of it comes */
	bool timed;
	struct digest_sum *sum;
};
/* seen is filled; m->keys are those of the rows, and once it ended those of their cells too. */
struct db_sink db_seen_begin(struct db_seen *seen, const struct db_sink *to, const struct db_statement *s,
	    const struct sql_facts *f, size_t nkeys, const struct db_match *m);
void	db_seen_end(struct db_seen *seen, struct db_match *m);
/* On the sheet that has a sample: what it does not tell. */
void	db_seen_note(struct db_sheet *sheet, const struct sql_facts *f);

/* Adds for whom a change waited that gave up on a lock. */
void	db_tell_waited(struct db_result *r, const struct db_waiting *others);

/* What a bind digest is made of (doc/protocol.txt). */
struct db_place {
	const char *format;	/* of the bind: "twokey bind postgres 1" */
	const char *identity, *database, *role;
	const char *guard;	/* what it said: a part of what was shown */
};
void	db_bind_place(struct db_ground *g, const struct db_statement *s, const struct db_place *p);
/* The ground ends here: it and the rows matched go onto the sheet. */
void	db_bind_end(struct db_ground *g, const struct db_match *m, struct db_sheet *sheet);

/* Each is true when the run may go on; false: *r says why it was rolled back. */
/* p against what is there now; p->moved when other rows match, and so many as are allowed. What differs is named. */
bool	db_as_shown(const struct db_allowed *a, struct db_part *p, const struct db_sheet *now, struct db_result *r);
/* Before a later part: what it rests on is still the same although others ran. Rows may be others by now: p->moved says so. */
bool	db_ground_kept(struct db_part *p, const struct db_sheet *now, struct db_result *r);
/* The part touched so many rows. */
bool	db_bound_kept(struct db_part *p, uint64_t touched, struct db_result *r);
/* All parts ran: r->rows becomes their sum, and who holds the change is asked. */
bool	db_kept(const struct db_allowed *a, struct db_result *r);
/* The commit point goes on record. */
bool	db_on_record(const struct db_allowed *a, const struct db_commit_point *p, struct db_result *r);

#endif
