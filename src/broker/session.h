/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the session role: gate, seats, consoles. No secret, no database. */
#ifndef TWOKEY_BROKER_SESSION_H
#define TWOKEY_BROKER_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "twokey/base/clock.h"
#include "twokey/gate/pace.h"
#include "twokey/gate/request.h"
#include "twokey/sql/facts.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"
#include "twokey/transcript/event.h"

#include "channel.h"
#include "packet.h"
#include "seats.h"

struct err;
struct event;
struct event_base;

enum {
	SESSION_REQUESTS_MAX = 8,	/* requests that wait at one time */
	SESSION_CONSOLES_MAX = 128,
	SESSION_TALK_PER_S = 10,	/* messages, notes, questions of one console */
	SESSION_TALK_BURST = 40,
	SESSION_EMPTY_S = 60,		/* a session without anybody ends */
	SESSION_RUN_WITHIN_S = GATE_RUN_WITHIN_S	/* an allowed request begins within this, or never */
};

/* Bits, for the permit table. */
enum session_state {
	SESSION_STARTING = 1, SESSION_READY = 2, SESSION_PAUSED = 4, SESSION_ENDING = 8,
	SESSION_ALONE = 16	/* no second person is there, and the ticket lets only reads go on */
};

struct console {
	uint64_t id;
	struct session *s;
	struct channel *channel;
	char person[GATE_NAME_MAX];
	enum ticket_side side;
	enum ticket_seat seat;
	bool json;
	bool may_answer_json;
	bool bodies;		/* false: event lines only */
	bool away;
	bool said_bye;
	int64_t loginuid, audit;	/* -1: not set */
	bool remote;		/* of a login session that came from another host, as the front found it */
	uint64_t offset;	/* next byte of the transcript to send */
	uint64_t body_from, body_to;	/* lines asked for with "body"; sent between */
	int64_t seen_ms;	/* last request */
	int64_t talk_ms;	/* token bucket of messages */
	double talk;
	unsigned malformed;	/* in a row */
	struct console *next;
};

/* A secret that a role asks a person for. */
struct wanted {
	uint64_t n;		/* the event that asks, 0: nothing is asked */
	char from[GATE_NAME_MAX];
	json_t *sealed;		/* for the asking role, until it is on record that it was given */
};

/* What the text of a signed answer needs beside the request. */
struct signing {
	struct digest keys;	/* of the sheet */
	uint64_t n;		/* the event signing, 0: nobody signs */
	struct digest head;	/* of its line */
	char nonce[33];
	char until[CLOCK_TEXT];
};

/* A request that waits, and what stands beside it. */
struct slot {
	struct gate_request *r;	/* NULL: the slot is free */
	uint64_t dangers;
	enum sql_class class;
	bool planned;		/* the ticket names it, byte for byte */
	struct signing signing;
};

/* An event on its way to the recorder, in order. */
struct submission {
	uint64_t console;	/* who gets the answer, 0: nobody */
	const char *re;
	json_t *id;
	bool refusal;		/* the answer is ok:false with code and why */
	char why[800];
	/* Called with the number of the recorded event; may be NULL. */
	void (*then)(struct session *s, struct submission *sub, uint64_t n);
	struct gate_request *request;	/* for then */
	struct wanted *wanted;		/* for then */
	uint64_t of;			/* for then: a request that may be gone by now */
	char by[GATE_NAME_MAX];		/* for then: whose key, of which side */
	enum ticket_side side;
	struct submission *next;
};

/* Changes that the driver collects between BEGIN and COMMIT: nothing of them has reached the database. */
struct collected {
	char *sql;
	size_t n;
	struct gate_bound bound;	/* as the driver gave it */
	char table[200];
	bool all_rows;
	uint64_t dangers;
};
struct set {
	uint64_t n;		/* the event begun, 0: none is open */
	int64_t until_ms;
	struct collected v[GATE_PARTS_MAX];
	size_t nv;
};

