/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/json.h"

#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

json_t *
json_line_parse(const char *s, size_t n, struct err *e)
{
	json_error_t je;
	json_t *v = json_loadb(s, n, JSON_REJECT_DUPLICATES, &je);

	if (v == NULL) {
		/* the parser's words may quote the peer's bytes: only the place is told */
		err_set(e, ERR_INVALID, "not a JSON object (error at byte %d); send one object per line",
		    je.position);
		return NULL;
	}
	if (!json_is_object(v)) {
		json_decref(v);
		err_set(e, ERR_INVALID, "not a JSON object; send one object per line");
		return NULL;
	}
	return v;
}

static int
append(const char *s, size_t n, void *out)
{
	buf_put(out, s, n);
	return 0;
}

void
json_put(struct buf *out, const json_t *v)
{
	must(json_dump_callback(v, append, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0);
}

void
json_put_string(struct buf *out, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t from = 0;

	buf_putc(out, '"');
	for (size_t i = text_plain(s, n); i < n; i += 1 + text_plain(s + i + 1, n - i - 1)) {
		unsigned char c = (unsigned char)s[i];
		char esc[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

		if (c >= 0x80)
			continue;
		buf_put(out, s + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\') {
			esc[1] = (char)c;
			buf_put(out, esc, 2);
		} else if (c == '\n') {
			buf_puts(out, "\\n");
		} else {
			buf_put(out, esc, 6);
		}
	}
	buf_put(out, s + from, n - from);
	buf_putc(out, '"');
}

const char *
json_str(const json_t *o, const char *key, size_t *n)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		return NULL;
	if (n != NULL)
		*n = json_string_length(v);
	return json_string_value(v);
}

int64_t
json_int(const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool
json_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

void
json_set_bytes(json_t *o, const char *key, const char *s, size_t n)
{
	struct buf b;
	json_t *v;

	/* our own readers refuse a NUL in JSON */
	if (text_is_utf8(s, n) && (n == 0 || memchr(s, '\0', n) == NULL)) {
		v = json_stringn(s, n);
	} else {
		buf_init(&b, n * 2 + 16);
		text_base64(&b, s, n);
		v = json_object();
		must(json_object_set_new(v, "base64", json_stringn(buf_data(&b), buf_len(&b))) == 0);
		buf_fini(&b);
	}
	must(v != NULL && json_object_set_new(o, key, v) == 0);
}

int
json_get_bytes(const json_t *o, const char *key, struct buf *out)
{
	const json_t *v = json_object_get(o, key);
	const char *s;
	size_t n;

	if (json_is_string(v)) {
		buf_put(out, json_string_value(v), json_string_length(v));
		return buf_over(out) ? ERR_TOO_LARGE : 0;
	}
	s = json_str(v, "base64", &n);
	if (s == NULL)
		return ERR_INVALID;
	return text_unbase64(out, s, n);
}
