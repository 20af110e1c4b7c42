/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random writes on a random schema. Not each of them is one that the server takes; nothing in them is left to chance
 * once they are written, so that a plain connection does the same. */
#include "config.h"

#include "change.h"

#include <stdio.h>
#include <string.h>

static bool
is(const struct change_world *w, enum sql_engine e)
{
	return w->engine->engine == e;
}

static unsigned
pick(struct change_world *w, unsigned below)
{
	return change_random(w, below);
}

/* A table or view but not the log. */
static const struct change_table *
any_table(struct change_world *w)
{
	return &w->t[1 + pick(w, (unsigned)w->nt - 1)];
}

static const struct change_column *
any_column(struct change_world *w, const struct change_table *t, bool text)
{
	for (int i = 0; i < 12; i++) {
		const struct change_column *c = &t->c[pick(w, (unsigned)t->n)];

		if (c->text == text)
			return c;
	}
	return NULL;
}

static void
put_column(struct change_world *w, const struct change_table *t, const char *call, bool text, struct buf *out)
{
	const struct change_column *c = any_column(w, t, text);

	if (c != NULL)
		buf_putf(out, "%s.%s", call, c->name);
	else
		buf_puts(out, text ? "'x1'" : "3");
}

static void
put_literal(struct change_world *w, bool text, struct buf *out)
{
	static const char *const odd[] = { "2.5", "-1", "007", "1e1", "'4'", "3.0", "NULL", "95" };

	if (text && change_chance(w, 6))
		buf_puts(out, change_chance(w, 50) ? "'  trailing  '" : "5");
	else if (text)
		buf_putf(out, "'%c%u'", "xyzA"[pick(w, 4)], pick(w, 6));
	else if (change_chance(w, 12))
		buf_puts(out, odd[pick(w, sizeof odd / sizeof *odd)]);
	else
		buf_putf(out, "%u", pick(w, 12));
}

/* A value for a column; call: how the written table is called, other: another table in reach and its name, or NULL. */
static void
put_value(struct change_world *w, const struct change_table *t, const char *call, const struct change_table *other, bool text,
    struct buf *out)
{
	const struct change_table *u = any_table(w);
	const char *c = text ? "b" : "a";

	switch (pick(w, 11)) {
	case 0:
	case 1:
		put_column(w, t, call, text, out);
		buf_puts(out, text ? is(w, SQL_MARIADB) ? "" : " || 'q'" : " + 1");
		return;
	case 2:
		buf_putf(out, "(SELECT %s(%s) FROM %s)", change_chance(w, 50) ? "max" : "min", c, u->name);
		return;
	case 3:
		buf_puts(out, text ? "upper(" : "abs(");
		put_column(w, t, call, text, out);
		buf_puts(out, ")");
		return;
	case 4:
		buf_puts(out, "CASE WHEN ");
		put_column(w, t, call, false, out);
		buf_puts(out, " > 4 THEN ");
		put_literal(w, text, out);
		buf_puts(out, " ELSE ");
		put_column(w, t, call, text, out);
		buf_puts(out, " END");
		return;
	case 5:
		if (other != NULL) {
			put_column(w, other, "o", text, out);
			return;
		}
		buf_puts(out, "coalesce(");
		put_column(w, t, call, text, out);
		buf_puts(out, text ? ", 'x0')" : ", 0)");
		return;
	case 6:
		if (!text) {
			put_column(w, t, call, false, out);
			buf_puts(out, change_chance(w, 50) ? " * 1.155" : " / 2");
			return;
		}
		put_literal(w, text, out);
		return;
	default:
		put_literal(w, text, out);
		return;
	}
}

