/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows ncurses. It never reads with it: bytes come from fd 0 through the feeder. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"
#include "twokey/console/screen.h"

#include "feeder.h"
#include "screen_grid.h"

/* last: these define ERR, columns and other plain words as macros */
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>

enum { SIGNALS = 4 };
static const int signals[SIGNALS] = { SIGWINCH, SIGTERM, SIGHUP, SIGABRT };

struct screen_term {
	SCREEN *curses;
	int err_fd;		/* standard error while the screen is up */
	int pipe[2];
	struct sigaction old[SIGNALS];
	struct sigaction old_int;
	short pairs[SCREEN_FOUND + 1];
};

/* what a signal handler may touch: one terminal per process */
static volatile sig_atomic_t told_to_end;
static int signal_fd = -1;
static struct termios before;

static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";

static void
tell(const char *s)
{
	ssize_t r = write(STDOUT_FILENO, s, strlen(s));

	(void)r;	/* a terminal that is gone is noticed by its end of file */
}

static void
on_signal(int sig)
{
	int saved = errno;
	ssize_t r;

	if (sig == SIGABRT) {	/* a broken invariant: the terminal goes back before the core */
		tell("\033[?2004l\033[?1049l\r\n");
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
		signal(SIGABRT, SIG_DFL);
		return;
	}
	if (sig != SIGWINCH)
		told_to_end = 1;
	r = write(signal_fd, "", 1);
	(void)r;
	errno = saved;
}

/* One byte of the pipe per signal; full is fine, it is already known then. */
static int
watch_signals(struct screen_term *t, struct err *e)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe(t->pipe) != 0)
		return err_sys(e, "making a pipe");
	for (int i = 0; i < 2; i++) {
		io_nonblock(t->pipe[i]);
		io_cloexec(t->pipe[i]);
	}
	signal_fd = t->pipe[1];
	told_to_end = 0;
	sigemptyset(&sa.sa_mask);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &sa, &t->old[i]);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGINT, &sa, &t->old_int);
	return 0;
}

static void
unwatch_signals(struct screen_term *t)
{
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &t->old[i], NULL);
	sigaction(SIGINT, &t->old_int, NULL);
	signal_fd = -1;
	close(t->pipe[0]);
	close(t->pipe[1]);
}

/* Colour is never the only sign: each look has an attribute or stands beside a word. */
static const struct {
	attr_t attr;
	short colour;
} looks[] = {
	[SCREEN_PLAIN] = { A_NORMAL, -1 },
	[SCREEN_TITLE] = { A_REVERSE, -1 },
	[SCREEN_TITLE_PRODUCTION] = { A_REVERSE | A_BOLD, COLOR_RED },
	[SCREEN_RULE] = { A_NORMAL, COLOR_CYAN },
	[SCREEN_STRONG] = { A_BOLD, -1 },
	[SCREEN_DIM] = { A_DIM, -1 },
	[SCREEN_WARN] = { A_BOLD, COLOR_YELLOW },
	[SCREEN_BAD] = { A_BOLD, COLOR_RED },
	[SCREEN_GOOD] = { A_NORMAL, COLOR_GREEN },
	[SCREEN_CHOSEN] = { A_REVERSE, -1 },
	[SCREEN_FOUND] = { A_UNDERLINE | A_BOLD, -1 },
};

static void
begin_colours(struct screen_term *t)
{
	const char *no = getenv("NO_COLOR");

	if ((no != NULL && no[0] != '\0') || !has_colors())
		return;
	start_color();
	use_default_colors();
	for (short i = SCREEN_PLAIN; i <= SCREEN_FOUND; i++)
		if (looks[i].colour >= 0 && init_pair((short)(i + 1), looks[i].colour, -1) == OK)
			t->pairs[i] = (short)(i + 1);
}

static void
bind_keys(struct feeder *f)
{
	static const struct {
		const char *cap;
		enum screen_key key;
	} caps[] = {
		{ "kf1", SCREEN_KEY_F1 }, { "kf2", SCREEN_KEY_F2 }, { "kf3", SCREEN_KEY_F3 },
		{ "kf4", SCREEN_KEY_F4 }, { "kf5", SCREEN_KEY_F5 }, { "kf6", SCREEN_KEY_F6 },
		{ "kf7", SCREEN_KEY_F7 }, { "kf8", SCREEN_KEY_F8 }, { "kf9", SCREEN_KEY_F9 },
		{ "kf10", SCREEN_KEY_F10 }, { "kpp", SCREEN_KEY_PGUP }, { "knp", SCREEN_KEY_PGDN },
		{ "khome", SCREEN_KEY_HOME }, { "kend", SCREEN_KEY_END },
	};

	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
		char name[8];
		char *seq;

		memcpy(name, caps[i].cap, strlen(caps[i].cap) + 1);
		seq = tigetstr(name);
		if (seq != (char *)-1)
			feeder_bind(f, seq, caps[i].key);
	}
}

/* readline and libraries write warnings to standard error: not onto the screen. */
static int
hide_stderr(void)
{
	int null, kept;

	if (!isatty(STDERR_FILENO))
		return -1;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null >= 0 && kept >= 0)
		dup2(null, STDERR_FILENO);
	if (null >= 0)
		close(null);
	return kept;
}

static void
measure(int *rows, int *cols)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
		*rows = ws.ws_row;
		*cols = ws.ws_col;
	}
}

