/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has run and is not kept yet, in lines: its sheet, and what the log says of it. */
#include "config.h"

#include "log_priv.h"
#include "sheet_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"

#include "set_parts.h"

enum { RAN_LINES = 8 };

/* The last part of a name: "public.orders" and "orders" are told of alike. */
static const char *
bare(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

static bool
is_named(const struct model_entry *e, const char *table)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(e->event, "tables"), i, v)
		if (json_is_string(v) && strcasecmp(bare(json_string_value(v)), bare(table)) == 0)
			return true;
	return false;
}

static void
add_count(struct buf *b, int64_t n, const char *word)
{
	if (n > 0)
		buf_putf(b, "%s%" PRId64 " %s", buf_len(b) > 0 ? ", " : "", n, word);
}

/* Rows of one table that are not as they were; what is beyond any table counts as none. */
static int64_t
rows_of(const json_t *v)
{
	static const char *const keys[] = { "inserted", "updated", "deleted" };
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		int64_t n = json_int(v, keys[i], 0);

		sum += n > 0 && n < INT64_MAX / 1000000 ? n : 0;
	}
	return sum;
}

/* "  orders: 3 updated", for every table that the server counted. */
static void
lay_tables(struct lay *l, const struct model_entry *e, const char *indent)
{
	const json_t *effects = json_object_get(e->hold.event, "effects"), *v;
	int64_t changed = 0;
	struct buf b;
	size_t i;

	buf_init(&b, 1024);
	json_array_foreach(effects, i, v) {
		const char *table = json_str(v, "table", NULL);
		bool named = table != NULL && is_named(e, table);

		buf_reset(&b);
		changed += named ? rows_of(v) : 0;
		add_count(&b, json_int(v, "inserted", 0), "inserted");
		add_count(&b, json_int(v, "updated", 0), "updated");
		add_count(&b, json_int(v, "deleted", 0), "deleted");
		lay_line(l, named ? SCREEN_STRONG : SCREEN_WARN, "%s%s: %s%s", indent, table != NULL ? table : "?",
		    buf_len(&b) > 0 ? buf_str(&b) : "nothing", named ? "" : "   !!  not named in it: a trigger, rule or cascade");
	}
	buf_fini(&b);
	if (e->hold.affected >= 0 && changed > e->hold.affected)
		lay_line(l, SCREEN_WARN, "%s!!  in its own tables %" PRId64 " more than it touched itself: a trigger, rule or cascade", indent,
		    changed - e->hold.affected);
	if (json_array_size(effects) == 0)
		lay_line(l, SCREEN_PLAIN, "%sby table: this server does not tell", indent);
}

/* What a statement touched against what the sheet had said of it. */
static void
lay_count(struct lay *l, const struct model_entry *e, size_t i, size_t n)
{
	const json_t *v = json_array_get(json_object_get(e->hold.event, "counts"), i);
	const json_t *said = model_is_set(e) ? json_array_get(json_object_get(e->sheet, "counts"), i) : NULL;
	int64_t did = json_is_integer(v) ? json_integer_value(v) : n == 1 ? e->hold.affected : -1;
	int64_t sheet = !model_is_set(e) ? e->count : json_is_integer(said) ? json_integer_value(said) : -1;
	enum screen_look look = n > 1 ? SCREEN_PLAIN : SCREEN_STRONG;
	char which[256];

	if (n > 1)
		snprintf(which, sizeof which, "statement %zu of %zu: ", i + 1, n);
	else
		snprintf(which, sizeof which, "table %s: ", e->table);
	if (did < 0)
		lay_line(l, SCREEN_WARN, "  %show many rows it touched is not known", which);
	else if (sheet < 0)
		lay_line(l, look, "  %s%" PRId64 " row%s; the sheet could not count them", which, did, did == 1 ? "" : "s");
	else
		lay_line(l, did == sheet ? look : SCREEN_BAD, "  %s%" PRId64 " row%s; the sheet had said %" PRId64 "%s", which, did,
		    did == 1 ? "" : "s", sheet, did == sheet ? "" : "   !!  it DIFFERS");
}

static const char *
why_words(const char *code)
{
	static const char *const words[][2] = {
		{ "set", "several statements: what they do together is seen only now" },
		{ "ticket", "the ticket wants every change to be looked at before it is kept" },
		{ "moved", "!!  not the rows that the sheet showed: somebody changed the table meanwhile" },
		{ "count", "how many rows it touches could not be known exactly before it ran" },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(code, words[i][0]) == 0)
			return words[i][1];
	return code;
}

