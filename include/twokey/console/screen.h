/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal as rows of text. ncurses is behind this and nowhere else; what is put is rendered safe. */
#ifndef TWOKEY_CONSOLE_SCREEN_H
#define TWOKEY_CONSOLE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct screen;

/* How text looks; no state is told by this alone. Colour only without NO_COLOR. */
enum screen_look {
	SCREEN_PLAIN, SCREEN_TITLE, SCREEN_TITLE_PRODUCTION, SCREEN_RULE, SCREEN_STRONG, SCREEN_DIM,
	SCREEN_WARN, SCREEN_BAD, SCREEN_GOOD, SCREEN_CHOSEN, SCREEN_FOUND
};

enum screen_key {
	SCREEN_KEY_NONE, SCREEN_KEY_TEXT,	/* utf8 holds one character */
	SCREEN_KEY_ENTER, SCREEN_KEY_TAB, SCREEN_KEY_ESCAPE, SCREEN_KEY_BACKSPACE,
	SCREEN_KEY_UP, SCREEN_KEY_DOWN, SCREEN_KEY_LEFT, SCREEN_KEY_RIGHT,
	SCREEN_KEY_SHIFT_LEFT, SCREEN_KEY_SHIFT_RIGHT,
	SCREEN_KEY_PGUP, SCREEN_KEY_PGDN, SCREEN_KEY_HOME, SCREEN_KEY_END,
	SCREEN_KEY_F1, SCREEN_KEY_F2, SCREEN_KEY_F3, SCREEN_KEY_F4, SCREEN_KEY_F5,
	SCREEN_KEY_F6, SCREEN_KEY_F7, SCREEN_KEY_F8, SCREEN_KEY_F9, SCREEN_KEY_F10,
	SCREEN_KEY_CTRL,	/* utf8[0] is the letter: 'c' for Ctrl-C, 'l' for Ctrl-L */
	SCREEN_KEY_PASTE,	/* a bracketed paste: screen_paste gives its text */
	SCREEN_KEY_RESIZE
};
struct screen_event {
	enum screen_key key;
	char utf8[8];		/* NUL-terminated */
	char bytes[16];		/* the bytes as they came, for readline */
	size_t nbytes;
};

/* Takes over the terminal on fd 0 and 1 (raw, no echo, bracketed paste on), until screen_close; NULL and *e
 * when it is none. */
struct screen *screen_open(struct err *e);
/* A screen without a terminal, for tests: fixed size, keys from screen_feed; screen_close frees it. */
struct screen *screen_open_headless(int rows, int cols);
/* Another size for a headless one, as a person who pulls at the window. */
void	screen_resize_headless(struct screen *s, int rows, int cols);
/* Gives the terminal back as it was; NULL is fine. */
void	screen_close(struct screen *s);
/* Lends the terminal to another program: as it was before screen_open, until screen_return, which draws all anew and drops
 * what was typed meanwhile. */
void	screen_leave(struct screen *s);
void	screen_return(struct screen *s);
void	screen_size(const struct screen *s, int *rows, int *cols);

/* Blanks everything; it shows with the next flush. */
void	screen_erase(struct screen *s);
/* Puts n bytes at row, col, at most width columns (0: to the end of the row), clipped, rendered by text_safe on
 * one line. Returns the columns used. */
int	screen_put(struct screen *s, int row, int col, int width, enum screen_look look,
	    const char *text, size_t n);
/* The columns that screen_put would use with room enough. */
int	screen_width(const char *text, size_t n);
/* Paints a look over a whole row behind what stands there. */
void	screen_row_look(struct screen *s, int row, enum screen_look look);
/* Where the cursor stands after the next flush; row < 0 hides it. */
void	screen_cursor(struct screen *s, int row, int col);
void	screen_flush(struct screen *s);
/* Draws everything anew (Ctrl-L). */
void	screen_redraw(struct screen *s);
void	screen_bell(struct screen *s);

/* Bytes from the terminal (or a test). */
void	screen_feed(struct screen *s, const char *bytes, size_t n);
/* Reads what fd 0 has (non-blocking) into the queue and looks for a new size; false at end of file and when the
 * process is told to end (SIGTERM, SIGHUP). Nothing for a headless one. */
bool	screen_fill(struct screen *s);
/* The next key; false when the queue is empty. now_ms: monotonic, for a lone Escape (held back 50 ms). */
bool	screen_next(struct screen *s, int64_t now_ms, struct screen_event *out);
/* Milliseconds until a held-back Escape is due, -1 when none is. */
int	screen_wait(const struct screen *s, int64_t now_ms);
/* Text of the last SCREEN_KEY_PASTE. */
const char *screen_paste(const struct screen *s, size_t *n);
/* Throws away everything typed so far (queue and terminal) and wipes the memory it went through. */
void	screen_drop_input(struct screen *s);
/* A descriptor that becomes readable on SIGWINCH (self-pipe); poll it beside fd 0. */
int	screen_winch_fd(const struct screen *s);

/* Bells rung so far, for tests. */
unsigned screen_bells(const struct screen *s);
/* The screen as text, one line per row without trailing blanks, for tests. */
void	screen_dump(const struct screen *s, struct buf *out);

#endif
