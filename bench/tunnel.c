/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of bench/tunnel.sh, one per first argument:
 *   serve SSHPORT USER KEYFILE HOSTKEY ENDPORT    a tunnel; prints its port, ends with its stdin
 *   end                                           the endpoint: a source and sink; prints its port
 *   measure PORT d|u MIB                          one transfer down or up; prints its seconds */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/secret.h"
#include "twokey/tunnel/tunnel.h"

enum { PIECE = 256 * 1024 };

static int
listen_any(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		exit(1);
	printf("%u\n", (unsigned)ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static int
serve(char **a)
{
	struct err e;
	struct secret *key = secret_read(a[2], &e);
	struct tunnel_hop hop = { .name = "bench", .host = "127.0.0.1", .port = (uint16_t)atoi(a[0]), .user = a[1], .key = key,
		.agent_fd = -1, .host_key = a[3] };
	struct tunnel_plan plan = { .hops = &hop, .nhops = 1, .host = "127.0.0.1", .port = (uint16_t)atoi(a[4]), .uid = (uid_t)-1,
		.nlisteners = 1, .control_fd = 0 };
	struct tunnel *t;
	int ret = 1;

	if (key == NULL) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	plan.listeners[0] = listen_any();
	if (tunnel_open(&plan, &t, &e) == 0) {
		ret = tunnel_run(t, &e) == 0 ? 0 : 1;
		tunnel_close(t);
	}
	if (ret != 0)
		fprintf(stderr, "%s\n", e.text);
	secret_free(key);
	return ret;
}

static int
transfer(int fd, int out, uint64_t n)
{
	static _Thread_local char piece[PIECE];

	while (n > 0) {
		size_t want = n < PIECE ? (size_t)n : PIECE;
		ssize_t r = out ? send(fd, piece, want, MSG_NOSIGNAL) : recv(fd, piece, want, 0);

		if (r <= 0)
			return -1;
		n -= (uint64_t)r;
	}
	return 0;
}

static void *
end_one(void *arg)
{
	int fd = (int)(intptr_t)arg, one = 1;
	char head[9] = "";
	uint64_t n;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (recv(fd, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head) {
		memcpy(&n, head + 1, sizeof n);
		if (transfer(fd, head[0] == 'd', n) == 0 && head[0] == 'u')
			(void)send(fd, head, 1, MSG_NOSIGNAL);
		(void)recv(fd, head, 1, 0);
	}
	close(fd);
	return NULL;
}

static int
end(void)
{
	int listener = listen_any(), fd;
	pthread_t thread;

	while ((fd = accept(listener, NULL, NULL)) >= 0)
		if (pthread_create(&thread, NULL, end_one, (void *)(intptr_t)fd) != 0 || pthread_detach(thread) != 0)
			return 1;
	return 0;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
measure(char **a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(a[0])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), down = a[1][0] == 'd';
	uint64_t n = (uint64_t)atoi(a[2]) << 20;
	char head[9], c;
	double start = now();

	head[0] = a[1][0];
	memcpy(head + 1, &n, sizeof n);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || send(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
	    transfer(fd, !down, n) != 0 || (!down && recv(fd, &c, 1, 0) != 1))
		return 1;
	printf("%.6f\n", now() - start);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2);
	if (argc == 2 && strcmp(argv[1], "end") == 0)
		return end();
	if (argc == 5 && strcmp(argv[1], "measure") == 0)
		return measure(argv + 2);
	fprintf(stderr, "see bench/tunnel.sh\n");
	return 2;
}
