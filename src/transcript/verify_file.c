/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files into the verifier: big reads, no mapping (a file that shrinks meanwhile must not end us). */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transcript/chain.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"
#include "twokey/transcript/verify.h"

/* room for a whole line in front of each read */
enum { FEED_READ = 1024 * 1024, FEED_ROOM = FEED_READ + TRANSCRIPT_LINE_MAX + 1 };

struct feed {
	struct transcript_verifier *v;
	struct chain_extent *x;
	char *bytes;
	size_t len;		/* bytes of an unfinished line at the front */
	uint64_t at;		/* offset of bytes[0] in the file */
	uint64_t torn;		/* bytes since the last LF, also of a line that is longer than any */
};

/* Whole lines in the buffer go to the verifier; the rest moves to the front. False once broken. */
static bool
feed_lines(struct feed *f)
{
	char *from = f->bytes, *end = f->bytes + f->len, *lf;
	bool ok = true;

	while (ok && (lf = memchr(from, '\n', (size_t)(end - from))) != NULL) {
		ok = transcript_verify_line(f->v, from, (size_t)(lf - from));
		if (!ok)
			break;
		from = lf + 1;
		f->x->lines_end = f->at + (uint64_t)(from - f->bytes);
		if (chain_pending(f->v) == 0)
			f->x->event_end = f->x->lines_end;
	}
	f->len = (size_t)(end - from);
	f->at += (uint64_t)(from - f->bytes);
	memmove(f->bytes, from, f->len);
	return ok;
}

static ssize_t
read_some(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Behind the first bad line: only its length and whether pages were never written matter. */
static int
feed_rest(int fd, struct feed *f)
{
	ssize_t r;

	f->x->zeros = memchr(f->bytes, '\0', f->len) != NULL;
	f->x->size = f->at + f->len;
	while ((r = read_some(fd, f->bytes, FEED_READ)) > 0) {
		f->x->size += (uint64_t)r;
		f->x->zeros = f->x->zeros || memchr(f->bytes, '\0', (size_t)r) != NULL;
	}
	return r < 0 ? ERR_SYSTEM : 0;
}

/* A line longer than any: torn when the file ends with it, else broken. */
static int
feed_long(int fd, struct feed *f)
{
	uint64_t len = f->len;
	bool lf = false;
	ssize_t r;

	f->x->zeros = memchr(f->bytes, '\0', f->len) != NULL;
	while ((r = read_some(fd, f->bytes, FEED_READ)) != 0) {
		if (r < 0)
			return ERR_SYSTEM;
		lf = lf || memchr(f->bytes, '\n', (size_t)r) != NULL;
		f->x->zeros = f->x->zeros || memchr(f->bytes, '\0', (size_t)r) != NULL;
		len += (uint64_t)r;
	}
	if (lf)
		(void)transcript_verify_line(f->v, f->bytes, (size_t)TRANSCRIPT_LINE_MAX + 1);
	f->x->size = f->at + len;
	return 0;
}

int
chain_feed(int fd, const char *path, struct transcript_verifier *v, struct chain_extent *x, struct err *e)
{
	struct feed f = { .v = v, .x = x, .bytes = must_alloc(FEED_ROOM) };
	int ret = 0;
	ssize_t r;

	*x = (struct chain_extent){ 0 };
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		r = read_some(fd, f.bytes + f.len, FEED_READ);
		if (r <= 0) {
			ret = r < 0 ? ERR_SYSTEM : 0;
			x->size = f.at + f.len;
			x->zeros = memchr(f.bytes, '\0', f.len) != NULL;
			break;
		}
		f.len += (size_t)r;
		if (!feed_lines(&f)) {
			ret = feed_rest(fd, &f);
			break;
		}
		if (f.len > TRANSCRIPT_LINE_MAX) {
			ret = feed_long(fd, &f);
			break;
		}
	}
	free(f.bytes);
	return ret == 0 ? 0 : err_sys(e, "reading the transcript %s", path);
}

int
transcript_verify_file(const char *path, struct transcript_report *out, struct err *e)
{
	struct transcript_verifier *v;
	struct chain_extent x;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret;

	if (fd < 0) {
		ret = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_SYSTEM;
		if (ret == ERR_NOT_FOUND)
			return err_set(e, ERR_NOT_FOUND, "there is no file %s; name a transcript", path);
		return err_sys(e, "opening the transcript %s", path);
	}
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);	/* a pipe or a device may never end */
		return err_set(e, ERR_INVALID, "%s is no ordinary file; name a transcript", path);
	}
	v = transcript_verifier_create();
	ret = chain_feed(fd, path, v, &x, e);
	if (ret == 0)
		transcript_verify_report(v, x.size - x.lines_end, out);
	transcript_verifier_free(v);
	close(fd);
	return ret;
}
