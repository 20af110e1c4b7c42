/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "tape_find.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/console/model.h"
#include "twokey/transcript/line.h"

enum { NEEDLE_ROOM = 1 << 20, BYTES_ROOM = 1 << 21, DEPTH_MAX = 16 };

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char *
lower_copy(const char *s, size_t n)
{
	char *out = must_alloc(n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = lower(s[i]);
	out[n] = '\0';
	return out;
}

void
tape_needle_init(struct tape_needle *d, const char *text)
{
	struct buf b;

	d->n = strlen(text);
	d->text = lower_copy(text, d->n);
	buf_init(&b, NEEDLE_ROOM);
	json_put_string(&b, text, d->n);
	d->raw_n = buf_len(&b) - 2;
	d->raw = lower_copy(buf_data(&b) + 1, d->raw_n);
	buf_fini(&b);
}

void
tape_needle_fini(struct tape_needle *d)
{
	free(d->text);
	free(d->raw);
}

static bool
holds(const char *s, size_t n, const char *low, size_t len)
{
	for (size_t i = 0; len <= n && i <= n - len; i++) {
		size_t k = 0;

		while (k < len && lower(s[i + k]) == low[k])
			k++;
		if (k == len)
			return true;
	}
	return false;
}

static bool
bytes_hold(const struct tape_needle *d, const char *base64, size_t n)
{
	struct buf b;
	bool found;

	buf_init(&b, BYTES_ROOM);
	found = text_unbase64(&b, base64, n) == 0 && holds(buf_data(&b), buf_len(&b), d->text, d->n);
	buf_fini(&b);
	return found;
}

/* Any string among the values, at any depth that our own bodies have. */
static bool
value_holds(const struct tape_needle *d, const json_t *v, int depth)
{
	const char *key;
	const json_t *w;
	size_t i;

	if (json_is_string(v))
		return holds(json_string_value(v), json_string_length(v), d->text, d->n);
	if (depth == DEPTH_MAX)
		return false;
	json_array_foreach(v, i, w)
		if (value_holds(d, w, depth + 1))
			return true;
	if (!json_is_object(v))
		return false;
	json_object_foreach((json_t *)v, key, w) {
		if (depth == 0 && (strcmp(key, "s") == 0 || strcmp(key, "k") == 0))
			continue;
		if (strcmp(key, "base64") == 0 && json_is_string(w)) {
			if (bytes_hold(d, json_string_value(w), json_string_length(w)))
				return true;
		} else if (value_holds(d, w, depth + 1)) {
			return true;
		}
	}
	return false;
}

bool
tape_needle_in(const struct tape_needle *d, const char *line, size_t n)
{
	struct transcript_line l;
	json_t *v;
	bool found;

	transcript_line_scan(line, n, &l);
	if (l.type != TRANSCRIPT_LINE_BODY)
		return false;
	/* another writer may escape what ours does not, and bytes are in base64 */
	if (!holds(line, n, d->raw, d->raw_n) && !holds(line, n, "\\u", 2) && !holds(line, n, "\"base64\"", 8))
		return false;
	v = model_body_parse(line, n);
	found = v != NULL && value_holds(d, v, 0);
	json_decref(v);
	return found;
}
