/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the editor share. */
#ifndef TWOKEY_SRC_CONSOLE_EDITOR_PRIV_H
#define TWOKEY_SRC_CONSOLE_EDITOR_PRIV_H

#include <stdio.h>

#include "twokey/base/buf.h"
#include "twokey/sql/facts.h"
#include "twokey/sql/split.h"

#include "editor.h"

enum { EDITOR_TEXT_MAX = 1 << 20, EDITOR_NAMES_MAX = 20000, EDITOR_HISTORY_MAX = 2000 };

struct editor {
	struct sql_settings set;
	enum editor_mode mode;
	char prompt[200];	/* as given */
	bool transaction;	/* the mark "*" stands in it */
	FILE *null;
	char *history;		/* path or NULL */
	struct buf keys;	/* bytes for readline */
	struct buf text;	/* the last complete one */
	bool complete;
	bool typed;		/* only what is typed key by key goes into the line */
	struct buf draft;	/* the statement that was begun before an answer was asked for */
	char **names;		/* for completion */
	size_t nnames, cap_names;	/* sorted */
	char **offers;
	size_t noffers;
};

/* The first statement in a text that is complete: its span and where it ends. False when there is none. */
bool	editor_statement(const struct sql_settings *set, const char *sql, size_t n, struct sql_piece *out);
/* The prompt of the row that begins at byte at of the line. */
void	editor_prompt(const struct editor *ed, const char *line, size_t at, struct buf *out);

/* editor_history.c: the file into the history, if there is one; a statement to its end (editor.h, editor_remember) */
void	editor_history_load(struct editor *ed);
void	editor_history_add(struct editor *ed, const char *sql, size_t n);
/* Sets readline's hooks for completion. */
void	editor_complete_init(struct editor *ed);
void	editor_offers_drop(struct editor *ed);

/* editor_typed.c: around what one key does to the line */
void	editor_typed_begin(const struct editor *ed, struct buf *before);
void	editor_typed_check(struct editor *ed, const struct screen_event *ev, struct buf *before);

#endif
