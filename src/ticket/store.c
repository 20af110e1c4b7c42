/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/ticket/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ticket/state.h"
#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"

enum { STORE_PATH_MAX = 4096 };

static const char text_file[] = ".yaml", state_file[] = ".state.json";

/* folder/ID.suffix; the id is checked here, whoever asks. */
static int
path_of(const char *folder, const char *id, const char *suffix, char out[STORE_PATH_MAX], struct err *e)
{
	if (!ticket_id_ok(id))
		return err_set(e, ERR_NOT_FOUND, "that is no ticket's id; a name of letters, digits, '.', '_', '-' is expected");
	if (snprintf(out, STORE_PATH_MAX, "%s/%s%s", folder, id, suffix) >= STORE_PATH_MAX)
		return err_set(e, ERR_TOO_LARGE, "the path of the store is too long: %s", folder);
	return 0;
}

/* One writer at a time, whatever process or thread he is in. Closing unlocks. */
static int
lock_store(const char *folder, int *fd, struct err *e)
{
	int ret;

	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(e, "opening the store of tickets %s", folder);
	do
		ret = flock(*fd, LOCK_EX);
	while (ret != 0 && errno == EINTR);
	if (ret == 0)
		return 0;
	err_sys(e, "locking the store of tickets %s", folder);
	close(*fd);
	*fd = -1;
	return ERR_SYSTEM;
}

static int
write_state(const char *folder, const char *id, const struct state_file *s, struct err *e)
{
	char path[STORE_PATH_MAX];
	struct buf b;
	int ret = path_of(folder, id, state_file, path, e);

	if (ret != 0)
		return ret;
	buf_init(&b, STATE_TEXT_MAX);
	state_write(s, &b);
	ret = io_write_file(path, 0600, buf_data(&b), buf_len(&b), e);
	buf_fini(&b);
	return ret;
}

static int
read_state(const char *folder, const char *id, struct state_file *s, struct err *e)
{
	char path[STORE_PATH_MAX];
	struct buf b;
	int ret = path_of(folder, id, state_file, path, e);

	if (ret != 0)
		return ret;
	buf_init(&b, STATE_TEXT_MAX);
	ret = io_read_file(path, STATE_TEXT_MAX, &b, e);
	if (ret == 0)
		ret = state_read(s, buf_data(&b), buf_len(&b), id, e);
	buf_fini(&b);
	return ret;
}

/* The text of a ticket, parsed, and what the state file says about it; they must belong together. */
static int
load(const char *folder, const char *id, struct ticket **t, struct state_file *s, struct buf *text, struct err *e)
{
	char path[STORE_PATH_MAX];
	int ret = path_of(folder, id, text_file, path, e);

	if (ret == 0)
		ret = io_read_file(path, TICKET_TEXT_MAX, text, e);
	if (ret == ERR_NOT_FOUND)
		return err_set(e, ERR_NOT_FOUND, "there is no ticket %.63s in this broker's store", ticket_id_ok(id) ? id : "of that id");
	if (ret == 0)
		ret = read_state(folder, id, s, e);
	if (ret != 0)
		return ret == ERR_NOT_FOUND || ret == ERR_TOO_LARGE ?
		    err_set(e, ERR_BROKEN, "the stored ticket %s is not whole; bring it again under a new id", id) : ret;
	ret = ticket_parse(buf_data(text), buf_len(text), id, t, e);
	if (ret == 0 && strcmp((*t)->id, id) == 0 && digest_equal(&(*t)->digest, &s->digest) &&
	    (s->s.accepted_by[0] == '\0' || digest_equal(&(*t)->digest, &s->s.accepted)))
		return 0;
	ticket_free(*t);
	*t = NULL;
	return err_set(e, ERR_BROKEN, "the stored ticket %s was changed after it was brought in; it has no force, bring it "
	    "again under a new id", id);
}

int
ticket_store_load(const char *folder, const char *id, struct ticket **t, struct ticket_state *state,
    struct buf *text, struct err *e)
{
	struct state_file s;
	struct buf b;
	int ret;

	*t = NULL;
	memset(state, 0, sizeof *state);
	buf_init(&b, TICKET_TEXT_MAX);
	ret = load(folder, id, t, &s, &b, e);
	if (ret == 0) {
		*state = s.s;
		if (text != NULL)
			buf_put(text, buf_data(&b), buf_len(&b));
	}
	buf_fini(&b);
	if (ret == 0 && text != NULL && buf_over(text)) {
		ticket_free(*t);
		*t = NULL;
		ret = err_set(e, ERR_TOO_LARGE, "the ticket %s has more bytes than its reader takes", id);
	}
	return ret;
}

/* An id is free when neither of its files is there. A state that a crash left without its text keeps the
 * id only when it was accepted once: then somebody took the text away. */
static int
check_free(const char *folder, const char *id, struct err *e)
{
	char path[STORE_PATH_MAX];
	struct state_file s;
	struct stat st;
	int ret = path_of(folder, id, text_file, path, e);

	if (ret != 0)
		return ret;
	if (lstat(path, &st) != 0 && errno == ENOENT) {
		ret = read_state(folder, id, &s, NULL);
		if (ret == ERR_NOT_FOUND || (ret == 0 && s.s.accepted_by[0] == '\0'))
			return 0;
	}
	return err_set(e, ERR_EXISTS, "there is a ticket %s already; an id is never used twice", id);
}

