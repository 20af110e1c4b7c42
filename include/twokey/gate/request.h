/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request and the second key: the state machine and its guards. Pure: the clock is passed in. */
#ifndef TWOKEY_GATE_REQUEST_H
#define TWOKEY_GATE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/ticket/ticket.h"

struct err;

/* gate.def: GATE_STATE, GATE_INPUT and GATE_STEP: the enums come from it. */
enum gate_state {
#define GATE_STATE(name, text, final) GATE_STATE_##name,
#define GATE_INPUT(name, text)
#define GATE_STEP(from, input, to)
#include "twokey/gate/gate.def"
#undef GATE_STATE
#undef GATE_INPUT
#undef GATE_STEP
	GATE_STATES
};
enum gate_input {
#define GATE_STATE(name, text, final)
#define GATE_INPUT(name, text) GATE_INPUT_##name,
#define GATE_STEP(from, input, to)
#include "twokey/gate/gate.def"
#undef GATE_STATE
#undef GATE_INPUT
#undef GATE_STEP
	GATE_INPUTS
};

/* "asking", as gate.def names it; static. A state out of range counts as final. */
const char *gate_state_name(enum gate_state s);
bool	gate_state_final(enum gate_state s);
/* The next state; false (and *s unchanged) when the table has no such step. */
bool	gate_step(enum gate_state *s, enum gate_input in);

enum gate_op { GATE_OP_EQUAL, GATE_OP_AT_MOST };	/* "=" and "<=" */

/* How many rows a write may touch. */
struct gate_bound {
	bool given;
	enum gate_op op;
	uint64_t rows;
};
/* Parses "= 3", "=3", "3", "<= 500"; ERR_INVALID with a sentence. */
int	gate_bound_parse(const char *s, struct gate_bound *out, struct err *e);
bool	gate_bound_holds(const struct gate_bound *b, uint64_t rows);

enum { GATE_NAME_MAX = 64, GATE_PARTS_MAX = 16, GATE_SECONDS_MIN = 2, GATE_ANSWER_WITHIN_S = 600, GATE_QUESTIONS_MAX = 3,
	GATE_SIGN_WITHIN_S = 120, GATE_SIGNINGS_MAX = 5, GATE_RUN_WITHIN_S = 30, GATE_ACT_MAX = 24 };

/* One request. All times are monotonic milliseconds. */
struct gate_request {
	uint64_t n;			/* number of its event */
	enum gate_state state;
	char by[GATE_NAME_MAX];		/* the driver who asked */
	struct digest digest;		/* of the statement's bytes */
	size_t lines;			/* lines of the statement as shown: a long one counts once per 80 columns */
	char table[200];		/* what is typed to allow it: the table's or object's name */
	char act[GATE_ACT_MAX];		/* "drop": typed before the object; there are no rows to count. "": rows are */
	bool all_rows;			/* no WHERE, or one that is always true: "all rows" is typed too */
	struct gate_bound bound;	/* of parts: of all together */
	struct gate_bound parts[GATE_PARTS_MAX];	/* of a change set: as the driver gave them */
	size_t nparts;			/* 0: one statement */
	bool rehearsal;			/* it is run and taken back */
	bool held;			/* it ran: what is typed keeps it */
	int64_t asked_ms;
	int64_t until_ms;		/* expiry */
	bool sheet;			/* the sheet is there */
	struct digest bind;		/* of everything that was shown (from the sheet) */
	bool count_known;
	uint64_t count;
	unsigned questions;		/* how often the confirmer asked */
	unsigned replies;		/* and how often the driver's answer set the clock anew */
	bool both_sides;		/* it takes two keys, one of each side */
	char turned[GATE_NAME_MAX];	/* who turned the first of them; "" nobody yet */
	enum ticket_side turned_side;
	char signer[GATE_NAME_MAX];	/* who typed the content and signs now; "" nobody */
	int64_t sign_by_ms;		/* when that signature has to be there */
	unsigned signings;		/* how often somebody began to sign */
	/* who has it open (one record per confirmer who opened it) */
	struct gate_opened {
		char by[GATE_NAME_MAX];
		int64_t at_ms;		/* opened */
		int64_t last_ms;	/* last line shown; 0: not yet */
	} opened[8];
	size_t nopened;
};

/* Fills a request in state CLASSIFIED -> ASKING. The caller then sets table, all_rows and bound, before
 * the sheet comes. seconds over a day count as a day; by too long or empty: born REFUSED. */
