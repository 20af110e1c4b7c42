/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that lay out entries share. */
#ifndef TWOKEY_SRC_CONSOLE_LOG_PRIV_H
#define TWOKEY_SRC_CONSOLE_LOG_PRIV_H

#include "twokey/console/model.h"

#include "lay.h"

/* One entry being laid out. */
struct log_entry {
	const struct model *m;
	const struct model_entry *e;
	struct lay lay;
	enum log_expanded x;
	size_t max_rows;	/* 0: all */
	bool ruled;
};

/* log_entry.c: all lines of one entry */
void	log_entry_lay(struct log_entry *o);
/* The statement behind the prompt, or that it is not there. */
void	log_statement(struct log_entry *o);
/* The words of the server, with LINE and caret where the position is known. */
void	log_error(struct log_entry *o, const char *title);
/* log_rows.c: rows of a result; says what is not shown */
void	log_rows(struct log_entry *o);
/* log_write.c: a request from its asking to its end */
void	log_write(struct log_entry *o);
/* hold_lines.c: what ran and was not kept at once, up to the answer; a rehearsal, and what it did */
void	hold_log(struct log_entry *o);
void	hold_rehearsed_log(struct log_entry *o);
/* set_log.c: a change that is collected; the set's own events, false when it is none of them */
void	log_staged(struct log_entry *o);
bool	log_set(struct log_entry *o, const char *at);
/* How many rows each statement of a set means. */
void	log_bounds(struct log_entry *o);
/* The state of an entry in capitals ("ALLOWED", "COMMITTED"), for rules and lists. */
const char *log_state_word(const struct model_entry *e);
/* Why it ended that way, as far as it is known: foreign text, or "". */
const char *log_over_words(const struct model_entry *e);
/* log_describe.c: a question about definitions; a read that was not run */
void	log_describe(struct log_entry *o);
void	log_costly(struct log_entry *o);
/* What the server said beside the result (notices, warnings). */
void	log_notices(struct log_entry *o);
/* log_reach.c: false when it is no event about the way to the database */
bool	log_reach(struct log_entry *o, const char *at);
/* log_state.c: joined, connected, ended and the like, as one sentence */
void	log_state(struct log_entry *o);

#endif
