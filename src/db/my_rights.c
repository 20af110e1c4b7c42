/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "my_rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

#include "my_grant.h"

enum { NONE = -1, FOUND_MAX = 4096, LISTED = 20, ROLES_MAX = 64, TEXT_MAX = 512 };

static const struct right {
	const char *name;
	int here, everywhere;
	bool reaches;		/* into databases */
} rights[] = {
#define EXCESS_NONE NONE
#define RIGHT(name, here, everywhere, reaches) { name, EXCESS_##here, EXCESS_##everywhere, reaches },
#include "db/my_rights.def"
#undef RIGHT
};
static const struct right dynamic = { NULL, EXCESS_ADMIN, NONE, false };

struct found {
	enum excess kind;
	char object[192];
	char via[MY_GRANT_NAME];
	char what[TEXT_MAX];
};

struct my_rights {
	const char *database, *account;
	struct found *v;
	size_t n, room;
	bool full;
	bool sees_all;		/* every database, whatever else it may */
	struct {
		char name[MY_GRANT_NAME], host[MY_GRANT_NAME];
	} role[ROLES_MAX];
	size_t nroles;
};

struct my_rights *
my_rights_begin(const char *database, const char *account)
{
	struct my_rights *r = must_zalloc(sizeof *r);

	r->database = database;
	r->account = account;
	return r;
}

static struct found *
place(struct my_rights *r, enum excess kind, const char *object, const char *via)
{
	struct found *f;

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].kind == kind && strcmp(r->v[i].object, object) == 0 && strcmp(r->v[i].via, via) == 0)
			return &r->v[i];
	if (r->n == FOUND_MAX) {
		r->full = true;
		return NULL;
	}
	if (r->n == r->room) {
		r->room = r->room == 0 ? 16 : 2 * r->room;
		r->v = realloc(r->v, r->room * sizeof *r->v);
		must(r->v != NULL);
	}
	f = &r->v[r->n++];
	*f = (struct found){ .kind = kind };
	snprintf(f->object, sizeof f->object, "%.191s", object);
	snprintf(f->via, sizeof f->via, "%s", via);
	return f;
}

/* The same line comes once for each role that is looked at: what is told already stays told once. */
static bool
says(const char *list, const char *what)
{
	size_t n = strlen(what);

	for (const char *at = strstr(list, what); n > 0 && at != NULL; at = strstr(at + 1, what))
		if ((at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ','))
			return true;
	return n == 0;
}

void
my_rights_add(struct my_rights *r, enum excess kind, const char *object, const char *what, const char *via)
{
	struct found *f = place(r, kind, object, via);
	size_t n;

	if (f == NULL || says(f->what, what))
		return;
	n = strlen(f->what);
	snprintf(f->what + n, sizeof f->what - n, "%s%s", n > 0 ? ", " : "", what);
}

/* Without the quotes of names in it. */
static void
text_of(const struct my_span *item, char out[TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < item->n && n + 1 < 120; i++)
		if (item->p[i] != '`' && item->p[i] != '"')
			out[n++] = item->p[i];
	out[n] = '\0';
}