/* The terminal is known and its cursor can be placed: curses takes even one that cannot. */
static bool
is_addressable(void)
{
	int known;
	bool can;

	if (setupterm(NULL, STDOUT_FILENO, &known) != OK)
		return false;
	can = cursor_address != NULL && clear_screen != NULL;
	del_curterm(cur_term);
	return can;
}

static int
begin_curses(struct screen_term *t, struct err *e)
{
	const char *term = getenv("TERM");

	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	tcgetattr(STDIN_FILENO, &before);
	use_tioctl(TRUE);
	t->curses = is_addressable() ? newterm(NULL, stdout, stdin) : NULL;
	if (t->curses == NULL)
		return err_set(e, ERR_INVALID,
		    "the terminal type \"%s\" cannot show screens; set TERM to what this terminal is, such as xterm",
		    term != NULL ? term : "");
	raw();
	noecho();
	nonl();
	typeahead(-1);
	begin_colours(t);
	return 0;
}

struct screen *
screen_open(struct err *e)
{
	struct screen_term *t;
	struct screen *s;
	int rows = 24, cols = 80;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, ERR_INVALID, "standard input and output are no terminal; twokey open and twokey join take --json without one");
		return NULL;
	}
	t = must_zalloc(sizeof *t);
	if (begin_curses(t, e) != 0 || watch_signals(t, e) != 0) {
		if (t->curses != NULL)
			endwin();
		free(t);
		return NULL;
	}
	t->err_fd = hide_stderr();
	measure(&rows, &cols);
	s = screen_grid_create(rows, cols);
	s->term = t;
	bind_keys(s->feeder);
	tell(paste_on);
	return s;
}

void
screen_close(struct screen *s)
{
	struct screen_term *t = s != NULL ? s->term : NULL;

	if (s == NULL)
		return;
	if (t != NULL) {
		tell(paste_off);
		endwin();
		delscreen(t->curses);
		unwatch_signals(t);
		if (t->err_fd >= 0) {
			dup2(t->err_fd, STDERR_FILENO);
			close(t->err_fd);
		}
		free(t);
	}
	feeder_free(s->feeder);
	free(s->cells);
	free(s);
}

void
screen_leave(struct screen *s)
{
	if (s->term == NULL)
		return;
	tell(paste_off);
	def_prog_mode();
	endwin();
	if (s->term->err_fd >= 0)
		dup2(s->term->err_fd, STDERR_FILENO);
}

void
screen_return(struct screen *s)
{
	if (s->term == NULL)
		return;
	if (s->term->err_fd >= 0) {
		close(s->term->err_fd);
		s->term->err_fd = hide_stderr();
	}
	reset_prog_mode();
	tell(paste_on);
	screen_drop_input(s);
	screen_redraw(s);
	refresh();
}

static void
draw_cell(const struct screen *s, int row, int col, const struct cell *c)
{
	wchar_t w[CCHARW_MAX + 1];
	size_t n = 0;
	cchar_t out;

	for (size_t i = 0; i < c->n && n < CCHARW_MAX;) {
		struct text_glyph g = text_next(c->bytes + i, c->n - i);

		w[n++] = (wchar_t)g.point;
		i += g.len;
	}
	if (n == 0)
		w[n++] = L' ';
	w[n] = L'\0';
	if (setcchar(&out, w, looks[c->look].attr, s->term->pairs[c->look], NULL) == OK)
		mvadd_wch(row, col, &out);
}

void
screen_flush(struct screen *s)
{
	if (s->term == NULL)
		return;
	erase();
	for (int row = 0; row < s->rows; row++)
		for (int col = 0; col < s->cols; col++) {
			const struct cell *c = &s->cells[(size_t)row * (size_t)s->cols + (size_t)col];

			if (c->width > 0 && (c->n > 0 || c->look != SCREEN_PLAIN))
				draw_cell(s, row, col, c);
		}
	if (s->whole)
		clearok(curscr, TRUE);
	s->whole = false;
	curs_set(s->cur_row >= 0);
	if (s->cur_row >= 0)
		move(s->cur_row, s->cur_col);
	refresh();
}

void
screen_redraw(struct screen *s)
{
	s->whole = true;
}

void
screen_bell(struct screen *s)
{
	s->bells++;
	if (s->term != NULL)
		tell("\a");
}

static void
take_size(struct screen *s)
{
	int rows = s->rows, cols = s->cols;

	measure(&rows, &cols);
	if (rows == s->rows && cols == s->cols)
		return;
	resizeterm(rows, cols);
	screen_grid_size(s, rows, cols);
	s->whole = true;
	s->resized = true;
}

bool
screen_fill(struct screen *s)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	if (s->term == NULL)
		return true;
	while (read(s->term->pipe[0], bytes, sizeof bytes) > 0)
		continue;
	take_size(s);
	if (told_to_end)
		return false;
	while (poll(&p, 1, 0) > 0) {
		n = read(STDIN_FILENO, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		screen_feed(s, bytes, (size_t)n);
		secret_wipe(bytes, (size_t)n);	/* it may be a password */
		if ((size_t)n < sizeof bytes)
			break;
	}
	return true;
}

void
screen_drop_input(struct screen *s)
{
	feeder_drop(s->feeder);
	if (s->term != NULL)
		tcflush(STDIN_FILENO, TCIFLUSH);
}

int
screen_winch_fd(const struct screen *s)
{
	return s->term != NULL ? s->term->pipe[0] : -1;
}
