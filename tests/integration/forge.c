/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/transcript/reader.h"

struct forger {
	struct buf out;
	struct digest head;
	forge_fn *change;
	size_t changed;
};

static char *
dump(const json_t *o)
{
	char *s = json_dumps(o, JSON_COMPACT);

	assert_non_null(s);
	return s;
}

static void
put_line(struct buf *out, const char *line, size_t n)
{
	buf_put(out, line, n);
	buf_putc(out, '\n');
}

/* A body, and its entry of "b" in the event. */
static bool
forge_body(struct forger *f, const char *line, size_t n, json_t *event, size_t i)
{
	json_t *body = json_line_parse(line, n, NULL), *entry = json_array_get(json_object_get(event, "b"), i);
	bool changed = f->change(json_str(event, "ev", NULL), event, body);
	char *text = changed ? dump(body) : strndup(line, n), hex[DIGEST_HEX + 1];
	struct digest d = digest_of(text, strlen(text));

	put_line(&f->out, text, strlen(text));
	digest_hex(&d, hex);
	json_object_set_new(entry, "sha", json_string(hex));
	json_object_set_new(entry, "len", json_integer((json_int_t)strlen(text)));
	free(text);
	json_decref(body);
	return changed;
}

/* The seal's own sum over what stands before it. */
static void
put_sum(struct buf *line)
{
	size_t cut = buf_len(line) - (8 + DIGEST_HEX + 2);
	char hex[DIGEST_HEX + 1];
	struct digest d;

	buf_truncate(line, cut);
	d = digest_of(buf_data(line), cut);
	digest_hex(&d, hex);
	buf_putf(line, ",\"sum\":\"%s\"}", hex);
}

static void
forge_event(struct forger *f, struct transcript_reader *r, uint64_t n)
{
	size_t lines = transcript_event_lines(r, n), len;
	const char *p = transcript_event_line(r, n, lines - 1, &len), *name;
	json_t *event = json_line_parse(p, len, NULL);
	char hex[DIGEST_HEX + 1], *text, *ev;
	struct digest was;
	struct buf line;
	bool changed = false;

	assert_non_null(event);
	ev = strdup(json_str(event, "ev", NULL));	/* it may become another event */
	name = ev;
	was = digest_of(p, len);
	buf_init(&line, 1 << 20);
	buf_put(&line, p, len);
	for (size_t i = 0; i + 1 < lines; i++) {
		p = transcript_event_line(r, n, i, &len);
		changed |= forge_body(f, p, len, event, i);
	}
	changed |= f->change(name, event, NULL);
	f->changed += changed;
	digest_hex(&f->head, hex);
	if (changed || strcmp(json_str(event, "prev", NULL), hex) != 0) {
		json_object_set_new(event, "prev", json_string(hex));
		if (strcmp(name, "seal") == 0)
			json_object_set_new(event, "head", json_string(hex));
		text = dump(event);
		buf_reset(&line);
		buf_puts(&line, text);
		free(text);
		if (strcmp(name, "seal") == 0)
			put_sum(&line);
		was = digest_of(buf_data(&line), buf_len(&line));
	}
	put_line(&f->out, buf_data(&line), buf_len(&line));
	f->head = was;
	buf_fini(&line);
	json_decref(event);
	free(ev);
}

void
forge_transcript(const char *from, const char *to, forge_fn *change)
{
	struct transcript_reader *r = transcript_reader_open(from, NULL);
	struct forger f = { .change = change };

	assert_non_null(r);
	buf_init(&f.out, 64 << 20);
	for (uint64_t n = 1; n <= transcript_events(r); n++)
		forge_event(&f, r, n);
	assert_int_equal(f.changed, 1);
	assert_int_equal(io_write_file(to, 0600, buf_data(&f.out), buf_len(&f.out), NULL), 0);
	buf_fini(&f.out);
	transcript_reader_close(r);
}
