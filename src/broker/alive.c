/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "alive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/log.h"
#include "twokey/ticket/config.h"

#include "monitor.h"

enum { ALIVE_PATH_MAX = 4096 };

bool
alive_take(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_SETLK, &l) == 0;
}

static bool
path_of(const struct monitor *m, const struct watched *w, char path[ALIVE_PATH_MAX])
{
	return snprintf(path, ALIVE_PATH_MAX, "%s/%s.db", m->o->config->run, w->session) < ALIVE_PATH_MAX;
}

int
alive_open(const struct monitor *m, const struct watched *w, struct err *e)
{
	char path[ALIVE_PATH_MAX];
	int fd;

	if (m->checking) {	/* no session, nothing to ask about afterwards, perhaps no folder of the broker either */
		fd = memfd_create("twokey", MFD_CLOEXEC);
	} else if (!path_of(m, w, path)) {
		err_set(e, ERR_TOO_LARGE, "the path of the run folder is too long");
		return -1;
	} else {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0)
		err_sys(e, "making the mark of a db that lives");
	return fd;
}

/* Who holds the lock, as the kernel tells; 0: nobody, -1: somebody whom it cannot name. */
static pid_t
holder(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &l) != 0)
		return -1;
	return l.l_type == F_UNLCK ? 0 : l.l_pid > 0 ? l.l_pid : -1;
}

/* The number is that of the same process as long as it holds the lock on both sides of pidfd_open. */
static void
end_it(int fd, pid_t pid, const char *session)
{
	int p = (int)syscall(SYS_pidfd_open, pid, 0);

	if (p < 0)
		return;
	if (holder(fd) == pid) {
		log_line(LOG_LEVEL_WARN, "%s: a db that an earlier broker left is ended", session);
		(void)syscall(SYS_pidfd_send_signal, p, SIGKILL, NULL, 0);
	}
	close(p);
}

bool
alive_ended(const struct monitor *m, const struct watched *w)
{
	char path[ALIVE_PATH_MAX];
	pid_t pid;
	int fd;

	if (!path_of(m, w, path))
		return true;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT;	/* none was ever started, or the host was started since */
	pid = holder(fd);
	if (pid > 0)
		end_it(fd, pid, w->session);
	close(fd);
	return pid == 0;
}

void
alive_remove(const struct monitor *m, const struct watched *w)
{
	char path[ALIVE_PATH_MAX];

	if (path_of(m, w, path))
		(void)unlink(path);
}
