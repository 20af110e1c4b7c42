/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A seat in a session, and what is run on it: the screens, or --json. */
#ifndef TWOKEY_CONSOLE_SEAT_H
#define TWOKEY_CONSOLE_SEAT_H

#include <stdbool.h>

struct err;
struct link;

/* Which seat is wanted. Strings are borrowed. */
struct seat_wish {
	const char *broker;	/* socket as on the command line, or NULL */
	const char *as;		/* --as, or NULL */
	const char *ticket;	/* one of ticket and session, or neither (the first that waits is taken) */
	const char *session;
	bool drive;
	bool watch;
};

enum seat_kind { SEAT_DRIVER, SEAT_CONFIRMER, SEAT_WATCHER };
struct seat {
	enum seat_kind kind;
	char person[64];
	char session[80];
	int away_seconds;
};

/* Opens a link for the wish, which link_close ends; NULL and *e. */
struct link *seat_connect(const struct seat_wish *w, bool json, struct err *e);
/* Sends open or join from event 1 and fills *out. 0, or the broker's refusal. */
int	seat_take(struct link *l, const struct seat_wish *w, struct seat *out, struct err *e);

/* What the end of a session means for who was in it: 0 when somebody ended it, ERR_UNREACHABLE or ERR_DENIED when the
 * way, the server or the ticket did. code and why (NULL: it is not known here) are of the event "ended". */
int	seat_ended(const char *code, const char *why, struct err *e);
/* The screens of one session, until it ends or the person leaves. Owns the link. 0 or an ERR code. */
int	seat_run(const struct seat_wish *w, struct err *e);
/* The protocol on standard input and output; hello and seat are done here. */
int	seat_json(const struct seat_wish *w, struct err *e);
/* The lobby: sessions and tickets that name this person. Runs the chosen ones. */
int	seat_lobby(const struct seat_wish *w, struct err *e);
/* The broker's answer to "list" as one line of JSON on standard output. */
int	seat_lobby_json(const struct seat_wish *w, struct err *e);

#endif
