/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transcript_make FILE BYTES small|rows: a sealed transcript of about that size, by the real writer. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/transcript/writer.h"

enum { ROWS_BODY = 64 * 1024 };

int
main(int argc, char **argv)
{
	bool rows = argc == 4 && strcmp(argv[3], "rows") == 0;
	uint64_t want = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	struct transcript_writer *w;
	struct transcript_place at = { 0 };
	struct transcript_body body;
	struct buf b;
	struct err e;
	json_t *ev;
	int ret = 0;

	if (want == 0) {
		fprintf(stderr, "usage: transcript_make FILE BYTES small|rows\n");
		return 2;
	}
	buf_init(&b, ROWS_BODY * 2);
	if (rows) {
		buf_puts(&b, "{\"k\":\"rows\",\"rows\":[[1,\"first\"]");
		while (buf_len(&b) < ROWS_BODY)
			buf_puts(&b, ",[4711,\"a customer of the shop\",null,\"2026-06-08\"]");
		buf_puts(&b, "]}");
	} else {
		buf_puts(&b, "{\"k\":\"sql\",\"text\":\"SELECT id, name FROM customers WHERE id = 4711\"}");
	}
	ev = rows ? json_pack("{s:s, s:i, s:i}", "ev", "rows", "of", 1, "part", 1) :
	    json_pack("{s:s, s:s, s:s}", "ev", "read", "by", "ben", "class", "read");
	w = transcript_writer_create(argv[1], want + 16 * 1024 * 1024, &e);
	body = (struct transcript_body){ buf_data(&b), buf_len(&b) };
	while (w != NULL && ret == 0 && at.end < want)
		ret = transcript_append(w, (struct transcript_when){ clock_wall_us(), clock_mono_ms() },
		    rows ? TRANSCRIPT_EVENT_ROWS : TRANSCRIPT_EVENT_READ, ev, &body, 1, &at, &e);
	if (w == NULL || ret != 0 || transcript_seal(w, (struct transcript_when){ clock_wall_us(), clock_mono_ms() }, &e) != 0) {
		fprintf(stderr, "transcript_make: %s\n", e.text);
		return 1;
	}
	transcript_writer_close(w);
	json_decref(ev);
	buf_fini(&b);
	return 0;
}