/* The db process's sentences, one for each code and then who waits; the codes alone where they are not in this copy. */
static void
lay_why(struct lay *l, const struct model_entry *e, const char *lead)
{
	const json_t *why = json_object_get(e->hold.event, "why"), *v;
	const char *s = e->hold.note != NULL ? e->hold.note : "";
	size_t i;

	for (i = 0; *s != '\0'; i++) {
		size_t n = strcspn(s, "\n");
		const char *code = json_string_value(json_array_get(why, i));
		/* which rows they are follows behind the reasons, in words of twokey's own */
		bool moved = code != NULL ? strcmp(code, "moved") == 0 : memmem(s, n, "matches other rows", 18) != NULL;
		char first[40];

		snprintf(first, sizeof first, "  %s%s", code != NULL ? lead : "", moved ? "!!  " : "");
		lay_text(l, moved ? SCREEN_BAD : SCREEN_PLAIN, first, "    ", s, n, LAY_WORDS);
		s += n + (s[n] == '\n');
	}
	json_array_foreach(why, i, v)
		if ((e->hold.note == NULL || e->hold.note[0] == '\0') && json_is_string(v))
			lay_line(l, strcmp(json_string_value(v), "moved") == 0 ? SCREEN_BAD : SCREEN_PLAIN, "  %s%s", lead,
			    why_words(json_string_value(v)));
}

/* The first lines of what was allowed and has run: it was read before, and seconds count now. */
static void
lay_ran(struct lay *l, const struct model_entry *e)
{
	size_t lines = 0, at = 0, more = 0;

	lay_rule(l, SCREEN_RULE, "WHAT RAN: the bytes that were allowed", "");
	if (e->sql == NULL)
		lay_line(l, SCREEN_BAD, "  !!  the statement is not here: it cannot be judged");
	while (e->sql != NULL && at < e->sql_len) {
		const char *lf = memchr(e->sql + at, '\n', e->sql_len - at);
		size_t end = lf != NULL ? (size_t)(lf - e->sql) : e->sql_len;
		char first[32];

		snprintf(first, sizeof first, "%4zu | ", ++lines);
		if (lines <= RAN_LINES)
			lay_text(l, SCREEN_STRONG, first, "     : ", e->sql + at, end - at, LAY_EXACT);
		more += lines > RAN_LINES;
		at = end + 1;
	}
	if (more > 0)
		lay_line(l, SCREEN_DIM, "  (%zu more lines, as they were allowed; Esc: the log has them)", more);
	if (e->reason != NULL && e->reason[0] != '\0')
		lay_text(l, SCREEN_PLAIN, "  reason: ", "    ", e->reason, strlen(e->reason), LAY_WORDS);
}

/* What the people did about it. */
static void
lay_answer(struct lay *l, const struct model_entry *e)
{
	const struct model_hold *h = &e->hold;
	const char *code = h->code;
	char at[12];

	lay_clock(l, h->answered_us, at);
	if (h->answer == TRANSCRIPT_EVENT_KEPT && h->turned_by[0] != '\0')
		lay_line(l, SCREEN_PLAIN, "  KEPT by 2 keys: %s's of the %s, then %s's %s", h->turned_by, h->turned_side, h->by, at);
	else if (h->answer == TRANSCRIPT_EVENT_KEPT)
		lay_line(l, SCREEN_PLAIN, "  KEPT by %s %s", h->by, at);
	else if (h->answer == TRANSCRIPT_EVENT_DENIED)
		lay_line(l, SCREEN_BAD, "  NOT KEPT, denied by %s %s%s%s", h->by, at, h->reason != NULL ? ": " : "",
		    h->reason != NULL ? h->reason : "");
	else if (h->answer == TRANSCRIPT_EVENT_WITHDRAWN)
		lay_line(l, SCREEN_WARN, "  NOT KEPT, taken back by %s %s", h->by, at);
	else if (h->answer == TRANSCRIPT_EVENT_EXPIRED)
		lay_line(l, SCREEN_BAD, "  NOT KEPT: nobody turned the key again by %s", at);
	else if (h->answer == TRANSCRIPT_EVENT_VOID)
		lay_line(l, SCREEN_BAD, "  NOT KEPT (%s): %s %s", code,
		    strcmp(code, "second-left") == 0 ? "nobody who may keep it is there any more" :
		    strcmp(code, "driver-left") == 0 ? "the driver left" : strcmp(code, "ended") == 0 ? "the session ended" : "void", at);
}

