/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the front role: accepts consoles, knows who they are, shows the lobby, parses tickets. */
#ifndef TWOKEY_BROKER_FRONT_H
#define TWOKEY_BROKER_FRONT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "twokey/gate/pace.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

#include "channel.h"

struct event_base;
struct event;
struct evconnlistener;
struct front;

enum { FRONT_VISITORS_MAX = 256, FRONT_PER_UID_MAX = 64, FRONT_STRANGERS_MAX = 64, FRONT_HELLO_WITHIN_S = 30 };

/* A console that is in no session (yet). */
struct visitor {
	struct front *f;
	struct channel *channel;
	uid_t uid;
	char login[64];
	int64_t loginuid, audit;
	bool remote;		/* login.h: its login session came from another host */
	const struct config_person *person;	/* NULL before hello */
	bool json;
	bool closing;		/* bye was said: closed once it is sent */
	unsigned malformed;
	int64_t since_ms;
	/* an open that waits for the monitor */
	char opening[64];	/* ticket, "" when none */
	json_t *adopt;
	bool settling;		/* a settlement that waits for the recorder */
	struct visitor *next;
};

/* A session that runs. */
struct lobby {
	char session[64];
	char ticket[64];
	char since[32];
	struct channel *channel;
	json_t *status;		/* what it last said of itself */
	bool waits;		/* over, but for an outcome that is open: channel is its recorder's */
	struct visitor *settler;	/* who waits for the recorder's word; NULL: nobody */
	json_t *settle_id;
	struct front *f;
	struct lobby *next;
};

struct front {
	struct event_base *base;
	struct event *listener, *monitor, *tick;
	struct config *config;
	const char *broker;
	bool demo;
	struct visitor *visitors;
	size_t nvisitors;
	struct lobby *lobbies;
	struct gate_paces paces;	/* over all sessions; also in the store */
};

struct request {
	struct front *f;
	struct visitor *v;
	const char *name;	/* of the table */
	json_t *o;
	json_t *id;
};

/* front_reply.c: lines to a visitor, {"re":...}; fields are taken, id is borrowed; bye closes */
void	front_answer(struct visitor *v, const char *re, const json_t *id, bool ok, json_t *fields);
void	front_refuse(struct visitor *v, const char *re, const json_t *id, int code, const char *why);
void	front_bye(struct visitor *v, const char *code, const char *why);

/* front_dispatch.c: one line of a visitor, without LF, by the table front.def */
void	front_dispatch(struct visitor *v, const char *line, size_t n);

/* front_lobby.c: the session of that id, the running one of that ticket (NULL: none); a new one takes fd, its channel */
struct lobby *lobby_find(struct front *f, const char *session);
struct lobby *lobby_of_ticket(struct front *f, const char *ticket);
void	lobby_add(struct front *f, const char *session, const char *ticket, int fd);
/* A session that is over and whose outcome is open; fd leads to its recorder. */
void	lobby_wait(struct front *f, const char *session, const char *ticket, int fd);
/* Sessions on a target with an open outcome, by their ids: an array, which the caller drops. */
json_t	*lobby_open_on(const struct front *f, const char *target);
void	lobby_remove(struct front *f, const char *session);
/* Hands the visitor's connection to a session; the visitor is gone afterwards. */
void	lobby_hand_over(struct lobby *l, struct visitor *v, json_t *adopt);
/* The session of an "open" runs: its console goes there. */
void	front_opened(struct lobby *l, struct visitor *v);
/* The session for that ticket could not be started. */
void	lobby_failed(struct front *f, const char *ticket, const char *why);

/* front_settle.c */
/* What the recorder of a session with an open outcome said; false when it is no such line. */
bool	front_settle_hear(struct lobby *l, const json_t *o);
/* The visitor goes; the session goes. */
void	front_settle_forget(struct visitor *v);
void	front_settle_lost(struct lobby *l);

/* front_open.c, front_ticket.c, front_list.c: handlers (front.def) */
#define REQ(name, hello, members, handler) void handler(struct request *r);
#include "front.def"
#undef REQ

#endif