struct session {
	struct event_base *base;
	struct event *monitor, *tick, *end_timer;
	struct channel *recorder, *front;
	struct packet from_recorder;
	struct config *config;
	struct ticket *ticket;
	char *ticket_text;
	char id[64];
	const char *broker;	/* "private", "system" */
	bool demo;
	char engine[16];
	char target[64];
	enum session_state state;
	char stopped[16];	/* why it is paused for want of a second person: code of the event; "" it is not, or by a person */
	int file;		/* the transcript, read-only */
	uint64_t end;		/* recorded bytes */
	uint64_t *ends;		/* end of event n at ends[n]; ends[0] is 0 */
	uint64_t last;		/* last recorded event */
	size_t ends_cap;
	bool sealed;		/* or as far as it gets */
	bool open;		/* ended, not sealed: an outcome is not known */
	char head[65];
	json_t *identities;	/* databases opened before, by stage (twokey/ticket/identity.h) */
	json_t *open_on_target;	/* sessions on this target whose outcome is not known */
	char shared[64];	/* another open ticket that uses this account, "" none */
	uint64_t excess;	/* kinds that the audit found, 1 << EXCESS_* */
	bool audited;
	bool tunneled;		/* the way has a tunnel */
	const char *end_code;	/* session_end_soon */
	char *end_why;
	int64_t end_at_ms;
	struct wanted wanted[2];	/* by db, by the tunnel: they may ask at one time */
	unsigned caps;
	struct sql_settings sql;
	struct sql_facts *facts;
	uint64_t running;	/* event of the statement that runs, 0: none */
	struct digest weighed;	/* the last read; costly_rows > 0: it was found too costly */
	uint64_t costly_rows;
	char costly_table[192];
	bool submitting;	/* a statement is on its way to the recorder */
	struct slot slots[SESSION_REQUESTS_MAX];
	struct gate_paces paces;	/* of the people of this ticket and others: this session's and what the front tells */
	struct set set;
	uint64_t proving;	/* request whose signed answer is on its way, 0: none */
	char identity[200], database[256], role[128];	/* as connected says */
	struct seat_login *logins;	/* that have or had a seat */
	struct console *consoles;
	size_t nconsoles;
	uint64_t next_console;
	struct submission *first, **last_sub;
	int64_t empty_since_ms;
	bool finishing;
};

/* session_record.c: events out, recorded events back */
struct submission *session_record(struct session *s, enum transcript_event_kind kind, json_t *ev,
	    struct packet_body *b, size_t nb);
void	session_recorder_packet(struct session *s, struct packet *p);

/* session_event.c: what an event of db or recorder does to the gate */
void	session_event(struct session *s, enum transcript_event_kind kind, const json_t *ev, uint64_t n);
struct gate_request *session_request(struct session *s, uint64_t n);
/* Where r stands; it has to stand somewhere. */
struct slot *session_slot(struct session *s, const struct gate_request *r);
/* Drops requests in a final state. */
void	session_sweep(struct session *s);

/* session_hold.c: a change that ran and waits for the key again */
/* db says that it holds it. */
void	session_held(struct session *s, const json_t *ev);
/* Takes back what is held when the last person is gone or away who could keep it. */
void	session_hold_look(struct session *s);

/* msg_set.c: drops collected changes, with the code of the event; nothing when none are open. */
void	session_set_drop(struct session *s, const char *by, const char *code);
/* The same when their time is over. */
void	session_set_tick(struct session *s, int64_t now);

/* session_pace.c: requests asked and answered today, and without a break */
void	session_pace_count(struct session *s, enum gate_pace_what what, const char *by);
/* Allowed or denied by that person. */
void	session_pace_answered(struct session *s, const struct gate_request *r, const char *by);
/* Another session of this broker counted one. */
void	session_pace_heard(struct session *s, const json_t *o);
/* Whether one more may be asked for: false, and why, when nobody could answer it before a break. */
bool	session_pace_may_ask(struct session *s, const char *driver, char *why, size_t size);
/* ERR_DENIED when this person has to take a break before he allows it. */
int	session_pace_may_answer(struct session *s, const struct gate_request *r, const char *person, struct err *e);
/* Adds the counts to the event of a request. */
void	session_pace_tell(struct session *s, const char *driver, json_t *ev);

/* session_connect.c: what was found at connect against what the ticket says */
void	session_audited(struct session *s, const json_t *ev);
void	session_connected(struct session *s, const json_t *ev);

/* session_presence.c: a second person who may turn the key for that driver (a request's "by"; NULL: whoever drives) has
 * a confirmer's seat and pressed a key within away_seconds. Asked anew each time: it does not wait for a tick. */
