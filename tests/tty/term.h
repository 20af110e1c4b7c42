/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program on a terminal of a size, whose screen is read with libvterm. */
#ifndef TWOKEY_TESTS_TTY_TERM_H
#define TWOKEY_TESTS_TTY_TERM_H

#include <stdbool.h>
#include <stddef.h>

struct term;

/* Starts argv (argv[0] is a path) on a pty of that size with TERM=xterm-256color; env: "NAME=value" strings added to the
 * environment, NULL-terminated, or NULL. Aborts the test when it cannot. */
struct term *term_start(int rows, int cols, const char *const *argv, const char *const *env);
/* Ends the program (SIGKILL to its pid when it still runs) and frees all. */
void	term_free(struct term *t);
/* Bytes as if typed. */
void	term_feed(struct term *t, const char *bytes);
void	term_feed_bytes(struct term *t, const char *bytes, size_t n);
/* A bracketed paste when the program has asked for it, else plain bytes. */
void	term_paste(struct term *t, const char *text);
void	term_resize(struct term *t, int rows, int cols);
/* Reads until the screen shows the text and its drawing is done, at most ms milliseconds; false (and the screen on stderr) when it does not. */
bool	term_wait(struct term *t, const char *text, int ms);
/* Reads until the program has written the text that many times, wherever it stands by now. */
bool	term_wait_written(struct term *t, const char *text, size_t times, int ms);
/* Reads until the screen does not show it any more. */
bool	term_wait_gone(struct term *t, const char *text, int ms);
/* True when the screen shows it now, after reading what is there. */
bool	term_shows(struct term *t, const char *text);
/* The screen: one line per row without trailing blanks. Valid until the next call. */
const char *term_screen(struct term *t);
/* One row of it. */
const char *term_row(struct term *t, int row);
void	term_cursor(struct term *t, int *row, int *col);
/* Everything the program has written so far, as it came. */
const char *term_raw(struct term *t, size_t *n);
/* Waits for the end: its exit status, -1 when it does not end within ms, 128 + the signal when one ended it. */
int	term_exit(struct term *t, int ms);
int	term_pid(const struct term *t);

#endif
