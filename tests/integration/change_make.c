/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A random schema: tables with keys of one or two columns, foreign keys, triggers, views, and rows in them. Tables are
 * written by triggers of those before them only, so nothing goes round in circles. */
#include "config.h"

#include "change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* splitmix64 */
unsigned
change_random(struct change_world *w, unsigned below)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % below);
}

bool
change_chance(struct change_world *w, unsigned percent)
{
	return change_random(w, 100) < percent;
}

bool
change_do(struct change_world *w, const char *sql)
{
	const char *why = "";
	bool ok = w->engine->exec(w->ctx, sql, NULL, &why);

	if (ok)
		buf_putf(&w->script, "%s;\n", sql);
	return ok;
}

static bool
is(const struct change_world *w, enum sql_engine e)
{
	return w->engine->engine == e;
}

static struct change_column *
add_column(struct change_table *t, const char *name, bool text)
{
	struct change_column *c = &t->c[t->n++];

	*c = (struct change_column){ .text = text };
	snprintf(c->name, sizeof c->name, "%s", name);
	return c;
}

static void
put_key_columns(struct change_world *w, struct change_table *t, struct buf *sql)
{
	bool text = change_chance(w, 25);

	t->nkeys = change_chance(w, 12) ? 0 : change_chance(w, 70) ? 1 : 2;
	t->rowid = t->nkeys == 0 && is(w, SQL_SQLITE);
	if (t->rowid) {
		(void)add_column(t, "rowid", false);
		t->nkeys = 1;
	} else if (t->nkeys > 0) {
		(void)add_column(t, "k", text);
		buf_puts(sql, text ? is(w, SQL_SQLITE) && change_chance(w, 30) ? "k TEXT COLLATE NOCASE, " : "k VARCHAR(20), " :
		    is(w, SQL_SQLITE) && change_chance(w, 60) ? "k INTEGER, " : "k INT, ");
	}
	if (t->nkeys == 2) {
		(void)add_column(t, "l", false);
		buf_puts(sql, "l INT, ");
	}
}

static const char *
action(struct change_world *w, bool *acts)
{
	static const char *const all[] = { "CASCADE", "SET NULL", "RESTRICT", "NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT" };
	const char *a = all[change_random(w, is(w, SQL_MARIADB) ? 6 : 7)];

	*acts = *acts || a[0] == 'C' || a[0] == 'S';
	return a;
}

/* A column "p" that refers to the one key of a table before it, or of its own. */
static void
put_reference(struct change_world *w, size_t self, struct buf *sql, struct buf *end)
{
	struct change_table *t = &w->t[self];
	size_t parent = change_chance(w, 20) ? self : 1 + change_random(w, (unsigned)self);
	const struct change_table *p = &w->t[parent];
	bool acts = false;

	if (change_chance(w, 40) || p->nkeys != 1 || p->rowid || p->view || w->nk == CHANGE_KEYS)
		return;
	(void)add_column(t, "p", p->c[0].text);
	buf_puts(sql, p->c[0].text ? "p VARCHAR(20), " : is(w, SQL_SQLITE) ? "p INTEGER, " : "p INT, ");
	buf_putf(end, ", FOREIGN KEY (p) REFERENCES %s (k) ON DELETE %s", p->name, action(w, &acts));
	buf_putf(end, " ON UPDATE %s", parent == self ? "NO ACTION" : action(w, &acts));
	if (!is(w, SQL_MARIADB) && change_chance(w, 25))
		buf_puts(end, " DEFERRABLE INITIALLY DEFERRED");
	w->k[w->nk++] = (struct change_key){ self, parent, acts };
}

