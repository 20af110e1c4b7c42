/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the monitor: starts the rest, passes sockets, reads no byte of a peer. */
#ifndef TWOKEY_BROKER_MONITOR_H
#define TWOKEY_BROKER_MONITOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "twokey/broker/broker.h"

#include "role.h"

struct err;

enum { MONITOR_SESSIONS_MAX = 256, MONITOR_RECOVER_TRIES = 5 };

struct child {
	pid_t pid;	/* 0: not running */
	int fd;		/* our end of its ROLE_FD_MONITOR; -1 */
};

struct watched {
	bool used;
	char session[64];
	char ticket[64];
	char target[64];
	char digest[65];		/* of the ticket that the front found accepted, in hex */
	struct child session_role, recorder, db, tunnel;
	bool recovering;
	unsigned tries;
	bool busy;		/* the recovery found the recorder of before still at it */
	int64_t try_at_ms;	/* recovery is due then; 0: not */
	bool waits;		/* ended, but an outcome is open: not sealed, shown in the lobby */
	bool resolver_wanted;	/* as soon as the db that is killed for it is gone */
};

struct monitor {
	const struct broker_options *o;
	json_t *slice;
	int listener;
	struct child front;
	int64_t front_started_ms;
	struct watched sessions[MONITOR_SESSIONS_MAX];
	uid_t uids[4];
	gid_t gids[4];
	bool stopping;
	bool checking;		/* "target check": the tunnel also asks how its last hop is reached */
};

/* monitor_spawn.c */
/* Starts a role with fds (nfds, in the order of role.h, taken) and its first message (borrowed). */
int	monitor_start(struct monitor *m, enum role_kind k, int *fds, size_t nfds, const json_t *init,
	    struct child *c, struct err *e);
int	monitor_start_front(struct monitor *m, struct err *e);
/* Session, recorder and db with their sockets; tells the front. */
int	monitor_start_session(struct monitor *m, const struct monitor_msg *spawn, struct err *e);
/* Ends the tunnel of w; it tells its end to the recorder and dies. */
void	monitor_stop_tunnel(struct watched *w);
/* The tunnel where the target has one, then db with the pipe that its password comes through. Takes the descriptors:
 * control and bulk of db, and the tunnel's to the recorder. */
int	monitor_start_db(struct monitor *m, struct watched *w, int control, int bulk, int tunnel, struct err *e);
/* A db for the recorder of w, to ask about an unknown outcome. */
int	monitor_start_resolver(struct monitor *m, struct watched *w, struct err *e);
/* A recorder that recovers and seals the transcript of w. */
int	monitor_start_recovery(struct monitor *m, struct watched *w, struct err *e);

/* monitor_oneshot.c */
/* A process that answers the recorder of w once (MONITOR_VERIFY, MONITOR_SEAL); its socket goes there, or none does. */
/* Names of the people who have keys (what they allow is signed); the caller drops it. */
json_t	*monitor_signers(const struct monitor *m);
/* {"anna":"customer",...}: every person's side; the caller drops it. */
json_t	*monitor_sides(const struct monitor *m);
void	monitor_oneshot(struct monitor *m, struct watched *w, const struct monitor_msg *msg);

/* monitor_note.c: the monitor's own notes on sessions whose transcript may not be sealed */
int	note_write(const struct monitor *m, const struct watched *w, struct err *e);
void	note_remove(const struct monitor *m, const struct watched *w);
/* Fills sessions[] with the notes found, due for recovery. */
void	note_read_all(struct monitor *m);

/* monitor_setup.c: users, folders, socket */
int	monitor_setup(struct monitor *m, struct err *e);
/* Looks up the users of system mode; part of monitor_setup. */
int	monitor_users(struct monitor *m, struct err *e);
void	monitor_teardown(struct monitor *m);

#endif