/* The state first: the text makes the ticket. Under the lock. */
static int
write_new(const char *folder, const struct ticket *t, const char *yaml, size_t n, const struct state_file *s,
    struct err *e)
{
	char path[STORE_PATH_MAX];
	int ret = check_free(folder, t->id, e);

	if (ret == 0)
		ret = write_state(folder, t->id, s, e);
	if (ret == 0)
		ret = path_of(folder, t->id, text_file, path, e);
	if (ret == 0)
		ret = io_write_file(path, 0600, yaml, n, e);
	return ret;
}

int
ticket_store_new(const char *folder, const char *yaml, size_t n, const char *by, int64_t now_us,
    const struct config *c, struct ticket **out, struct err *e)
{
	struct state_file s = { .s.made_us = now_us };
	struct ticket *t;
	int fd = -1, ret;

	*out = NULL;
	ret = ticket_parse(yaml, n, "ticket", &t, e);
	if (ret == 0)
		ret = ticket_check(t, c, now_us, e);
	if (ret == 0 && !state_name_ok(by))
		ret = err_set(e, ERR_DENIED, "a ticket is brought by a person of this broker");
	if (ret == 0)
		ret = lock_store(folder, &fd, e);
	if (ret == 0) {
		snprintf(s.s.made_by, sizeof s.s.made_by, "%s", by);
		s.digest = t->digest;
		ret = write_new(folder, t, yaml, n, &s, e);
	}
	if (fd >= 0)
		close(fd);
	if (ret != 0) {
		ticket_free(t);
		return ret;
	}
	*out = t;
	return 0;
}

/* Named as a driver anywhere in the ticket, whatever else he is named as. */
static bool
drives(const struct ticket *t, const char *person)
{
	for (size_t i = 0; i < t->npeople; i++)
		if (t->people[i].seat == TICKET_SEAT_DRIVER && strcmp(t->people[i].name, person) == 0)
			return true;
	return false;
}

/* Law 10 for one person: ERR_DENIED with the reason. */
static int
may_accept(const struct ticket *t, const char *by, struct err *e)
{
	if (!state_name_ok(by))
		return err_set(e, ERR_DENIED, "a ticket is accepted by a person of this broker");
	if (drives(t, by))
		return err_set(e, ERR_DENIED, "%s drives in ticket %s: a driver cannot give himself power; another person "
		    "has to accept it", by, t->id);
	if (t->approver == NULL || strcmp(t->approver, by) != 0)
		return err_set(e, ERR_DENIED, "ticket %s is to be accepted by %s, not by %s", t->id,
		    t->approver != NULL ? t->approver : "a named approver", by);
	return 0;
}

static int
accept_loaded(const struct ticket *t, struct state_file *s, const char *by, const struct digest *digest,
    int64_t now_us, struct err *e)
{
	int ret;

	if (s->s.accepted_by[0] != '\0')
		return err_set(e, ERR_STATE, "ticket %s was accepted already, by %s", t->id, s->s.accepted_by);
	ret = may_accept(t, by, e);
	if (ret != 0)
		return ret;
	if (digest == NULL || !digest_equal(digest, &t->digest))
		return err_set(e, ERR_DENIED, "that is not the digest of ticket %s as it is stored; read it again (ticket show)",
		    t->id);
	if (t->expires_us <= now_us)
		return err_set(e, ERR_DENIED, "ticket %s has expired; bring a new one", t->id);
	snprintf(s->s.accepted_by, sizeof s->s.accepted_by, "%s", by);
	s->s.accepted_us = now_us;
	s->s.accepted = *digest;
	return 0;
}

int
ticket_store_accept(const char *folder, const char *id, const char *by, const struct digest *digest,
    int64_t now_us, struct err *e)
{
	struct ticket *t = NULL;
	struct state_file s;
	struct buf text;
	int fd, ret = lock_store(folder, &fd, e);

	if (ret != 0)
		return ret;
	buf_init(&text, TICKET_TEXT_MAX);
	ret = load(folder, id, &t, &s, &text, e);
	if (ret == 0)
		ret = accept_loaded(t, &s, by, digest, now_us, e);
	if (ret == 0)
		ret = write_state(folder, id, &s, e);
	buf_fini(&text);
	ticket_free(t);
	close(fd);
	return ret;
}

bool
ticket_in_force(const struct ticket *t, const struct ticket_state *state)
{
	return t != NULL && state != NULL && state->accepted_us > 0 &&
	    digest_equal(&t->digest, &state->accepted) && may_accept(t, state->accepted_by, NULL) == 0;
}

void
ticket_store_list(const char *folder, bool (*each)(void *ctx, const char *id), void *ctx)
{
	DIR *d = opendir(folder);
	struct dirent *de;
	bool more = true;

	while (more && d != NULL && (de = readdir(d)) != NULL) {
		size_t n = strlen(de->d_name);
		char id[TICKET_ID_MAX + 1];

		if (n <= 5 || n - 5 > TICKET_ID_MAX || strcmp(de->d_name + n - 5, ".yaml") != 0)
			continue;
		memcpy(id, de->d_name, n - 5);
		id[n - 5] = '\0';
		if (ticket_id_ok(id))
			more = each(ctx, id);
	}
	if (d != NULL)
		closedir(d);
}
