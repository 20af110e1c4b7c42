/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS_MAX = 32, ORDER_MS = 30000 };

struct pairs {
	int client[PAIRS_MAX], server[PAIRS_MAX];
	bool kept[PAIRS_MAX];		/* its answers wait */
	size_t n;
	bool armed;
};

static int
at(const char *path, bool listens)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	if (listens ? bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && chmod(path, 0777) == 0 && listen(fd, 16) == 0 :
	    connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
drop(struct pairs *p, size_t i)
{
	close(p->client[i]);
	close(p->server[i]);
	p->n--;
	p->client[i] = p->client[p->n];
	p->server[i] = p->server[p->n];
	p->kept[i] = p->kept[p->n];
}

/* False when either side is gone. */
static bool
pass(struct pairs *p, size_t i, bool from_client, int orders)
{
	char buf[65536];
	ssize_t n = read(from_client ? p->client[i] : p->server[i], buf, sizeof buf);

	if (n <= 0)
		return false;
	if (from_client && p->armed && memmem(buf, (size_t)n, "COMMIT", 6) != NULL) {
		p->armed = false;
		p->kept[i] = true;
		(void)!write(orders, "C", 1);
	}
	for (ssize_t done = 0; done < n;) {
		ssize_t w = send(from_client ? p->server[i] : p->client[i], buf + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		done += w;
	}
	return true;
}

static bool
obey(struct pairs *p, int orders)
{
	char c;

	if (read(orders, &c, 1) != 1)
		return false;
	if (c == 'c')
		while (p->n > 0)
			drop(p, p->n - 1);
	p->armed = c == 'k';
	for (size_t i = 0; c == 'r' && i < p->n; i++)
		p->kept[i] = false;
	(void)!write(orders, ".", 1);
	return true;
}

static void
run(int listener, int orders, const char *to)
{
	struct pairs p = { .n = 0 };

	for (;;) {
		struct pollfd f[2 + 2 * PAIRS_MAX];

		f[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		f[1] = (struct pollfd){ .fd = orders, .events = POLLIN };
		for (size_t i = 0; i < p.n; i++) {
			f[2 + 2 * i] = (struct pollfd){ .fd = p.client[i], .events = POLLIN };
			f[3 + 2 * i] = (struct pollfd){ .fd = p.kept[i] ? -1 : p.server[i], .events = POLLIN };
		}
		if (poll(f, 2 + 2 * p.n, -1) < 0)
			continue;
		for (size_t i = p.n; i-- > 0;)
			if ((f[2 + 2 * i].revents != 0 && !pass(&p, i, true, orders)) ||
			    (f[3 + 2 * i].revents != 0 && !pass(&p, i, false, orders)))
				drop(&p, i);
		if (f[1].revents != 0 && !obey(&p, orders))
			_exit(0);
		if (f[0].revents != 0 && p.n < PAIRS_MAX) {
			int c = accept(listener, NULL, NULL), s = at(to, false);

			if (s < 0) {
				close(c);
			} else {
				p.client[p.n] = c;
				p.server[p.n] = s;
				p.kept[p.n++] = false;
			}
		}
	}
}

void
relay_start(struct relay *r, const char *name, const char *to)
{
	int pair[2], listener;

	strcpy(r->folder, "/tmp/twokey-relay-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	assert_int_equal(chmod(r->folder, 0755), 0);
	snprintf(r->path, sizeof r->path, "%s/%s", r->folder, name);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	listener = at(r->path, true);
	assert_true(listener >= 0);
	r->pid = fork();
	if (r->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		run(listener, pair[1], to);
	}
	close(listener);
	close(pair[1]);
	r->fd = pair[0];
}

void
relay_stop(struct relay *r)
{
	close(r->fd);
	waitpid(r->pid, NULL, 0);
	unlink(r->path);
	rmdir(r->folder);
}

static void
wait_for(struct relay *r, char want)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, ORDER_MS) != 1 || read(r->fd, &c, 1) != 1 || c != want)
		fail_msg("the relay did not say '%c'", want);
}

static void
order(struct relay *r, char what)
{
	assert_int_equal(write(r->fd, &what, 1), 1);
	wait_for(r, '.');
}

void
relay_cut(struct relay *r)
{
	order(r, 'c');
}

void
relay_keep_answer(struct relay *r)
{
	order(r, 'k');
}

void
relay_wait_commit(struct relay *r)
{
	wait_for(r, 'C');
}

void
relay_release(struct relay *r)
{
	order(r, 'r');
}
