/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The confirmer's sheet: the thing itself first, then its effect, then what speaks against it, then who asks and why. */
#include "config.h"

#include "twokey/console/sheet.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/console/model.h"
#include "twokey/sql/class.h"

#include "lay.h"
#include "pace.h"
#include "sheet_priv.h"

struct sheet_view {
	struct lay_lines lines;
	uint64_t serial;
	int width;
	bool utc;
	bool asked;	/* the sheet of the request, though it is held now */
	char person[MODEL_NAME_MAX];	/* who may turn the key here, "": nobody */
	size_t statement_first, statement_end;
};

struct sheet_view *
sheet_view_create(void)
{
	return must_zalloc(sizeof(struct sheet_view));
}

void
sheet_view_free(struct sheet_view *v)
{
	if (v == NULL)
		return;
	lay_lines_free(&v->lines);
	free(v);
}

void
sheet_view_utc(struct sheet_view *v)
{
	v->utc = true;
	v->serial = 0;
}

void
sheet_view_seat(struct sheet_view *v, const char *person)
{
	snprintf(v->person, sizeof v->person, "%s", person);
	v->serial = 0;
}

void
sheet_view_asked(struct sheet_view *v, bool asked)
{
	if (v->asked != asked)
		v->serial = 0;
	v->asked = asked;
}

size_t
sheet_view_lines(const struct sheet_view *v)
{
	return v->lines.n;
}

const struct log_text *
sheet_view_line(const struct sheet_view *v, size_t i)
{
	must(i < v->lines.n);
	return &v->lines.at[i];
}

void
sheet_view_statement(const struct sheet_view *v, size_t *first, size_t *end)
{
	*first = v->statement_first;
	*end = v->statement_end;
}

static size_t
count_lines(const struct model_entry *e)
{
	size_t lines = 1;

	for (size_t i = 0; i + 1 < e->sql_len; i++)
		lines += e->sql[i] == '\n';
	return lines;
}

/* "9f3c11a0 ..." in groups, as it is read aloud. */
static void
short_digest(const char *hex, char out[12])
{
	if (strlen(hex) >= 8)
		snprintf(out, 12, "%.4s %.4s", hex, hex + 4);
	else
		out[0] = '\0';
}

static void
lay_statement(struct lay *l, const struct model *m, const struct model_entry *e, struct sheet_view *v)
{
	char left[120], digest[12];
	size_t marks, lines = e->sql != NULL ? count_lines(e) : 0;

	short_digest(e->digest, digest);
	snprintf(left, sizeof left, "STATEMENT: the exact bytes (%zu line%s, %zu bytes)", lines, lines == 1 ? "" : "s",
	    e->sql_len);
	lay_rule(l, SCREEN_RULE, left, digest);
	v->statement_first = v->lines.n;
	if (e->sql == NULL)
		lay_line(l, SCREEN_BAD, "  !!  the statement is not here: it cannot be judged");
	else
		sheet_numbered(l, model_header(m)->engine, e);
	v->statement_end = v->lines.n;
	marks = e->sql != NULL ? text_marks(e->sql, e->sql_len) : 0;
	if (marks > 0)
		lay_line(l, SCREEN_BAD, "  !!  %zu control or invisible character%s, shown as <...>", marks,
		    marks == 1 ? "" : "s");
}

/* What the ticket says of these bytes, or how they differ from what it names: the body's lines as they are. */
static void
lay_change(struct lay *l, const struct model_entry *e)
{
	bool named = json_int(e->sheet, "change", 0) > 0;

	if (e->change == NULL || e->change[0] == '\0')
		return;
	lay_rule(l, SCREEN_RULE, "TICKET", "");
	for (const char *p = e->change; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		enum screen_look look = p[0] == '+' ? SCREEN_STRONG : p[0] == '-' || p[0] == ' ' ? SCREEN_DIM :
		    named ? SCREEN_PLAIN : SCREEN_WARN;

		lay_text(l, look, p == e->change ? named ? "  ok  " : "  !!  " : "      ", "        ", p, n, LAY_EXACT);
		p += n + (p[n] == '\n');
	}
}

static void
lay_bound(struct lay *l, const struct model_entry *e)
{
	if (model_only_reads(e))
		lay_line(l, SCREEN_STRONG, "  it only reads; it would go through about %" PRId64 " rows", e->rows_wanted);
	else if (e->act[0] != '\0')
		lay_line(l, SCREEN_STRONG, "  to be typed: %s %s   (it changes definitions or a whole table: no rows are counted)", e->act,
		    e->table[0] != '\0' ? e->table : "?");
	else if (strcmp(e->op, "<=") == 0 && e->rows_wanted >= 0)
		lay_line(l, SCREEN_PLAIN, "  %s expects at most %" PRId64 " row%s; more are rolled back by the broker",
		    e->by, e->rows_wanted, e->rows_wanted == 1 ? "" : "s");
	else if (e->op[0] != '\0' && e->rows_wanted >= 0)
		lay_line(l, SCREEN_PLAIN, "  %s expects %" PRId64 " row%s; any other count is rolled back by the broker",
		    e->by, e->rows_wanted, e->rows_wanted == 1 ? "" : "s");
	else if (e->count >= 0)
		lay_line(l, SCREEN_PLAIN, "  %s named no count: the one below is the bound, any other is rolled back",
		    e->by);
	else
		lay_line(l, SCREEN_WARN, "  %s named no count", e->by);
}

