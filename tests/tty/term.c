/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <vterm.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"

enum { SETTLE_MS = 20 };

struct term {
	int fd;
	pid_t pid;
	int status;
	bool ended, reaped;
	int rows, cols;
	VTerm *vt;
	VTermScreen *screen;
	struct buf raw;
	struct buf text;
	bool pastes;		/* bracketed paste is on */
};

/* What the terminal answers (reports) goes back to the program. */
static void
on_output(const char *s, size_t len, void *user)
{
	struct term *t = user;

	io_write_all(t->fd, s, len, NULL);
}

static void
become(const char *const *argv, const char *const *env)
{
	setenv("TERM", "xterm-256color", 1);
	unsetenv("LINES");
	unsetenv("COLUMNS");
	for (; env != NULL && *env != NULL; env++)
		must(putenv(must_strdup(*env)) == 0);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

struct term *
term_start(int rows, int cols, const char *const *argv, const char *const *env)
{
	struct term *t = must_zalloc(sizeof *t);
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	t->rows = rows;
	t->cols = cols;
	buf_init(&t->raw, 64 << 20);
	buf_init(&t->text, 1 << 20);
	t->vt = vterm_new(rows, cols);
	vterm_set_utf8(t->vt, 1);
	vterm_output_set_callback(t->vt, on_output, t);
	t->screen = vterm_obtain_screen(t->vt);
	vterm_screen_enable_altscreen(t->screen, 1);
	vterm_screen_reset(t->screen, 1);
	t->pid = forkpty(&t->fd, NULL, NULL, &ws);
	must(t->pid >= 0);
	if (t->pid == 0)
		become(argv, env);
	io_cloexec(t->fd);
	return t;
}

static void
note_paste_mode(struct term *t)
{
	const char *s = buf_str(&t->raw), *on = NULL, *off = NULL, *p;

	for (p = s; (p = strstr(p, "\033[?2004h")) != NULL; p++)
		on = p;
	for (p = s; (p = strstr(p, "\033[?2004l")) != NULL; p++)
		off = p;
	t->pastes = on != NULL && (off == NULL || on > off);
}

/* Reads what comes within ms; false when nothing did. */
static bool
pump(struct term *t, int ms)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char bytes[8192];
	ssize_t n;

	if (t->ended || poll(&p, 1, ms) <= 0)
		return false;
	n = read(t->fd, bytes, sizeof bytes);
	if (n <= 0) {		/* EIO: the program has closed its side */
		t->ended = n == 0 || errno != EINTR;
		return false;
	}
	buf_put(&t->raw, bytes, (size_t)n);
	vterm_input_write(t->vt, bytes, (size_t)n);
	return true;
}

static void
put_point(struct buf *b, uint32_t c)
{
	char u[4];
	size_t n = 1;

	if (c < 0x80) {
		u[0] = (char)c;
	} else if (c < 0x800) {
		u[0] = (char)(0xc0 | c >> 6);
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		if (c >= 0x10000)
			u[0] = (char)(0xf0 | c >> 18), u[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		else
			u[0] = (char)(0xe0 | c >> 12);
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_put(b, u, n);
}

static void
put_row(struct term *t, int row)
{
	size_t blanks = 0;

	for (int col = 0; col < t->cols; col++) {
		VTermScreenCell c;
		VTermPos at = { .row = row, .col = col };

		vterm_screen_get_cell(t->screen, at, &c);
		if (c.chars[0] == (uint32_t)-1)
			continue;	/* the second half of a wide one */
		if (c.chars[0] == 0 || c.chars[0] == ' ') {
			blanks++;
			continue;
		}
		for (; blanks > 0; blanks--)
			buf_putc(&t->text, ' ');
		for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i] != 0; i++)
			put_point(&t->text, c.chars[i]);
	}
}

const char *
term_screen(struct term *t)
{
	buf_reset(&t->text);
	for (int row = 0; row < t->rows; row++) {
		put_row(t, row);
		buf_putc(&t->text, '\n');
	}
	return buf_str(&t->text);
}