void
hold_sheet(struct lay *l, const struct model_entry *e)
{
	const struct model_hold *h = &e->hold;
	size_t n = model_is_set(e) ? set_size(e) : 1;
	char short_digest[12] = "", until[12];

	if (strlen(e->digest) >= 8)
		snprintf(short_digest, sizeof short_digest, "%.4s %.4s", e->digest, e->digest + 4);
	lay_rule(l, SCREEN_RULE, model_is_held(e) ? "HELD: it has run and is NOT kept; its locks are held" : "WHAT IT DID, as it was held",
	    short_digest);
	lay_tables(l, e, "  ");
	for (size_t i = 0; i < n; i++)
		lay_count(l, e, i, n);
	if (n > 1)
		lay_line(l, SCREEN_STRONG, "  table%s %s, all together: %" PRId64 " row%s", strchr(e->table, '+') != NULL ? "s" : "", e->table,
		    h->affected, h->affected == 1 ? "" : "s");
	lay_rule(l, SCREEN_RULE, model_is_held(e) ? "WHY IT IS HELD" : "WHY IT WAS HELD", "");
	lay_why(l, e, "");
	if (model_is_held(e)) {
		lay_rule(l, SCREEN_RULE, "IF NOBODY DOES ANYTHING", "");
		lay_clock(l, h->until_us, until);
		lay_line(l, SCREEN_WARN, "  at %s it is rolled back and the database is as before; sooner when others wait for its locks",
		    until);
	} else {
		lay_rule(l, SCREEN_RULE, "WHAT BECAME OF IT", "");
		lay_answer(l, e);
		lay_clock(l, e->end_us, until);
		if (e->end != NULL)
			lay_line(l, SCREEN_STRONG, "  %s %s%s%s", log_state_word(e), until, e->answer != NULL ? ": " : "",
			    e->answer != NULL ? e->answer : "");
	}
	lay_ran(l, e);
}

/* "anna opened the effect 14:03:16, last line shown 14:03:16, typed "keep orders 3" 14:03:20" */
static void
lay_seen(struct lay *l, const struct model_hold *h)
{
	char opened[12], last[12], answered[12];
	struct buf b;

	if (h->opened_us == 0)
		return;
	lay_clock(l, h->opened_us, opened);
	lay_clock(l, h->last_shown_us, last);
	lay_clock(l, h->answered_us, answered);
	buf_init(&b, SIZE_MAX / 2);
	buf_putf(&b, "  %s opened the effect %s", h->opened_by, opened);
	if (h->last_shown_us != 0)
		buf_putf(&b, ", last line shown %s", last);
	if (h->typed != NULL)
		buf_putf(&b, ", %s typed \"%s\" %s", h->by, h->typed, answered);
	lay_line(l, SCREEN_PLAIN, "%s", buf_str(&b));
	if (h->key[0] != '\0')
		lay_line(l, SCREEN_PLAIN, "  signed with %s%s%s", h->key, h->touched ? ", touched" : "", h->pin ? ", PIN given" : "");
	buf_fini(&b);
}

void
hold_rehearsed_log(struct log_entry *o)
{
	lay_line(&o->lay, SCREEN_STRONG, o->e->hold.event != NULL ? "REHEARSED: it did this, and was taken back" :
	    "REHEARSAL: it runs by the second key and is taken back");
	if (o->e->hold.event != NULL)
		lay_tables(&o->lay, o->e, "  ");
}

void
hold_log(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	const struct model_hold *h = &e->hold;
	struct lay *l = &o->lay;
	char at[12], until[12];
	size_t n = model_is_set(e) ? set_size(e) : 1;

	lay_clock(l, h->wall_us, at);
	lay_clock(l, h->until_us, until);
	lay_line(l, SCREEN_WARN, "HELD %s: it has run and was not kept at once", at);
	lay_tables(l, e, "  ");
	for (size_t i = 0; i < n; i++)
		lay_count(l, e, i, n);
	lay_why(l, e, "why: ");
	lay_seen(l, h);
	if (model_is_held(e))
		lay_line(l, SCREEN_WARN, "  NOT KEPT%s; it is rolled back at %s",
		    o->ruled ? "" : ": the second person turns the key again to keep it, Ctrl-C of the driver takes it back", until);
	else
		lay_answer(l, e);
}
