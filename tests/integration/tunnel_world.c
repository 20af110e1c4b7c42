/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tunnel_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "twokey/base/clock.h"
#include "twokey/base/digest.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { PIECE = 32 * 1024 };

void
world_noise(uint64_t from, char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (from + i) / 8 * 0x9e3779b97f4a7c15u;

		x ^= x >> 29;
		p[i] = (char)(x >> ((from + i) % 8 * 8));
	}
}

int
world_send(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t w = send(fd, s, n, MSG_NOSIGNAL);

		if (w <= 0)
			return -1;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

int
world_recv(int fd, void *p, size_t n)
{
	char *s = p;

	while (n > 0) {
		ssize_t r = recv(fd, s, n, 0);

		if (r <= 0)
			return -1;
		s += r;
		n -= (size_t)r;
	}
	return 0;
}

long long
world_drain(int fd, char hex[65])
{
	struct digest_sum *sum = digest_begin();
	char piece[PIECE];
	struct digest d;
	long long all = 0;
	ssize_t r;

	while ((r = recv(fd, piece, sizeof piece, 0)) > 0) {
		digest_add(sum, piece, (size_t)r);
		all += r;
	}
	d = digest_end(sum);
	digest_hex(&d, hex);
	return r == 0 ? all : -1;
}

static int
pour(int fd, uint64_t n, char hex[65])
{
	struct digest_sum *sum = digest_begin();
	char piece[PIECE];
	struct digest d;
	int ret = 0;

	for (uint64_t at = 0; ret == 0 && at < n; at += PIECE) {
		size_t len = n - at < PIECE ? (size_t)(n - at) : PIECE;

		world_noise(at, piece, len);
		digest_add(sum, piece, len);
		if (fd >= 0)
			ret = world_send(fd, piece, len);
	}
	d = digest_end(sum);
	digest_hex(&d, hex);
	return ret;
}

int
world_pour(int fd, uint64_t n, char hex[65])
{
	return pour(fd, n, hex);
}

void
world_noise_hex(uint64_t n, char hex[65])
{
	(void)pour(-1, n, hex);
}

static void
echo(int fd)
{
	char piece[PIECE];
	ssize_t r;

	while ((r = recv(fd, piece, sizeof piece, 0)) > 0)
		if (world_send(fd, piece, (size_t)r) != 0)
			return;
}

static void *
serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };
	char what = 0, hex[65], count[17] = "";

	if (world_recv(fd, &what, 1) == 0 && what == 'e') {
		echo(fd);
	} else if (what == 'd') {
		if (world_drain(fd, hex) >= 0)
			(void)world_send(fd, hex, 64);
	} else if (what == 's' && world_recv(fd, count, 16) == 0) {
		if (world_pour(fd, strtoull(count, NULL, 16), hex) == 0 && shutdown(fd, SHUT_WR) == 0)
			(void)world_drain(fd, hex);
	} else if (what == 'w') {
		(void)poll(&p, 1, WAIT_S * 1000);
	}
	close(fd);
	return NULL;
}