static void
put_values(struct change_world *w, struct change_table *t, struct buf *sql, struct buf *end)
{
	(void)add_column(t, "a", false);
	(void)add_column(t, "b", true);
	buf_putf(sql, "a INT%s, b %s", change_chance(w, 30) ? " DEFAULT 7" : "", change_chance(w, 20) ? "VARCHAR(8)" : is(w, SQL_MARIADB) ? "VARCHAR(200)" : "TEXT");
	if (change_chance(w, 40)) {
		(void)add_column(t, "n", false);
		buf_puts(sql, ", n NUMERIC(8,2)");
	}
	if (change_chance(w, 25)) {
		(void)add_column(t, "r", false);
		buf_puts(sql, is(w, SQL_MARIADB) ? ", r FLOAT" : ", r REAL");
	}
	if (change_chance(w, 20)) {
		(void)add_column(t, "c", true);
		buf_puts(sql, ", c CHAR(6)");
	}
	if (change_chance(w, 25)) {
		add_column(t, "g", false)->computed = true;
		buf_puts(sql, ", g INT GENERATED ALWAYS AS (a + 1) STORED");
	}
	if (change_chance(w, 20))
		buf_puts(end, ", CHECK (a < 90)");
	if (change_chance(w, 20))
		buf_puts(end, ", UNIQUE (a)");
	if (change_chance(w, 15))
		buf_puts(end, is(w, SQL_SQLITE) && change_chance(w, 30) ? ", UNIQUE (b) ON CONFLICT REPLACE" : ", UNIQUE (b)");
}

static void
put_primary_key(struct change_world *w, const struct change_table *t, struct buf *end)
{
	if (t->nkeys == 0 || t->rowid)
		return;
	buf_putf(end, ", PRIMARY KEY (k%s)%s", t->nkeys == 2 ? ", l" : "",
	    is(w, SQL_SQLITE) && change_chance(w, 8) ? " ON CONFLICT REPLACE" : "");
}

/* PostgreSQL: two partitions, or a child; they are tables of their own, too. */
static void
make_parts(struct change_world *w, size_t i, const char *how)
{
	char sql[200];

	for (int n = 0; n < 2 && w->nt < CHANGE_TABLES; n++) {
		struct change_table *part = &w->t[w->nt];

		*part = w->t[i];
		part->part = true;
		part->of = i;
		snprintf(part->name, sizeof part->name, "t%zu_%d", i, n);
		if (strcmp(how, "inherits") == 0)
			snprintf(sql, sizeof sql, "CREATE TABLE %s (PRIMARY KEY (k)) INHERITS (%s)", part->name, w->t[i].name);
		else
			snprintf(sql, sizeof sql, "CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%s) TO (%s)", part->name,
			    w->t[i].name, n == 0 ? "MINVALUE" : "5", n == 0 ? "5" : "MAXVALUE");
		if (change_do(w, sql))
			w->nt++;
	}
}

static void
make_table(struct change_world *w)
{
	struct change_table *t = &w->t[w->nt];
	size_t nk = w->nk, i = w->nt;
	struct buf sql, end;
	const char *how = "";

	*t = (struct change_table){ .view = false };
	snprintf(t->name, sizeof t->name, "t%zu", i);
	buf_init(&sql, 4096);
	buf_init(&end, 2048);
	buf_putf(&sql, "CREATE TABLE %s (", t->name);
	put_key_columns(w, t, &sql);
	put_reference(w, i, &sql, &end);
	put_values(w, t, &sql, &end);
	put_primary_key(w, t, &end);
	buf_puts(&sql, buf_str(&end));
	buf_puts(&sql, ")");
	if (is(w, SQL_SQLITE) && !t->rowid && change_chance(w, 25))
		buf_puts(&sql, " WITHOUT ROWID");
	if (is(w, SQL_POSTGRES) && t->nkeys == 1 && !t->c[0].text && change_chance(w, 20)) {
		how = change_chance(w, 50) ? "inherits" : "partitions";
		if (how[0] == 'p')
			buf_puts(&sql, " PARTITION BY RANGE (k)");
	}
	if (change_do(w, buf_str(&sql))) {
		w->nt++;
		if (how[0] != '\0')
			make_parts(w, i, how);
	} else {
		w->nk = nk;
	}
	buf_fini(&sql);
	buf_fini(&end);
}

static void
make_view(struct change_world *w)
{
	size_t of = 1 + change_random(w, (unsigned)w->nt - 1);
	struct change_table *t = &w->t[w->nt];
	char sql[200];

	if (w->t[of].view || w->t[of].rowid)
		return;
	*t = w->t[of];
	t->view = true;
	t->of = of;
	snprintf(t->name, sizeof t->name, "v%zu", w->nt);
	snprintf(sql, sizeof sql, "CREATE VIEW %s AS SELECT * FROM %s%s", t->name, w->t[of].name,
	    change_chance(w, 50) ? " WHERE a > 2" : "");
	w->nt += change_do(w, sql) ? 1 : 0;
}

