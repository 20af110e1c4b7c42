/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/gate/verdict.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"

enum place {
#define GATE_PLACE(name, text) PLACE_##name,
#define GATE_AT(access, stage, place)
#define GATE_RULE(places, classes, verdict, code, why)
#define GATE_DANGER(name, live_read, read, live_change, change, code, why)
#define GATE_CAP(name, live_read, read, live_change, change, code, why)
#define GATE_NAMED(name, live, other, lng, why)
#include "gate/verdict.def"
#undef GATE_PLACE
#undef GATE_AT
#undef GATE_RULE
#undef GATE_DANGER
#undef GATE_CAP
	PLACES
};

struct rule {
	unsigned places;
	unsigned classes;
	enum gate_verdict verdict;
	const char *code;
	const char *why;
};

/* What a danger or a missing capability adds: [live][read or change]. No code: no row, refused. */
enum column { LIVE_READ, OTHER_READ, LIVE_CHANGE, OTHER_CHANGE, COLUMNS };
struct extra {
	enum gate_verdict verdict[COLUMNS];
	const char *code;
	const char *why;
};

static const char *const verdict_names[GATE_VERDICTS] = {
	[GATE_RUN] = "run", [GATE_ASK] = "ask", [GATE_STRICT] = "strict", [GATE_REFUSE] = "refuse",
};

static const char *const place_names[PLACES] = {
#define GATE_PLACE(name, text) [PLACE_##name] = text,
#define GATE_AT(access, stage, place)
#define GATE_RULE(places, classes, verdict, code, why)
#define GATE_DANGER(name, live_read, read, live_change, change, code, why)
#define GATE_CAP(name, live_read, read, live_change, change, code, why)
#include "gate/verdict.def"
#undef GATE_PLACE
#undef GATE_AT
};

/* A place no row speaks of is closed: that is 0. */
static const enum place places[TICKET_ACCESSES][TICKET_STAGES] = {
#define GATE_PLACE(name, text)
#define GATE_AT(access, stage, place) [TICKET_ACCESS_##access][TICKET_STAGE_##stage] = PLACE_##place,
#include "gate/verdict.def"
#undef GATE_AT
#undef GATE_RULE
};

#define IN(name) (1u << PLACE_##name)
#define C(name) (1u << SQL_CLASS_##name)
#define C_ALL ((1u << SQL_CLASSES) - 1)
static const struct rule rules[] = {
#define GATE_AT(access, stage, place)
#define GATE_RULE(places, classes, verdict, code, why) { places, classes, GATE_##verdict, code, why },
#include "gate/verdict.def"
#undef GATE_RULE
#undef GATE_DANGER
};
enum { RULES = sizeof rules / sizeof rules[0] };

