/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Another program, run to its end: no shell, bytes in, bytes out, a limit of time. */
#ifndef TWOKEY_BASE_RUN_H
#define TWOKEY_BASE_RUN_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

/* Where OpenSSH's programs are on the broker's host. */
#define RUN_SSH_KEYGEN "/usr/bin/ssh-keygen"

struct run {
	const char *const *argv;	/* [0] is a path, or looked for in PATH when it has no slash */
	const char *const *env;		/* NULL: that of this process */
	const void *in;			/* its standard input */
	size_t n;
	int fds[4];			/* descriptors that it gets as 3, 4 ...; 0 ends the list */
	struct buf *out;		/* its standard output, cut at the buffer's maximum; NULL: thrown away */
	struct buf *err;		/* its standard error, likewise */
	int within_ms;			/* then it is killed */
	int status;			/* set: its exit status, 128 + signal when it was killed by one */
};
/* 0 when it has ended by itself (whatever its status); ERR_SYSTEM when it could not be started (then status is 127) or did
 * not end in time. It dies with this process. */
int	run_program(struct run *r, struct err *e);
/* An anonymous file with these bytes, read from its begin as /proc/self/fd/N; -1 and *e on failure. */
int	run_file(const void *p, size_t n, struct err *e);

#endif
