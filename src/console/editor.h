/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line editor: readline through callbacks, fed by keys, drawn by us. One per process at a time. */
#ifndef TWOKEY_SRC_CONSOLE_EDITOR_H
#define TWOKEY_SRC_CONSOLE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct editor;
struct screen;
struct screen_event;
struct sql_settings;

/* What a text is for: SQL runs over lines until its delimiter, an answer is one line. */
enum editor_mode { EDITOR_SQL, EDITOR_ANSWER };

/* history: a file (NULL: kept for this run only). */
struct editor *editor_create(const struct sql_settings *set, const char *history);
void	editor_free(struct editor *ed);
void	editor_settings(struct editor *ed, const struct sql_settings *set);
/* What is being typed, and the prompt before it ("shop" makes "shop=> "; of an answer it is shown as it is). A
 * statement that was begun is kept while answers are typed. */
void	editor_mode(struct editor *ed, enum editor_mode mode, const char *prompt);
/* Until the next editor_mode the line takes typed characters alone: no yank, completion, history or macro fills it. */
void	editor_typed_only(struct editor *ed);
/* Another prompt of an answer, with the text kept. */
void	editor_label(struct editor *ed, const char *prompt);

/* One key. True when a statement or answer is complete: editor_text gives it. */
bool	editor_key(struct editor *ed, const struct screen_event *ev);
/* The last complete one: a statement without its delimiter, a \word, or the answer. What stood behind the
 * statement's delimiter is in the line again and needs an Enter of its own. */
const char *editor_text(const struct editor *ed, size_t *n);
/* Inserts; never completes anything, whatever it holds. */
void	editor_paste(struct editor *ed, const char *text, size_t n);
/* The same in front of what stands there, as the statement before it. */
void	editor_put_first(struct editor *ed, const char *text, size_t n);
/* The mark of an open transaction in the prompt of SQL: "shop=*> ". */
void	editor_transaction(struct editor *ed, bool open);
/* Ctrl-C: drops the line or the search. False when there was nothing to drop. */
bool	editor_interrupt(struct editor *ed);
bool	editor_is_empty(const struct editor *ed);
/* True while Ctrl-R, Ctrl-V and the like wait for more: keys belong to readline then. */
bool	editor_is_busy(const struct editor *ed);

/* Adds a statement to the history and its file, as one entry. The caller keeps statements with secrets out. */
void	editor_remember(struct editor *ed, const char *sql, size_t n);
/* A name for completion. */
void	editor_name(struct editor *ed, const char *name, size_t n);
/* What the last Tab offers; 0 when nothing. Gone at the next key. */
size_t	editor_offers(const struct editor *ed, const char *const **offers);

/* Rows that the line needs at that width. */
int	editor_rows(const struct editor *ed, int cols);
/* Draws at most rows rows from row on, those around the cursor, and puts the screen's cursor. Returns rows used. */
int	editor_draw(const struct editor *ed, struct screen *s, int row, int rows);

#endif
