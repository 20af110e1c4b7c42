/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file below a writer: whole writes at its end or none, and a reserve kept behind it. */
#ifndef TWOKEY_SRC_TRANSCRIPT_WRITER_FILE_H
#define TWOKEY_SRC_TRANSCRIPT_WRITER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/transcript/event.h"

struct err;

struct transcript_writer {
	int fd, read_fd;
	char *path;
	uint64_t end, quota;
	uint64_t kept;		/* allocated up to here, or end when the file system cannot */
	bool no_fallocate;
	bool failed;		/* the disk did not take something: nothing may follow */
	bool sealed;
	uint64_t n;
	bool started;		/* mono0 is known */
	int64_t mono0, ms;
	struct digest head;
	struct buf out;		/* what the next write holds */
};

/* Opens the second descriptor, which only reads; the path must still lead to the same file. */
int	file_open_reader(struct transcript_writer *w, struct err *e);
/* Room for n bytes at the end and, when keep is set, the reserve behind them; ERR_FULL otherwise. */
int	file_make_room(struct transcript_writer *w, uint64_t n, bool keep, struct err *e);
/* Allocates up to an offset: 0, also where the file system cannot; ERR_FULL (no sentence). */
int	file_reserve(struct transcript_writer *w, uint64_t to);
/* Writes w->out at offset at, all or nothing: the file is cut to its old length back again. */
int	file_write(struct transcript_writer *w, uint64_t at, struct err *e);
/* True while the reserve is allocated behind the end (or free, where the file system cannot). */
bool	file_keeps_reserve(const struct transcript_writer *w);

#endif
