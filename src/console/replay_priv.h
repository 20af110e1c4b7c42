/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the player share. */
#ifndef TWOKEY_SRC_CONSOLE_REPLAY_PRIV_H
#define TWOKEY_SRC_CONSOLE_REPLAY_PRIV_H

#include "twokey/console/log.h"
#include "twokey/console/model.h"
#include "twokey/console/replay.h"
#include "twokey/console/sheet.h"
#include "twokey/transcript/verify.h"

#include "tape.h"

enum {
	REPLAY_ROWS_MIN = 24, REPLAY_COLS_MIN = 80,
	REPLAY_WIDE = 120, REPLAY_PANEL = 46,
	REPLAY_LIST = 4,		/* rows of the event list on a small screen */
	REPLAY_IDLE_MS = 2000,
	REPLAY_SPEED_MAX = 4,		/* 2^4 both ways */
	REPLAY_RESULT_ROWS = 500,	/* of one result; twokey show has them all */
	REPLAY_TYPED_MAX = 120
};

enum replay_filter { REPLAY_ALL, REPLAY_WRITES, REPLAY_TROUBLE, REPLAY_WORDS, REPLAY_FILTERS };
enum replay_over { REPLAY_LOG, REPLAY_SHEET, REPLAY_VERDICT, REPLAY_HELP };
enum replay_ask { REPLAY_NOT, REPLAY_SEARCH, REPLAY_TIME };

struct replay {
	char *path;
	struct screen *screen;
	struct tape *tape;
	struct log_view *log;
	struct sheet_view *sheet;
	uint64_t at;
	bool playing;
	int speed;			/* power of two, -4..4 */
	bool idle_cut;
	int64_t due_ms;			/* when the next event is due */
	enum replay_filter filter;
	enum replay_over over;
	size_t up;			/* lines scrolled up from the end of the log, or down in an overlay */
	size_t window;			/* first entry that is laid out */
	enum log_expanded expanded;
	enum replay_ask ask;
	char typed[REPLAY_TYPED_MAX * 8 + 1];
	char find[REPLAY_TYPED_MAX * 8 + 1];
	uint64_t found;			/* the event that holds it, 0 none */
	char notice[200];
	bool verified;
	struct transcript_report report;
	bool drawn;
	bool done;
};

/* replay_move.c: to event n; to an entry; by seconds; to a text */
void	replay_go(struct replay *r, uint64_t n, int64_t now_ms);
/* The next or previous entry that the filter takes; write: only requests. */
void	replay_go_entry(struct replay *r, bool back, bool write, int64_t now_ms);
void	replay_go_seconds(struct replay *r, int seconds, int64_t now_ms);
void	replay_search(struct replay *r, bool back, int64_t now_ms);
/* "14:05", "14:05:30" on the clock (UTC), "+12:30" from the beginning. */
void	replay_go_time(struct replay *r, const char *text, int64_t now_ms);
/* Milliseconds from event n to the next, as they are played. */
int64_t	replay_gap(const struct replay *r, uint64_t n);
bool	replay_takes(const struct replay *r, const struct model_entry *e);
/* True at the last event of the file. */
bool	replay_is_end(const struct replay *r);
/* The entry of the event it stands on, or NULL. */
const struct model_entry *replay_entry(struct replay *r);

/* replay_draw.c, replay_rows.c: the rows of the player, each clipped to its place */
void	replay_draw_title(struct replay *r, int cols);
void	replay_draw_bar(struct replay *r, int row, int cols);
void	replay_draw_list(struct replay *r, int row, int rows, int col, int width);
void	replay_put(struct replay *r, int row, int col, int width, enum screen_look look, const char *fmt, ...)
	    __attribute__((format(printf, 6, 7)));
void	replay_rule(struct replay *r, int row, int col, int width, const char *left, const char *right);
const char *replay_filter_word(enum replay_filter f);
/* Lines that the help shows. */
extern const char *const replay_help[];

#endif
