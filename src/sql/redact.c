/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/redact.h"

#include "twokey/base/buf.h"
#include "twokey/sql/facts.h"

void
sql_redact(struct buf *out, const struct sql_facts *f, const char *sql, size_t n)
{
	size_t pos = 0;

	/* the spans are in the order of the text and do not overlap */
	for (size_t i = 0; i < f->nsecrets; i++) {
		const struct sql_span *s = &f->secrets[i];

		if (s->off < pos || s->off > n || s->len > n - s->off)
			continue;
		buf_put(out, sql + pos, s->off - pos);
		buf_puts(out, "<secret>");
		pos = s->off + s->len;
	}
	buf_put(out, sql + pos, n - pos);
}
