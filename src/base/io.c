/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

int
io_write_all(int fd, const void *p, size_t n, struct err *e)
{
	const char *s = p;

	while (n > 0) {
		ssize_t w = write(fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EPIPE)
			return err_set(e, ERR_CLOSED, "the other side closed the connection");
		if (w < 0)
			return err_sys(e, "writing");
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

int
io_read_file(const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "%s: no such file", path)
		    : err_sys(e, "opening %s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		ret = err_set(e, ERR_SYSTEM, "%s: not a regular file", path);
	else if ((size_t)st.st_size > max)
		ret = err_set(e, ERR_TOO_LARGE, "%s: more than %zu bytes", path, max);
	while (ret == 0) {
		char chunk[8192];
		ssize_t r = read(fd, chunk, sizeof chunk);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			ret = r < 0 ? err_sys(e, "reading %s", path) : 0;
			break;
		}
		if ((size_t)r > max - buf_len(out))
			ret = err_set(e, ERR_TOO_LARGE, "%s: more than %zu bytes", path, max);
		else
			buf_put(out, chunk, (size_t)r);
	}
	close(fd);
	return ret;
}

/* Makes the rename durable: the folder's own entry is synced. */
static int
sync_folder(const char *path, struct err *e)
{
	char *folder = must_strdup(path), *slash = strrchr(folder, '/');
	int fd, ret = 0;

	if (slash == folder)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		ret = err_sys(e, "syncing the folder of %s", path);
	if (fd >= 0)
		close(fd);
	free(folder);
	return ret;
}

int
io_write_file(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	char tmp[4096];
	int fd, ret;

	if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
		return err_set(e, ERR_TOO_LARGE, "the path is too long: %s", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_sys(e, "creating %s", tmp);
	ret = io_write_all(fd, p, n, e);
	if (ret == 0 && fdatasync(fd) != 0)
		ret = err_sys(e, "syncing %s", tmp);
	close(fd);
	if (ret == 0 && rename(tmp, path) != 0)
		ret = err_sys(e, "renaming %s", tmp);
	if (ret == 0)
		return sync_folder(path, e);
	unlink(tmp);
	return ret;
}

int
io_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ? ERR_SYSTEM : 0;
}

int
io_cloexec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ? ERR_SYSTEM : 0;
}

int
io_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return err_sys(e, "making a socket pair");
	return 0;
}

enum io_got
io_fill(int fd, struct buf *b)
{
	size_t n = b->max - buf_len(b);
	char *room;
	ssize_t r;

	if (n > 65536)
		n = 65536;
	room = n > 0 ? buf_room(b, n) : NULL;
	if (room == NULL)
		return IO_GOT_NOTHING;
	do
		r = read(fd, room, n);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		buf_added(b, (size_t)r);
		return IO_GOT_DATA;
	}
	if (r == 0)
		return IO_GOT_END;
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_GOT_NOTHING : IO_GOT_ERROR;
}

bool
io_line(const struct buf *b, const char **line, size_t *n)
{
	const char *s = buf_data(b), *lf = memchr(s, '\n', buf_len(b));

	if (lf == NULL)
		return false;
	*line = s;
	*n = (size_t)(lf - s);
	return true;
}

int
io_send_fd(int sock, const void *p, size_t n, int pass, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t w;

	if (pass >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof control.bytes;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof pass);
	}
	do
		w = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return errno == EPIPE ? err_set(e, ERR_CLOSED, "the other side closed the connection")
		    : err_sys(e, "sending");
	return (size_t)w == n ? 0 : io_write_all(sock, (const char *)p + w, n - (size_t)w, e);
}

/* The room for one descriptor is aligned to hold two: whoever sends more must not fill our table. */
static void
keep_first(struct cmsghdr *c, int *pass)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (*pass < 0)
			*pass = fd;
		else
			close(fd);
	}
}

ssize_t
io_recv_fd(int sock, void *p, size_t n, int *pass, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	ssize_t r;

	*pass = -1;
	do
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ?
		    err_set(e, ERR_STATE, "nothing to receive") : err_sys(e, "receiving");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			keep_first(c, pass);
	return r;
}