static const struct extra dangers[SQL_DANGERS] = {
#define GATE_RULE(places, classes, verdict, code, why)
#define GATE_DANGER(name, live_read, read, live_change, change, code, why) [SQL_DANGER_##name] = \
	{ { GATE_##live_read, GATE_##read, GATE_##live_change, GATE_##change }, code, why },
#include "gate/verdict.def"
#undef GATE_DANGER
#undef GATE_CAP
};

static const struct extra missing[CAPS] = {
#define GATE_DANGER(name, live_read, read, live_change, change, code, why)
#define GATE_CAP(name, live_read, read, live_change, change, code, why) [CAP_##name] = \
	{ { GATE_##live_read, GATE_##read, GATE_##live_change, GATE_##change }, code, why },
#include "gate/verdict.def"
#undef GATE_CAP
#undef GATE_NAMED
};

/* What the ticket says; a row that is not there is REFUSE, whatever is asked of it. */
static const struct named {
	bool row;
	enum gate_verdict live, other, is_long;
	const char *why;
} nameds[GATE_NAMEDS] = {
#define GATE_CAP(name, live_read, read, live_change, change, code, why)
#define GATE_NAMED(name, live, other, lng, why) [GATE_NAMED_##name] = \
	{ true, GATE_##live, GATE_##other, GATE_##lng, why },
#include "gate/verdict.def"
};

static void
answer(struct gate_answer *out, enum gate_verdict verdict, const char *code, const char *why)
{
	out->verdict = verdict;
	out->code = code;
	snprintf(out->why, sizeof out->why, "%s", why);
}

/* The rule of a place and class; NULL unless there is exactly one. */
static const struct rule *
rule_of(enum place place, enum sql_class class)
{
	const struct rule *found = NULL;

	for (size_t i = 0; i < RULES; i++) {
		if (!(rules[i].places & 1u << place) || !(rules[i].classes & 1u << class))
			continue;
		if (found != NULL)
			return NULL;
		found = &rules[i];
	}
	return found;
}

static bool
is_live(const struct gate_case *c)
{
	return c->stage == TICKET_STAGE_PRODUCTION || c->stage == TICKET_STAGE_REPLICA;
}

static enum column
column_of(const struct gate_case *c)
{
	if (c->class == SQL_CLASS_READ)
		return is_live(c) ? LIVE_READ : OTHER_READ;
	return is_live(c) ? LIVE_CHANGE : OTHER_CHANGE;
}

/* Law 2: what no row knows is refused. */
static bool
in_range(const struct gate_case *c)
{
	return (unsigned)c->access < TICKET_ACCESSES && (unsigned)c->stage < TICKET_STAGES &&
	    (unsigned)c->class < SQL_CLASSES && c->dangers < SQL_DANGER_BIT(SQL_DANGERS) &&
	    c->caps < CAP_BIT(CAPS) && (unsigned)c->named < GATE_NAMEDS;
}

static void
judge_dangers(const struct gate_case *c, struct gate_answer *out)
{
	enum column column = column_of(c);

	for (unsigned d = 0; d < SQL_DANGERS; d++) {
		if (!(c->dangers & SQL_DANGER_BIT(d)))
			continue;
		if (dangers[d].code == NULL)
			answer(out, GATE_REFUSE, "unknown", "it has a danger that the verdict table does not know");
		else if (dangers[d].verdict[column] > out->verdict)
			answer(out, dangers[d].verdict[column], dangers[d].code, dangers[d].why);
	}
}

static void
judge_caps(const struct gate_case *c, struct gate_answer *out)
{
	enum column column = column_of(c);
	char why[sizeof out->why];

	for (unsigned k = 0; k < CAPS; k++) {
		if (c->caps & CAP_BIT(k))
			continue;
		if (missing[k].code == NULL) {
			answer(out, GATE_REFUSE, "unknown", "the driver lacks something that the verdict table does not know");
		} else if (missing[k].verdict[column] > out->verdict) {
			snprintf(why, sizeof why, "%s, %s", cap_help((enum cap)k), missing[k].why);
			answer(out, missing[k].verdict[column], missing[k].code, why);
		}
	}
}

/* STRICT ends here: the ticket, which another person accepted, says yes to exactly these bytes, or it is a no. */
static void
judge_strict(const struct gate_case *c, struct gate_answer *out)
{
	const struct named *n = &nameds[c->named];
	enum gate_verdict verdict = !n->row ? GATE_REFUSE : is_live(c) ? n->live : n->other;
	size_t used = strlen(out->why);

	if (out->verdict != GATE_STRICT)
		return;
	snprintf(out->why + used, sizeof out->why - used, "; %s", n->row ? n->why : "the ticket was not asked");
	out->verdict = verdict == GATE_ASK ? GATE_ASK : GATE_REFUSE;
	out->strict = true;
}

/* Nobody reads two screens of SQL in a dialog: what is so long is approved with the ticket (doc/approval.txt, rule 15). */
static void
judge_length(const struct gate_case *c, struct gate_answer *out)
{
	const struct named *n = &nameds[c->named];

	if (out->verdict != GATE_ASK || !c->is_long || (n->row && n->is_long == GATE_ASK))
		return;
	answer(out, GATE_REFUSE, "long", "it has more than 40 lines, which is more than anybody reads in a dialog, and the accepted "
	    "ticket does not name exactly these bytes");
}

void
gate_judge(const struct gate_case *c, struct gate_answer *out)
{
	const struct rule *rule;

	out->strict = false;
	answer(out, GATE_REFUSE, "unknown", "the gate was asked about something that it does not know");
	if (!in_range(c))
		return;
	rule = rule_of(places[c->access][c->stage], c->class);
	if (rule == NULL)
		return;
	answer(out, rule->verdict, rule->code, rule->why);
	judge_dangers(c, out);
	judge_caps(c, out);
	judge_strict(c, out);
	judge_length(c, out);
}

const char *
gate_verdict_name(enum gate_verdict v)
{
	return (unsigned)v < GATE_VERDICTS ? verdict_names[v] : "refuse";
}

static void
print_places(struct buf *out)
{
	buf_puts(out, "What a ticket's level means on the target's stage\n\n");
	for (int a = 0; a < TICKET_ACCESSES; a++)
		for (int s = 0; s < TICKET_STAGES; s++)
			buf_putf(out, "  %-8s %-12s %s\n", ticket_access_name((enum ticket_access)a),
			    ticket_stage_name((enum ticket_stage)s), place_names[places[a][s]]);
}

static void
print_rules(struct buf *out)
{
	buf_puts(out, "\nWhat happens to a statement there, by its class\n");
	for (int p = 0; p < PLACES; p++) {
		buf_putf(out, "\n  %s\n", place_names[p]);
		for (int k = 0; k < SQL_CLASSES; k++) {
			const struct rule *rule = rule_of((enum place)p, (enum sql_class)k);

			buf_putf(out, "    %-8s %-7s %-16s %s\n", sql_class_name((enum sql_class)k),
			    rule != NULL ? gate_verdict_name(rule->verdict) : "refuse",
			    rule != NULL ? rule->code : "unknown", rule != NULL ? rule->why : "no rule");
		}
	}
}

static void
print_extra(struct buf *out, const char *name, const struct extra *x)
{
	buf_putf(out, "  %-17s", name);
	for (int i = 0; i < COLUMNS; i++)
		buf_putf(out, " %-12s", x->code == NULL ? "refuse" : x->verdict[i] == GATE_RUN ? "-" :
		    gate_verdict_name(x->verdict[i]));
	buf_putf(out, " %s\n", x->why != NULL ? x->why : "");
}

static void
print_heads(struct buf *out, const char *title)
{
	buf_putf(out, "\n%s (the strictest counts; live: production, replica)\n\n  %-17s %-12s %-12s %-12s %-12s\n", title,
	    "", "live read", "other read", "live change", "other change");
}

static void
print_named(struct buf *out)
{
	buf_puts(out, "\nWhat becomes of strict, and of what is asked and has more than 40 lines, by what the ticket names\n\n");
	buf_putf(out, "  %-8s %-8s %-8s\n", "live", "other", "long");
	for (int i = 0; i < GATE_NAMEDS; i++)
		buf_putf(out, "  %-8s %-8s %-8s %s\n", gate_verdict_name(nameds[i].live), gate_verdict_name(nameds[i].other),
		    gate_verdict_name(nameds[i].is_long), nameds[i].why != NULL ? nameds[i].why : "no row");
}

void
gate_table_print(struct buf *out)
{
	print_places(out);
	print_rules(out);
	print_heads(out, "What a danger adds");
	for (int d = 0; d < SQL_DANGERS; d++)
		print_extra(out, sql_danger_name((enum sql_danger)d), &dangers[d]);
	print_heads(out, "What a capability adds that the database driver lacks");
	for (int k = 0; k < CAPS; k++)
		print_extra(out, cap_name((enum cap)k), &missing[k]);
	print_named(out);
	buf_puts(out, "\nWhat stands in no row is refused.\n");
}