static void
put_condition(struct change_world *w, const struct change_table *t, const char *call, int depth, struct buf *out)
{
	static const char *const ops[] = { "=", "<", ">", "<>", ">=" };
	const struct change_table *u = change_chance(w, 40) ? t : any_table(w);

	switch (pick(w, depth > 0 ? 9 : 6)) {
	case 0:
	case 1:
		put_column(w, t, call, false, out);
		buf_putf(out, " %s %u", ops[pick(w, 5)], pick(w, 12));
		return;
	case 2:
		put_column(w, t, call, true, out);
		buf_puts(out, change_chance(w, 50) ? " LIKE 'x%'" : " > 'x2'");
		return;
	case 3:
		put_column(w, t, call, change_chance(w, 50), out);
		buf_puts(out, change_chance(w, 50) ? " IS NULL" : " IS NOT NULL");
		return;
	case 4:
		buf_putf(out, "%s.%s = ", call, t->c[0].name);
		put_literal(w, t->c[0].text, out);
		return;
	case 5:
		put_column(w, t, call, false, out);
		buf_puts(out, " BETWEEN 2 AND 7");
		return;
	case 6:
		put_column(w, t, call, false, out);
		buf_putf(out, " %sIN (SELECT a FROM %s)", change_chance(w, 30) ? "NOT " : "", u->name);
		return;
	case 7:
		buf_putf(out, "EXISTS (SELECT 1 FROM %s e WHERE e.a = ", u->name);
		put_column(w, t, call, false, out);
		buf_puts(out, ")");
		return;
	default:
		buf_puts(out, "(");
		put_condition(w, t, call, depth - 1, out);
		buf_puts(out, change_chance(w, 50) ? " OR " : " AND ");
		put_condition(w, t, call, depth - 1, out);
		buf_puts(out, ")");
		return;
	}
}

static void
put_sets(struct change_world *w, const struct change_table *t, const char *call, const char *front, const struct change_table *other,
    struct buf *out)
{
	size_t n = 0, keys = t->rowid ? 1 : t->nkeys;

	for (size_t i = 0; i < t->n; i++) {
		const struct change_column *c = &t->c[i];

		if (i < keys ? !change_chance(w, 7) : c->computed ? true : !change_chance(w, 45))
			continue;
		buf_putf(out, "%s%s%s = ", n++ > 0 ? ", " : "", front, c->name);
		put_value(w, t, call, other, c->text, out);
	}
	if (n == 0) {
		buf_putf(out, "%sa = ", front);
		put_value(w, t, call, other, false, out);
	}
}

static void
put_where(struct change_world *w, const struct change_table *t, const char *call, struct buf *out)
{
	if (change_chance(w, 8))
		return;
	buf_puts(out, " WHERE ");
	put_condition(w, t, call, 2, out);
}

static void
put_update(struct change_world *w, struct buf *out)
{
	static const char *const ors[] = { "OR REPLACE ", "OR IGNORE ", "OR FAIL ", "OR ABORT " };
	const struct change_table *t = any_table(w);
	bool named = change_chance(w, 20);
	const char *call = named ? "x" : t->name;

	if (change_chance(w, 6))
		buf_putf(out, "WITH c AS (SELECT a, b FROM %s) ", any_table(w)->name);
	buf_putf(out, "UPDATE %s%s%s%s SET ", is(w, SQL_SQLITE) && change_chance(w, 12) ? ors[pick(w, 4)] :
	    is(w, SQL_MARIADB) && change_chance(w, 8) ? "IGNORE " : "", t->name, named ? is(w, SQL_MARIADB) ? " " : " AS " : "", named ? "x" : "");
	put_sets(w, t, call, "", NULL, out);
	put_where(w, t, call, out);
	if (is(w, SQL_MARIADB) && change_chance(w, 15))
		buf_putf(out, " ORDER BY %s%s LIMIT %u", t->c[0].name, change_chance(w, 50) ? " DESC" : "", 1 + pick(w, 4));
	if (!is(w, SQL_MARIADB) && change_chance(w, 5))
		buf_puts(out, " RETURNING *");
}

static void
put_update_joined(struct change_world *w, struct buf *out)
{
	const struct change_table *t = any_table(w), *o = any_table(w);

	if (is(w, SQL_MARIADB)) {
		buf_putf(out, "UPDATE %s x %sJOIN %s o ON o.a = x.a SET ", t->name, change_chance(w, 40) ? "LEFT " : "", o->name);
		put_sets(w, t, "x", "x.", o, out);
		if (change_chance(w, 10))
			buf_puts(out, ", o.b = 'both'");
		put_where(w, t, "x", out);
		return;
	}
	buf_putf(out, "UPDATE %s AS x SET ", t->name);
	put_sets(w, t, "x", "", o, out);
	buf_putf(out, " FROM %s AS o WHERE o.a = x.a AND ", o->name);
	put_condition(w, t, "x", 1, out);
}