bool	session_second_present(const struct session *s, const char *driver);
/* Those are there whose keys the request still needs: where it takes two, one of each side that has not turned his. */
bool	session_key_possible(const struct session *s, const struct gate_request *r);
bool	console_is_away(const struct console *c);
/* Some are in their seats, and none of them is at the keyboard: a request now would lapse unseen. */
bool	session_all_away(const struct session *s, const char *driver);
/* Where the ticket asks for a second person and none is there: the session stops (event paused). code: "absent", "left",
 * "away"; who went, or NULL. */
void	session_look(struct session *s, const char *code, const char *who);
/* Notes who is away and who is back, and looks. Before everything that a console asks, so that no tick is waited for. */
void	session_look_around(struct session *s);
/* c, out of its seat already, has left. */
void	session_second_left(struct session *s, const struct console *c);
/* What was stopped for want of a second person is resumed by one. */
bool	session_may_resume(const struct console *c);

/* msg_secret.c: a role asks a person for a secret */
void	session_wanted(struct session *s, enum transcript_event_kind kind, const json_t *ev, uint64_t n);

/* session_end.c: ends the session for everybody, once; by: who (NULL nobody); code and why are of the event ended */
void	session_end(struct session *s, const char *by, const char *code, const char *why);
/* The same, but a tunnel may say within a second what the cause was: it sees more than db. code is static. */
void	session_end_soon(struct session *s, const char *code, const char *why);
void	session_void(struct session *s, struct gate_request *r, const char *code);
void	session_void_all(struct session *s, const char *code);
void	session_on_sealed(struct session *s);
void	session_tick(struct session *s);

/* console.c: seats and outboxes */
void	console_adopt(struct session *s, const json_t *how, int fd);
void	console_pump(struct console *c);
void	console_pump_all(struct session *s);
struct console *console_find(struct session *s, uint64_t id);
/* The person in the driver's seat, NULL when it is empty. */
struct console *console_driver(struct session *s);
void	console_answer(struct console *c, const char *re, const json_t *id, bool ok, json_t *fields);
void	console_refuse(struct console *c, const char *re, const json_t *id, int code, const char *why);
void	console_leave(struct console *c, const char *code);
void	console_bye(struct console *c, const char *code, const char *why);
/* session_status.c: tells the front what the lobby shows. */
void	session_status(struct session *s);

/* dispatch.c: the permit table, then the handler */
struct message {
	struct console *c;
	struct session *s;
	const char *name;
	json_t *o;
	json_t *id;
};
void	session_dispatch(struct console *c, const char *line, size_t n);
/* The table's own copy of a request's name: it outlives the message. */
const char *msg_name(const char *name);
/* True when the table lets that seat send that message in that state; false for unknown names. */
bool	session_permits(const char *name, enum ticket_seat seat, enum session_state state);

/* msg_sql.c: a read, or a question about definitions, is on record and goes to db. */
void	session_read_recorded(struct session *s, struct submission *sub, uint64_t n);

/* msg_answer.c: what the answers share. The request that the message names, NULL after an answer. */
struct gate_request *msg_request(struct message *m);
/* A reason, question or key is short enough; false after an answer. */
bool	msg_words_ok(struct message *m, const char *member);
/* Law 3 and how the answer came; ERR_DENIED. */
int	msg_may_turn(const struct message *m, const struct gate_request *r, struct err *e);
/* Requests are answered in the order in which they were asked; ERR_STATE while an older one waits. */
int	msg_is_next(const struct message *m, const struct gate_request *r, struct err *e);
/* The fields of the event turned that no signature changes; the caller owns it. */
json_t	*session_turned_event(const struct gate_request *r, const struct console *c);
/* The fields of the event allowed that no signature changes; the caller owns it. */
json_t	*session_allowed_event(const struct session *s, const struct gate_request *r, const char *person);
/* An allowed request goes to db. */
void	session_run(struct session *s, struct gate_request *r);

/* msg_sign.c: true when what this person allows has to be signed; then the answer itself. */
bool	session_signs(const struct session *s, const char *person);
void	session_allow_signed(struct message *m, struct gate_request *r, const struct gate_key *key);

/* Handlers, one family per file (msg.def). They answer by themselves. */
#define MSG(name, seats, states, talk, members, handler) void handler(struct message *m);
#include "msg.def"
#undef MSG

#endif