static const struct right *
right_of(const struct my_span *item)
{
	const char *columns = memmem(item->p, item->n, " (", 2);
	size_t n = columns != NULL ? (size_t)(columns - item->p) : item->n;

	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
		if (strlen(rights[i].name) == n && memcmp(rights[i].name, item->p, n) == 0)
			return &rights[i];
	if (memchr(item->p, '_', n) != NULL && strspn(item->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") >= n)
		return &dynamic;
	return NULL;
}

static bool
is_all(const struct my_span *item)
{
	return (item->n == 14 && memcmp(item->p, "ALL PRIVILEGES", 14) == 0) || (item->n == 3 && memcmp(item->p, "ALL", 3) == 0);
}

static bool
is_system(const char *schema)
{
	return strcmp(schema, "mysql") == 0 || strcmp(schema, "sys") == 0 || strcmp(schema, "performance_schema") == 0;
}

/* Where a line speaks of. */
struct where {
	bool server;		/* the whole of it */
	bool here;		/* the session's database, or something in it */
	bool system;
	const char *elsewhere;	/* another database, or a pattern; NULL */
	char object[192];
};

static void
look_where(const struct my_rights *r, const struct my_grant *g, struct where *w)
{
	bool any = false, one = false, exact = strcmp(g->schema, r->database) == 0;

	*w = (struct where){ .server = g->any_schema };
	if (g->any_schema)
		return;
	if (!g->any_object) {	/* no pattern */
		w->here = exact;
		w->system = is_system(g->schema);
		w->elsewhere = !exact && !w->system ? g->schema : NULL;
		snprintf(w->object, sizeof w->object, "%.90s.%.90s", g->schema, g->object);
		return;
	}
	w->here = my_grant_fits(g->schema, r->database, &any, &one) || exact;
	w->system = my_grant_fits(g->schema, "mysql", &any, &one) || my_grant_fits(g->schema, "sys", &any, &one) ||
	    my_grant_fits(g->schema, "performance_schema", &any, &one);
	/* a "_" that was meant as the letter: what else it fits is found among the databases */
	w->elsewhere = any || (!w->here && !w->system) ? g->schema : NULL;
	snprintf(w->object, sizeof w->object, "%.190s", w->here && !any ? r->database : g->schema);
}

static void
add_right(struct my_rights *r, const struct where *w, const struct right *k, const char *what, const char *via)
{
	if (w->here || w->server) {
		if (k->here != NONE)
			my_rights_add(r, (enum excess)k->here, w->object, what, via);
		if (w->server && k->everywhere != NONE)
			my_rights_add(r, (enum excess)k->everywhere, "", what, via);
	}
	if (w->system || (w->server && k->reaches))
		my_rights_add(r, EXCESS_SYSTEM_SCHEMA, w->server ? "mysql" : w->object, what, via);
	if (w->elsewhere != NULL && strcmp(what, "USAGE") != 0)
		my_rights_add(r, EXCESS_OTHER_DATABASE, w->object, what, via);
	if (w->server && k->reaches)
		my_rights_add(r, EXCESS_OTHER_DATABASE, "every other", what, via);
}

/* On the whole server that is a superuser, who needs no other rights. */
static void
add_all(struct my_rights *r, const struct where *w, const char *via)
{
	static const enum excess kinds[] = { EXCESS_WRITE, EXCESS_DDL, EXCESS_DEFINER };
	static const struct right all = { "", NONE, NONE, true };

	if (w->server) {
		my_rights_add(r, EXCESS_SUPERUSER, "", "ALL PRIVILEGES", via);
		return;
	}
	for (size_t i = 0; i < 3 && w->here; i++)
		my_rights_add(r, kinds[i], w->object, "ALL PRIVILEGES", via);
	add_right(r, w, &all, "ALL PRIVILEGES", via);
}

static void
add_rights(struct my_rights *r, const struct my_grant *g, const char *via)
{
	char what[TEXT_MAX], unknown[TEXT_MAX + 64];
	struct where w;

	look_where(r, g, &w);
	for (size_t i = 0; i < g->n; i++) {
		const struct right *k = right_of(&g->item[i]);

		text_of(&g->item[i], what);
		r->sees_all = r->sees_all || (w.server && (is_all(&g->item[i]) || (k != NULL && (k->reaches ||
		    strcmp(what, "SHOW DATABASES") == 0))));
		if (is_all(&g->item[i])) {
			add_all(r, &w, via);
		} else if (k != NULL) {
			add_right(r, &w, k, what, via);
		} else {
			snprintf(unknown, sizeof unknown, "a right that is not known: %s", what);
			my_rights_add(r, EXCESS_NOT_AUDITED, w.object, unknown, via);
		}
	}
	if (g->option)
		my_rights_add(r, EXCESS_GRANT_OPTION, w.object, "GRANT OPTION", via);
}

static void
add_roles(struct my_rights *r, const struct my_grant *g, const char *via, bool own)
{
	char name[MY_GRANT_NAME], host[MY_GRANT_NAME], object[MY_GRANT_NAME + 8];

	for (size_t i = 0; i < g->n; i++) {
		const char *p = g->item[i].p;

		host[0] = '\0';
		if (!my_grant_name(&p, name, sizeof name) || (*p == '@' && (p++, !my_grant_name(&p, host, sizeof host))) ||
		    r->nroles == ROLES_MAX) {
			my_rights_add(r, EXCESS_NOT_AUDITED, "", "a role could not be looked at", via);
			continue;
		}
		snprintf(object, sizeof object, "role %.180s", name);
		if (g->option)
			my_rights_add(r, EXCESS_GRANT_OPTION, object, "ADMIN OPTION", via);
		for (size_t k = 0; own && k < r->nroles; k++)
			own = strcmp(r->role[k].name, name) != 0 || strcmp(r->role[k].host, host) != 0;
		if (own) {
			strcpy(r->role[r->nroles].name, name);
			strcpy(r->role[r->nroles++].host, host);
		}
	}
}

/* The line itself is never told: the account's password may be in it as a digest. */
void
my_rights_line(struct my_rights *r, const char *line)
{
	char account[2 * MY_GRANT_NAME + 2], via[MY_GRANT_NAME + 24];
	struct my_grant g;
	bool own;

	if (my_grant_parse(line, &g) != 0) {
		my_rights_add(r, EXCESS_NOT_AUDITED, "", "a line of SHOW GRANTS is not understood", "");
		return;
	}
	snprintf(account, sizeof account, "%s@%s", g.to, g.host);
	own = g.host[0] != '\0' && strcmp(account, r->account) == 0;
	if (own)
		via[0] = '\0';
	else if (g.host[0] == '\0' && strcmp(g.to, "PUBLIC") == 0)
		strcpy(via, "through PUBLIC");
	else
		snprintf(via, sizeof via, "through role %s", g.to);
	if (g.is == MY_GRANT_ROLES)
		add_roles(r, &g, via, own);
	else if (g.is == MY_GRANT_RIGHTS)
		add_rights(r, &g, via);
	else if (g.is == MY_GRANT_PROXY) {
		snprintf(account, sizeof account, "%.90s@%.90s", g.schema, g.object);
		my_rights_add(r, EXCESS_POWERFUL_ROLE, account, "PROXY: acts as that account", via);
		if (g.option)
			my_rights_add(r, EXCESS_GRANT_OPTION, account, "PROXY", via);
	}
}

void
my_rights_sees(struct my_rights *r, const char *database)
{
	bool told = r->sees_all || is_system(database) || strcmp(database, "information_schema") == 0 ||
	    strcmp(database, r->database) == 0, any, one;

	for (size_t i = 0; i < r->n && !told; i++) {
		const struct found *f = &r->v[i];
		size_t n = strlen(database);

		told = f->kind == EXCESS_OTHER_DATABASE && (my_grant_fits(f->object, database, &any, &one) ||
		    (strncmp(f->object, database, n) == 0 && (f->object[n] == '\0' || f->object[n] == '.')));
	}
	if (!told)
		my_rights_add(r, EXCESS_OTHER_DATABASE, database, "a right fits it", "");
}

bool
my_rights_role(const struct my_rights *r, size_t i, const char **name, const char **host)
{
	if (i >= r->nroles)
		return false;
	*name = r->role[i].name;
	*host = r->role[i].host;
	return true;
}

/* What one object has through itself and through roles is one finding. */
static bool
emit(struct my_rights *r, size_t at, struct db_audit *a)
{
	char detail[4 * TEXT_MAX] = "";
	size_t n = 0;

	for (size_t i = 0; i < r->n && n < sizeof detail; i++) {
		const struct found *f = &r->v[i];

		if (f->kind != r->v[at].kind || strcmp(f->object, r->v[at].object) != 0)
			continue;
		if (i < at)
			return false;
		n += (size_t)snprintf(detail + n, sizeof detail - n, "%s%s%s%s", n > 0 ? "; " : "", f->what,
		    f->what[0] != '\0' && f->via[0] != '\0' ? " " : "", f->via);
	}
	if (a != NULL)
		db_audit_add(a, r->v[at].kind, r->v[at].object, detail);
	return true;
}

void
my_rights_end(struct my_rights *r, struct db_audit *a)
{
	char more[80];

	for (int k = 0; k < EXCESSES; k++) {
		size_t n = 0;

		for (size_t i = 0; i < r->n; i++)
			if ((int)r->v[i].kind == k)
				n += emit(r, i, n < LISTED ? a : NULL);
		if (n > LISTED) {
			snprintf(more, sizeof more, "and %zu more that are not listed", n - LISTED);
			db_audit_add(a, (enum excess)k, "", more);
		}
	}
	if (r->full)
		db_audit_add(a, EXCESS_NOT_AUDITED, "", "there are more rights than are looked at");
	free(r->v);
	free(r);
}
