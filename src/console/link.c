/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/console/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/transcript/limit.h"

enum { IN_MAX = 4 << 20, OUT_MAX = 4 << 20, AS_MAX = 64 };

struct link {
	int fd;
	struct buf in, out;
	size_t taken;		/* bytes in front of in that the caller has seen */
	struct buf early;	/* transcript lines that came before an answer that was waited for */
	bool early_next;	/* the last line came from early */
	int64_t id;
	bool lost;
	char why[640];
	struct link_hello hello;
};

int
link_path(const char *socket, struct buf *out, struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (socket == NULL)
		socket = getenv("TWOKEY_BROKER");
	if (socket != NULL && socket[0] != '\0') {
		if (strncmp(socket, "unix:", 5) == 0)
			socket += 5;
		else if (strstr(socket, "://") != NULL)
			return err_set(e, ERR_INVALID, "the broker %s: this version speaks only "
			    "to unix:/PATH; name the path of its socket", socket);
		buf_puts(out, socket);
		return 0;
	}
	if (runtime != NULL && runtime[0] == '/') {
		buf_putf(out, "%s/twokey/broker.sock", runtime);
		if (stat(buf_str(out), &st) == 0)
			return 0;
		buf_reset(out);
	}
	buf_puts(out, "/run/twokey/broker.sock");
	return 0;
}

struct link *
link_adopt(int fd)
{
	struct link *l = must_zalloc(sizeof *l);

	l->fd = fd;
	buf_init(&l->in, IN_MAX);
	buf_init(&l->out, OUT_MAX);
	buf_init(&l->early, SIZE_MAX / 2);
	io_nonblock(fd);
	io_cloexec(fd);
	return l;
}

void
link_close(struct link *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	buf_fini(&l->in);
	buf_fini(&l->out);
	buf_fini(&l->early);
	free(l);
}

