/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the recorder role: its state and the parts of its life. */
#ifndef TWOKEY_BROKER_RECORDER_H
#define TWOKEY_BROKER_RECORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "twokey/transcript/event.h"
#include "twokey/transcript/writer.h"

#include "channel.h"
#include "packet.h"

struct err;
struct event;
struct event_base;

struct recorder {
	struct event_base *base;
	struct event *sync_timer, *end_timer, *monitor;
	struct channel *session;	/* NULL when gone or recovering */
	struct channel *db;		/* control */
	struct channel *bulk;		/* results */
	struct channel *tunnel;		/* what the tunnel tells; NULL when there is none */
	struct packet from_session, from_db, from_tunnel;
	struct transcript_writer *file;
	uint64_t last;			/* last event */
	uint64_t running;		/* request whose run was recorded and has no end yet */
	uint64_t held;			/* the same, when it is held and not kept yet */
	uint64_t kept;			/* the same, once the key that keeps it is on record */
	json_t *commit_point;		/* its "committing" event */
	json_t *begin;			/* event 1 */
	const char *path;		/* of the transcript */
	json_t *open;			/* the "committing" event whose outcome is not known; NULL: none */
	char open_since[32];		/* when that was told */
	bool waits;			/* ended, but for an outcome that is open: not sealed yet */
	unsigned asked_again;		/* times the server was asked meanwhile */
	struct channel *front;		/* shows it, and brings who settles it; NULL: not there now */
	bool resolving;			/* the db at hand only answers about commit_point */
	int64_t owed;			/* bytes of credit that db was not told of yet */
	int resolver_control;		/* first descriptor of a resolver that waits for the second */
	bool dirty;			/* written and not synced */
	bool broken;			/* the disk does not take it */
	bool db_lost;			/* it died; its tunnel is then stopped by the monitor */
	unsigned tunnel_lines;		/* what the tunnel sent so far */
	bool finishing;			/* db was told to end; seal follows */
	bool concluding;		/* only the tunnel's end is waited for */
	bool tunnel_told;		/* the tunnel said why it ends */
	bool sealed;			/* ended: sealed, or that failed */
	bool unsealed;			/* the seal is not on disk: to be recovered */
	bool monitor_gone;
	const char *id;			/* of the session */
	const char *ticket;		/* digest of its ticket, as the front told the monitor; NULL: nobody told */
	json_t *signers;		/* names of the people who sign */
	const char *signed_wish;	/* what the ticket asks (begin); NULL: not known yet */
	bool signed_pin;
	struct proof *proof;		/* an answer whose signature is being verified */
	unsigned stale;			/* verifiers on their way for answers that wait no more */
	bool signs, anchors;		/* the seal is signed; its head is handed to the anchor */
	bool sealing;			/* nothing is appended any more */
	struct channel *sealer;
	struct event *seal_timer;
};

/* recorder.c: a packet to the session, to db; head and bodies stay the caller's. Appends an event: errors as the writer's. */
void	recorder_tell_session(struct recorder *r, json_t *head, const struct packet_body *b, size_t nb);
void	recorder_tell_db(struct recorder *r, json_t *head, const struct packet_body *b, size_t nb);
int	recorder_append(struct recorder *r, enum transcript_event_kind kind, json_t *ev,
	    const struct packet_body *b, size_t nb, struct transcript_place *place, struct err *e);
/* The caller keeps its reference to ev. */
int	recorder_append_and_tell(struct recorder *r, enum transcript_event_kind kind, json_t *ev,
	    const struct packet_body *b, size_t nb);
void	recorder_follow(struct recorder *r, enum transcript_event_kind kind, const json_t *ev, uint64_t n);
bool	recorder_kind(const json_t *ev, enum transcript_writer_role role, enum transcript_event_kind *kind);
void	recorder_broken(struct recorder *r, const struct err *e);

/* recorder_db.c: results from db, credits to it, its death */
void	recorder_db_attach(struct recorder *r, int control, int bulk);

/* recorder_tunnel.c: what the tunnel tells of its hops */
void	recorder_tunnel_attach(struct recorder *r, int fd);

/* recorder_prove.c: answers that are signed */
/* True when the first line names and holds the ticket that the session was opened for. */
bool	recorder_is_ticket(const struct recorder *r, const struct packet *p);
void	recorder_note_begin(struct recorder *r, const json_t *ev);
/* True when this allowed event needs, or brings, a signature. */
bool	recorder_wants_proof(const struct recorder *r, const struct packet *p);
/* Takes the packet: it is recorded once its signature is found good, else refused. */
void	recorder_prove(struct recorder *r, struct packet *p);
void	recorder_prove_fd(struct recorder *r, int fd);
/* True when an answer is being verified and this packet of the session, which is taken, waits behind it. What takes the
 * request back ends the wait: the answer is refused. */
bool	recorder_waits_behind(struct recorder *r, struct packet *p);
/* Nobody is there any more who asked for it. */
void	recorder_prove_lost(struct recorder *r);
/* recorder.c: a packet of the session. */
void	recorder_take_packet(struct recorder *r, struct packet *p);
/* recorder.c: records an event of the session, which hears what became of it. */
void	recorder_take_event(struct recorder *r, struct packet *p);

/* recorder_seal.c: the last line */
void	recorder_seal(struct recorder *r);
void	recorder_seal_fd(struct recorder *r, int fd);
void	recorder_seal_close(struct recorder *r);

/* recorder_end.c: finishing, unknown outcomes, the seal, recovery */
void	recorder_finish(struct recorder *r);
void	recorder_db_gone(struct recorder *r);
void	recorder_tunnel_gone(struct recorder *r);
void	recorder_resolver(struct recorder *r, uint32_t op, int fd);
/* After transcript_writer_recover: what stood open in the file is told, asked for, sealed. */
void	recorder_recover(struct recorder *r, const char *path);
/* db says that it does not know what became of that run. */
void	recorder_unsure(struct recorder *r, uint64_t of);
/* The db that was to ask did not reach the database: p has why. */
void	recorder_no_outcome(struct recorder *r, const struct packet *p);
/* Has a db ask what became of the outcome that is open. */
void	recorder_ask_open(struct recorder *r);

/* recorder_open.c: an outcome that is not known: the transcript waits for it, unsealed */
/* Each event as it is appended: which commit point is open, and what closes it. */
void	recorder_follow_open(struct recorder *r, enum transcript_event_kind kind, const json_t *ev);
/* Instead of the seal, while an outcome is open. */
void	recorder_wait(struct recorder *r);
/* Takes fd, the channel of a front that lists what is open and settles it; one at a time. */
void	recorder_open_front(struct recorder *r, int fd);
/* After an event that may have closed it: seals then, and asks again later otherwise. */
void	recorder_open_again(struct recorder *r);

/* recorder_end.c: records that a process of the session died; the timer of an end that takes too long (libevent) */
void	recorder_tell_lost(struct recorder *r, const char *role);
void	recorder_on_end_timer(int fd, short what, void *arg);

#endif
