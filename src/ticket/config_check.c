/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/config_check.h"

#include <string.h>

#include "ticket/doc.h"
#include "ticket/schema.h"
#include "twokey/base/err.h"
#include "twokey/base/sshkey.h"
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

/* The person before p, or p itself with a key before the one at k, that has this very key; NULL: nobody. */
static const struct config_person *
owner_of(const struct config *c, size_t p, size_t k, const struct sshkey *key)
{
	struct sshkey other;

	for (size_t i = 0; i <= p; i++)
		for (size_t j = 0; j < (i < p ? c->people[i].nkeys : k); j++)
			if (sshkey_parse(c->people[i].keys[j], strlen(c->people[i].keys[j]), &other) &&
			    strcmp(other.fingerprint, key->fingerprint) == 0)
				return &c->people[i];
	return NULL;
}

static int
check_key(const struct doc *d, const struct config *c, size_t person, size_t k, struct err *e)
{
	const struct doc_node *node = doc_get(entry(d, "people", person), "keys")->children[k];
	const char *line = c->people[person].keys[k];
	const struct config_person *owner;
	struct sshkey key;

	if (!sshkey_parse(line, strlen(line), &key))
		return doc_error(d, node->line, "keys", e, "entry %zu is no public key; a type (ssh-ed25519, ecdsa, rsa or their sk- "
		    "kinds) and base64 as in a .pub file are expected, without options in front", k + 1);
	owner = owner_of(c, person, k, &key);
	if (owner != NULL)
		return doc_error(d, node->line, "keys", e, "entry %zu (%s) is a key of %s already; a key belongs to one person and "
		    "stands once", k + 1, key.fingerprint, owner->name);
	return 0;
}

/* What signs and anchors the end of a transcript. */
static int
check_end(const struct doc *d, const struct config *c, struct err *e)
{
	if (c->nanchor > 0 && !schema_path_ok(c->anchor[0]))
		return doc_error_at(d, d->root, "anchor", e, "the first word is the program: an absolute path without '.', '..' and "
		    "'//' is expected");
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
		for (size_t j = 0; j < c->people[i].nkeys && ret == 0; j++)
			ret = check_key(d, c, i, j, e);
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
	if (ret == 0)
		ret = check_end(d, c, e);
	return ret;
}