/* What a trigger does besides saying that it fired. */
static void
put_act(struct change_world *w, struct change_trigger *g, struct buf *sql)
{
	size_t on = w->t[g->on].view ? w->t[g->on].of : g->on, to;

	g->writes = -1;
	if (w->nt < 3 || change_chance(w, 40))
		return;
	to = on + 1 + change_random(w, (unsigned)(w->nt - on));
	if (to >= w->nt || w->t[to].view || w->t[to].part)
		return;
	g->writes = (int)to;
	switch (change_random(w, 4)) {
	case 3:
		buf_putf(sql, " INSERT INTO %s (%sa) VALUES (%s%u);", w->t[to].name, w->t[to].nkeys > 0 && !w->t[to].rowid ?
		    w->t[to].nkeys == 2 ? "k, l, " : "k, " : "", w->t[to].nkeys > 0 && !w->t[to].rowid ? w->t[to].nkeys == 2 ? "71, 72, " :
		    "71, " : "", change_random(w, 9));
		break;
	case 0:
		buf_putf(sql, " UPDATE %s SET a = a + 1 WHERE a < 5;", w->t[to].name);
		break;
	case 1:
		buf_putf(sql, " DELETE FROM %s WHERE a = %u;", w->t[to].name, change_random(w, 9));
		break;
	default:
		buf_putf(sql, " UPDATE %s SET b = '%s' WHERE a > 5;", w->t[to].name, g->name);
		break;
	}
}

static const char *const events[] = { "INSERT", "UPDATE", "DELETE" };

static void
put_sqlite_trigger(struct change_world *w, struct change_trigger *g, struct buf *sql)
{
	const struct change_table *t = &w->t[g->on];
	unsigned event = change_random(w, 3);

	buf_putf(sql, "CREATE TRIGGER %s %s %s%s ON %s BEGIN INSERT INTO log VALUES ('%s');", g->name,
	    t->view ? "INSTEAD OF" : change_chance(w, 50) ? "BEFORE" : "AFTER", events[event],
	    event == 1 && change_chance(w, 30) ? " OF a" : "", t->name, g->name);
	put_act(w, g, sql);
	buf_puts(sql, " END");
}

static void
put_my_trigger(struct change_world *w, struct change_trigger *g, struct buf *sql)
{
	unsigned event = change_random(w, 3);
	bool before = change_chance(w, 50);

	buf_putf(sql, "CREATE TRIGGER %s %s %s ON %s FOR EACH ROW BEGIN INSERT INTO log VALUES ('%s');", g->name,
	    before ? "BEFORE" : "AFTER", events[event], w->t[g->on].name, g->name);
	g->sets = before && event < 2 && change_chance(w, 30);
	if (g->sets)
		buf_puts(sql, " SET NEW.a = 3;");
	put_act(w, g, sql);
	buf_puts(sql, " END");
}

static void
put_pg_rule(struct change_world *w, struct change_trigger *g, struct buf *sql)
{
	g->rule = true;
	g->writes = -1;
	buf_putf(sql, "CREATE RULE %s AS ON %s TO %s DO %s", g->name, events[change_random(w, 3)], w->t[g->on].name,
	    change_chance(w, 70) ? "ALSO" : "INSTEAD");
	buf_putf(sql, " INSERT INTO log VALUES ('%s')", g->name);
}

static bool
put_pg_trigger(struct change_world *w, struct change_trigger *g, struct buf *sql)
{
	unsigned event = change_random(w, 3);
	bool view = w->t[g->on].view, row = view || change_chance(w, 65), before = !view && change_chance(w, 50);
	const char *end = !row ? "NULL" : event == 2 ? "OLD" : before && change_chance(w, 10) ? "NULL" : "NEW";
	struct buf fn;
	bool ok;

	buf_init(&fn, 4096);
	buf_putf(&fn, "CREATE FUNCTION f_%s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES ('%s');", g->name, g->name);
	g->sets = row && before && (end[1] == 'U' || (event < 2 && change_chance(w, 30)));
	if (g->sets && event < 2)
		buf_puts(&fn, " NEW.a := 3;");
	put_act(w, g, &fn);
	buf_putf(&fn, " RETURN %s; END $$", end);
	ok = change_do(w, buf_str(&fn));
	buf_fini(&fn);
	buf_putf(sql, "CREATE TRIGGER %s %s %s%s ON %s FOR EACH %s EXECUTE FUNCTION f_%s()", g->name, view ? "INSTEAD OF" :
	    before ? "BEFORE" : "AFTER", events[event], event == 1 && !view && change_chance(w, 30) ? " OF a" : "", w->t[g->on].name, row ? "ROW" :
	    "STATEMENT", g->name);
	return ok;
}

