/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the lines of SHOW GRANTS say, read and summed up. Pure: text in, findings out. */
#ifndef DB_MY_GRANT_H
#define DB_MY_GRANT_H

#include <stdbool.h>
#include <stddef.h>

enum { MY_ITEMS_MAX = 96, MY_GRANT_NAME = 200 };

/* A part of the line. */
struct my_span {
	const char *p;
	size_t n;
};

/* One line, taken apart. */
struct my_grant {
	enum { MY_GRANT_RIGHTS, MY_GRANT_ROLES, MY_GRANT_PROXY, MY_GRANT_NOTHING } is;
	struct my_span item[MY_ITEMS_MAX];	/* rights with their columns, or roles */
	size_t n;
	bool any_schema, any_object;		/* "*" */
	bool routine;				/* on a function, procedure or package */
	char schema[MY_GRANT_NAME];		/* a pattern when any_object */
	char object[MY_GRANT_NAME];
	char to[MY_GRANT_NAME], host[MY_GRANT_NAME];	/* host "" for roles */
	bool option;				/* may be given on */
};
/* 0, or -1 when the line is not understood in full. g points into the line. */
int	my_grant_parse(const char *line, struct my_grant *g);
/* One name at *p, unquoted into out; false when there is none or it is too long. */
bool	my_grant_name(const char **p, char *out, size_t size);
/* Whether a pattern of a grant fits a name; has_any, has_one say whether "%" or "_" is in it. */
bool	my_grant_fits(const char *pattern, const char *name, bool *has_any, bool *has_one);

#endif
