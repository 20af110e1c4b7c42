/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the screens of a running session share: link, model, log, line editor, rows one and two, the loop. */
#ifndef TWOKEY_SRC_CONSOLE_LIVE_H
#define TWOKEY_SRC_CONSOLE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "twokey/base/buf.h"
#include "twokey/base/sealed.h"
#include "twokey/console/log.h"
#include "twokey/console/model.h"
#include "twokey/console/screen.h"
#include "twokey/console/seat.h"

#include "keys.h"

struct editor;
struct link;
struct live;

enum { LIVE_COLS_MIN = 80, LIVE_ROWS_MIN = 24, LIVE_PANEL_FROM = 120, LIVE_PANEL = 46, LIVE_TICK_MS = 10000,
	LIVE_IDLE_TICK_MS = 60000, LIVE_HERE_MS = 20000, LIVE_RETRY_MS = 3000, LIVE_RETRIES = 20, LIVE_FRAME_MS = 100 };

/* One kind of screen. */
struct live_view {
	/* Draws everything between row 2 and the key row; returns nothing but must set the cursor. */
	void (*draw)(struct live *lv);
	/* A key that the loop has not taken for itself. */
	void (*key)(struct live *lv, const struct screen_event *ev);
	/* An answer to a request that the view sent. */
	void (*answer)(struct live *lv, const json_t *re);
	/* Transcript lines have come; the model is up to date. */
	void (*changed)(struct live *lv);
	/* Sets the editor to the screen's own prompt. */
	void (*prompt)(struct live *lv);
	/* Which keys work now. */
	enum key_where (*where)(const struct live *lv);
};

/* What a prompt of one line is for. */
enum live_ask { ASK_NONE, ASK_SAY, ASK_NOTE, ASK_FIND, ASK_REPLY, ASK_ROWS, ASK_REASON, ASK_QUIT, ASK_DENY, ASK_QUESTION,
	ASK_STOP, ASK_SECRET };

/* What is shown instead of the screen until a key closes it. */
enum live_pane { PANE_NONE, PANE_ACCOUNT, PANE_TUNNEL };

/* A secret that is asked from this person. What is typed is here and nowhere else. */
struct secret_ask {
	uint64_t n;		/* the event whose prompt is open, 0 none */
	uint64_t answered[MODEL_WANTED_MAX];	/* those that were answered here */
	size_t turn;		/* where the next one goes */
	uint64_t told;		/* the last one that could not open yet, and that this was said of */
	bool declining;		/* Esc was pressed once */
	size_t len;
	char text[SEALED_TEXT_MAX];
};

struct live {
	struct screen *screen;
	struct link *link;
	struct editor *editor;
	struct model *model;
	struct log_view *log;
	struct seat seat;
	struct seat_wish wish;
	const struct live_view *view;
	void *own;			/* of the view */
	int64_t now_ms;			/* monotonic, of this round */
	int64_t wall_us;		/* wall clock of this round */
	/* Signs an answer (sign.h); another one in tests. */
	bool (*sign)(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max);
	bool (*connect)(struct live *lv);	/* makes a new link and model; NULL: cannot */

	size_t first;			/* first line of the log shown, when not following */
	bool follow;
	long found;			/* line of the log, or -1 */
	char find[200];
	enum log_expanded expanded;
	enum live_ask ask;
	bool help;
	enum live_pane pane;
	size_t pane_top;		/* first line of it that is shown */
	struct secret_ask secret;
	bool coach;
	bool leaving;			/* the person said so: what the link does now is no loss */
	int64_t farewell_ms;		/* the session is over and its head shown since then; -1 not */
	bool lost;			/* told */
	bool done;
	bool dirty;			/* to be drawn now: a key, an answer */
	bool stale;			/* to be drawn soon: transcript lines, at most every LIVE_FRAME_MS */
	int64_t drawn_ms;
	int64_t wake_ms;		/* a drawing is wanted then, -1 none; the view sets it while it draws */
	char notice[700];		/* one line above the rule */
	enum screen_look notice_look;
	int64_t here_ms;		/* when "here" was last sent, -1 never */
	int64_t retry_ms;		/* when to connect again, -1 never */
	int retries;
	unsigned links;			/* how often it was connected again */
	uint64_t bell_n, bell_held;	/* the last request that rang, the last event held */
	size_t named;			/* entries whose names are known to the editor */
	int code;			/* what the run returns */
	char why[640];
};

