/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be there before the first role: users, folders, the socket. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"

#include "monitor.h"

enum { LISTENS_STILL_MS = 3000 };
enum { USER_FRONT, USER_RECORDER, USER_DB, USER_TUNNEL, USERS };

int
monitor_users(struct monitor *m, struct err *e)
{
	if (m->o->private_mode)
		return 0;
	if (geteuid() != 0)
		return err_set(e, ERR_CONFIG, "the broker in system mode starts as root, to give its roles "
		    "users of their own; as one login use --private");
	for (int i = 0; i < USERS; i++) {
		struct passwd *pw = getpwnam(m->o->config->users[i]);

		if (pw == NULL || pw->pw_uid == 0)
			return err_set(e, ERR_CONFIG, "the system user %s is missing: "
			    "adduser --system --group --no-create-home %s",
			    m->o->config->users[i], m->o->config->users[i]);
		m->uids[i] = pw->pw_uid;
		m->gids[i] = pw->pw_gid;
		for (int k = 0; k < i; k++)
			if (m->uids[k] == m->uids[i])
				return err_set(e, ERR_CONFIG, "the users %s and %s are one uid; each role needs its own",
				    m->o->config->users[k], m->o->config->users[i]);
	}
	return 0;
}

/* A folder of that mode, made when missing; in system mode it belongs to the role's user. */
static int
need_folder(const struct monitor *m, const char *path, mode_t mode, int user, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_sys(e, "making the folder %s", path);
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a folder", path);
	if (!m->o->private_mode && chown(path, user >= 0 ? m->uids[user] : 0, user >= 0 ? m->gids[user] : 0) != 0)
		return err_sys(e, "giving %s to its user", path);
	if (chmod(path, mode) != 0)
		return err_sys(e, "setting the mode of %s", path);
	return 0;
}

static int
parent_folder(const struct monitor *m, const char *path, struct err *e)
{
	char *folder = must_strdup(path), *slash = strrchr(folder, '/');
	int ret;

	must(slash != NULL);
	*slash = '\0';
	/* an existing folder of somebody else (/run, a test's) is left as it is */
	ret = folder[0] == '\0' || access(folder, F_OK) == 0 ? 0 :
	    need_folder(m, folder, m->o->private_mode ? 0700 : 0755, -1, e);
	free(folder);
	return ret;
}

/* Two brokers on one run folder would recover each other's open sessions and remove the notes. Held, by
 * this process alone, until it ends. */
static int
lock_run(const struct monitor *m, struct err *e)
{
	int fd = open(m->o->config->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "opening the folder %s", m->o->config->run);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(fd);
	return err_set(e, ERR_EXISTS, "a broker uses the folder %s already", m->o->config->run);
}

/* The front of a broker that was killed a moment ago still listens: it sees that its monitor is gone, and goes. */
static bool
somebody_listens(const struct sockaddr_un *a)
{
	struct timespec pause = { 0, 20 * 1000000L };

	for (int i = 0; i < LISTENS_STILL_MS / 20; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool there = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;

		if (fd >= 0)
			close(fd);
		if (!there)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* A second broker on the same socket is refused; a dead one's socket is taken away. */
static int
make_socket(struct monitor *m, struct err *e)
{
	const char *path = m->o->config->socket;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof a.sun_path)
		return err_set(e, ERR_CONFIG, "the socket's path is longer than %zu bytes: %s",
		    sizeof a.sun_path - 1, path);
	strcpy(a.sun_path, path);
	if (somebody_listens(&a))
		return err_set(e, ERR_EXISTS, "a broker is running on %s already", path);
	unlink(path);
	m->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&a, sizeof a) != 0)
		return err_sys(e, "making the socket %s", path);
	/* who may do what is decided by the login that the kernel tells, not by the file's mode */
	if (chmod(path, m->o->private_mode ? 0600 : 0666) != 0 || listen(m->listener, 128) != 0)
		return err_sys(e, "listening on %s", path);
	return 0;
}

/* Found now, not when the first session ends: ssh-keygen takes no key that others can read. */
static int
check_seal_key(const struct monitor *m, struct err *e)
{
	const char *path = m->o->config->seal_key;
	uid_t owner = m->o->private_mode ? geteuid() : m->uids[USER_RECORDER];
	struct stat st;

	if (path == NULL)
		return 0;
	if (stat(path, &st) != 0)
		return err_set(e, ERR_CONFIG, "seal_key: %.200s cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != owner || (st.st_mode & 077) != 0)
		return err_set(e, ERR_CONFIG, "seal_key: %.200s must be a file of %s alone: mode 0600, and its own", path,
		    m->o->private_mode ? "this login" : m->o->config->users[USER_RECORDER]);
	return 0;
}

int
monitor_setup(struct monitor *m, struct err *e)
{
	const struct config *c = m->o->config;
	int ret;

	m->listener = -1;
	if ((ret = monitor_users(m, e)) != 0 ||
	    (ret = check_seal_key(m, e)) != 0 ||
	    (ret = parent_folder(m, c->socket, e)) != 0 ||
	    (ret = parent_folder(m, c->store, e)) != 0 ||
	    (ret = need_folder(m, c->store, 0700, USER_FRONT, e)) != 0 ||
	    (ret = need_folder(m, c->transcripts, 0700, USER_RECORDER, e)) != 0 ||
	    /* db passes through it to the socket of its tunnel; the notes in it are 0600 */
	    (ret = need_folder(m, c->run, m->o->private_mode ? 0700 : 0711, -1, e)) != 0 ||
	    (ret = lock_run(m, e)) != 0)
		return ret;
	return make_socket(m, e);
}

void
monitor_teardown(struct monitor *m)
{
	if (m->listener < 0)
		return;
	close(m->listener);
	unlink(m->o->config->socket);
}
