/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "feeder.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/base/text.h"

enum { BOUND_MAX = 64, QUEUE_MAX = 4 << 20, FIRST_ROOM = 8192 };

struct sequence {
	const char *rest;	/* after ESC */
	enum screen_key key;
};

/* xterm, vt220, rxvt and the Linux console; what the terminal itself says comes from terminfo */
static const struct sequence sequences[] = {
	{ "[A", SCREEN_KEY_UP }, { "[B", SCREEN_KEY_DOWN },
	{ "[C", SCREEN_KEY_RIGHT }, { "[D", SCREEN_KEY_LEFT },
	{ "OA", SCREEN_KEY_UP }, { "OB", SCREEN_KEY_DOWN },
	{ "OC", SCREEN_KEY_RIGHT }, { "OD", SCREEN_KEY_LEFT },
	{ "[1;2C", SCREEN_KEY_SHIFT_RIGHT }, { "[1;2D", SCREEN_KEY_SHIFT_LEFT },
	{ "[5~", SCREEN_KEY_PGUP }, { "[6~", SCREEN_KEY_PGDN },
	{ "[H", SCREEN_KEY_HOME }, { "[F", SCREEN_KEY_END },
	{ "OH", SCREEN_KEY_HOME }, { "OF", SCREEN_KEY_END },
	{ "[1~", SCREEN_KEY_HOME }, { "[4~", SCREEN_KEY_END },
	{ "[7~", SCREEN_KEY_HOME }, { "[8~", SCREEN_KEY_END },
	{ "OP", SCREEN_KEY_F1 }, { "OQ", SCREEN_KEY_F2 },
	{ "OR", SCREEN_KEY_F3 }, { "OS", SCREEN_KEY_F4 },
	{ "[11~", SCREEN_KEY_F1 }, { "[12~", SCREEN_KEY_F2 },
	{ "[13~", SCREEN_KEY_F3 }, { "[14~", SCREEN_KEY_F4 },
	{ "[[A", SCREEN_KEY_F1 }, { "[[B", SCREEN_KEY_F2 }, { "[[C", SCREEN_KEY_F3 },
	{ "[[D", SCREEN_KEY_F4 }, { "[[E", SCREEN_KEY_F5 },
	{ "[15~", SCREEN_KEY_F5 }, { "[17~", SCREEN_KEY_F6 }, { "[18~", SCREEN_KEY_F7 },
	{ "[19~", SCREEN_KEY_F8 }, { "[20~", SCREEN_KEY_F9 }, { "[21~", SCREEN_KEY_F10 },
};

static const char paste_begin[] = "[200~", paste_end[] = "\033[201~";

struct feeder {
	struct buf queue;
	struct buf paste;
	bool pasting;
	int64_t since;		/* when something was first held back, -1 when nothing is */
	size_t held;		/* bytes that were there then */
	int due;		/* ms after since */
	struct {
		char *rest;
		enum screen_key key;
	} bound[BOUND_MAX];
	size_t nbound;
};

struct feeder *
feeder_create(void)
{
	struct feeder *f = must_zalloc(sizeof *f);

	buf_init(&f->queue, QUEUE_MAX);
	buf_init(&f->paste, FEEDER_PASTE_MAX);
	/* so that what feeder_drop wipes is where short input was from the start */
	(void)buf_room(&f->queue, FIRST_ROOM);
	(void)buf_room(&f->paste, FIRST_ROOM);
	f->since = -1;
	return f;
}

void
feeder_free(struct feeder *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->nbound; i++)
		free(f->bound[i].rest);
	buf_fini(&f->queue);
	buf_fini(&f->paste);
	free(f);
}

void
feeder_bind(struct feeder *f, const char *sequence, enum screen_key key)
{
	if (sequence == NULL || sequence[0] != '\033' || sequence[1] == '\0' ||
	    f->nbound == BOUND_MAX)
		return;
	f->bound[f->nbound].rest = must_strdup(sequence + 1);
	f->bound[f->nbound++].key = key;
}

