/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One entry of the log as lines. */
#include "config.h"

#include "log_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/text.h"

void
log_statement(struct log_entry *o)
{
	const char *target = model_header(o->m)->target;
	char first[MODEL_NAME_MAX * 8], rest[MODEL_NAME_MAX * 8];
	struct buf name;

	buf_init(&name, MODEL_NAME_MAX * 8 - 4);
	text_safe(&name, target[0] != '\0' ? target : "sql", target[0] != '\0' ? strlen(target) : 3, TEXT_ONE_LINE);
	snprintf(first, sizeof first, "%s=%s> ", buf_str(&name), o->e->staged > 0 ? "*" : "");
	snprintf(rest, sizeof rest, "%s-%s> ", buf_str(&name), o->e->staged > 0 ? "*" : "");
	buf_fini(&name);
	if (o->e->sql == NULL)
		lay_line(&o->lay, SCREEN_WARN, "%s(the statement is not in this copy)", first);
	else
		lay_text(&o->lay, SCREEN_STRONG, first, rest, o->e->sql, o->e->sql_len, LAY_EXACT);
}

/* The line of the statement that holds byte at, and its number. */
static size_t
line_with(const struct model_entry *e, size_t at, size_t *begin, size_t *end)
{
	size_t line = 1;

	*begin = 0;
	for (size_t i = 0; i < at; i++)
		if (e->sql[i] == '\n') {
			line++;
			*begin = i + 1;
		}
	for (*end = at; *end < e->sql_len && e->sql[*end] != '\n';)
		++*end;
	return line;
}

/* As psql: LINE n, the line, and a caret below; a long line is shown from somewhere before the error. */
static void
lay_position(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	size_t begin, end, at, line, lead, room, width, skip = 0;
	struct buf before, b;
	int n;

	if (e->sql == NULL || e->position < 1 || (uint64_t)e->position > e->sql_len)
		return;
	at = (size_t)e->position - 1;
	line = line_with(e, at, &begin, &end);
	buf_init(&before, SIZE_MAX / 2);
	buf_init(&b, SIZE_MAX / 2);
	buf_putf(&b, "LINE %zu: ", line);
	lead = buf_len(&b);
	room = o->lay.width > 40 ? (size_t)o->lay.width - lead - 8 : 24;
	text_safe(&before, e->sql + begin, at - begin, TEXT_ONE_LINE);
	width = text_width(buf_data(&before), buf_len(&before));
	if (width > room) {
		skip = text_fit(buf_data(&before), buf_len(&before), width - room / 2);
		buf_puts(&b, "...");
		lead += 3;
	}
	buf_put(&b, buf_data(&before) + skip, buf_len(&before) - skip);
	n = (int)(lead + text_width(buf_data(&before) + skip, buf_len(&before) - skip));
	text_safe(&b, e->sql + at, end - at, TEXT_ONE_LINE);
	lay_safe(&o->lay, SCREEN_PLAIN, buf_data(&b), buf_len(&b));
	buf_reset(&b);
	buf_putf(&b, "%*s^", n, "");
	lay_safe(&o->lay, SCREEN_BAD, buf_data(&b), buf_len(&b));
	buf_fini(&before);
	buf_fini(&b);
}

void
log_error(struct log_entry *o, const char *title)
{
	const struct model_entry *e = o->e;
	char lead[160];
	struct buf code;

	buf_init(&code, 100);
	text_safe(&code, e->code, strlen(e->code), TEXT_ONE_LINE);
	snprintf(lead, sizeof lead, "%s:  %s: ", title, e->code[0] != '\0' ? buf_str(&code) : "?");
	buf_fini(&code);
	if (e->answer == NULL)
		lay_line(&o->lay, SCREEN_BAD, "%s(the words of the server are not in this copy)", lead);
	else
		lay_text(&o->lay, SCREEN_BAD, lead, "  ", e->answer, strlen(e->answer), LAY_WORDS);
	lay_position(o);
}

void
log_notices(struct log_entry *o)
{
	const char *s = o->e->notices;

	while (s != NULL && *s != '\0') {
		size_t n = strcspn(s, "\n");

		lay_text(&o->lay, SCREEN_DIM, "  the server: ", "    ", s, n, LAY_WORDS);
		s += n + (s[n] == '\n');
	}
}

