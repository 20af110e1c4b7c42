/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statement on the sheet: the exact bytes, by lines. */
#include "config.h"

#include "sheet_priv.h"

#include <stdio.h>
#include <string.h>

#include "twokey/console/model.h"
#include "twokey/sql/comment.h"

#include "lay.h"

enum { COMMENTS_MAX = 256 };

struct numbered {
	struct lay *l;
	const char *sql;
	struct sql_span comments[COMMENTS_MAX];
	size_t n, next;		/* the first comment that does not end before what is laid */
};

/* Where the piece that begins at byte at ends: at a comment's begin or end, or at the line's. */
static size_t
piece_end(struct numbered *p, size_t at, size_t end, bool *comment)
{
	const struct sql_span *c;

	while (p->next < p->n && p->comments[p->next].off + p->comments[p->next].len <= at)
		p->next++;
	c = p->next < p->n ? &p->comments[p->next] : NULL;
	*comment = c != NULL && c->off <= at;
	if (*comment)
		return c->off + c->len < end ? c->off + c->len : end;
	return c != NULL && c->off < end ? c->off : end;
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t'))
		s++, n--;
	return n == 0;
}

static void
lay_one(struct numbered *p, size_t at, size_t end, size_t number)
{
	char lead[32];

	snprintf(lead, sizeof lead, "%4zu | ", number);
	do {
		bool comment;
		size_t stop = piece_end(p, at, end, &comment);

		/* blanks before a comment, or behind the last one, are no line of their own */
		if (stop < end && is_blank(p->sql + at, stop - at))
			stop = piece_end(p, stop, end, &comment);
		if (stop < end && is_blank(p->sql + stop, end - stop))
			stop = end;
		lay_text(p->l, comment ? SCREEN_DIM : SCREEN_STRONG, lead, "     : ", p->sql + at, stop - at, LAY_EXACT);
		at = stop;
		snprintf(lead, sizeof lead, "     : ");
	} while (at < end);
}

void
sheet_numbered(struct lay *l, const char *engine, const struct model_entry *e)
{
	struct numbered p = { .l = l, .sql = e->sql };
	enum sql_engine of;
	size_t at = 0, line = 1;

	if (sql_engine_parse(engine, &of))
		p.n = sql_comments(of, e->sql, e->sql_len, p.comments, COMMENTS_MAX);
	do {
		const char *lf = memchr(e->sql + at, '\n', e->sql_len - at);
		size_t end = lf != NULL ? (size_t)(lf - e->sql) : e->sql_len;

		lay_one(&p, at, end, line++);
		at = end + 1;
	} while (at < e->sql_len);
}