static void
put_delete(struct change_world *w, struct buf *out)
{
	const struct change_table *t = any_table(w), *o = any_table(w);

	if (change_chance(w, 25) && is(w, SQL_MARIADB)) {
		buf_putf(out, "DELETE x FROM %s x %sJOIN %s o ON o.a = x.a", t->name, change_chance(w, 40) ? "LEFT " : "", o->name);
		put_where(w, t, "x", out);
		return;
	}
	if (change_chance(w, 25) && is(w, SQL_POSTGRES)) {
		buf_putf(out, "DELETE FROM %s AS x USING %s AS o WHERE o.a = x.a AND ", t->name, o->name);
		put_condition(w, t, "x", 1, out);
		return;
	}
	buf_putf(out, "DELETE FROM %s", t->name);
	put_where(w, t, t->name, out);
	if (is(w, SQL_MARIADB) && change_chance(w, 15))
		buf_putf(out, " ORDER BY %s LIMIT %u", t->c[0].name, 1 + pick(w, 3));
}

static void
put_names(const struct change_table *t, struct buf *out)
{
	const char *comma = "";

	buf_puts(out, " (");
	for (size_t i = t->rowid; i < t->n; i++)
		if (!t->c[i].computed) {
			buf_putf(out, "%s%s", comma, t->c[i].name);
			comma = ", ";
		}
	buf_puts(out, ")");
}

static void
put_row(struct change_world *w, const struct change_table *t, const char *from, struct buf *out)
{
	const char *comma = "";

	for (size_t i = t->rowid; i < t->n; i++) {
		if (t->c[i].computed)
			continue;
		buf_puts(out, comma);
		comma = ", ";
		if (from != NULL && change_chance(w, 60))
			buf_putf(out, t->c[i].text ? "%s.b" : i < t->nkeys ? "%s.a + 20" : "%s.a", from);
		else
			put_literal(w, t->c[i].text, out);
	}
}

static void
put_conflict(struct change_world *w, const struct change_table *t, struct buf *out)
{
	if (is(w, SQL_MARIADB)) {
		buf_puts(out, " ON DUPLICATE KEY UPDATE b = 'dup'");
		return;
	}
	if (change_chance(w, 30)) {
		buf_puts(out, " ON CONFLICT DO NOTHING");
		return;
	}
	buf_putf(out, " ON CONFLICT (%s) DO UPDATE SET b = 'dup', a = excluded.a", t->nkeys == 2 ? "k, l" : t->c[0].name);
	if (change_chance(w, 30))
		buf_putf(out, " WHERE %s.a < 5", t->name);
}

static void
put_insert(struct change_world *w, struct buf *out)
{
	static const char *const ors[] = { "INSERT OR REPLACE INTO ", "INSERT OR IGNORE INTO ", "REPLACE INTO ", "INSERT OR FAIL INTO " };
	static const char *const my[] = { "REPLACE INTO ", "INSERT IGNORE INTO " };
	const struct change_table *t = any_table(w), *o = any_table(w);

	buf_puts(out, is(w, SQL_SQLITE) && change_chance(w, 25) ? ors[pick(w, 4)] : is(w, SQL_MARIADB) && change_chance(w, 25) ? my[pick(w, 2)] :
	    "INSERT INTO ");
	buf_puts(out, t->name);
	put_names(t, out);
	if (change_chance(w, 35)) {
		buf_puts(out, " SELECT ");
		put_row(w, t, "o", out);
		buf_putf(out, " FROM %s o WHERE ", o->name);
		put_condition(w, o, "o", 1, out);
	} else {
		for (unsigned i = 0, n = 1 + pick(w, 3); i < n; i++) {
			buf_puts(out, i == 0 ? " VALUES (" : ", (");
			put_row(w, t, NULL, out);
			buf_puts(out, ")");
		}
	}
	if (change_chance(w, 25))
		put_conflict(w, t, out);
}