void
feeder_push(struct feeder *f, const char *bytes, size_t n)
{
	buf_put(&f->queue, bytes, n);
}

void
feeder_drop(struct feeder *f)
{
	buf_reset(&f->queue);
	buf_reset(&f->paste);
	f->pasting = false;
	f->since = -1;
	secret_wipe(buf_room(&f->queue, FIRST_ROOM), FIRST_ROOM);
	secret_wipe(buf_room(&f->paste, FIRST_ROOM), FIRST_ROOM);
}

const char *
feeder_paste(const struct feeder *f, size_t *n)
{
	*n = buf_len(&f->paste);
	return buf_data(&f->paste);
}

int
feeder_wait(const struct feeder *f, int64_t now_ms)
{
	int64_t left;

	if (f->since < 0)
		return -1;
	left = f->since + f->due - now_ms;
	return left > 0 ? (int)left : 0;
}

/* True when what is held back has waited long enough; new bytes start the wait anew. */
static bool
is_due(struct feeder *f, int64_t now_ms, int after_ms)
{
	size_t have = buf_len(&f->queue) + (f->pasting ? buf_len(&f->paste) : 0);

	if (f->since < 0 || f->held != have || f->due != after_ms) {
		f->since = now_ms;
		f->held = have;
		f->due = after_ms;
		return false;
	}
	if (now_ms - f->since < after_ms)
		return false;
	f->since = -1;
	return true;
}

/* Takes n bytes from the queue as the bytes of an event. */
static void
take(struct feeder *f, struct screen_event *out, enum screen_key key, size_t n)
{
	memset(out, 0, sizeof *out);
	out->key = key;
	if (n <= sizeof out->bytes) {
		memcpy(out->bytes, buf_data(&f->queue), n);
		out->nbytes = n;
	}
	buf_consume(&f->queue, n);
	f->since = -1;
}

/* Inside a paste: moves text over until the end mark; true when the paste is complete. */
static bool
next_pasted(struct feeder *f, int64_t now_ms, struct screen_event *out)
{
	size_t mark = sizeof paste_end - 1, have = buf_len(&f->queue), n = 0;
	const char *s = buf_data(&f->queue);
	bool ended = false;

	for (; n < have && !ended; n++)
		if (s[n] == '\033' && have - n < mark && memcmp(s + n, paste_end, have - n) == 0)
			break;		/* perhaps the first half of the mark */
		else if (have - n >= mark && memcmp(s + n, paste_end, mark) == 0)
			ended = true;
	if (ended)
		n--;
	if (n > FEEDER_PASTE_MAX - buf_len(&f->paste))
		buf_put(&f->paste, s, FEEDER_PASTE_MAX - buf_len(&f->paste));
	else
		buf_put(&f->paste, s, n);
	buf_consume(&f->queue, ended ? n + mark : n);
	if (!ended && !is_due(f, now_ms, FEEDER_PASTE_MS))
		return false;
	f->pasting = false;
	take(f, out, SCREEN_KEY_PASTE, 0);
	return true;
}

/* Compares what follows ESC with a sequence. 1: it is that, 0: it is not, -1: it may become that. */
static int
compare(const char *s, size_t n, const char *rest)
{
	size_t len = strlen(rest);

	if (n >= len)
		return memcmp(s, rest, len) == 0;
	return memcmp(s, rest, n) == 0 ? -1 : 0;
}

/* Looks the sequence up; sets *n to its length after ESC. SCREEN_KEY_NONE when unknown. */
static enum screen_key
lookup(const struct feeder *f, const char *s, size_t have, size_t *n)
{
	for (size_t i = 0; i < f->nbound; i++)
		if (compare(s, have, f->bound[i].rest) == 1) {
			*n = strlen(f->bound[i].rest);
			return f->bound[i].key;
		}
	for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
		if (compare(s, have, sequences[i].rest) == 1) {
			*n = strlen(sequences[i].rest);
			return sequences[i].key;
		}
	return SCREEN_KEY_NONE;
}