static void
make_trigger(struct change_world *w)
{
	struct change_trigger *g = &w->g[w->ng];
	struct buf sql;
	bool ok = true;

	*g = (struct change_trigger){ .on = 1 + change_random(w, (unsigned)w->nt - 1), .writes = -1 };
	snprintf(g->name, sizeof g->name, "g%zu", w->ng);
	buf_init(&sql, 4096);
	if (is(w, SQL_SQLITE))
		put_sqlite_trigger(w, g, &sql);
	else if (is(w, SQL_MARIADB))
		put_my_trigger(w, g, &sql);
	else if (change_chance(w, 12))
		put_pg_rule(w, g, &sql);
	else
		ok = put_pg_trigger(w, g, &sql);
	if (ok && change_do(w, buf_str(&sql)))
		w->ng++;
	buf_fini(&sql);
}

static void
make_rows(struct change_world *w, const struct change_table *t)
{
	unsigned n = change_chance(w, 80) ? change_random(w, 9) : 9 + change_random(w, 8);
	struct buf sql;

	for (unsigned i = 0; i < n; i++) {
		bool first = true;

		buf_init(&sql, 2048);
		buf_putf(&sql, "INSERT INTO %s (", t->name);
		for (size_t c = t->rowid; c < t->n; c++)
			if (!t->c[c].computed)
				buf_putf(&sql, "%s%s", c > t->rowid ? ", " : "", t->c[c].name);
		buf_puts(&sql, ") VALUES (");
		for (size_t c = t->rowid; c < t->n; c++) {
			bool key = !t->rowid && c < t->nkeys;

			if (t->c[c].computed)
				continue;
			buf_puts(&sql, first ? "" : ", ");
			first = false;
			if (change_chance(w, key ? (is(w, SQL_SQLITE) ? 4 : 0) : 15))
				buf_puts(&sql, "NULL");
			else if (t->c[c].text)
				buf_putf(&sql, "'%c%u'", "xyzA"[change_random(w, 4)], change_random(w, 6));
			else
				buf_putf(&sql, "%u", change_random(w, 12));
		}
		buf_puts(&sql, ")");
		(void)change_do(w, buf_str(&sql));
		buf_fini(&sql);
	}
}

static void
make_policies(struct change_world *w)
{
	size_t on = 1 + change_random(w, (unsigned)w->nt - 1);
	char sql[200];

	if (!is(w, SQL_POSTGRES) || w->t[on].view || change_chance(w, 85))
		return;
	snprintf(sql, sizeof sql, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY", w->t[on].name);
	w->policed = change_do(w, sql);
	snprintf(sql, sizeof sql, "CREATE POLICY q0 ON %s FOR SELECT USING (true)", w->t[on].name);
	(void)change_do(w, sql);
	snprintf(sql, sizeof sql, "CREATE POLICY q1 ON %s USING (a > %u)", w->t[on].name, change_random(w, 6));
	(void)change_do(w, sql);
}

void
change_make(struct change_world *w)
{
	unsigned tables = 2 + change_random(w, 3), triggers = change_random(w, 5);

	w->t[0] = (struct change_table){ .name = "log" };
	(void)add_column(&w->t[0], "who", true);
	w->nt = 1;
	if (!change_do(w, "CREATE TABLE log (who VARCHAR(40))"))
		fail_msg("the log could not be made");
	for (unsigned i = 0; i < tables && w->nt < CHANGE_TABLES; i++)
		make_table(w);
	if (w->nt < 2)
		return;
	for (size_t i = 1; i < w->nt; i++)
		if (!w->t[i].part)
			make_rows(w, &w->t[i]);
	if (w->nt < CHANGE_TABLES && change_chance(w, 40))
		make_view(w);
	for (unsigned i = 0; i < triggers; i++)
		make_trigger(w);
	make_policies(w);
	if (is(w, SQL_POSTGRES))
		(void)change_do(w, "GRANT ALL ON ALL TABLES IN SCHEMA public TO ben; GRANT ALL ON SCHEMA public TO ben");
}