static void *
serve(void *arg)
{
	const struct world *w = arg;
	pthread_attr_t a;
	pthread_t thread;
	int fd;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	while ((fd = accept4(w->endpoint, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (pthread_create(&thread, &a, serve_one, (void *)(intptr_t)fd) != 0)
			close(fd);
	pthread_attr_destroy(&a);
	return NULL;
}

static void
note(void *ctx, const struct tunnel_state *s)
{
	struct world *w = ctx;

	pthread_mutex_lock(&w->lock);
	w->states[w->nstates % 512] = *s;
	w->nstates++;
	pthread_cond_broadcast(&w->change);
	pthread_mutex_unlock(&w->lock);
}

int
world_listen(const char *path)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (path != NULL)
		snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	if (path != NULL ? bind(fd, (struct sockaddr *)&un, sizeof un) != 0 || chmod(path, 0777) != 0 :
	    bind(fd, (struct sockaddr *)&in, sizeof in) != 0)
		fail_msg("no listening socket at %s", path != NULL ? path : "127.0.0.1");
	assert_int_equal(listen(fd, 300), 0);
	return fd;
}

uint16_t
world_port(int listener)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void
make_hop(struct world *w, size_t i)
{
	static const char *const names[] = { "gate", "inner" };
	char *key = sshd_file(w->sshd[0], "id");

	w->host_key[i] = sshd_host_key(w->sshd[i]);
	w->key[i] = secret_create(key, strlen(key));
	free(key);
	w->hop[i] = (struct tunnel_hop){ .name = names[i], .host = "127.0.0.1", .port = sshd_port(w->sshd[i]),
		.user = sshd_user(w->sshd[i]), .key = w->key[i], .agent_fd = -1, .host_key = w->host_key[i] };
}

struct world *
world_create(size_t n, const char *config)
{
	struct world *w = must_zalloc(sizeof *w);
	char path[96];

	for (size_t i = 0; i < n; i++) {
		w->sshd[i] = sshd_start(config);
		assert_non_null(w->sshd[i]);
		if (i > 0)
			sshd_allow(w->sshd[i], w->sshd[0]);
		make_hop(w, i);
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->change, NULL);
	strcpy(w->folder, "/tmp/twokey-tunnel-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_int_equal(chmod(w->folder, 0755), 0);
	assert_int_equal(io_pair(w->control, NULL), 0);
	w->endpoint = world_listen(NULL);
	assert_int_equal(pthread_create(&w->endpoint_thread, NULL, serve, w), 0);
	snprintf(path, sizeof path, "%s/listen", w->folder);
	w->plan = (struct tunnel_plan){ .hops = w->hop, .nhops = n, .host = "127.0.0.1", .port = world_port(w->endpoint),
		.listeners = { world_listen(NULL), world_listen(path) }, .nlisteners = 2, .uid = (uid_t)-1,
		.control_fd = w->control[0], .watch = { w, note } };
	return w;
}

void
world_destroy(struct world *w)
{
	char path[96];

	if (w->running)
		(void)world_stop(w);
	for (size_t i = 0; i < 2; i++) {
		sshd_stop(w->sshd[i]);
		free(w->host_key[i]);
		secret_free(w->key[i]);
		close(w->plan.listeners[i]);
		close(w->control[i]);
	}
	shutdown(w->endpoint, SHUT_RDWR);	/* ends accept */
	pthread_join(w->endpoint_thread, NULL);
	close(w->endpoint);
	snprintf(path, sizeof path, "%s/listen", w->folder);
	unlink(path);
	rmdir(w->folder);
	free(w);
}

static void *
run(void *arg)
{
	struct world *w = arg;

	w->ended = tunnel_run(w->tunnel, &w->err);
	tunnel_close(w->tunnel);
	w->tunnel = NULL;
	return NULL;
}

void
world_run(struct world *w)
{
	if (tunnel_open(&w->plan, &w->tunnel, &w->err) != 0)
		fail_msg("not opened: %s", w->err.text);
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	w->running = true;
}

int
world_join(struct world *w)
{
	pthread_join(w->thread, NULL);
	w->running = false;
	return w->ended;
}

int
world_stop(struct world *w)
{
	(void)!write(w->control[1], "", 1);
	return world_join(w);
}

int
world_connect(const struct world *w, size_t listener)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	struct timeval t = { .tv_sec = WAIT_S };
	int fd;

	assert_int_equal(getsockname(w->plan.listeners[listener], (struct sockaddr *)&a, &n), 0);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, n), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	return fd;
}

static const struct tunnel_state *
find(const struct world *w, size_t hop, enum tunnel_phase phase)
{
	for (size_t i = 0; i < w->nstates && i < 512; i++)
		if (w->states[i].hop == hop && w->states[i].phase == phase)
			return &w->states[i];
	return NULL;
}

bool
world_told(struct world *w, size_t hop, enum tunnel_phase phase)
{
	bool told;

	pthread_mutex_lock(&w->lock);
	told = find(w, hop, phase) != NULL;
	pthread_mutex_unlock(&w->lock);
	return told;
}

struct tunnel_state
world_wait(struct world *w, size_t hop, enum tunnel_phase phase)
{
	const struct tunnel_state *s;
	struct tunnel_state copy;
	struct timespec end;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_S;
	pthread_mutex_lock(&w->lock);
	while ((s = find(w, hop, phase)) == NULL && late == 0)
		late = pthread_cond_timedwait(&w->change, &w->lock, &end);
	if (s != NULL)
		copy = *s;
	pthread_mutex_unlock(&w->lock);
	if (s == NULL)
		fail_msg("hop %zu never came to %s", hop, tunnel_phase_name(phase));
	return copy;
}

/* The number of open descriptors, once it is the one that is wanted (any, when < 0) or time is up: threads of
 * the endpoint may still be closing theirs. */
static int
settled(int want)
{
	int64_t end = clock_mono_ms() + 30000;
	int n, last = -1;

	for (;;) {
		DIR *d = opendir("/proc/self/fd");

		for (n = 0; readdir(d) != NULL; n++)
			;
		closedir(d);
		if (want < 0 ? n == last : n == want || clock_mono_ms() > end)
			return n;
		last = n;
		(void)poll(NULL, 0, 20);
	}
}

void
world_refused(struct world *w, enum tunnel_fault fault, const char *words)
{
	struct tunnel *t = NULL;
	const struct tunnel_state *last;
	int before = settled(-1), ret = tunnel_open(&w->plan, &t, &w->err);

	if (settled(before) != before)
		fail_msg("a descriptor was left open");
	assert_int_not_equal(ret, 0);
	assert_int_equal(ret, w->err.code);
	assert_null(t);
	assert_true(w->nstates > 0);
	last = &w->states[(w->nstates - 1) % 512];
	for (size_t i = w->nstates; i-- > 0 && last->phase != TUNNEL_FAILED;)
		last = &w->states[i % 512];
	if (last->fault != fault || strstr(w->err.text, words) == NULL)
		fail_msg("%s instead of %s: %s", tunnel_fault_name(last->fault), tunnel_fault_name(fault), w->err.text);
	assert_string_equal(last->err.text, w->err.text);
}
