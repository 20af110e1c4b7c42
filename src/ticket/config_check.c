/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/config_check.h"

#include <arpa/inet.h>
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

/* Keys that the engine of this target does not have. */
static int
check_foreign_keys(const struct doc *d, const struct doc_node *node, const char *engine,
    const char *const *keys, struct err *e)
{
	for (; *keys != NULL; keys++)
		if (doc_get(node, *keys) != NULL)
			return doc_error_at(d, node, *keys, e, "is nothing that a target of engine %s has; leave it out",
			    engine);
	return 0;
}

static int
check_sqlite(const struct doc *d, const struct doc_node *node, const struct config_target *t, struct err *e)
{
	static const char *const others[] = {
		"host", "socket", "port", "database", "user", "password_file", "tls", "ca", NULL
	};

	if (t->file == NULL)
		return doc_error_at(d, node, "file", e, "is missing; engine sqlite needs the database file");
	return check_foreign_keys(d, node, "sqlite", others, e);
}

static bool
is_loopback(const char *host)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &a6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&a6);
	return strcmp(host, "localhost") == 0;
}

static int
check_tls(const struct doc *d, const struct doc_node *node, const struct config_target *t, struct err *e)
{
	if (t->socket != NULL && t->tls != CONFIG_TLS_OFF)
		return doc_error_at(d, node, "tls", e,
		    "a Unix socket has no TLS and libpq would leave it out without a word; use host, or leave tls out");
	if (t->tls == CONFIG_TLS_VERIFY_FULL && t->ca == NULL)
		return doc_error_at(d, node, "ca", e, "is missing; tls: verify-full needs the certificates it trusts");
	if (t->host != NULL && t->tls == CONFIG_TLS_OFF && !is_loopback(t->host))
		return doc_error_at(d, node, doc_get(node, "tls") != NULL ? "tls" : "host", e,
		    "'%.64s' is another host: tls: verify-full (or require) is expected", t->host);
	if (t->tls == CONFIG_TLS_OFF && t->ca != NULL)
		return doc_error_at(d, node, "ca", e, "has no use without tls; set tls: verify-full");
	return 0;
}

/* libpq reads a list at every comma and a connection string at "=" or "://". */
static bool
libpq_reads_more(const char *database)
{
	return strchr(database, '=') != NULL || strstr(database, "://") != NULL;
}

static int
check_postgres(const struct doc *d, const struct doc_node *node, const struct config_target *t, struct err *e)
{
	static const char *const others[] = { "file", NULL };

	if (t->database == NULL)
		return doc_error_at(d, node, "database", e, "is missing; engine postgres needs the database's name");
	if (libpq_reads_more(t->database))
		return doc_error_at(d, node, "database", e, "a name without '=' and '://' is expected");
	if (t->user == NULL)
		return doc_error_at(d, node, "user", e, "is missing; engine postgres needs the role to log in as");
	if (t->host == NULL && t->socket == NULL)
		return doc_error_at(d, node, "host", e,
		    "is missing; engine postgres needs host (TCP) or socket (folder of its Unix socket)");
	if (t->host != NULL && t->socket != NULL)
		return doc_error_at(d, node, "socket", e, "host is there too; one of them is expected");
	if (t->socket != NULL && strchr(t->socket, ',') != NULL)
		return doc_error_at(d, node, "socket", e, "libpq would read a list at the comma; one folder is expected");
	if (check_foreign_keys(d, node, "postgres", others, e) != 0)
		return ERR_CONFIG;
	return check_tls(d, node, t, e);
}

static int
check_targets(const struct doc *d, const struct config *c, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < c->ntargets && ret == 0; i++) {
		const struct config_target *t = &c->targets[i];
		const struct doc_node *node = entry(d, "targets", i);

		if (config_target(c, t->name) != t)
			return doc_error_at(d, node, "name", e, "'%s' stands here twice; every target has a name of its own",
			    t->name);
		if (strcmp(t->engine, "sqlite") == 0)
			ret = check_sqlite(d, node, t, e);
		else if (strcmp(t->engine, "postgres") == 0)
			ret = check_postgres(d, node, t, e);
		else
			ret = doc_error_at(d, node, "engine", e, "'%s' is not in this version; postgres or sqlite is expected",
			    t->engine);
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
