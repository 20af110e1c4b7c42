/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sparse index of checkpoints, built as far as it is asked for; events are read when they are shown. */
#include "config.h"

#include "twokey/transcript/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transcript/chain.h"
#include "transcript/scan.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"

enum {
	WINDOW = 1024 * 1024,		/* read at a time while indexing */
	GLANCE = 64 * 1024,		/* read at a time while looking for one event */
	STEP_EVENTS = 64,		/* a checkpoint at least this often */
	STEP_BYTES = 256 * 1024,
	BLOCK_MAX = 64 * 1024 * 1024	/* the lines of one event; no writer comes near it */
};

/* Lines from an offset on. */
struct lines {
	int fd;
	uint64_t at, size;	/* of the next byte to read; where to stop */
	size_t step;
	char *bytes;
	size_t cap, from, len;	/* unread bytes are [from, len) */
};

struct checkpoint {
	uint64_t at, n;		/* the lines of event n begin at at */
};

/* The lines of one event in memory. */
struct slot {
	uint64_t n;		/* 0: free */
	char *bytes;
	size_t *ends;		/* offsets of the LFs */
	size_t lines;
};

struct index {
	struct lines scan;
	struct checkpoint *cp;
	size_t ncp, cap;
	uint64_t events;	/* known so far */
	uint64_t block;		/* where the lines of the next event begin */
	size_t bodies;		/* seen of it */
	bool done;
	struct checkpoint next;	/* behind the event that was loaded last */
	struct slot slots[TRANSCRIPT_READER_KEEPS];
	unsigned turn;
};

struct transcript_reader {
	int fd;
	uint64_t size;
	struct index *ix;	/* what const readers fill as they go */
};

static void
lines_init(struct lines *l, int fd, uint64_t at, uint64_t size, size_t step)
{
	*l = (struct lines){ .fd = fd, .at = at, .size = size, .step = step };
}

/* Reads on; false at the end, when the file shrank, or when a line is longer than any. */
static bool
lines_fill(struct lines *l)
{
	size_t left = l->len - l->from, want = l->size - l->at < l->step ? (size_t)(l->size - l->at) : l->step;
	ssize_t r;

	if (want == 0 || left > TRANSCRIPT_LINE_MAX)
		return false;
	if (left > 0)
		memmove(l->bytes, l->bytes + l->from, left);
	l->from = 0;
	l->len = left;
	if (l->cap < left + want) {
		l->cap = (left + want) * 2;
		l->bytes = must_realloc(l->bytes, l->cap);
	}
	do
		r = pread(l->fd, l->bytes + left, want, (off_t)l->at);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return false;
	l->len += (size_t)r;
	l->at += (uint64_t)r;
	return true;
}

/* The next whole line without its LF; valid until the next call. */
static bool
lines_next(struct lines *l, const char **line, size_t *n)
{
	size_t seen = 0;

	for (;;) {
		char *lf = l->len > l->from + seen ? memchr(l->bytes + l->from + seen, '\n', l->len - l->from - seen) : NULL;

		if (lf != NULL) {
			*line = l->bytes + l->from;
			*n = (size_t)(lf - *line);
			l->from += *n + 1;
			return *n <= TRANSCRIPT_LINE_MAX;
		}
		seen = l->len - l->from;
		if (!lines_fill(l))
			return false;
	}
}

/* Where the next line begins. */
static uint64_t
lines_at(const struct lines *l)
{
	return l->at - (l->len - l->from);
}

/* An event or a body of event n? Only the front is looked at: this is no verifier. */
static bool
front(const char *line, size_t len, uint64_t n, bool *event)
{
	struct scan sc = { line, len, 0 };
	uint64_t is;

	*event = SCAN_LIT(&sc, "{\"n\":");
	if (!*event) {
		if (!SCAN_LIT(&sc, "{\"s\":\"") || len - sc.at < DIGEST_HEX)
			return false;
		sc.at += DIGEST_HEX;
		if (!SCAN_LIT(&sc, "\",\"of\":"))
			return false;
	}
	return scan_uint(&sc, &is) && is == n;
}

static void
checkpoint(struct index *ix)
{
	const struct checkpoint *last = ix->ncp > 0 ? &ix->cp[ix->ncp - 1] : NULL;

	if (last != NULL && ix->events + 1 - last->n < STEP_EVENTS && ix->block - last->at < STEP_BYTES)
		return;
	if (ix->ncp == ix->cap) {
		ix->cap = ix->cap * 2 + 64;
		ix->cp = must_realloc(ix->cp, ix->cap * sizeof *ix->cp);
	}
	ix->cp[ix->ncp++] = (struct checkpoint){ ix->block, ix->events + 1 };
}

