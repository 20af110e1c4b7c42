/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "role.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

static const struct {
	const char *name;
	int user;
	int fds;
	int (*main)(json_t *init);
} roles[] = {
#define ROLE(name, text, user, fds, entry) { text, user, fds, entry },
#include "role.def"
#undef ROLE
};

const char *
role_name(enum role_kind k)
{
	return roles[k].name;
}

int
role_parse(const char *name, enum role_kind *k)
{
	for (int i = 0; i < ROLES; i++) {
		if (strcmp(roles[i].name, name) == 0) {
			*k = (enum role_kind)i;
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

int
role_user(enum role_kind k)
{
	return roles[k].user;
}

int
role_fds(enum role_kind k)
{
	return roles[k].fds;
}

static int
drop_privileges(uid_t uid, gid_t gid, struct err *e)
{
	if (uid == (uid_t)-1)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return err_sys(e, "dropping privileges to uid %u", (unsigned)uid);
	/* a process that can come back has not dropped anything */
	if (uid != 0 && (setuid(0) == 0 || geteuid() == 0))
		return err_set(e, ERR_BUG, "privileges could be regained");
	return 0;
}

/* No core file, no tracer, no new privileges: a password may be in this memory. */
static int
lock_down(struct err *e)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_sys(e, "forbidding core files");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, "forbidding new privileges");
#ifndef __SANITIZE_ADDRESS__	/* the leak checker traces its own process at exit */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(e, "forbidding tracing");
#endif
	return 0;
}

static json_t *
receive_init(struct err *e)
{
	char *text = must_alloc(ROLE_INIT_MAX);
	ssize_t n = recv(ROLE_FD_MONITOR, text, ROLE_INIT_MAX, 0);
	json_t *init = NULL;

	if (n <= 0)
		err_set(e, ERR_CLOSED, "the monitor is gone");
	else
		init = json_line_parse(text, (size_t)n, e);
	secret_wipe(text, ROLE_INIT_MAX);
	free(text);
	return init;
}

json_t *
role_begin(enum role_kind k, uid_t uid, gid_t gid, struct err *e)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);	/* Ctrl-C in a terminal is for the monitor */
	signal(SIGXFSZ, SIG_IGN);	/* a full file is an error of write, not a death */
	if (close_range((unsigned)(3 + roles[k].fds), ~0u, 0) != 0) {
		err_sys(e, "closing descriptors");
		return NULL;
	}
	for (int fd = 3; fd < 3 + roles[k].fds; fd++)
		(void)io_cloexec(fd);
	if (drop_privileges(uid, gid, e) != 0 || lock_down(e) != 0)
		return NULL;
	return receive_init(e);
}

int
role_run(enum role_kind k, uid_t uid, gid_t gid)
{
	struct err e;
	json_t *init;

	log_init(roles[k].name, LOG_LEVEL_INFO);
	init = role_begin(k, uid, gid, &e);
	if (init == NULL) {
		log_line(LOG_LEVEL_ERROR, "%s", e.text);
		return 1;
	}
	return roles[k].main(init);
}

int
monitor_send(int fd, const struct monitor_msg *m, int pass, struct err *e)
{
	return io_send_fd(fd, m, sizeof *m, pass, e);
}

int
monitor_recv(int fd, struct monitor_msg *m, int *pass, struct err *e)
{
	ssize_t n = io_recv_fd(fd, m, sizeof *m, pass, e);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return 0;
	if (n != sizeof *m) {
		if (*pass >= 0)
			close(*pass);
		return err_set(e, ERR_INVALID, "a message of %zd bytes instead of %zu", n, sizeof *m);
	}
	m->session[sizeof m->session - 1] = '\0';
	m->ticket[sizeof m->ticket - 1] = '\0';
	m->target[sizeof m->target - 1] = '\0';
	m->person[sizeof m->person - 1] = '\0';
	m->digest[sizeof m->digest - 1] = '\0';
	return 1;
}
