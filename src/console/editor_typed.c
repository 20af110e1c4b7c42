/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines that have to be typed: what a key brings in beside itself (yank, completion, history, a macro of an inputrc) is taken
 * back. */
#include "config.h"

#include "editor_priv.h"

#include <stdio.h>
#include <string.h>

#include <readline/readline.h>

#include "twokey/console/screen.h"

void
editor_typed_begin(const struct editor *ed, struct buf *before)
{
	buf_init(before, EDITOR_TEXT_MAX + 1);
	if (ed->typed)
		buf_put(before, rl_line_buffer, (size_t)rl_end);
}

/* True when b is a with one piece of it replaced by at most room bytes. */
static bool
is_small_change(const char *a, size_t na, const char *b, size_t nb, size_t room)
{
	size_t shorter = na < nb ? na : nb, from = 0, behind = 0;

	while (from < shorter && a[from] == b[from])
		from++;
	while (behind < shorter - from && a[na - 1 - behind] == b[nb - 1 - behind])
		behind++;
	return nb - from - behind <= room;
}

void
editor_typed_check(struct editor *ed, const struct screen_event *ev, struct buf *before)
{
	size_t room = ev->key == SCREEN_KEY_TEXT ? ev->nbytes : 0;

	if (!ed->typed) {
		;
	} else if (ed->complete) {
		ed->complete = buf_len(&ed->text) == buf_len(before) &&
		    memcmp(buf_data(&ed->text), buf_data(before), buf_len(before)) == 0;
	} else if (!is_small_change(buf_data(before), buf_len(before), rl_line_buffer, (size_t)rl_end, room)) {
		rl_replace_line(buf_str(before), 0);
		rl_point = rl_end;
	}
	buf_fini(before);
}
