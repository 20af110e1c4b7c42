/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keys.h"

#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/console/screen.h"

struct key {
	enum key_action action;
	enum screen_key key;
	char ctrl;
	const char *label, *word;
	unsigned where;
	const char *brief, *help;
};

enum { D = KEYS_DRIVER, W = KEYS_WAITING, S = KEYS_SHEET, H = KEYS_HELD, O = KEYS_OVER, V = KEYS_WATCHER };

static const struct key keys[] = {
#define KEY(action, key, ctrl, label, word, where, brief, help) \
	{ KEY_##action, key, ctrl, label, word, where, brief, help },
#include "keys.def"
#undef KEY
};
enum { NKEYS = sizeof keys / sizeof keys[0] };

enum key_action
key_of_event(const struct screen_event *ev, enum key_where where)
{
	for (size_t i = 0; i < NKEYS; i++) {
		const struct key *k = &keys[i];

		if ((k->where & where) && k->key != SCREEN_KEY_NONE && k->key == ev->key &&
		    (k->key != SCREEN_KEY_CTRL || k->ctrl == ev->utf8[0]))
			return k->action;
	}
	return KEY_NONE;
}

enum key_action
key_of_word(const char *text, size_t n, enum key_where where, const char **rest)
{
	size_t len = 0, i = 1;

	while (i + len < n && text[i + len] != ' ' && text[i + len] != ';')
		len++;
	*rest = text + i + len;
	if (*rest < text + n && **rest == ';')
		(*rest)++;	/* the habit of ending everything so */
	while (*rest < text + n && **rest == ' ')
		(*rest)++;
	for (size_t k = 0; k < NKEYS; k++)
		if ((keys[k].where & where) && len > 0 && strlen(keys[k].word) == len &&
		    memcmp(keys[k].word, text + i, len) == 0)
			return keys[k].action;
	return KEY_NONE;
}

const char *
key_word(size_t i)
{
	for (size_t k = 0; k < NKEYS; k++)
		if (keys[k].word[0] != '\0' && i-- == 0)
			return keys[k].word;
	return NULL;
}

void
key_row(enum key_where where, struct buf *out)
{
	for (size_t k = 0; k < NKEYS; k++)
		if ((keys[k].where & where) && keys[k].brief[0] != '\0')
			buf_putf(out, " %s %s ", keys[k].label, keys[k].brief);
}

bool
key_help(enum key_where where, size_t i, struct buf *out)
{
	for (size_t k = 0; k < NKEYS; k++) {
		if (!(keys[k].where & where) || i-- != 0)
			continue;
		buf_putf(out, "  %-4s %s%-8s %s", keys[k].label, keys[k].word[0] ? "\\" : " ",
		    keys[k].word, keys[k].help);
		return true;
	}
	return false;
}
