/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement on its way: what msg_sql.c and msg_set.c share. */
#ifndef TWOKEY_BROKER_MSG_SQL_H
#define TWOKEY_BROKER_MSG_SQL_H

#include "twokey/gate/change.h"

#include "session.h"

struct statement {
	struct message *m;
	const char *sql;
	size_t n;
	char digest[DIGEST_HEX + 1];
	struct digest sum;
	char object[GATE_OBJECT_MAX];	/* what is typed: its table's or object's name, "" none */
};

/* Its digest. */
void	statement_init(struct statement *st, struct message *m, const char *sql, size_t n);
/* Refused and not recorded: the answer alone. */
void	statement_no(struct message *m, int code, const char *why);
/* Refused and recorded. */
void	statement_refuse(struct statement *st, const char *code, const char *why);
/* Records an event of it; its sender gets the answer. */
struct submission *statement_submit(struct statement *st, enum transcript_event_kind kind, json_t *ev, struct packet_body *b,
	    size_t nb);
/* The tables of the session's facts, as an event names them; the caller drops it. */
json_t	*statement_tables(const struct session *s);
/* False after an answer: nobody could answer a request now, or too many wait. */
bool	statement_may_ask(struct statement *st);
/* Begins a request for what the session's facts say, and its event; both are the caller's. */
struct gate_request *statement_request(const struct statement *st);
json_t	*statement_event(const struct statement *st, const struct gate_request *r);
/* It waits from now on. r and ev are taken. */
void	statement_ask(struct statement *st, struct gate_request *r, uint64_t dangers, json_t *ev);

/* msg_set.c: a word of BEGIN, COMMIT or ROLLBACK is answered there; false for every other statement. */
bool	set_word(struct statement *st);
/* A write while a set is open is collected. */
void	set_stage(struct statement *st, const struct gate_bound *bound);

#endif
