/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/config_check.h"

#include <string.h>

#include "ticket/doc.h"
#include "twokey/base/err.h"
#include "twokey/ticket/config.h"

/* Entry i of the list under key; the schema has seen that it is there. */
static const struct doc_node *
entry(const struct doc *d, const char *key, size_t i)
{
	return doc_get(d->root, key)->children[i];
}

static int
check_users(const struct doc *d, const struct config *c, struct err *e)
{
	static const char *const keys[] = { "front", "recorder", "db", "tunnel" };

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->users[i], c->users[j]) == 0)
				return doc_error_at(d, doc_get(d->root, "users"), keys[i], e,
				    "'%s' is the user of %s already; four users of their own are expected",
				    c->users[i], keys[j]);
	return 0;
}

static int
check_login(const struct doc *d, const struct config *c, size_t person, size_t login, struct err *e)
{
	const char *name = c->people[person].logins[login];

	for (size_t i = 0; i <= person; i++)
		for (size_t j = 0; j < (i < person ? c->people[i].nlogins : login); j++)
			if (strcmp(c->people[i].logins[j], name) == 0)
				return doc_error_at(d, entry(d, "people", person), "logins", e,
				    "'%s' is a login of %s already; two people never share a login", name,
				    c->people[i].name);
	for (size_t i = 0; i < 4; i++)
		if (strcmp(c->users[i], name) == 0)
			return doc_error_at(d, entry(d, "people", person), "logins", e,
			    "'%s' is a user of the broker itself; a person's own login is expected", name);
	return 0;
}

static int
check_people(const struct doc *d, const struct config *c, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < c->npeople && ret == 0; i++) {
		if (config_person(c, c->people[i].name) != &c->people[i])
			return doc_error_at(d, entry(d, "people", i), "name", e,
			    "'%s' stands here twice; every person has a name of his own", c->people[i].name);
		for (size_t j = 0; j < c->people[i].nlogins && ret == 0; j++)
			ret = check_login(d, c, i, j, e);
	}
	return ret;
}

static int
check_targets(const struct doc *d, const struct config *c, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < c->ntargets && ret == 0; i++) {
		const struct config_target *t = &c->targets[i];

		if (config_target(c, t->name) != t)
			return doc_error_at(d, entry(d, "targets", i), "name", e,
			    "'%s' stands here twice; every target has a name of its own", t->name);
		ret = config_check_target(d, entry(d, "targets", i), c, t, e);
	}
	return ret;
}

int
config_check(const struct doc *d, const struct config *c, struct err *e)
{
	int ret = check_users(d, c, e);

	if (ret == 0)
		ret = check_people(d, c, e);
	if (ret == 0)
		ret = check_targets(d, c, e);
	return ret;
}
