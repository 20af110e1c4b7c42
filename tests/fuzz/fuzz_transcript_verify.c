/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Line scanner, body check and verifier on any bytes. What is sealed is not sealed any more when a byte is another. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/transcript/line.h"
#include "twokey/transcript/verify.h"
#include "twokey/transcript/writer.h"

enum { FLIPS = 64 };

static struct transcript_report
verify(const char *p, size_t n)
{
	struct transcript_verifier *v = transcript_verifier_create();
	struct transcript_report r;
	const char *lf;

	while (n > 0 && (lf = memchr(p, '\n', n)) != NULL) {
		(void)transcript_verify_line(v, p, (size_t)(lf - p));
		n -= (size_t)(lf + 1 - p);
		p = lf + 1;
	}
	transcript_verify_report(v, n, &r);
	must(memchr(r.text, '\0', sizeof r.text) != NULL && r.text[0] != '\0');
	transcript_verifier_free(v);
	return r;
}

/* What the scanner takes for an event is JSON that jansson takes, but for text that is no UTF-8 and doubled names. */
static void
check_line(const char *p, size_t n)
{
	struct transcript_body_ref ref;
	struct transcript_line l;
	size_t at = 0;
	bool bad = false;

	transcript_line_scan(p, n, &l);
	if (l.type != TRANSCRIPT_LINE_EVENT) {
		must(l.type == TRANSCRIPT_LINE_BAD || (l.n > 0 && l.k_len > 0 && l.k >= p && l.k + l.k_len <= p + n));
		return;
	}
	must(l.n > 0 && l.ms >= 0 && (l.b == NULL || (l.b > p && l.b + l.b_len == p + n - 1)));
	while (transcript_body_next(&l, &at, &ref, &bad))
		must(ref.k > p && ref.k + ref.k_len < p + n);
	if (!bad && text_is_utf8(p, n)) {
		json_t *o = json_loadb(p, n, 0, NULL);

		must(o != NULL);
		json_decref(o);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct transcript_report r = verify(p, n);

	for (size_t from = 0; from < n;) {
		const char *lf = memchr(p + from, '\n', n - from);
		size_t len = lf != NULL ? (size_t)(lf - p) - from : n - from;

		check_line(p + from, len);
		if (transcript_body_check(p + from, len) == 0) {
			json_t *o = json_loadb(p + from, len, 0, NULL);

			must(o != NULL && json_str(o, "k", NULL) != NULL);
			json_decref(o);
		}
		from += len + 1;
	}
	if (r.verdict == TRANSCRIPT_SEALED) {
		char *copy = must_alloc(n);

		memcpy(copy, p, n);
		for (size_t i = 0; i < FLIPS; i++) {
			size_t at = i < 8 ? n - 1 - i : (r.head.b[i % 32] + 256u * r.head.b[(i + 1) % 32] + 977 * i) % n;

			copy[at] ^= (char)(1 << i % 8);
			must(verify(copy, n).verdict != TRANSCRIPT_SEALED);
			copy[at] = p[at];
		}
		must(verify(copy, n - 1).verdict != TRANSCRIPT_SEALED);
		free(copy);
	}
	return 0;
}
