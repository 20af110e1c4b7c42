/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How every role of the broker starts: the same steps, in the same order, in one place. */
#ifndef TWOKEY_BROKER_ROLE_H
#define TWOKEY_BROKER_ROLE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum role_kind {
#define ROLE(name, text, user, fds, entry) ROLE_##name,
#include "role.def"
#undef ROLE
	ROLES
};

/* Descriptors that a role is started with; ROLE_FD_MONITOR is a SOCK_SEQPACKET pair. */
enum {
	ROLE_FD_MONITOR = 3,
	FRONT_FD_LISTEN = 4,
	SESSION_FD_RECORDER = 4,
	SESSION_FD_FRONT = 5,
	RECORDER_FD_SESSION = 4,
	RECORDER_FD_DB_CONTROL = 5,
	RECORDER_FD_DB_BULK = 6,
	RECORDER_FD_TUNNEL = 7,
	DB_FD_CONTROL = 4,
	DB_FD_BULK = 5,
	DB_FD_CREDENTIAL = 6,
	DB_FD_ALIVE = 7,	/* locked as long as it lives (alive.h) */
	TUNNEL_FD_RECORDER = 4,
	TUNNEL_FD_LISTEN = 5
};

/* Between monitor and a role after the first message: fixed size, no pointer. */
enum monitor_op {
	MONITOR_SPAWN = 1,	/* front: start a session for ticket on target */
	MONITOR_SESSION,	/* to front: session runs; its channel comes with this */
	MONITOR_FAILED,		/* to front: the session for ticket could not be started */
	MONITOR_GONE,		/* to front: session is over */
	MONITOR_FRONT,		/* to session: a new channel to the front comes with this */
	MONITOR_RESOLVE,	/* recorder: give me a db to ask about an unknown outcome */
	MONITOR_DB_CONTROL,	/* to recorder: its control channel */
	MONITOR_DB_BULK,	/* to recorder: its bulk channel */
	MONITOR_WAITS,		/* recorder: ended but for an outcome that is open; to front: its channel (to recorder: MONITOR_FRONT) */
	MONITOR_AGENT,		/* to tunnel: a connection to the agent of hop code */
	MONITOR_VERIFY,		/* recorder: give me a process that verifies signatures of person; to recorder: here it is */
	MONITOR_SEAL		/* recorder: give me one that signs the head; to recorder: here it is (none: it cannot be) */
};
struct monitor_msg {
	uint32_t op;
	uint32_t code;
	char session[64];
	char ticket[64];
	char target[64];
	char person[64];
	char digest[65];	/* MONITOR_SPAWN: of the accepted ticket */
};

/* A recorder that was to recover a transcript found another one, of a broker that died, still at it. */
enum { ROLE_EXIT_BUSY = 9 };

enum { ROLE_INIT_MAX = 128 * 1024 };

/* "recorder", as role.def names it; static. role_parse: 0, or ERR_NOT_FOUND and *k unchanged. */
const char *role_name(enum role_kind k);
int	role_parse(const char *name, enum role_kind *k);
/* Which of config's users[] the role runs as in system mode. */
int	role_user(enum role_kind k);
/* Descriptors from 3 on that it is started with. */
int	role_fds(enum role_kind k);

/* Closes what it must not have, drops to uid and gid (when not -1), forbids new
 * privileges, core files and tracing, and receives the first message of the monitor. NULL and *e on failure. */
json_t	*role_begin(enum role_kind k, uid_t uid, gid_t gid, struct err *e);
/* Runs the role to its end; the exit status. */
int	role_run(enum role_kind k, uid_t uid, gid_t gid);

/* One message to or from the monitor, with at most one descriptor (-1: none). */
int	monitor_send(int fd, const struct monitor_msg *m, int pass, struct err *e);
/* 1: a message; 0: the monitor is gone; ERR_STATE: nothing there. Strings are NUL-terminated on return. */
int	monitor_recv(int fd, struct monitor_msg *m, int *pass, struct err *e);

/* The roles' main functions, one per folder part. */
int	front_main(json_t *init);
int	session_main(json_t *init);
int	recorder_main(json_t *init);
int	dbrole_main(json_t *init);
int	tunnelrole_main(json_t *init);
int	verifyrole_main(json_t *init);
int	sealrole_main(json_t *init);

#endif
