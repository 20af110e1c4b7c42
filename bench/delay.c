/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A long way in one process: delay PORT MS passes connections on to 127.0.0.1:PORT, every byte MS milliseconds
 * late in each direction, at any rate. Prints the port it listens on. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, QUEUE = 1024 };	/* at most 64 MiB under way */

struct piece {
	int64_t due;
	size_t off, len;
	char bytes[PIECE];
};

struct way {
	int from, to;
	int ended;
	size_t head, n;
	struct piece *queue;
};

static int64_t delay_ns;
static uint16_t target;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
take(struct way *w)
{
	struct piece *p = &w->queue[(w->head + w->n) % QUEUE];
	ssize_t r = recv(w->from, p->bytes, PIECE, MSG_DONTWAIT);

	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0)
		w->ended = 1;
	p->len = r > 0 ? (size_t)r : 0;		/* 0 bytes: the end, as late as the rest */
	p->off = 0;
	p->due = now() + delay_ns;
	w->n++;
}

/* -1 when the way is done. */
static int
give(struct way *w)
{
	while (w->n > 0 && w->queue[w->head].due <= now()) {
		struct piece *p = &w->queue[w->head];
		ssize_t s;

		if (p->len == 0) {
			shutdown(w->to, SHUT_WR);
			return -1;
		}
		s = send(w->to, p->bytes + p->off, p->len - p->off, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (s < 0)
			return errno == EAGAIN ? 0 : -1;
		p->off += (size_t)s;
		if (p->off < p->len)
			return 0;
		w->head = (w->head + 1) % QUEUE;
		w->n--;
	}
	return 0;
}

static void *
run(void *arg)
{
	struct way *w = arg;
	int done = 0;

	while (!done) {
		int64_t left = w->n > 0 ? w->queue[w->head].due - now() : 1000000000;
		struct timespec t = { left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0 };
		struct pollfd p[2] = { { .fd = !w->ended && w->n < QUEUE ? w->from : -1, .events = POLLIN },
			{ .fd = w->n > 0 && left <= 0 ? w->to : -1, .events = POLLOUT } };

		if (p[1].fd >= 0)
			t = (struct timespec){ 1, 0 };
		(void)ppoll(p, 2, &t, NULL);
		if (p[0].revents != 0)
			take(w);
		done = give(w) != 0;
	}
	free(w->queue);
	free(w);
	return NULL;
}

static void
start(int from, int to)
{
	struct way *w = calloc(1, sizeof *w);
	pthread_t thread;
	int one = 1;

	if (w == NULL || (w->queue = calloc(QUEUE, sizeof *w->queue)) == NULL)
		exit(1);
	w->from = from;
	w->to = to;
	(void)setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (pthread_create(&thread, NULL, run, w) != 0 || pthread_detach(thread) != 0)
		exit(1);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (argc != 3 || bind(listener, (struct sockaddr *)&a, n) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &n) != 0)
		return 2;
	target = (uint16_t)atoi(argv[1]);
	delay_ns = (int64_t)atoi(argv[2]) * 1000000;
	printf("%u\n", (unsigned)ntohs(a.sin_port));
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		int to = socket(AF_INET, SOCK_STREAM, 0);

		a.sin_port = htons(target);
		if (connect(to, (struct sockaddr *)&a, n) != 0)
			return 1;
		start(fd, to);
		start(to, fd);
	}
	return 0;
}
