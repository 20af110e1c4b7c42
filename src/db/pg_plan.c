/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many rows a plan goes through: of a table that is scanned all of them, not those that a filter leaves. */
#include "config.h"

#include "pg.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

/* What the planner reckons for one row of a small table, page and filter with it (cpu_tuple_cost and its like). */
static const double cost_of_row = 0.02;

struct plan {
	const struct pg_sizes *sizes;
	double rows;
	bool bad;	/* not the plan that we know how to read */
};

/* How often a node runs, and how much of it before somebody above has enough. */
struct run {
	double times;
	double part;	/* 0 to 1 */
	double workers;	/* processes that each do it */
};

static void	walk(struct plan *p, const json_t *node, struct run run);

static double
number(struct plan *p, const json_t *node, const char *key)
{
	const json_t *v = json_object_get(node, key);

	if (!json_is_number(v))
		p->bad = true;
	return json_is_number(v) ? json_number_value(v) : 0;
}

static const char *
word(const json_t *node, const char *key)
{
	const char *s = json_str(node, key, NULL);

	return s != NULL ? s : "";
}

static bool
is(const json_t *node, const char *type)
{
	return strcmp(word(node, "Node Type"), type) == 0;
}

static double
greater(double a, double b)
{
	return a > b ? a : b;
}

/* Rows that one run of a scan looks at. */
static double
scanned(struct plan *p, const json_t *node)
{
	double rows = number(p, node, "Plan Rows"), table;

	if ((is(node, "Index Scan") || is(node, "Index Only Scan")) && json_object_get(node, "Index Cond") != NULL)
		return rows;
	if (!is(node, "Seq Scan") && !is(node, "Sample Scan") && !is(node, "Index Scan") && !is(node, "Index Only Scan"))
		return rows;
	table = pg_sizes_rows(p->sizes, word(node, "Relation Name"));
	if (table >= 0)
		return greater(table, rows);
	if (json_object_get(node, "Filter") == NULL)
		return rows;
	return greater(rows, (number(p, node, "Total Cost") - number(p, node, "Startup Cost")) / cost_of_row);
}

static bool
is_scan(const json_t *node)
{
	const char *type = word(node, "Node Type");
	size_t n = strlen(type);

	/* the heap is read for what the index gave; what is below a subquery counts itself */
	return n > 4 && strcmp(type + n - 4, "Scan") == 0 && !is(node, "Bitmap Heap Scan") && !is(node, "Subquery Scan");
}

/* Gives nothing before it has taken all. */
static bool
takes_all(const json_t *node)
{
	const char *how = word(node, "Strategy");

	if (is(node, "Aggregate") || is(node, "SetOp"))
		return strcmp(how, "Sorted") != 0;
	return is(node, "Sort") || is(node, "Hash") || is(node, "Recursive Union");
}

/* What a LIMIT needs of the node below, as the planner reckons. */
static double
part_of_limit(struct plan *p, const json_t *limit, const json_t *below)
{
	double first = number(p, below, "Startup Cost"), all = number(p, below, "Total Cost") - first;
	double part = all > 0 ? (number(p, limit, "Total Cost") - first) / all : 1;

	return part > 1 ? 1 : part < 0 ? 0 : part;
}

/* A subplan that is hashed runs once; which one is, stands in the expression that asks it. */
static bool
is_hashed(const json_t *parent, const char *name)
{
	char text[100];
	const char *key;
	json_t *v, *node = json_incref((json_t *)(uintptr_t)parent);
	bool found = false;

	snprintf(text, sizeof text, "hashed %.80s", name);
	json_object_foreach(node, key, v)
		if (json_is_string(v) && strstr(json_string_value(v), text) != NULL)
			found = true;
	json_decref(node);
	return found;
}

/* For how many rows a node asks its subplans. */
static double
rows_asking(struct plan *p, const json_t *node)
{
	const json_t *outer = json_array_get(json_object_get(node, "Plans"), 0);
	double rows = is_scan(node) ? scanned(p, node) : number(p, node, "Plan Rows");

	if (outer != NULL && strcmp(word(outer, "Parent Relationship"), "Outer") == 0)
		rows = greater(rows, number(p, outer, "Plan Rows"));
	return greater(rows, 1);
}

static struct run
run_below(struct plan *p, const json_t *node, const json_t *below, struct run run)
{
	const char *as = word(below, "Parent Relationship");

	if (strcmp(as, "InitPlan") == 0)
		return (struct run){ 1, 1, 1 };
	if (strcmp(as, "SubPlan") == 0) {
		if (is_hashed(node, word(below, "Subplan Name")))
			return (struct run){ 1, 1, run.workers };
		return (struct run){ run.times * run.part * rows_asking(p, node), 1, run.workers };
	}
	if (takes_all(node))
		run.part = 1;
	if (is(node, "Limit"))
		run.part *= part_of_limit(p, node, below);
	if (is(node, "Gather") || is(node, "Gather Merge"))
		run.workers *= number(p, node, "Workers Planned") + 1;
	if (is(node, "Nested Loop") && strcmp(as, "Inner") == 0) {
		const json_t *outer = json_array_get(json_object_get(node, "Plans"), 0);

		run.times *= run.part * greater(number(p, outer, "Plan Rows"), 1);
		run.part = 1;
	}
	return run;
}

static void
walk(struct plan *p, const json_t *node, struct run run)
{
	const json_t *plans = json_object_get(node, "Plans");

	if (!json_is_object(node) || word(node, "Node Type")[0] == '\0') {
		p->bad = true;
		return;
	}
	if (is_scan(node)) {
		/* a table that workers share is gone through once */
		bool shared = json_bool(node, "Parallel Aware") && is(node, "Seq Scan");

		p->rows += scanned(p, node) * run.times * run.part * (shared ? 1 : run.workers);
	}
	for (size_t i = 0; i < json_array_size(plans) && !p->bad; i++) {
		const json_t *below = json_array_get(plans, i);

		walk(p, below, run_below(p, node, below, run));
	}
}

int
pg_plan_rows(const char *json, size_t n, const struct pg_sizes *sizes, double *rows)
{
	struct plan p = { .sizes = sizes };
	json_t *answer = json_loadb(json, n, 0, NULL);

	walk(&p, json_object_get(json_array_get(answer, 0), "Plan"), (struct run){ 1, 1, 1 });
	json_decref(answer);
	*rows = p.rows;
	return p.bad ? ERR_INVALID : 0;
}