static void
put_merge(struct change_world *w, struct buf *out)
{
	const struct change_table *t = any_table(w), *o = any_table(w);

	buf_putf(out, "MERGE INTO %s AS x USING %s AS o ON x.a = o.a", t->name, o->name);
	if (change_chance(w, 50)) {
		buf_puts(out, " WHEN MATCHED THEN UPDATE SET ");
		put_sets(w, t, "x", "", o, out);
	} else {
		buf_puts(out, " WHEN MATCHED THEN DELETE");
	}
	if (change_chance(w, 50)) {
		buf_puts(out, " WHEN NOT MATCHED THEN INSERT");
		put_names(t, out);
		buf_puts(out, " VALUES (");
		put_row(w, t, "o", out);
		buf_puts(out, ")");
	}
}

static void
put_two(struct change_world *w, struct buf *out)
{
	const struct change_table *t = any_table(w), *o = any_table(w);

	buf_putf(out, "WITH d AS (DELETE FROM %s WHERE a = %u RETURNING *) UPDATE %s SET ", o->name, pick(w, 9), t->name);
	put_sets(w, t, t->name, "", NULL, out);
	put_where(w, t, t->name, out);
}

void
change_write(struct change_world *w, struct buf *out)
{
	unsigned n = pick(w, 100);

	if (n < 42)
		put_update(w, out);
	else if (n < 52)
		put_update_joined(w, out);
	else if (n < 70)
		put_delete(w, out);
	else if (n < 95 || is(w, SQL_MARIADB) || is(w, SQL_SQLITE))
		put_insert(w, out);
	else if (n < 98)
		put_merge(w, out);
	else
		put_two(w, out);
}

/* The table that the change is about, most of the time: some of its rows, in what they hold or in their key. */
static bool
put_nearby(struct change_world *w, struct buf *out)
{
	const struct sql_table *written = sql_written_table(w->b.facts);

	for (size_t i = 1; i < w->nt && written != NULL; i++) {
		const struct change_table *t = &w->t[i];

		if (t->view || strlen(t->name) != written->name.n || memcmp(t->name, written->name.p, written->name.n) != 0)
			continue;
		switch (pick(w, 4)) {
		case 0:
			buf_putf(out, "UPDATE %s SET %s = ", t->name, t->c[0].name);
			buf_putf(out, t->c[0].text ? "'new%u'" : "%u", 30 + pick(w, 9));
			break;
		case 1:
			buf_putf(out, "DELETE FROM %s", t->name);
			break;
		default:
			buf_putf(out, "UPDATE %s SET %s", t->name, change_chance(w, 50) ? "a = a + 1" : "b = 'else'");
			break;
		}
		buf_putf(out, change_chance(w, 70) ? " WHERE a > %u" : " WHERE a = %u", pick(w, 6));
		return true;
	}
	return false;
}

void
change_meanwhile(struct change_world *w, struct buf *out, bool *shape)
{
	const struct change_table *t = any_table(w);

	*shape = false;
	if (change_chance(w, 60) && put_nearby(w, out))
		return;
	switch (pick(w, 12)) {
	case 0:
		buf_putf(out, "ALTER TABLE %s ADD COLUMN late INT DEFAULT 5", t->name);
		*shape = true;
		return;
	case 1:
		if (is(w, SQL_POSTGRES))
			buf_putf(out, "CREATE FUNCTION f_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM log; RETURN NULL; END $$;"
			    " CREATE TRIGGER late AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION f_late()", t->name);
		else
			buf_putf(out, "CREATE TRIGGER late AFTER %s ON %s%s BEGIN DELETE FROM log; END", change_chance(w, 50) ? "UPDATE" : "DELETE",
			    t->name, is(w, SQL_MARIADB) ? " FOR EACH ROW" : "");
		*shape = true;
		return;
	case 2:
		if (w->ng == 0)
			break;
		if (is(w, SQL_POSTGRES))
			buf_putf(out, "ALTER TABLE %s DISABLE TRIGGER %s", w->t[w->g[0].on].name, w->g[0].name);
		else
			buf_putf(out, "DROP TRIGGER %s", w->g[0].name);
		*shape = true;
		return;
	case 3:
		if (!is(w, SQL_POSTGRES) || t->view)
			break;
		buf_putf(out, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY late ON %s USING (a > 3)", t->name, t->name);
		*shape = true;
		return;
	case 4:
	case 5:
		put_delete(w, out);
		return;
	case 6:
	case 7:
		put_insert(w, out);
		return;
	default:
		break;
	}
	put_update(w, out);
}
