/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/transcript/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "transcript/body.h"
#include "transcript/compose.h"
#include "transcript/writer_file.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"

enum { KEEP_BUFFER = 256 * 1024 };

static int
lock(struct transcript_writer *w, struct err *e)
{
	if (flock(w->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(e, ERR_STATE, "the transcript %s is being written by another process", w->path);
	return err_sys(e, "locking the transcript %s", w->path);
}

struct transcript_writer *
writer_open(const char *path, int flags, uint64_t quota, struct err *e)
{
	struct transcript_writer *w = must_zalloc(sizeof *w);

	w->path = must_strdup(path);
	w->quota = quota;
	w->read_fd = -1;
	buf_init(&w->out, COMPOSE_MAX);
	w->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | flags, 0600);
	if (w->fd < 0 && errno == EEXIST)
		err_set(e, ERR_EXISTS, "the transcript %s exists already; it is never written over", path);
	else if (w->fd < 0 && errno == ENOENT)
		err_set(e, ERR_NOT_FOUND, "there is no transcript %s, or not its folder", path);
	else if (w->fd < 0)
		err_sys(e, "opening the transcript %s", path);
	else if (lock(w, e) == 0 && file_open_reader(w, e) == 0)
		return w;
	if (w->fd >= 0 && (flags & O_CREAT) != 0)
		unlink(path);
	transcript_writer_close(w);
	return NULL;
}

/* The name must be on disk too. */
static int
sync_folder(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? must_strdup(".") : must_strndup(path, (size_t)(slash - path) + (slash == path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

	if (fd < 0 || fsync(fd) != 0)
		ret = err_sys(e, "syncing the folder of the transcript %s", path);
	if (fd >= 0)
		close(fd);
	free(folder);
	return ret;
}

struct transcript_writer *
transcript_writer_create(const char *path, uint64_t quota, struct err *e)
{
	struct transcript_writer *w;

	if (quota <= TRANSCRIPT_RESERVE) {
		err_set(e, ERR_INVALID, "a transcript needs a quota of more than %d bytes", TRANSCRIPT_RESERVE);
		return NULL;
	}
	w = writer_open(path, O_CREAT | O_EXCL, quota, e);
	if (w == NULL)
		return NULL;
	if (file_make_room(w, 0, true, e) == 0 && sync_folder(path, e) == 0)
		return w;
	unlink(path);
	transcript_writer_close(w);
	return NULL;
}

void
transcript_writer_close(struct transcript_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->read_fd >= 0)
		close(w->read_fd);
	buf_fini(&w->out);
	free(w->path);
	free(w);
}

int
writer_usable(const struct transcript_writer *w, struct err *e)
{
	if (w->failed)
		return err_set(e, ERR_SYSTEM, "the transcript %s could not be written before; nothing may follow", w->path);
	if (w->sealed)
		return err_set(e, ERR_STATE, "the transcript %s is sealed; open a new session", w->path);
	return 0;
}

int
writer_commit(struct transcript_writer *w, const struct compose *c, uint64_t at, struct err *e)
{
	int ret = file_write(w, at, e);

	if (ret == 0) {
		w->n++;
		w->head = c->head;
		w->ms = c->ms;
	}
	buf_reset(&w->out);
	if (w->out.cap > KEEP_BUFFER)
		buf_fini(&w->out);
	return ret;
}

/* Milliseconds since event 1, never backwards. */
int64_t
writer_ms(struct transcript_writer *w, int64_t mono_ms)
{
	int64_t ms;

	if (!w->started || w->n == 0) {
		w->started = true;
		w->mono0 = mono_ms - w->ms;
	}
	ms = mono_ms - w->mono0;
	return ms > w->ms ? ms : w->ms;
}

int
transcript_append(struct transcript_writer *w, struct transcript_when when, enum transcript_event_kind kind,
    const json_t *event, const struct transcript_body *bodies, size_t nbodies,
    struct transcript_place *place, struct err *e)
{
	const struct transcript_event_rule *rule = transcript_event_rule(kind);
	struct compose c = { .n = w->n + 1, .prev = w->head, .wall_us = when.wall_us };
	int ret = writer_usable(w, e);

	if (ret != 0)
		return ret;
	c.ms = writer_ms(w, when.mono_ms);
	ret = compose_event(&w->out, &c, rule, event, bodies, nbodies, e);
	if (ret == 0)
		ret = file_make_room(w, buf_len(&w->out), !rule->reserve, e);
	if (ret != 0) {
		buf_reset(&w->out);
		return ret;
	}
	ret = writer_commit(w, &c, w->end, e);
	if (ret == 0 && place != NULL)
		*place = (struct transcript_place){ w->n, w->end };
	return ret;
}

int
transcript_sync(struct transcript_writer *w, struct err *e)
{
	if (w->failed)
		return err_set(e, ERR_SYSTEM, "the transcript %s could not be written before; nothing may follow", w->path);
	if (fdatasync(w->fd) == 0)
		return 0;
	/* the kernel may have dropped what it could not write: a second try would lie */
	w->failed = true;
	return err_sys(e, "the disk did not take the transcript %s", w->path);
}

int
transcript_seal(struct transcript_writer *w, struct transcript_when when, struct err *e)
{
	static const struct transcript_seal_with nothing;

	return transcript_seal_with(w, when, &nothing, e);
}

uint64_t
transcript_count(const struct transcript_writer *w)
{
	return w->n;
}

int
transcript_seal_with(struct transcript_writer *w, struct transcript_when when, const struct transcript_seal_with *with,
    struct err *e)
{
	struct compose c = { .n = w->n + 1, .prev = w->head, .wall_us = when.wall_us };
	int ret = writer_usable(w, e);

	if (ret != 0)
		return ret;
	c.ms = writer_ms(w, when.mono_ms);
	compose_seal(&w->out, &c, with);
	ret = file_make_room(w, buf_len(&w->out), false, e);
	if (ret != 0) {
		buf_reset(&w->out);
		return ret;
	}
	ret = writer_commit(w, &c, w->end, e);
	if (ret != 0)
		return ret;
	w->sealed = true;
	/* the room kept back is not needed any more */
	(void)!ftruncate(w->fd, (off_t)w->end);
	return transcript_sync(w, e);
}

struct digest
transcript_head(const struct transcript_writer *w)
{
	return w->head;
}

int
transcript_reader_fd(const struct transcript_writer *w, struct err *e)
{
	int fd = fcntl(w->read_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0) {
		err_sys(e, "duplicating the descriptor of the transcript %s", w->path);
		return -1;
	}
	return fd;
}

bool
transcript_has_room(const struct transcript_writer *w)
{
	return !w->failed && file_keeps_reserve(w);
}