const char *
term_row(struct term *t, int row)
{
	buf_reset(&t->text);
	if (row >= 0 && row < t->rows)
		put_row(t, row);
	return buf_str(&t->text);
}

void
term_cursor(struct term *t, int *row, int *col)
{
	VTermPos at;

	vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
	*row = at.row;
	*col = at.col;
}

bool
term_shows(struct term *t, const char *text)
{
	while (pump(t, 0))
		continue;
	return strstr(term_screen(t), text) != NULL;
}

static bool
wait_for(struct term *t, const char *text, bool there, int ms)
{
	int64_t deadline = clock_mono_ms() + ms, left;

	while (term_shows(t, text) != there) {
		left = deadline - clock_mono_ms();
		if (left <= 0 || t->ended) {
			fprintf(stderr, "%s \"%s\" on:\n%s", there ? "no" : "still", text, term_screen(t));
			return false;
		}
		pump(t, left < 100 ? (int)left : 100);
	}
	while (pump(t, SETTLE_MS))
		continue;	/* the rest of the same drawing */
	return true;
}

bool
term_wait(struct term *t, const char *text, int ms)
{
	return wait_for(t, text, true, ms);
}

static size_t
written(struct term *t, const char *text)
{
	size_t n, len = strlen(text), times = 0;
	const char *p = term_raw(t, &n), *end = p + n;

	for (; (p = memmem(p, (size_t)(end - p), text, len)) != NULL; p += len)
		times++;
	return times;
}

bool
term_wait_written(struct term *t, const char *text, size_t times, int ms)
{
	int64_t deadline = clock_mono_ms() + ms;

	while (written(t, text) < times) {
		if (clock_mono_ms() > deadline || t->ended) {
			fprintf(stderr, "not %zu times \"%s\"; now:\n%s", times, text, term_screen(t));
			return false;
		}
		pump(t, 100);
	}
	return true;
}

bool
term_wait_gone(struct term *t, const char *text, int ms)
{
	return wait_for(t, text, false, ms);
}

void
term_feed_bytes(struct term *t, const char *bytes, size_t n)
{
	io_write_all(t->fd, bytes, n, NULL);
}

void
term_feed(struct term *t, const char *bytes)
{
	term_feed_bytes(t, bytes, strlen(bytes));
}

void
term_paste(struct term *t, const char *text)
{
	while (pump(t, 0))
		continue;
	note_paste_mode(t);
	if (t->pastes)
		term_feed(t, "\033[200~");
	term_feed(t, text);
	if (t->pastes)
		term_feed(t, "\033[201~");
}

void
term_resize(struct term *t, int rows, int cols)
{
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	t->rows = rows;
	t->cols = cols;
	vterm_set_size(t->vt, rows, cols);
	must(ioctl(t->fd, TIOCSWINSZ, &ws) == 0);
}

const char *
term_raw(struct term *t, size_t *n)
{
	while (pump(t, 0))
		continue;
	*n = buf_len(&t->raw);
	return buf_str(&t->raw);
}

int
term_pid(const struct term *t)
{
	return t->pid;
}

int
term_exit(struct term *t, int ms)
{
	int64_t deadline = clock_mono_ms() + ms;

	while (!t->reaped) {
		struct timespec nap = { .tv_nsec = 5 * 1000 * 1000 };
		pid_t r;

		pump(t, 5);
		r = waitpid(t->pid, &t->status, WNOHANG);
		if (r == t->pid)
			t->reaped = true;
		else if (clock_mono_ms() >= deadline)
			return -1;
		else if (t->ended)
			nanosleep(&nap, NULL);	/* nothing to poll on is left */
	}
	while (pump(t, 0))
		continue;
	return WIFEXITED(t->status) ? WEXITSTATUS(t->status) : 128 + WTERMSIG(t->status);
}

void
term_free(struct term *t)
{
	if (t == NULL)
		return;
	if (!t->reaped) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, &t->status, 0);
	}
	close(t->fd);
	vterm_free(t->vt);
	buf_fini(&t->raw);
	buf_fini(&t->text);
	free(t);
}
