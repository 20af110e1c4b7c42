/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "my_grant.h"

#include <string.h>

static bool
take(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

/* Names are quoted as sql_mode and sql_quote_show_create say, and not at all where they need none. */
bool
my_grant_name(const char **p, char *out, size_t size)
{
	char quote = **p == '`' || **p == '"' || **p == '\'' ? *(*p)++ : '\0';
	const char *s = *p;
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (quote != '\0' ? *s == quote && s[1] != quote : strchr(" .@,()*", *s) != NULL)
			break;
		s += quote != '\0' && *s == quote;
		if (n + 1 >= size)
			return false;
		out[n++] = *s;
	}
	out[n] = '\0';
	if (quote != '\0' ? *s != quote : n == 0)
		return false;
	*p = s + (quote != '\0');
	return true;
}

/* The end of what is quoted at s, else the next character; NULL when it has no end. */
static const char *
over_quoted(const char *s)
{
	char name[4096];

	if (*s != '`' && *s != '"' && *s != '\'')
		return s + 1;
	return my_grant_name(&s, name, sizeof name) ? s : NULL;
}

/* The same, and brackets are gone over as a whole. */
static const char *
over(const char *s)
{
	if (*s != '(')
		return over_quoted(s);
	for (s++; s != NULL && *s != ')'; s = over_quoted(s))
		if (*s == '\0')
			return NULL;
	return s != NULL ? s + 1 : NULL;
}

/* Where a word stands outside of quotes and brackets, NULL when it does not. */
static const char *
find(const char *s, const char *word)
{
	size_t n = strlen(word);

	for (; s != NULL && *s != '\0'; s = over(s))
		if (strncmp(s, word, n) == 0)
			return s;
	return NULL;
}

static int
take_items(struct my_grant *g, const char *p, const char *end)
{
	const char *comma;

	for (; p < end; p = comma < end ? comma + 1 : end) {
		p += *p == ' ';	/* MySQL puts none behind the commas of roles and dynamic rights */
		comma = find(p, ",");
		if (comma == NULL || comma > end)
			comma = end;
		if (comma == p || g->n == MY_ITEMS_MAX)
			return -1;
		g->item[g->n++] = (struct my_span){ p, (size_t)(comma - p) };
	}
	return g->n > 0 ? 0 : -1;
}

/* "*.*", "a.*", "a.b", before it what kind of object it is. */
static int
take_object(struct my_grant *g, const char **p)
{
	static const char *const kinds[] = { "FUNCTION ", "PROCEDURE ", "PACKAGE BODY ", "PACKAGE " };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !g->routine; i++)
		g->routine = take(p, kinds[i]);
	if (!g->routine)
		(void)take(p, "TABLE ");
	g->any_schema = take(p, "*");
	if ((!g->any_schema && !my_grant_name(p, g->schema, sizeof g->schema)) || !take(p, "."))
		return -1;
	g->any_object = take(p, "*");
	if (g->any_schema)
		return g->any_object ? 0 : -1;
	return g->any_object || my_grant_name(p, g->object, sizeof g->object) ? 0 : -1;
}

static int
take_account(const char **p, char *name, char *host, size_t size)
{
	host[0] = '\0';
	if (!my_grant_name(p, name, size))
		return -1;
	return !take(p, "@") || my_grant_name(p, host, size) ? 0 : -1;
}

static int
take_grantee(struct my_grant *g, const char *p)
{
	if (take_account(&p, g->to, g->host, sizeof g->to) != 0)
		return -1;
	if (*p != '\0' && *p != ' ' && *p != ',')
		return -1;
	g->option = find(p, " GRANT OPTION") != NULL || find(p, " ADMIN OPTION") != NULL;
	return 0;
}

int
my_grant_parse(const char *line, struct my_grant *g)
{
	const char *p = line, *on, *to;

	*g = (struct my_grant){ .is = MY_GRANT_RIGHTS };
	/* MySQL takes away of what another line gives; MariaDB tells which role is taken at login */
	if (take(&p, "REVOKE ") || take(&p, "SET DEFAULT ROLE ")) {
		g->is = MY_GRANT_NOTHING;
		return 0;
	}
	if (!take(&p, "GRANT ") || (to = find(p, " TO ")) == NULL)
		return -1;
	on = find(p, " ON ");
	if (on == NULL || on > to) {
		g->is = MY_GRANT_ROLES;
		return take_items(g, p, to) != 0 ? -1 : take_grantee(g, to + 4);
	}
	if (take_items(g, p, on) != 0)
		return -1;
	p = on + 4;
	if (g->n == 1 && g->item[0].n == 5 && memcmp(g->item[0].p, "PROXY", 5) == 0) {
		g->is = MY_GRANT_PROXY;
		if (take_account(&p, g->schema, g->object, sizeof g->schema) != 0)
			return -1;
	} else if (take_object(g, &p) != 0) {
		return -1;
	}
	return p == to ? take_grantee(g, to + 4) : -1;
}

bool
my_grant_fits(const char *pattern, const char *name, bool *has_any, bool *has_one)
{
	const char *p = pattern, *any = NULL, *from = NULL;

	*has_any = *has_one = false;
	for (const char *s = pattern; *s != '\0'; s++) {
		*has_any = *has_any || *s == '%';
		*has_one = *has_one || *s == '_';
		s += *s == '\\' && s[1] != '\0';
	}
	while (*name != '\0') {
		const char *letter = *p == '\\' && p[1] != '\0' ? p + 1 : p;

		if (*p == '%') {
			any = ++p;
			from = name;
		} else if (*p != '\0' && (*p == '_' || *letter == *name)) {
			p = letter + 1;
			name++;
		} else if (any != NULL) {	/* one letter more is of the last "%" */
			p = any;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*p == '%')
		p++;
	return *p == '\0';
}
