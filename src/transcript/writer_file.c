/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "transcript/writer_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/transcript/limit.h"

/* allocated ahead at a time: not every append needs a call */
enum { STEP = 1024 * 1024 };

int
file_open_reader(struct transcript_writer *w, struct err *e)
{
	struct stat a, b;

	w->read_fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (w->read_fd < 0)
		return err_sys(e, "opening the transcript %s for reading", w->path);
	if (fstat(w->fd, &a) != 0 || fstat(w->read_fd, &b) != 0)
		return err_sys(e, "looking at the transcript %s", w->path);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return err_set(e, ERR_SYSTEM, "the transcript %s was replaced while it was opened", w->path);
	return 0;
}

static int
keep_to(int fd, uint64_t from, uint64_t to)
{
	int ret;

	do
		ret = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from));
	while (ret != 0 && errno == EINTR);
	return ret;
}

static bool
disk_has(const struct transcript_writer *w, uint64_t n)
{
	struct statvfs fs;

	/* what cannot be asked is not refused: the write itself will tell */
	return fstatvfs(w->fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= n;
}

static uint64_t
at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Allocates up to want, generously when there is plenty. */
int
file_reserve(struct transcript_writer *w, uint64_t want)
{
	uint64_t ahead = at_most(want + STEP, w->quota > want ? w->quota : want);

	if (w->no_fallocate || want <= w->kept)
		return 0;
	if (keep_to(w->fd, w->end, ahead) == 0) {
		w->kept = ahead;
		return 0;
	}
	if (keep_to(w->fd, w->end, want) == 0) {
		w->kept = want;
		return 0;
	}
	if (errno != ENOSPC && errno != EDQUOT && errno != EFBIG) {
		w->no_fallocate = true;
		return 0;
	}
	return ERR_FULL;
}

int
file_make_room(struct transcript_writer *w, uint64_t n, bool keep, struct err *e)
{
	uint64_t behind = keep ? TRANSCRIPT_RESERVE : 0;

	if (n > w->quota || w->end > w->quota - n || behind > w->quota - n - w->end)
		return err_set(e, ERR_FULL, "the transcript %s has reached its quota of %llu bytes; end the session and open "
		    "a new one", w->path, (unsigned long long)w->quota);
	/* who may use the reserve takes what is there; the write tells when it is too little */
	if (!keep)
		return 0;
	if (file_reserve(w, w->end + n + behind) != 0 || (w->no_fallocate && !disk_has(w, n + behind)))
		return err_set(e, ERR_FULL, "the disk of the transcript %s is full; make room there, then open a new session",
		    w->path);
	return 0;
}

/* Back to the last whole event; a file that cannot be cut is not written any more. */
static void
cut(struct transcript_writer *w, uint64_t size)
{
	int ret;

	do
		ret = ftruncate(w->fd, (off_t)size);
	while (ret != 0 && errno == EINTR);
	if (ret != 0)
		w->failed = true;
	w->kept = w->end;
	/* cutting gave the reserve back to the disk: take it again at once */
	if (!w->failed && w->end <= w->quota && w->quota - w->end >= TRANSCRIPT_RESERVE)
		(void)file_reserve(w, w->end + TRANSCRIPT_RESERVE);
}

int
file_write(struct transcript_writer *w, uint64_t at, struct err *e)
{
	const char *p = buf_data(&w->out);
	size_t n = buf_len(&w->out), done = 0;
	int saved;

	while (done < n) {
		ssize_t r = pwrite(w->fd, p + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			saved = r == 0 ? ENOSPC : errno;
			cut(w, w->end);
			errno = saved;
			if (saved == ENOSPC || saved == EFBIG || saved == EDQUOT)
				return err_set(e, ERR_FULL, "there is no room to write the transcript %s; make room there, "
				    "then open a new session", w->path);
			return err_sys(e, "writing the transcript %s", w->path);
		}
		done += (size_t)r;
	}
	w->end = at + n;
	if (w->kept < w->end)
		w->kept = w->end;
	return 0;
}

bool
file_keeps_reserve(const struct transcript_writer *w)
{
	if (w->quota < TRANSCRIPT_RESERVE || w->end > w->quota - TRANSCRIPT_RESERVE)
		return false;
	if (w->no_fallocate)
		return disk_has(w, TRANSCRIPT_RESERVE);
	return w->kept - w->end >= TRANSCRIPT_RESERVE;
}
