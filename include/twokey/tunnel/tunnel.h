/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A way to a database through one or more SSH servers. It belongs into a process of its own: it holds the
 * key, reads hostile bytes and turns its own poll loop. Nothing of the login's SSH setup is used: no
 * configuration, known_hosts, environment or path of an agent.
 *
 * A hop that is lost is not connected again: a database session cannot outlive its connection, and an open
 * transaction must never be retried in silence. Every forward is closed, tunnel_run returns and says which
 * hop it was; whoever wants another tunnel opens one. */
#ifndef TWOKEY_TUNNEL_TUNNEL_H
#define TWOKEY_TUNNEL_TUNNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "twokey/base/err.h"

struct secret;
struct tunnel;

enum {
	TUNNEL_HOPS_MAX = 8,
	TUNNEL_LISTENERS_MAX = 4,
	TUNNEL_FORWARDS_MAX = 256	/* connections at a time; more wait in the listener's queue */
};

/* One SSH server. Exactly one of host_key and known_hosts, and of key and agent_fd, must be there. */
struct tunnel_hop {
	const char *name;		/* what sentences call it */
	const char *host;
	uint16_t port;
	const char *user;
	const struct secret *key;	/* contents of a private key file; NULL: the agent */
	const struct secret *passphrase; /* of the key; may be NULL */
	int agent_fd;			/* connected to an agent, stays the caller's; -1: none */
	const char *host_key;		/* "SHA256:..." or "ssh-ed25519 AAAA..." */
	const char *known_hosts;	/* contents of a known_hosts file */
};

enum tunnel_phase {
#define PHASE(name, text, help) TUNNEL_##name,
#include "twokey/tunnel/phase.def"
#undef PHASE
	TUNNEL_PHASES
};

enum tunnel_fault {
#define FAULT(name, text, code, help) TUNNEL_FAULT_##name,
#include "twokey/tunnel/fault.def"
#undef FAULT
	TUNNEL_FAULTS
};

/* What is told about a hop; hop == nhops is the endpoint or a connection to it. Texts of a server have
 * no control characters any more. */
struct tunnel_state {
	size_t hop;
	const char *name;		/* of the hop, or "endpoint" */
	enum tunnel_phase phase;
	enum tunnel_fault fault;
	double ms;			/* of the phase, see phase.def; < 0 when not known */
	char key_type[40];		/* of the host key, "" before it is known */
	char fingerprint[64];		/* "SHA256:..." */
	char banner[128];		/* of the server */
	uint64_t in, out;		/* bytes on the wire of this hop */
	unsigned forwards;		/* connections that are open now */
	struct err err;			/* with a fault: code, and one sentence that names the hop and the next step */
};

struct tunnel_watch {
	void *ctx;
	/* From within open, run, check and close; must not call back into the tunnel. May be NULL. */
	void (*state)(void *ctx, const struct tunnel_state *s);
};

/* Borrowed until tunnel_close; keys, passphrases and agents only until tunnel_open returns. */
struct tunnel_plan {
	const struct tunnel_hop *hops;
	size_t nhops;			/* 1 to TUNNEL_HOPS_MAX */
	const char *host;		/* the endpoint as seen from the last hop: host and port, */
	uint16_t port;
	const char *socket;		/* or the path of a Unix socket */
	unsigned open_s;		/* for each hop; 0: 20 */
	unsigned keepalive_s;		/* 0: 5 */
	unsigned dead_after_s;		/* silence of a hop that ends the tunnel, at least twice keepalive_s; 0: 15 */
	int listeners[TUNNEL_LISTENERS_MAX]; /* listening sockets: Unix, or TCP on a loopback address; stay the caller's
					 * and become non-blocking */
	size_t nlisteners;		/* 0 is fine for tunnel_check */
	uid_t uid;			/* who may connect; (uid_t)-1: only our own uid */
	int control_fd;			/* readable or at its end: stop, also while opening; -1: none */
	struct tunnel_watch watch;
};

/* Opens every hop: each host key is checked before anything is sent to that hop. 0 and *out, or the code of
 * *e with nothing left open. Unsets SSH_AUTH_SOCK. /proc/self/net/tcp and tcp6 are opened here, in the
 * network namespace of the TCP listeners, so that a sandbox may close /proc and DNS after this call. */
int	tunnel_open(const struct tunnel_plan *p, struct tunnel **out, struct err *e);
/* Serves the listeners until control_fd says stop (0) or a hop is lost (the code of *e). */
int	tunnel_run(struct tunnel *t, struct err *e);
/* Closes everything but what the caller owns. NULL is fine. */
void	tunnel_close(struct tunnel *t);

/* What a walk along the hops found. */
struct tunnel_report {
	size_t nhops;				/* hops that were tried */
	struct tunnel_state hop[TUNNEL_HOPS_MAX]; /* the last state of each */
	struct tunnel_state endpoint;		/* CONNECTED with ms, REFUSED, or RESOLVING when it was not tried */
	char ssh_connection[160];		/* SSH_CONNECTION at the last hop; "": not known */
};
/* Opens the hops, one connection to the endpoint, asks the last hop for SSH_CONNECTION where it permits a
 * command, and closes all again. 0, or the code of *e; the report is filled in both cases. */
int	tunnel_check(const struct tunnel_plan *p, struct tunnel_report *r, struct err *e);

/* "open", "host-key-changed": as phase.def and fault.def name them; static. */
const char *tunnel_phase_name(enum tunnel_phase p);
const char *tunnel_fault_name(enum tunnel_fault f);

#endif
