/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tunnel in a thread, an endpoint that does what its client says, and the states that were told. */
#ifndef TESTS_INTEGRATION_TUNNEL_WORLD_H
#define TESTS_INTEGRATION_TUNNEL_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sshd.h"
#include "twokey/tunnel/tunnel.h"

enum { WAIT_S = 60 };	/* for what must come */

struct world {
	struct sshd *sshd[2];
	char *host_key[2];
	struct secret *key[2];
	struct tunnel_hop hop[2];
	struct tunnel_plan plan;
	char folder[64];
	int control[2];
	struct tunnel *tunnel;
	pthread_t thread;
	bool running;
	int ended;			/* what tunnel_run returned */
	struct err err;
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct tunnel_state states[512];
	size_t nstates;
	int endpoint;			/* its listening socket */
	pthread_t endpoint_thread;
};

/* Starts n servers; the second is reached through the first. config: of every server. Fails the test when it cannot. */
struct world *world_create(size_t n, const char *config);
/* Stops and frees all of it. */
void	world_destroy(struct world *w);
/* Opens the tunnel and runs it in its thread; a failure to open fails the test. */
void	world_run(struct world *w);
/* Asks the tunnel to stop, waits, returns what run returned. */
int	world_stop(struct world *w);
/* Waits for the end that comes by itself; what run returned. */
int	world_join(struct world *w);
/* A connection to the first (TCP) or second (Unix) listener, blocking, with a timeout. */
int	world_connect(const struct world *w, size_t listener);
/* Waits until such a state was told; a copy of it. */
struct tunnel_state world_wait(struct world *w, size_t hop, enum tunnel_phase phase);
/* Whether it was told until now. */
bool	world_told(struct world *w, size_t hop, enum tunnel_phase phase);
/* An error of opening that must come, with this fault and these words in the sentence. */
void	world_refused(struct world *w, enum tunnel_fault fault, const char *words);
/* A listening socket of 127.0.0.1, or of a path. */
int	world_listen(const char *path);
uint16_t world_port(int listener);

/* The endpoint: the first byte of a connection says what it does. 'e': sends back what comes, to the end.
 * 'd' (drain): reads to the end, then sends the SHA-256 in hex. 's' and 16 hex digits: sends that many bytes of
 * world_noise and ends, then reads to the end. 'w': does nothing until the connection is closed. */
void	world_noise(uint64_t from, char *p, size_t n);
/* Whole transfers; -1 when the connection fails or ends early. */
int	world_send(int fd, const void *p, size_t n);
int	world_recv(int fd, void *p, size_t n);
/* Reads to the end; the number of bytes, and their digest in hex. */
long long world_drain(int fd, char hex[65]);
/* Sends n bytes of noise; their digest. */
int	world_pour(int fd, uint64_t n, char hex[65]);
void	world_noise_hex(uint64_t n, char hex[65]);

#endif