/* Indexes until event n is known or the lines end. */
static void
index_to(struct index *ix, uint64_t n)
{
	const char *line;
	size_t len;
	bool event;

	while (!ix->done && ix->events < n) {
		if (!lines_next(&ix->scan, &line, &len) || !front(line, len, ix->events + 1, &event) ||
		    lines_at(&ix->scan) - ix->block > BLOCK_MAX || ix->bodies > CHAIN_PENDING_MAX) {
			ix->done = true;
			free(ix->scan.bytes);
			ix->scan.bytes = NULL;
			return;
		}
		if (!event) {
			ix->bodies++;
			continue;
		}
		checkpoint(ix);
		ix->events++;
		ix->bodies = 0;
		ix->block = lines_at(&ix->scan);
	}
}

struct transcript_reader *
transcript_reader_open(const char *path, struct err *e)
{
	struct transcript_reader *r;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			err_set(e, ERR_NOT_FOUND, "there is no file %s; name a transcript", path);
		else
			err_sys(e, "opening the transcript %s", path);
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_INVALID, "%s is no ordinary file; name a transcript", path);
		close(fd);
		return NULL;
	}
	r = must_zalloc(sizeof *r);
	r->fd = fd;
	r->size = (uint64_t)st.st_size;
	r->ix = must_zalloc(sizeof *r->ix);
	lines_init(&r->ix->scan, fd, 0, r->size, WINDOW);
	return r;
}

static void
slot_clear(struct slot *s)
{
	free(s->bytes);
	free(s->ends);
	*s = (struct slot){ 0 };
}

void
transcript_reader_close(struct transcript_reader *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < TRANSCRIPT_READER_KEEPS; i++)
		slot_clear(&r->ix->slots[i]);
	free(r->ix->scan.bytes);
	free(r->ix->cp);
	free(r->ix);
	close(r->fd);
	free(r);
}

uint64_t
transcript_events(const struct transcript_reader *r)
{
	index_to(r->ix, UINT64_MAX);
	return r->ix->events;
}

/* The nearest known place at or before event n. */
static struct checkpoint
nearest(const struct index *ix, uint64_t n)
{
	size_t lo = 0, hi = ix->ncp;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (ix->cp[mid].n <= n)
			lo = mid;
		else
			hi = mid;
	}
	if (ix->next.n > ix->cp[lo].n && ix->next.n <= n)
		return ix->next;
	return ix->cp[lo];
}

/* Copies the lines of event n from where they stand. */
static bool
slot_load(struct slot *s, const struct transcript_reader *r, uint64_t n)
{
	struct checkpoint cp = nearest(r->ix, n);
	struct lines l;
	size_t have = 0, room = 0, cap = 0, len;
	const char *line;
	bool event = false;

	lines_init(&l, r->fd, cp.at, r->size, GLANCE);
	while (cp.n <= n && s->lines <= CHAIN_PENDING_MAX && lines_next(&l, &line, &len) && front(line, len, cp.n, &event)) {
		cp.n += event;
		if (cp.n < n + event)
			continue;
		if (room - have < len + 1) {
			room = (have + len + 1) * 2;
			s->bytes = must_realloc(s->bytes, room);
		}
		if (s->lines == cap) {
			cap = cap * 2 + 4;
			s->ends = must_realloc(s->ends, cap * sizeof *s->ends);
		}
		memcpy(s->bytes + have, line, len + 1);
		have += len + 1;
		s->ends[s->lines++] = have - 1;
	}
	if (cp.n > n)
		r->ix->next = (struct checkpoint){ lines_at(&l), cp.n };
	free(l.bytes);
	return cp.n > n;
}

/* The lines of event n, from memory or the file; NULL when there is none. */
static const struct slot *
slot_of(const struct transcript_reader *r, uint64_t n)
{
	struct index *ix = r->ix;
	struct slot *s;

	if (n == 0)
		return NULL;
	for (size_t i = 0; i < TRANSCRIPT_READER_KEEPS; i++)
		if (ix->slots[i].n == n)
			return &ix->slots[i];
	index_to(ix, n);
	if (n > ix->events)
		return NULL;
	s = &ix->slots[ix->turn];
	slot_clear(s);
	if (!slot_load(s, r, n)) {
		slot_clear(s);
		return NULL;
	}
	s->n = n;
	ix->turn = (ix->turn + 1) % TRANSCRIPT_READER_KEEPS;
	return s;
}

size_t
transcript_event_lines(const struct transcript_reader *r, uint64_t n)
{
	const struct slot *s = slot_of(r, n);

	return s != NULL ? s->lines : 0;
}

const char *
transcript_event_line(const struct transcript_reader *r, uint64_t n, size_t i, size_t *len)
{
	const struct slot *s = slot_of(r, n);
	size_t from;

	if (s == NULL || i >= s->lines)
		return NULL;
	from = i > 0 ? s->ends[i - 1] + 1 : 0;
	*len = s->ends[i] - from;
	return s->bytes + from;
}