void	gate_request_init(struct gate_request *r, uint64_t n, const char *by,
	    const struct digest *digest, size_t lines, int64_t now_ms, int64_t seconds);
/* The sheet has come. When no bound was given, it becomes "= count" if the count is known.
 * ERR_DENIED with a sentence when the known count is outside the given bound or no bound can be had:
 * the caller voids the request. */
int	gate_request_sheet(struct gate_request *r, const struct digest *bind, bool count_known,
	    uint64_t count, struct err *e);
/* The same for a change set: counts[i] rows match part i, -1 when that is not known. A part without a bound of its own
 * is bound to its count; r->bound becomes the sum. */
int	gate_request_sheets(struct gate_request *r, const struct digest *bind, const int64_t *counts, size_t n, struct err *e);
/* It ran and is held: everything that was shown and opened before counts no more; bind and rows are now those of the
 * real effect, and the key has to be turned again within seconds. ERR_STATE unless it is executing. */
int	gate_request_held(struct gate_request *r, const struct digest *bind, uint64_t rows, int64_t now_ms, int64_t seconds,
	    struct err *e);
/* The confirmer opened it (last: its last line was on his screen). ERR_STATE without a sheet. */
int	gate_request_opened(struct gate_request *r, const char *by, bool last, int64_t now_ms, struct err *e);
/* That person's screen is gone: who comes back opens it anew. */
void	gate_request_closed(struct gate_request *r, const char *by);
/* Milliseconds to wait after opening before it can be allowed: GATE_SECONDS_MIN, longer for more lines. */
int64_t	gate_wait_ms(const struct gate_request *r);
/* All guards of the second key: state, expiry, by is not the driver, opened and last line shown by him,
 * minimum time, opened within GATE_ANSWER_WITHIN_S, digest and bind are those shown, typed is what the sheet
 * asks for. 0, or ERR_DENIED/ERR_STATE with a sentence; then nothing has changed. On 0 the state is ALLOWED, of what
 * was held KEEPING. */
struct gate_key {
	const char *by;
	enum ticket_side side;		/* his; looked at where it takes two keys */
	const struct digest *digest;
	const struct digest *bind;
	const char *typed;
};
int	gate_request_allow(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e);
/* True when the next key that is turned is the first of two: then gate_request_allow notes who turned it, and the
 * request goes on waiting for another person, of the other side. */
bool	gate_request_needs_two(const struct gate_request *r);
/* A key that the guards let through (and whose signature was found good) counts: true when the request is allowed by
 * it, false when it was the first of two or can be allowed no more. gate_request_allow does this itself. */
bool	gate_request_turn(struct gate_request *r, const char *by, enum ticket_side side);
/* The same guards for a person who signs his answer: the content is typed in time, and from here on the clock waits for
 * the signature, GATE_SIGN_WITHIN_S, whatever a touch takes. Nothing but that changes: the request still waits. At most
 * GATE_SIGNINGS_MAX times; one that begins later takes the place of the one before. */
int	gate_request_signing(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e);
/* The signature is there: by him who began it, within its time, with the same content. It is used up by this, good or not.
 * When it is found good, the caller calls gate_request_turn. */
int	gate_request_signed(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e);
/* What has to be typed: "orders 3", "orders <=500", "keep orders 3" of what is held, "rehearse orders 3", "all rows orders 812"
 * without WHERE (all_rows, or r->all_rows, which is what gate_request_allow goes by), "drop orders" where there are no rows to
 * count. "" while nothing can be typed. */
void	gate_request_expected(const struct gate_request *r, bool all_rows, char *out, size_t size);
/* True when its time is over in state ASKING. (ALLOWED is executed at once or spoiled by the caller.) */
bool	gate_request_expired(const struct gate_request *r, int64_t now_ms);
/* The confirmer asked: the clock is set anew, once per question, at most three times. */
int	gate_request_asked(struct gate_request *r, int64_t now_ms, int64_t seconds, struct err *e);

/* The driver answered: who asked gets time to read that, once per question. True when the clock was set anew. */
bool	gate_request_replied(struct gate_request *r, int64_t now_ms, int64_t seconds);

/* Law 3: may this person turn the key for that driver under this ticket. ERR_DENIED with a sentence. */
int	gate_second_ok(const struct ticket *t, const char *driver, enum ticket_side driver_side,
	    const char *person, enum ticket_side person_side, struct err *e);

#endif