static void
lay_read(struct log_entry *o)
{
	const struct model_entry *e = o->e;

	log_statement(o);
	if (e->state == TRANSCRIPT_EVENT_FAILED) {
		if (e->nresults > 0)
			log_rows(o);
		log_error(o, "ERROR");
	} else if (e->state == TRANSCRIPT_EVENT_READ || e->state == TRANSCRIPT_EVENT_DONE) {
		log_rows(o);
		if (e->staged > 0 && e->end != NULL)
			lay_line(&o->lay, SCREEN_WARN, "  (it does not see the %zu collected change%s: none of them has reached the database)",
			    e->staged, e->staged == 1 ? "" : "s");
	} else if (e->state == TRANSCRIPT_EVENT_COSTLY) {
		log_costly(o);
	} else {
		lay_line(&o->lay, SCREEN_WARN, "%s%s%s", log_state_word(e), e->answer != NULL ? ": " : "",
		    e->answer != NULL ? e->answer : "");
	}
	log_notices(o);
}

static void
lay_refused(struct log_entry *o)
{
	const struct model_entry *e = o->e;

	log_statement(o);
	/* the code of a class that is not permitted is the class */
	lay_line(&o->lay, SCREEN_WARN, "REFUSED (%s%s%s): %s", e->class, strcmp(e->class, e->code) != 0 ? ", " : "",
	    strcmp(e->class, e->code) != 0 ? e->code : "",
	    e->answer != NULL ? e->answer : "the reason is not in this copy");
	lay_line(&o->lay, SCREEN_DIM, "  Nothing ran.");
}

static void
lay_said(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char at[12], lead[MODEL_NAME_MAX * 8];
	struct buf by;

	lay_clock(&o->lay, e->wall_us, at);
	buf_init(&by, MODEL_NAME_MAX * 7);
	text_safe(&by, e->by, strlen(e->by), TEXT_ONE_LINE);
	snprintf(lead, sizeof lead, "%s %s%s: ", at, e->kind == MODEL_NOTE ? "NOTE by " : "", buf_str(&by));
	buf_fini(&by);
	if (e->sql == NULL)
		lay_line(&o->lay, SCREEN_WARN, "%s(not in this copy)", lead);
	else
		lay_text(&o->lay, SCREEN_PLAIN, lead, "  ", e->sql, e->sql_len, LAY_WORDS);
}

static const char *
kind_word(const struct model_entry *e)
{
	switch (e->kind) {
	case MODEL_READ:
		return "READ";
	case MODEL_DESCRIBE:
		return "DESCRIBE";
	case MODEL_WRITE:
	case MODEL_STAGED:
	case MODEL_REFUSED:
		return e->class;
	case MODEL_MESSAGE:
		return "MESSAGE";
	case MODEL_NOTE:
		return "NOTE";
	case MODEL_STATE:
		break;
	}
	return "";
}

/* "-- #12 WRITE by ben: DENIED ------ 14:03:12 --": who asked, and what became of it */
static void
lay_heading(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char left[400], at[12], word[24];
	size_t i;

	bool plain = e->kind == MODEL_READ || e->kind == MODEL_DESCRIBE;

	if (e->kind == MODEL_STATE || e->kind == MODEL_MESSAGE || e->kind == MODEL_NOTE)
		return;
	for (i = 0; kind_word(e)[i] != '\0' && i + 1 < sizeof word; i++)
		word[i] = (char)toupper((unsigned char)kind_word(e)[i]);
	word[i] = '\0';
	snprintf(left, sizeof left, "#%" PRIu64 " %s by %s%s%s", e->n, word, e->by, plain ? "" : ": ", plain ? "" : log_state_word(e));
	lay_clock(&o->lay, e->wall_us, at);
	lay_rule(&o->lay, SCREEN_RULE, left, at);
}

void
log_entry_lay(struct log_entry *o)
{
	if (o->ruled)
		lay_heading(o);
	switch (o->e->kind) {
	case MODEL_READ:
		lay_read(o);
		break;
	case MODEL_WRITE:
		log_write(o);
		break;
	case MODEL_STAGED:
		log_staged(o);
		break;
	case MODEL_DESCRIBE:
		log_describe(o);
		break;
	case MODEL_REFUSED:
		lay_refused(o);
		break;
	case MODEL_MESSAGE:
	case MODEL_NOTE:
		lay_said(o);
		break;
	case MODEL_STATE:
		log_state(o);
		break;
	}
}

void
log_entry_lines(const struct model *m, size_t entry, int width, enum log_expanded x, size_t max_rows,
    void (*put)(void *ctx, const struct log_text *t), void *ctx)
{
	struct log_entry o = { m, model_entry(m, entry), { width, true, entry, put, ctx }, x, max_rows, true };

	if (o.e != NULL)
		log_entry_lay(&o);
}