static int
connect_to(const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(e, ERR_TOO_LARGE, "the socket path %s is too long", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	err_set(e, ERR_UNREACHABLE, "no broker answers at %s: %s; start twokeyd, or name its socket "
	    "with --broker SOCKET", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ERR_UNREACHABLE;
}

static void
copy(char *to, size_t max, const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	snprintf(to, max, "%s", s != NULL ? s : "");
}

static int
say_hello(struct link *l, const char *as, bool json, struct err *e)
{
	json_t *o = json_object(), *re;

	json_object_set_new(o, "v", json_integer(1));
	if (as != NULL)
		json_object_set_new(o, "as", json_string(as));
	json_object_set_new(o, "json", json_boolean(json));
	re = link_ask(l, "hello", o, e);
	if (re == NULL)
		return e->code;
	copy(l->hello.person, sizeof l->hello.person, re, "person");
	copy(l->hello.side, sizeof l->hello.side, re, "side");
	copy(l->hello.broker, sizeof l->hello.broker, re, "broker");
	l->hello.unverified = json_bool(re, "unverified");
	l->hello.away_seconds = (int)json_int(re, "away_seconds", 0);
	json_decref(re);
	return 0;
}

struct link *
link_open(const char *path, const char *as, bool json, struct err *e)
{
	struct link *l;
	int fd = connect_to(path, e);

	if (fd < 0)
		return NULL;
	l = link_adopt(fd);
	if (say_hello(l, as, json, e) != 0) {
		link_close(l);
		return NULL;
	}
	return l;
}

const struct link_hello *
link_hello(const struct link *l)
{
	return &l->hello;
}

int
link_fd(const struct link *l)
{
	return l->fd;
}

bool
link_is_lost(const struct link *l)
{
	return l->lost;
}

const char *
link_why(const struct link *l)
{
	return l->why;
}

/* The first reason stays: a "bye" says more than the end of the file after it. */
static void
lose(struct link *l, const char *why)
{
	if (l->why[0] == '\0')
		snprintf(l->why, sizeof l->why, "%s", why);
	l->lost = true;
}

static void
flush(struct link *l)
{
	while (!l->lost && buf_len(&l->out) > 0) {
		ssize_t w = send(l->fd, buf_data(&l->out), buf_len(&l->out), MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (w < 0) {
			/* what the broker said last is still to be read: the end of its stream tells */
			buf_reset(&l->out);
			if (errno != EPIPE)
				lose(l, strerror(errno));
			return;
		}
		buf_consume(&l->out, (size_t)w);
	}
}

bool
link_send_line(struct link *l, const char *line, size_t n)
{
	if (l->lost || n > LINK_REQUEST_MAX || n + 1 > OUT_MAX - buf_len(&l->out))
		return false;
	buf_put(&l->out, line, n);
	buf_putc(&l->out, '\n');
	flush(l);
	return true;
}

int64_t
link_send(struct link *l, const char *what, json_t *fields)
{
	json_t *o = json_object();
	struct buf line;
	bool sent;

	json_object_set_new(o, "do", json_string(what));
	json_object_set_new(o, "id", json_integer(++l->id));
	if (fields != NULL)
		json_object_update(o, fields);
	json_decref(fields);
	buf_init(&line, LINK_REQUEST_MAX);
	json_put(&line, o);
	json_decref(o);
	sent = !buf_over(&line) && link_send_line(l, buf_data(&line), buf_len(&line));
	buf_fini(&line);
	return sent ? l->id : 0;
}

short
link_events(const struct link *l)
{
	return (short)(POLLIN | (buf_len(&l->out) > 0 ? POLLOUT : 0));
}

/* Drops what the caller has seen, so that there is room. */
static void
settle(struct link *l)
{
	buf_consume(&l->in, l->taken);
	l->taken = 0;
}

bool
link_pump(struct link *l)
{
	flush(l);
	settle(l);
	for (int i = 0; i < 64 && !l->lost; i++) {
		enum io_got got = io_fill(l->fd, &l->in);

		if (got == IO_GOT_END)
			lose(l, "the broker closed the connection");
		else if (got == IO_GOT_ERROR)
			lose(l, strerror(errno));
		else if (got == IO_GOT_NOTHING)
			break;
	}
	return !l->lost;
}

/* {"re":"bye"}: the reason why the connection is about to end. */
static void
note_bye(struct link *l, const char *line, size_t n)
{
	static const char bye[] = "{\"re\":\"bye\"";
	json_t *o;

	if (n < sizeof bye - 1 || memcmp(line, bye, sizeof bye - 1) != 0)
		return;
	o = json_line_parse(line, n, NULL);
	if (o != NULL && json_str(o, "why", NULL) != NULL && l->why[0] == '\0')
		snprintf(l->why, sizeof l->why, "%s", json_str(o, "why", NULL));
	json_decref(o);
}

static bool
is_answer(const char *line, size_t n)
{
	return n > 6 && memcmp(line, "{\"re\":", 6) == 0;
}

/* The next line of the socket's own buffer. */
static enum link_line
next_in(struct link *l, const char **line, size_t *n)
{
	settle(l);
	if (!io_line(&l->in, line, n)) {
		if (buf_len(&l->in) > TRANSCRIPT_LINE_MAX)
			lose(l, "the broker sent a line over the limit");
		return LINK_NOTHING;
	}
	l->taken = *n + 1;
	if (*n > TRANSCRIPT_LINE_MAX) {
		lose(l, "the broker sent a line over the limit");
		return LINK_NOTHING;
	}
	if (!is_answer(*line, *n))
		return LINK_TRANSCRIPT;
	note_bye(l, *line, *n);
	return LINK_ANSWER;
}

enum link_line
link_next(struct link *l, const char **line, size_t *n)
{
	if (l->early_next) {
		const char *s;
		size_t len;

		if (io_line(&l->early, &s, &len))
			buf_consume(&l->early, len + 1);
		l->early_next = false;
	}
	if (io_line(&l->early, line, n)) {
		l->early_next = true;
		return LINK_TRANSCRIPT;
	}
	return next_in(l, line, n);
}

/* One line while an answer is waited for; the answer when it is the one. */
static json_t *
match(struct link *l, enum link_line kind, const char *line, size_t n, int64_t id)
{
	json_t *re;

	if (kind == LINK_TRANSCRIPT) {
		buf_put(&l->early, line, n);
		buf_putc(&l->early, '\n');
		return NULL;
	}
	re = json_line_parse(line, n, NULL);
	if (re != NULL && json_int(re, "id", 0) == id)
		return re;
	json_decref(re);
	return NULL;
}

/* Waits until the link has something to read; false at the deadline. */
static bool
wait_for(struct link *l, int64_t deadline)
{
	struct pollfd p = { .fd = l->fd, .events = link_events(l) };
	int64_t left = deadline - clock_mono_ms();

	if (left <= 0)
		return false;
	if (poll(&p, 1, (int)left) > 0)
		link_pump(l);
	return true;
}

static json_t *
await(struct link *l, int64_t id, struct err *e)
{
	int64_t deadline = clock_mono_ms() + LINK_WAIT_MS;

	for (;;) {
		enum link_line kind;
		const char *line;
		size_t n;

		while ((kind = next_in(l, &line, &n)) != LINK_NOTHING) {
			json_t *re = match(l, kind, line, n, id);

			if (re != NULL)
				return re;
		}
		if (l->lost) {
			err_set(e, ERR_CLOSED, "%s", l->why);
			return NULL;
		}
		if (!wait_for(l, deadline)) {
			err_set(e, ERR_UNREACHABLE, "the broker did not answer within %d s; it may be "
			    "busy or stopped", LINK_WAIT_MS / 1000);
			return NULL;
		}
	}
}

json_t *
link_ask(struct link *l, const char *what, json_t *fields, struct err *e)
{
	int64_t id = link_send(l, what, fields);
	json_t *re;
	const char *code, *why;

	if (id == 0) {
		if (l->lost)
			err_set(e, ERR_CLOSED, "%s", l->why);
		else
			err_set(e, ERR_TOO_LARGE, "the request is over %d bytes; send less at once",
			    LINK_REQUEST_MAX);
		return NULL;
	}
	re = await(l, id, e);
	if (re == NULL || json_bool(re, "ok"))
		return re;
	code = json_str(re, "code", NULL);
	why = json_str(re, "why", NULL);
	err_set(e, code != NULL ? (enum err_code)err_from_name(code) : ERR_DENIED, "%s",
	    why != NULL ? why : "the broker refused without saying why");
	json_decref(re);
	return NULL;
}
