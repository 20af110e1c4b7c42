/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of the driver's screen share. */
#ifndef TWOKEY_SRC_CONSOLE_DRIVER_H
#define TWOKEY_SRC_CONSOLE_DRIVER_H

#include "twokey/sql/facts.h"

#include "live.h"

struct driver {
	struct sql_settings set;
	struct sql_facts facts;
	struct buf sql;			/* the statement being sent */
	char rows[40];			/* "= 3", "<= 500" or "" */
	bool batch;			/* more statements stood behind it */
	bool commit;			/* it asks for all collected changes */
	bool rehearse;			/* the next change is a rehearsal */
	bool costly;			/* it is a read that was too costly, to be asked for */
	bool sent;			/* it is on its way, its answer has not come */
	unsigned sent_on;		/* lv->links then: another link brings no answer */
	const char *held;		/* "sql" or "describe": held back until the names have come; NULL nothing */
	json_t *held_fields;
	unsigned held_on;
	unsigned stands;		/* what was in the way when this was looked at last: paused, alone, held, running */
	bool names_asked;		/* once in the life of this console */
	bool naming;			/* and not answered yet */
	unsigned naming_on;
	uint64_t naming_n;		/* the event of that question, 0 not known yet */
};

/* Sends, or holds back while the names for completion are read. False when nothing was sent; fields are taken over. */
bool	driver_send(struct live *lv, const char *what, json_t *fields);
/* A statement cannot run while another one does: says so and is true. */
bool	driver_is_busy(struct live *lv);
/* Puts the statement back into the line. */
void	driver_put_back(struct live *lv);

/* set_draw.c: the statement in d->sql ends a set that has changes in it. */
bool	driver_is_commit(const struct live *lv);
/* Asks why; in an open set a change may leave that to COMMIT. */
void	driver_ask_reason(struct live *lv);
/* The answer to that; false when it has to be asked again. all: reasons of the changes, when COMMIT takes those. */
bool	driver_reason_ok(struct live *lv, const char *text, size_t n, struct buf *all);
/* One or two rows about the set that is open, above row; returns how many. */
int	driver_draw_set(struct live *lv, int row);
/* What the rule says about a transaction. */
void	driver_tx_words(const struct live *lv, char *out, size_t max);
/* driver_ask.c: "\d" and its like */
void	driver_describe(struct live *lv, enum key_action a, const char *name, size_t n);
/* The statement that is not sent yet, while its rows and reason are asked for: rows above row; returns how many. */
int	driver_draw_asked(struct live *lv, int row);
/* "\costly": the latest read, when it was not run; asks for a reason unless one is given. */
void	driver_costly(struct live *lv, const char *reason, size_t n);
/* driver.c: sends the statement in d->sql with its reason */
void	driver_send_sql(struct live *lv, const char *reason, size_t n);
/* Asks for the names once the session is ready, and lets go what waited for them. */
void	driver_names(struct live *lv);
/* An answer to "describe". */
void	driver_names_answered(struct live *lv, const json_t *re);
/* True while the question for the names keeps others from running. */
bool	driver_is_naming(const struct live *lv);
/* What a person sees running: not the question for the names. */
const struct model_entry *driver_running(const struct live *lv);
/* Drops what is held back; false when nothing is. */
bool	driver_unhold(struct live *lv);

#endif
