/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "members.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

enum { ID_MAX = 64 };

struct member {
	const char *name;
	size_t len;
	char type;
	bool must;
};

/* The next member of the list at *p; false at its end. */
static bool
next(const char **p, struct member *m)
{
	const char *colon;

	while (**p == ' ')
		(*p)++;
	colon = strchr(*p, ':');
	if (colon == NULL)
		return false;
	m->name = *p;
	m->len = (size_t)(colon - *p);
	m->type = colon[1];
	m->must = colon[2] == '!';
	*p = colon + 2 + m->must;
	return true;
}

static bool
has_type(const json_t *v, char type)
{
	return (type == 's' && json_is_string(v)) || (type == 'i' && json_is_integer(v)) ||
	    (type == 'b' && json_is_boolean(v));
}

static bool
listed(const char *list, const char *key)
{
	struct member m;

	while (next(&list, &m))
		if (strlen(key) == m.len && memcmp(key, m.name, m.len) == 0)
			return true;
	return strcmp(key, "do") == 0 || strcmp(key, "id") == 0;
}

int
members_check(const json_t *o, const char *list, struct err *e)
{
	const char *at = list, *key;
	json_t *v;
	struct member m;

	json_object_foreach((json_t *)o, key, v) {
		if (!listed(list, key))
			return err_set(e, ERR_INVALID, "this request has no member of that name (%zu bytes long); "
			    "its members are: %s", strlen(key), *list != '\0' ? list : "none");
	}
	while (next(&at, &m)) {
		char name[64];

		memcpy(name, m.name, m.len);
		name[m.len] = '\0';
		v = json_object_get(o, name);
		if (v == NULL && m.must)
			return err_set(e, ERR_INVALID, "the member \"%s\" is missing", name);
		if (v != NULL && !has_type(v, m.type))
			return err_set(e, ERR_INVALID, "the member \"%s\" must be %s", name,
			    m.type == 's' ? "a string" : m.type == 'i' ? "an integer" : "true or false");
	}
	return 0;
}

bool
members_id_ok(const json_t *id)
{
	return id == NULL || json_is_integer(id) ||
	    (json_is_string(id) && json_string_length(id) <= ID_MAX);
}