/* Length of one control sequence after ESC: "[" parameters final, or "O" final; 0 when it is not all there. */
static size_t
sequence_len(const char *s, size_t n)
{
	size_t i = 1;

	if (s[0] == 'O')
		return n >= 2 ? 2 : 0;
	if (n >= 2 && s[1] == '[')	/* the Linux console's F1 to F5 */
		return n >= 3 ? 3 : 0;
	while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x40)
		i++;
	return i < n ? i + 1 : 0;
}

/* ESC is first in the queue. */
static bool
next_escaped(struct feeder *f, int64_t now_ms, struct screen_event *out)
{
	const char *s = buf_data(&f->queue) + 1;
	size_t have = buf_len(&f->queue) - 1, n = 0;
	enum screen_key key;

	if (have == 0) {
		if (!is_due(f, now_ms, FEEDER_ESCAPE_MS))
			return false;
		take(f, out, SCREEN_KEY_ESCAPE, 1);
		return true;
	}
	if (compare(s, have, paste_begin) == 1) {
		buf_consume(&f->queue, sizeof paste_begin);
		buf_reset(&f->paste);
		f->pasting = true;
		f->since = -1;
		return next_pasted(f, now_ms, out);
	}
	key = lookup(f, s, have, &n);
	if (key != SCREEN_KEY_NONE) {
		take(f, out, key, n + 1);
		return true;
	}
	if (s[0] == '\033') {
		take(f, out, SCREEN_KEY_ESCAPE, 1);
		return true;
	}
	if (s[0] == '[' || s[0] == 'O') {
		n = sequence_len(s, have);
		if (n == 0 && !is_due(f, now_ms, FEEDER_REST_MS))
			return false;
		/* an unknown sequence is the editor's; a torn one is nobody's */
		take(f, out, SCREEN_KEY_NONE, n == 0 ? have + 1 : n + 1);
		if (n == 0)
			out->nbytes = 0;
		return true;
	}
	take(f, out, SCREEN_KEY_NONE, 1 + text_next(s, have).len);	/* Alt and a key */
	return true;
}

static enum screen_key
key_of_control(unsigned char c)
{
	if (c == '\r' || c == '\n')
		return SCREEN_KEY_ENTER;
	if (c == '\t')
		return SCREEN_KEY_TAB;
	return c == 0x7f || c == 0x08 ? SCREEN_KEY_BACKSPACE : SCREEN_KEY_CTRL;
}

/* Bytes that the character beginning with c has; 0 when no character begins so. */
static size_t
character_len(unsigned char c)
{
	return c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3
	    : c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

bool
feeder_next(struct feeder *f, int64_t now_ms, struct screen_event *out)
{
	if (f->pasting)
		return next_pasted(f, now_ms, out);
	while (buf_len(&f->queue) > 0) {
		const char *s = buf_data(&f->queue);
		unsigned char c = (unsigned char)s[0];
		size_t n = character_len(c), have = buf_len(&f->queue);

		if (c == '\033')
			return next_escaped(f, now_ms, out);
		if (c < 0x20 || c == 0x7f) {
			take(f, out, key_of_control(c), 1);
			out->utf8[0] = (char)(c | 0x60);
			return true;
		}
		if (n > have && !is_due(f, now_ms, FEEDER_REST_MS))
			return false;
		if (n == 0 || n > have || text_next(s, have).kind == TEXT_BAD) {
			buf_consume(&f->queue, 1);	/* no character: nobody typed that */
			f->since = -1;
			continue;
		}
		take(f, out, SCREEN_KEY_TEXT, n);
		memcpy(out->utf8, out->bytes, n);
		return true;
	}
	return false;
}