/* Borrows screen and link, copies seat; live_fini frees what it made. */
void	live_init(struct live *lv, struct screen *s, struct link *l, const struct seat *seat);
void	live_fini(struct live *lv);
/* One round: lines of the link, keys, and a drawing. False when the screen is to be closed. */
bool	live_round(struct live *lv, int64_t now_ms, int64_t wall_us);
/* Rounds until it is done, waiting for the terminal and the link in between. */
void	live_loop(struct live *lv);
/* Milliseconds until something on the screen has to change by itself. */
int	live_wait(const struct live *lv, int64_t now_ms);

/* One line for the person above the prompt, until the next one; rendered safe. */
void	live_notice(struct live *lv, enum screen_look look, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Sends; says so when it cannot. Fields are taken over. */
bool	live_send(struct live *lv, const char *what, json_t *fields);
/* {"text": ...} and {"of": n}; the caller drops them, live_send takes them. */
json_t	*live_text(const char *key, const char *text, size_t n);
json_t	*live_of(uint64_t n, const char *key, const char *text, size_t len);

/* Actions that mean the same on every screen; false when the action is not one of them. */
bool	live_action(struct live *lv, enum key_action a, const char *rest, size_t n);
/* Asks for one line; ASK_NONE goes back to the screen's own prompt. */
void	live_asking(struct live *lv, enum live_ask ask, const char *prompt);
/* Closes the prompt and takes the answer to what live_action asked: ASK_NONE then, else what the view asked. */
enum live_ask live_answered(struct live *lv, const char *text, size_t n);
/* What is the same for every view with a key: actions, scrolling, Esc and Ctrl-C in a prompt. True when done. */
bool	live_common_key(struct live *lv, const struct screen_event *ev);
/* Keys that scroll the log; true when it was one. */
bool	live_scroll(struct live *lv, enum screen_key key);
/* An unknown \word: says which exist. */
void	live_unknown_word(struct live *lv, enum key_where where, const char *text, size_t n);

/* live_draw.c: everything drawn once, the view in the middle */
void	live_draw(struct live *lv);
/* Rows 1 and 2. second: what row 2 says, or NULL for the usual. */
void	live_draw_title(struct live *lv, const char *second, enum screen_look look);
/* The log in rows top..bottom-1, with the side panel where there is room. */
void	live_draw_log(struct live *lv, int top, int bottom);
/* From the bottom: key row, coach line, prompt, notice, and the rule. Returns the row of the rule. */
int	live_draw_foot(struct live *lv, enum key_where where, const char *coach);
/* The first row that live_draw_above will take. */
int	live_above_rows(struct live *lv, int rule);
/* Above the rule: what Tab offers, and the notice. Returns the first row that is taken. */
int	live_draw_above(struct live *lv, int rule);
void	live_draw_rule(struct live *lv, int row, const char *left, const char *right);
void	live_draw_help(struct live *lv, enum key_where where);
/* The columns the log has. */
int	live_log_cols(const struct live *lv);
/* Puts a formatted line. */
int	live_put(struct live *lv, int row, int col, int width, enum screen_look look, const char *fmt, ...)
	    __attribute__((format(printf, 6, 7)));
/* "04:19" or "1:02:03"; negative is 00:00. */
void	live_span(int64_t seconds, char out[16]);
/* The other person who matters to this one, for row 2. */
const struct model_person *live_person(const struct live *lv, const char *seat);

/* pane.c: what lies over the log (\account, \tunnel) */
void	live_pane_open(struct live *lv, enum live_pane pane);
/* Every key while a pane is open: it scrolls or closes. */
void	live_pane_key(struct live *lv, const struct screen_event *ev);
void	live_pane_draw(struct live *lv);

/* secret_ask.c: opens the prompt when a secret is asked from this person, closes it when it is not any more */
void	secret_ask_check(struct live *lv);
/* A key while the prompt is open; false when it is not. */
bool	secret_ask_key(struct live *lv, const struct screen_event *ev);
/* The broker's answer to "secret". */
void	secret_ask_answered(struct live *lv, bool ok);
/* Another link: what was given may not have arrived. */
void	secret_ask_again(struct live *lv);

extern const struct live_view live_driver, live_confirmer;
/* What each seat keeps beside lv (lv->own); lv is borrowed. */
void	*driver_create(struct live *lv);
void	driver_free(void *own);
void	*confirmer_create(struct live *lv);
void	confirmer_free(void *own);

#endif
