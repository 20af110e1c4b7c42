/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file whose recorder died: what is there stays, what is torn becomes bodies of "recovered". */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transcript/chain.h"
#include "transcript/compose.h"
#include "transcript/writer_file.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/transcript/verify.h"
#include "twokey/transcript/writer.h"

enum {
	TORN_MAX = 16 * 1024 * 1024,	/* more than the largest append: its bodies and its event */
	TORN_PIECE = 512 * 1024		/* bytes of one body "torn" */
};

static int
read_at(int fd, uint64_t at, char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = pread(fd, p, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return ERR_SYSTEM;
		p += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/* Where the torn bytes begin: behind the last good line; behind the last event when a page of the last
 * append was never written. ERR_BROKEN when a crash cannot have made this. */
static int
find_torn(const struct transcript_writer *w, const struct chain_state *st, const struct chain_extent *x, uint64_t *at,
    struct err *e)
{
	if (st->sealed && !st->broken && x->size == x->lines_end)
		return err_set(e, ERR_STATE, "the transcript %s is sealed: there is nothing to recover", w->path);
	*at = st->broken ? x->event_end : x->lines_end;
	if (st->sealed || (st->broken && !x->zeros) || x->size - *at > TORN_MAX)
		return err_set(e, ERR_BROKEN, "the transcript %s is broken behind event %llu, and not as a crash breaks it; "
		    "keep the file and run twokey verify on it", w->path, (unsigned long long)st->n);
	return 0;
}

/* The bodies that stand there whole are named as they are; they are lines of this event's number already. */
static void
name_orphans(struct buf *list, const struct chain_state *st)
{
	if (st->broken)
		return;
	for (size_t i = 0; i < st->npending; i++)
		compose_named(list, st->pending[i].k, strlen(st->pending[i].k), &st->pending[i].sha, st->pending[i].len);
}

static void
put_torn(struct buf *out, struct buf *list, uint64_t n, const char *torn, size_t len)
{
	struct buf json;

	buf_init(&json, TORN_PIECE * 2);
	for (size_t i = 0; i < len; i += TORN_PIECE) {
		buf_reset(&json);
		buf_puts(&json, "{\"k\":\"torn\",\"base64\":\"");
		text_base64(&json, torn + i, len - i < TORN_PIECE ? len - i : TORN_PIECE);
		buf_puts(&json, "\"}");
		compose_body(out, list, n, buf_data(&json), buf_len(&json));
	}
	buf_fini(&json);
}

/* With keep, the torn bytes are kept as bodies; without, only their length and digest. */
static int
compose_recovered(struct transcript_writer *w, struct compose *c, const struct chain_state *st, const char *torn, size_t len,
    bool keep, struct err *e)
{
	struct digest sha = digest_of(torn, len);
	bool fits;
	char hex[DIGEST_HEX + 1];
	struct buf list;
	size_t from;

	buf_reset(&w->out);
	buf_init(&list, TRANSCRIPT_EVENT_MAX);
	name_orphans(&list, st);
	if (keep)
		put_torn(&w->out, &list, c->n, torn, len);
	from = buf_len(&w->out);
	compose_front(&w->out, c, "recovered");
	digest_hex(&sha, hex);
	buf_putf(&w->out, ",\"torn\":%zu,\"sha\":\"%s\"", len, hex);
	compose_end(&w->out, from, &list, c);
	fits = !buf_over(&list) && buf_len(&w->out) - from - 1 <= TRANSCRIPT_EVENT_MAX;
	buf_fini(&list);
	return fits ? 0 : err_set(e, ERR_BROKEN, "the transcript %s ends with more bodies than an event can name; no crash "
	    "makes that: keep the file and run twokey verify on it", w->path);
}

/* Without room for the torn bytes their length and digest still say what was there. */
static int
append_recovered(struct transcript_writer *w, struct compose *c, const struct chain_state *st, uint64_t at, const char *torn,
    size_t len, struct err *e)
{
	int ret = compose_recovered(w, c, st, torn, len, true, e);

	if (ret == 0)
		ret = file_reserve(w, at + buf_len(&w->out));
	if (ret == 0)
		ret = writer_commit(w, c, at, e);
	if (ret == ERR_FULL && len > 0) {
		ret = compose_recovered(w, c, st, torn, len, false, e);
		if (ret == 0)
			ret = writer_commit(w, c, at, e);
	} else if (ret == ERR_FULL) {
		err_set(e, ERR_FULL, "the disk of the transcript %s is full; make room there, then start again", w->path);
	}
	if (ret == 0 && ftruncate(w->fd, (off_t)w->end) != 0) {
		w->failed = true;
		return err_sys(e, "cutting the transcript %s to its last line", w->path);
	}
	return ret;
}

static int
recover(struct transcript_writer *w, struct transcript_verifier *v, struct transcript_when when, struct err *e)
{
	struct compose c = { .wall_us = when.wall_us };
	struct chain_extent x;
	struct chain_state st;
	char *torn = NULL;
	uint64_t at = 0;
	int ret = chain_feed(w->fd, w->path, v, &x, e);

	if (ret != 0)
		return ret;
	chain_state(v, &st);
	ret = find_torn(w, &st, &x, &at, e);
	if (ret != 0)
		return ret;
	torn = must_alloc((size_t)(x.size - at) + 1);
	if (read_at(w->fd, at, torn, (size_t)(x.size - at)) != 0) {
		free(torn);
		return err_sys(e, "reading the torn line of the transcript %s", w->path);
	}
	w->n = st.n;
	w->head = c.prev = st.head;
	w->ms = st.ms;
	w->end = w->kept = x.size;
	c.n = st.n + 1;
	c.ms = writer_ms(w, when.mono_ms);
	ret = append_recovered(w, &c, &st, at, torn, (size_t)(x.size - at), e);
	free(torn);
	if (ret != 0)
		return ret;
	w->kept = w->end;
	/* recovery needs room whatever the quota said; without room on disk it goes on all the same */
	if (w->quota < w->end + TRANSCRIPT_RESERVE)
		w->quota = w->end + TRANSCRIPT_RESERVE;
	(void)file_reserve(w, w->end + TRANSCRIPT_RESERVE);
	return transcript_sync(w, e);
}

struct transcript_writer *
transcript_writer_recover(const char *path, uint64_t quota, struct transcript_when when, struct err *e)
{
	struct transcript_writer *w = writer_open(path, 0, quota, e);
	struct transcript_verifier *v;
	struct stat st;
	int ret;

	if (w == NULL)
		return NULL;
	if (fstat(w->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_INVALID, "the transcript %s is no ordinary file", path);
		transcript_writer_close(w);
		return NULL;
	}
	v = transcript_verifier_create();
	ret = recover(w, v, when, e);
	transcript_verifier_free(v);
	if (ret == 0)
		return w;
	transcript_writer_close(w);
	return NULL;
}
