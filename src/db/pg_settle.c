/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change has done, before it is kept: what triggers put off is done first, then rows are counted by table, and what no
 * count of rows tells is named. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

#include "allowed.h"
#include "effects.h"

enum { SETTLES_MAX = 16 };	/* how often triggers may put something off anew */

static const char catalog[] = "pg_catalog";

bool
pg_own_step(struct db_conn *c, enum own_id id, struct db_result *r, PGresult **out)
{
	PGresult *res;
	int ret = pg_own(c, id, 0, NULL, &r->own, &res, NULL);

	if (ret != 0)
		pg_ended_by(c, res, &(struct db_statement){ .bytes = "" }, r);
	if (out != NULL && ret == 0)
		*out = res;
	else
		PQclear(res);
	if (ret != 0)
		r->position = 0;
	return ret == 0;
}

/* What the same table had before the statement: counts of earlier transactions may still be in there. */
static uint64_t
counted_before(const PGresult *before, const PGresult *after, int row, int col)
{
	for (int i = 0; i < PQntuples(before); i++)
		if (strcmp(PQgetvalue(before, i, 0), PQgetvalue(after, row, 0)) == 0 &&
		    strcmp(PQgetvalue(before, i, 1), PQgetvalue(after, row, 1)) == 0)
			return strtoull(PQgetvalue(before, i, col), NULL, 10);
	return 0;
}

/* Rows of the server's own tables are definitions, rights and the like: told as one. */
static struct db_effect *
effect_of(struct db_effects *all, const char *schema, const char *table)
{
	bool shown = strcmp(schema, "public") != 0;
	char name[sizeof all->v[0].name];

	snprintf(name, sizeof name, "%s%s%s", shown ? schema : "", shown ? "." : "", table);
	if (strcmp(schema, catalog) == 0)
		snprintf(name, sizeof name, "(definitions)");
	return db_effect_of(all, name, strlen(name));
}

/* defines: that it changes definitions is what it is for. *defined: code behind it did. */
static void
tell_effects(const PGresult *before, const PGresult *after, bool defines, struct buf *out, bool *defined)
{
	struct db_effects *all = must_zalloc(sizeof *all);

	for (int i = 0; i < PQntuples(after); i++) {
		const char *schema = PQgetvalue(after, i, 0);
		struct db_effect *t;
		uint64_t n[3];

		for (int k = 0; k < 3; k++)
			n[k] = strtoull(PQgetvalue(after, i, k + 2), NULL, 10) - counted_before(before, after, i, k + 2);
		if (n[0] + n[1] + n[2] == 0 || (defines && strcmp(schema, catalog) == 0))
			continue;
		*defined = *defined || strcmp(schema, catalog) == 0;
		t = effect_of(all, schema, PQgetvalue(after, i, 1));
		t->inserted += n[0];
		t->updated += n[1];
		t->deleted += n[2];
	}
	db_effects_put(all, out);
	free(all);
}

static bool
same_counts(const PGresult *a, const PGresult *b)
{
	bool same = PQntuples(a) == PQntuples(b);

	for (int i = 0; i < PQntuples(a) && same; i++)
		for (int k = 0; k < PQnfields(a) && same; k++)
			same = strcmp(PQgetvalue(a, i, k), PQgetvalue(b, i, k)) == 0;
	return same;
}

/* What is put off until COMMIT is done now, and what that puts off too, until nothing is changed by it any more: nothing else
 * can be waiting then, for only changed rows put something off. The counts after all of it. */
static bool
do_put_off(struct db_conn *c, struct db_result *r, PGresult **after)
{
	PGresult *now = NULL;
	bool same = false;
	int i = 0;

	if (!pg_own_step(c, OWN_PG_TOUCHED, r, after))
		return false;
	for (; !same && i < SETTLES_MAX; i++) {
		if (!pg_own_step(c, OWN_PG_CONSTRAINTS, r, NULL) || !pg_names_are_ours(c, r) || !pg_own_step(c, OWN_PG_TOUCHED, r, &now))
			return false;
		same = same_counts(*after, now);
		PQclear(*after);
		*after = now;
		now = NULL;
	}
	if (!same)
		db_end_with(r, DB_FAILED, "wall", "its triggers put off more and more until COMMIT, so nobody could be shown what it does");
	return same;
}

/* A row of the counts says whether rows are counted at all. */
static bool
is_counted(const PGresult *counts)
{
	return PQntuples(counts) > 0 && strcmp(PQgetvalue(counts, 0, 5), "on") == 0;
}

/* Nothing tells what triggers, rules and foreign keys did; nor, then, whether something is still put off until COMMIT. */
static bool
tell_uncounted(struct db_conn *c, struct db_result *r)
{
	PGresult *res;
	bool late;

	if (!pg_own_step(c, OWN_PG_PUT_OFF, r, &res))
		return false;
	late = strcmp(PQgetvalue(res, 0, 0), "t") == 0;
	PQclear(res);
	snprintf(r->unseen, sizeof r->unseen, "what it did by table is not known: the server counts no rows for this account (track_counts"
	    " is off), so what triggers, rules and foreign keys changed besides is not told");
	if (late)
		db_end_with(r, DB_FAILED, "wall", "the server counts no rows for this account (track_counts is off), and triggers of a table"
		    " that is written may be put off until COMMIT, so nobody could be shown what it does; have track_counts switched on");
	return !late;
}

/* TRUNCATE begins the counts of its table anew: it could hide rows that are gone, and that something is put off again. */
static bool
tell_remade(struct db_conn *c, struct db_result *r)
{
	bool hides = false;
	PGresult *res;
	struct buf text;

	if (!pg_own_step(c, OWN_PG_REMADE, r, &res))
		return false;
	buf_init(&text, sizeof r->unseen - 1);
	buf_puts(&text, "code behind it changes definitions, or empties tables, which no count of rows tells");
	for (int i = 0; i < PQntuples(res); i++) {
		buf_putf(&text, "%s%s", i > 0 ? ", " : ": ", PQgetvalue(res, i, 0));
		hides = hides || strcmp(PQgetvalue(res, i, 1), "t") == 0;
	}
	snprintf(r->unseen, sizeof r->unseen, "%s", buf_str(&text));
	buf_fini(&text);
	PQclear(res);
	if (hides)
		db_end_with(r, DB_FAILED, "wall", "code behind it empties or redefines a table whose triggers may be put off until COMMIT, so"
		    " nobody could be shown what it does");
	return !hides;
}

bool
pg_settle(struct db_conn *c, bool defines, const PGresult *before, struct db_result *r)
{
	PGresult *after = NULL;
	bool defined = false, ok = do_put_off(c, r, &after);

	if (ok)
		tell_effects(before, after, defines, &r->effects, &defined);
	if (ok && defined)
		ok = tell_remade(c, r);
	if (ok && !defines && !(is_counted(before) && is_counted(after)))
		ok = tell_uncounted(c, r);
	PQclear(after);
	return ok;
}