static void
lay_count(struct lay *l, const struct model_entry *e)
{
	const char *how = json_str(e->sheet, "how", NULL), *rows = strcmp(e->verb, "INSERT") == 0 ? "rows that it adds" : "matching rows";

	if (model_only_reads(e) || e->act[0] != '\0')
		;	/* nothing is matched to be changed */
	else if (e->count >= 0)
		lay_line(l, SCREEN_STRONG, "  %s now: %" PRId64 "   (%s, by a read that cannot write)", rows, e->count,
		    how != NULL && strcmp(how, "derived") == 0 ? "counted" : how != NULL ? how : "?");
	else if (json_int(e->sheet, "estimate", -1) >= 0)
		lay_line(l, SCREEN_WARN, "  %s: about %" PRId64 " as EXPLAIN guesses: an estimate, not a count", rows,
		    json_int(e->sheet, "estimate", -1));
	else
		lay_line(l, SCREEN_WARN, "  %s: not known before it runs", rows);
	if (e->note != NULL && e->note[0] != '\0')
		lay_text(l, e->count >= 0 || model_only_reads(e) ? SCREEN_PLAIN : SCREEN_WARN, "  note: ", "    ", e->note, strlen(e->note),
		    LAY_WORDS);
}

static void
lay_effect(struct lay *l, const struct model_entry *e)
{
	char class[sizeof e->class], size[96];
	size_t i;

	lay_rule(l, SCREEN_RULE, "EFFECT", "");
	for (i = 0; e->class[i] != '\0'; i++)
		class[i] = (char)toupper((unsigned char)e->class[i]);
	class[i] = '\0';
	sheet_size(e, size);
	lay_line(l, SCREEN_STRONG, e->act[0] != '\0' ? "  %s  %s   object %s%s" : "  %s  %s   table %s%s", class, e->verb,
	    e->table[0] != '\0' ? e->table : "?", size);
	lay_bound(l, e);
	if (e->sheet == NULL) {
		lay_line(l, SCREEN_WARN, "  the sheet is being made: the database is asked what it would touch");
		return;
	}
	lay_count(l, e);
	if (!model_only_reads(e))
		sheet_sample(l, e);
	if (e->derived != NULL && e->derived[0] != '\0')
		lay_text(l, SCREEN_DIM, "  read with: ", "    ", e->derived, strlen(e->derived), LAY_EXACT);
}

bool
sheet_is_first(const json_t *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (json_equal(json_array_get(list, k), json_array_get(list, i)))
			return false;
	return true;
}

static void
lay_names(struct lay *l, const struct model_entry *e, enum screen_look look, const char *key, const char *words)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(e->sheet, key), i, v)
		if (json_is_string(v) && sheet_is_first(json_object_get(e->sheet, key), i))
			lay_line(l, look, "%s%s %s", look == SCREEN_WARN ? "  !!  " : "      ", words, json_string_value(v));
}

/* The danger whose sentence the names below replace. */
static uint64_t
has_names(const struct model_entry *e, const char *key, enum sql_danger d)
{
	return json_array_size(json_object_get(e->sheet, key)) > 0 ? SQL_DANGER_BIT(d) : 0;
}

static void
lay_undo(struct lay *l, const struct model_entry *e)
{
	const char *undo = json_str(e->sheet, "undo", NULL);

	if (undo == NULL || strcmp(undo, "none") == 0)
		lay_line(l, SCREEN_WARN, "  !!  undo: none, twokey keeps no before-image of it");
	else
		lay_line(l, SCREEN_PLAIN, "      undo: %s", undo);
}

/* Its engine, or its kind, takes nothing back. */
static bool
is_kept_at_once(const struct model_entry *e)
{
	const char *rollback = json_str(e->sheet, "rollback", NULL);

	return rollback != NULL && (strcmp(rollback, "engine") == 0 || strcmp(rollback, "statement") == 0);
}

