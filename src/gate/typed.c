/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bound on rows, and what is typed to turn the second key: content, never a yes. */
#include "config.h"

#include "gate/typed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/gate/request.h"

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* A decimal number without sign and needless zeros, up to blanks or the end. */
static bool
number(const char *s, uint64_t *out)
{
	size_t n = strspn(s, "0123456789");
	uint64_t value = 0;

	if (n == 0 || n > 18 || (n > 1 && s[0] == '0') || *skip_blanks(s + n) != '\0')
		return false;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (uint64_t)(s[i] - '0');
	*out = value;
	return true;
}

int
gate_bound_parse(const char *s, struct gate_bound *out, struct err *e)
{
	struct gate_bound b = { .given = true, .op = GATE_OP_EQUAL };
	const char *p = s != NULL ? skip_blanks(s) : "";

	if (strncmp(p, "<=", 2) == 0) {
		b.op = GATE_OP_AT_MOST;
		p += 2;
	} else if (*p == '=') {
		p++;
	}
	if (!number(skip_blanks(p), &b.rows))
		return err_set(e, ERR_INVALID, "a number of rows is written as \"= 3\" or \"<= 500\"");
	*out = b;
	return 0;
}

bool
gate_bound_holds(const struct gate_bound *b, uint64_t rows)
{
	if (!b->given)
		return false;
	switch (b->op) {
	case GATE_OP_EQUAL:
		return rows == b->rows;
	case GATE_OP_AT_MOST:
		return rows <= b->rows;
	}
	return false;
}

static const char *
op_text(const struct gate_request *r)
{
	return r->bound.op == GATE_OP_AT_MOST ? "<=" : "";
}

void
gate_request_expected(const struct gate_request *r, bool all_rows, char *out, size_t size)
{
	size_t table = strnlen(r->table, sizeof r->table);
	int n = -1;

	if (r->act[0] != '\0' && !r->held && table > 0 && table < sizeof r->table)
		n = snprintf(out, size, "%.*s %s", GATE_ACT_MAX, r->act, r->table);
	else if (r->bound.given && table > 0 && table < sizeof r->table)
		n = snprintf(out, size, "%s%s %s%" PRIu64, r->held ? "keep " : r->rehearsal ? "rehearse " : all_rows || r->all_rows ? "all rows " : "",
		    r->table, op_text(r), r->bound.rows);
	if ((n < 0 || (size_t)n >= size) && size > 0)
		out[0] = '\0';
}

/* s begins with the word, and blanks or the end follow: s behind them, else NULL. */
static const char *
after_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	if (s == NULL || strncmp(s, word, n) != 0 || (s[n] != ' ' && s[n] != '\t'))
		return NULL;
	return skip_blanks(s + n);
}

/* The word and nothing behind it but blanks. */
static bool
is_last(const char *s, const char *word)
{
	size_t n = strlen(word);

	return s != NULL && strncmp(s, word, n) == 0 && *skip_blanks(s + n) == '\0';
}

bool
typed_matches(const struct gate_request *r, const char *typed)
{
	const char *s = skip_blanks(typed);
	size_t op = strlen(op_text(r));
	uint64_t rows;

	if (r->act[0] != '\0' && !r->held)
		return r->table[0] != '\0' && memchr(r->table, '\0', sizeof r->table) != NULL &&
		    is_last(after_word(s, r->act), r->table);
	if (!r->bound.given || r->table[0] == '\0' || memchr(r->table, '\0', sizeof r->table) == NULL)
		return false;
	if (r->held)
		s = after_word(s, "keep");
	else if (r->rehearsal)
		s = after_word(s, "rehearse");
	else if (r->all_rows)
		s = after_word(after_word(s, "all"), "rows");
	s = after_word(s, r->table);
	if (s == NULL || strncmp(s, op_text(r), op) != 0)
		return false;
	return number(skip_blanks(s + op), &rows) && rows == r->bound.rows;
}
