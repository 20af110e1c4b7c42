/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panes about the account and the tunnel: tables that fit any screen. */
#include "config.h"

#include "reach.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/excess.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/model.h"

#include "lay.h"
#include "table.h"

/* A cell of foreign text. */
static void
cell(struct table *t, const char *text)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	text_safe(&b, text, strlen(text), TEXT_ONE_LINE);
	table_cell(t, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

static void
columns(struct table *t, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		table_column(t, names[i], strlen(names[i]), false);
}

/* What the ticket says about a kind; before it was compared, that it was found. */
static const char *
verdict(const struct model_header *h, const char *kind)
{
	uint64_t bit;
	enum excess x;

	if (!excess_parse(kind, &x))
		return "not known to this version";
	bit = UINT64_C(1) << x;
	return h->refused & bit ? "REFUSED" : h->accepted & bit ? "accepted by the ticket" : h->shown & bit ? "shown"
	    : h->account ? "fits the level" : "found";
}

static void
finding_row(struct table *t, const struct model_header *h, const char *kind, const char *object, const char *detail)
{
	cell(t, kind);
	cell(t, verdict(h, kind));
	cell(t, object);
	cell(t, detail);
}

static const char *
member(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : "";
}

/* Kinds that no finding of the audit speaks of: what the broker itself knows of the account. */
static void
broker_rows(struct table *t, const struct model_header *h)
{
	uint64_t rest = (h->refused | h->accepted | h->shown) & ~h->found;

	for (int x = 0; x < EXCESSES; x++)
		if (rest & UINT64_C(1) << x)
			finding_row(t, h, excess_name((enum excess)x), x == EXCESS_NAME ? h->role : "",
			    x == EXCESS_SHARED ? h->shared : "");
}

static void
lay_meanings(const struct model_header *h, struct lay *l)
{
	uint64_t all = h->found | h->refused | h->accepted | h->shown;

	if (all == 0)
		return;
	lay_blank(l);
	lay_line(l, SCREEN_STRONG, "WHAT THE WORDS MEAN");
	for (int x = 0; x < EXCESSES; x++)
		if (all & UINT64_C(1) << x)
			lay_line(l, SCREEN_PLAIN, "  %-16s %s", excess_name((enum excess)x), excess_help((enum excess)x));
}

void
reach_lay_account(const struct model *m, struct lay *l)
{
	static const char *const names[] = { "what", "the ticket", "object", "detail" };
	const struct model_header *h = model_header(m);
	struct table *t = table_create();
	const json_t *v;
	size_t i;

	columns(t, names, sizeof names / sizeof names[0]);
	json_array_foreach(json_object_get(model_audit(m), "findings"), i, v)
		finding_row(t, h, member(v, "what"), member(v, "object"), member(v, "detail"));
	broker_rows(t, h);
	lay_line(l, SCREEN_STRONG, "ACCOUNT %s: what it may do beyond reading what the ticket names", h->role);
	if (!h->audited && !h->account)
		lay_line(l, SCREEN_DIM, "It was not looked at yet.");
	else if (h->audited && model_audit(m) == NULL && h->found != 0)
		lay_line(l, SCREEN_WARN, "What was found is not in this copy; its kinds are.");
	else if (table_rows(t) == 0)
		lay_line(l, SCREEN_GOOD, "Nothing was found.");
	lay_blank(l);
	if (table_rows(t) > 0)
		(void)table_lay(t, l, LOG_EXPANDED_AUTO);
	table_free(t);
	lay_meanings(h, l);
}

static void
bytes_cell(struct table *t, int64_t n)
{
	struct buf b;

	buf_init(&b, 64);
	if (n >= 0)
		reach_bytes(&b, n);
	table_cell(t, buf_data(&b), buf_len(&b));
	buf_fini(&b);
}

static void
hop_row(struct table *t, size_t i, const struct model_hop *h)
{
	char text[200];

	snprintf(text, sizeof text, "%zu", i + 1);
	cell(t, text);
	cell(t, h->name);
	cell(t, h->state);
	snprintf(text, sizeof text, "%.1f ms", h->ms);
	cell(t, h->ms >= 0 ? text : "");
	snprintf(text, sizeof text, "%s %s", h->type, h->key);
	cell(t, h->key[0] != '\0' ? text : "");
	bytes_cell(t, h->in);
	bytes_cell(t, h->out);
	cell(t, h->code);
}

void
reach_lay_tunnel(const struct model *m, struct lay *l)
{
	static const char *const names[] = { "hop", "name", "state", "latency", "host key", "in", "out", "fault" };
	const struct model_header *h = model_header(m);
	struct table *t = table_create();

	columns(t, names, sizeof names / sizeof names[0]);
	for (size_t i = 0; i < h->nhops; i++)
		if (h->hops[i].name[0] != '\0')
			hop_row(t, i, &h->hops[i]);
	lay_line(l, SCREEN_STRONG, "TUNNEL to the database");
	lay_blank(l);
	if (table_rows(t) > 0)
		(void)table_lay(t, l, LOG_EXPANDED_AUTO);
	else
		lay_line(l, SCREEN_DIM, "There is none: the broker reaches this database itself.");
	for (size_t i = 0; i < h->nhops; i++)
		if (h->hops[i].why[0] != '\0')
			lay_line(l, reach_hop_look(&h->hops[i]), "%s: %s", h->hops[i].name, h->hops[i].why);
	if (table_rows(t) > 0)
		lay_line(l, SCREEN_DIM, "Every host key was compared with the expected one before anything was sent to it.");
	table_free(t);
}