static void
lay_checks(struct lay *l, const struct model_entry *e)
{
	uint64_t named = has_names(e, "triggers", SQL_DANGER_TRIGGER) | has_names(e, "cascades", SQL_DANGER_CASCADE) |
	    has_names(e, "rules", SQL_DANGER_RULE);

	if (is_kept_at_once(e))
		named |= SQL_DANGER_BIT(SQL_DANGER_NO_ROLLBACK);	/* told below */

	lay_rule(l, SCREEN_RULE, "CHECKS", "");
	for (int d = 0; d < SQL_DANGERS; d++) {
		if (e->dangers & ~named & SQL_DANGER_BIT(d))
			lay_line(l, SCREEN_WARN, "  !!  %s", sql_danger_help((enum sql_danger)d));
	}
	lay_names(l, e, SCREEN_WARN, "triggers", "this trigger of the table runs too:");
	lay_names(l, e, SCREEN_WARN, "cascades", "by foreign key, rows of other tables change or go too:");
	lay_names(l, e, SCREEN_WARN, "rules", "this rule replaces or adds statements:");
	lay_names(l, e, SCREEN_PLAIN, "policies", "row policy that chooses its rows:");
	lay_names(l, e, SCREEN_WARN, "depends", "this depends on it:");
	if (e->sql != NULL && text_marks(e->sql, e->sql_len) == 0)
		lay_line(l, SCREEN_PLAIN, "  ok  no hidden characters in the statement");
	if (e->count >= 0 && e->rows_wanted >= 0 && (strcmp(e->op, "<=") == 0 ? e->count > e->rows_wanted :
	    e->count != e->rows_wanted))
		lay_line(l, SCREEN_BAD, "  !!  the count does not fit what %s expects", e->by);
	if (model_only_reads(e))
		lay_line(l, SCREEN_PLAIN, "  ok  it runs where the server itself refuses to write");
	else if (e->sheet != NULL) {
		sheet_rollback(l, e);
		lay_undo(l, e);
		sheet_locks(l, e);
	}
}

/* What a set really does is always seen before it is kept, and what any change does where the ticket asks for it. */
static void
lay_hold_wanted(struct lay *l, const struct model *m, const struct model_entry *e)
{
	if (json_bool(e->event, "rehearsal"))
		lay_line(l, SCREEN_STRONG, "  REHEARSAL: it runs, what it did is shown, and it is taken back");
	else if (!model_is_set(e) && (!model_header(m)->hold_always || model_only_reads(e)))
		;
	else if (is_kept_at_once(e))
		lay_line(l, SCREEN_WARN, "  !!  it is not held, as the ticket asks for every change: it cannot be rolled back");
	else
		lay_line(l, SCREEN_PLAIN, "  it is held: it runs, its real effect is shown, and it is kept only by the key turned again");
}

/* Before anything is typed in vain. */
static void
lay_from(struct lay *l, const struct model *m, const char *person)
{
	const struct model_header *h = model_header(m);

	if (!h->other_host)
		return;
	if (person[0] == '\0')
		lay_line(l, SCREEN_PLAIN, "      the ticket takes an answer that allows from another host only");
	else if (model_is_remote(m, person))
		lay_line(l, SCREEN_PLAIN, "  ok  the ticket takes an answer from another host only: this console counts as one");
	else
		lay_line(l, SCREEN_BAD, "  !!  the ticket takes an answer from another host only: this console counts as none, it can only "
		    "deny");
}

static void
lay_pace(struct lay *l, const struct model_entry *e)
{
	struct buf b;

	buf_init(&b, 16384);
	pace_words(e, &b);
	if (buf_len(&b) > 0)
		lay_line(l, SCREEN_PLAIN, "  %s", buf_str(&b));
	buf_fini(&b);
}

/* Last of all, so that the thing itself is read first. */
static void
lay_who(struct lay *l, const struct model *m, const struct model_entry *e)
{
	const struct model_header *h = model_header(m);
	char sent[12], until[12];

	lay_rule(l, SCREEN_RULE, "WHO ASKS", "");
	lay_clock(l, e->wall_us, sent);
	lay_clock(l, e->until_us, until);
	lay_line(l, SCREEN_PLAIN, "  %s (driver) at %s on %s (%s); lapses to DENIED at %s%s", e->by, sent, h->target,
	    h->stage, until, h->unverified ? "; demo: the two people are not verified" : "");
	lay_pace(l, e);
	for (size_t i = 0; i < e->ntalk; i++)
		lay_line(l, SCREEN_PLAIN, "  %s: %s", e->talk[i].by,
		    e->talk[i].text != NULL ? e->talk[i].text : "(not in this copy)");
	if (e->reason == NULL || e->reason[0] == '\0')
		lay_line(l, SCREEN_WARN, "  reason: none given");
	else
		lay_text(l, SCREEN_PLAIN, "  reason: ", "    ", e->reason, strlen(e->reason), LAY_WORDS);
}

void
sheet_view_update(struct sheet_view *v, const struct model *m, const struct model_entry *en, int width)
{
	struct lay l = { width, v->utc, 0, lay_keep, &v->lines };

	if (v->serial == en->serial && v->width == width)
		return;
	v->serial = en->serial;
	v->width = width;
	lay_lines_free(&v->lines);
	if (en->hold.n > 0 && !v->asked) {
		v->statement_first = v->statement_end = 0;
		hold_sheet(&l, en);
		if (model_is_held(en))
			lay_from(&l, m, v->person);
		return;
	}
	lay_statement(&l, m, en, v);
	lay_change(&l, en);
	if (model_is_set(en))
		set_effect(&l, m, en);
	else
		lay_effect(&l, en);
	lay_hold_wanted(&l, m, en);
	lay_checks(&l, en);
	lay_from(&l, m, v->person);
	lay_who(&l, m, en);
}
