/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, their \words and their help: one table for the screens, the key row, the help and the manual. */
#ifndef TWOKEY_SRC_CONSOLE_KEYS_H
#define TWOKEY_SRC_CONSOLE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct screen_event;

enum key_action {
	KEY_NONE,
#define KEY(action, key, ctrl, label, word, where, brief, help) KEY_##action,
#include "keys.def"
#undef KEY
	KEY_ACTIONS
};

/* The screens that a key works in: a set. */
enum key_where { KEYS_DRIVER = 1, KEYS_WAITING = 2, KEYS_SHEET = 4, KEYS_WATCHER = 8, KEYS_HELD = 16, KEYS_OVER = 32 };

/* What a key does there. */
enum key_action key_of_event(const struct screen_event *ev, enum key_where where);
/* What "\word rest" does there; *rest points behind the word and its blanks. KEY_NONE when there is no such word. */
enum key_action key_of_word(const char *text, size_t n, enum key_where where, const char **rest);
/* Word i without its backslash, NULL after the last. */
const char *key_word(size_t i);
/* " F1 help  F2 say ..." */
void	key_row(enum key_where where, struct buf *out);
/* The help: line i, false after the last. */
bool	key_help(enum key_where where, size_t i, struct buf *out);

#endif
