/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptors: whole writes, lines with a limit, passing sockets. */
#ifndef TWOKEY_BASE_IO_H
#define TWOKEY_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Writes all n bytes to a blocking descriptor (EINTR handled); 0 or ERR_SYSTEM/ERR_CLOSED (EPIPE). */
int	io_write_all(int fd, const void *p, size_t n, struct err *e);
/* Reads a whole file of at most max bytes into out; ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_SYSTEM. */
int	io_read_file(const char *path, size_t max, struct buf *out, struct err *e);
/* Writes path.tmp, fdatasync, rename, fsync of the folder: the file is old or new, never half. */
int	io_write_file(const char *path, mode_t mode, const void *p, size_t n, struct err *e);

/* Sets O_NONBLOCK, FD_CLOEXEC; 0 or ERR_SYSTEM. */
int	io_nonblock(int fd);
int	io_cloexec(int fd);
/* A connected pair of stream sockets, close-on-exec; 0 or ERR_SYSTEM. */
int	io_pair(int fds[2], struct err *e);

/* What io_fill saw. */
enum io_got { IO_GOT_DATA, IO_GOT_NOTHING, IO_GOT_END, IO_GOT_ERROR };
/* One read of what is there into b (at most its room). */
enum io_got io_fill(int fd, struct buf *b);
/* The next complete line in b without its LF: true, and *line points into b until buf_consume(b, *n + 1). */
bool	io_line(const struct buf *b, const char **line, size_t *n);

/* Sends n bytes (n > 0) and, when pass >= 0, that descriptor over a Unix socket. */
int	io_send_fd(int sock, const void *p, size_t n, int pass, struct err *e);
/* Receives up to n bytes and perhaps one descriptor (*pass = -1 when none came, close-on-exec).
 * Returns the bytes, 0 at the end, or an ERR code. */
ssize_t	io_recv_fd(int sock, void *p, size_t n, int *pass, struct err *e);

#endif
