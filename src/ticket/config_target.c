/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A target: what its engine needs and what it has not. */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "ticket/config_check.h"
#include "ticket/doc.h"
#include "twokey/base/err.h"
#include "twokey/ticket/config.h"

enum { LIBPQ_FOLDER_MAX = 90, FINGERPRINT_DIGITS = 40 };

/* One target while it is checked. */
struct target_at {
	const struct doc *d;
	const struct doc_node *node;
	const struct config_target *t;
	bool postgres;
	bool direct;	/* this host itself connects to it */
};

/* Keys that the engine of this target does not have. */
static int
check_foreign_keys(const struct target_at *a, const char *const *keys, struct err *e)
{
	for (; *keys != NULL; keys++)
		if (doc_get(a->node, *keys) != NULL)
			return doc_error_at(a->d, a->node, *keys, e,
			    "is nothing that a target of engine %s has; leave it out", a->t->engine);
	return 0;
}

static int
check_sqlite(const struct target_at *a, struct err *e)
{
	static const char *const others[] = {
		"host", "socket", "port", "database", "user", "password_file", "password_command", "password_credential",
		"password_from", "tls", "ca", "tls_fingerprint", "hops", "command", "via", "keepalive", "dead_after", NULL
	};

	if (a->t->file == NULL)
		return doc_error_at(a->d, a->node, "file", e, "is missing; engine sqlite needs the database file");
	return check_foreign_keys(a, others, e);
}

bool
config_host_is_local(const char *host)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &a6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&a6);
	return strcmp(host, "localhost") == 0;
}

/* Clear text leaves this host only through hops, a command, or where "tls: off" was written out: never because somebody
 * forgot it. The session tells it (excess clear-text), and production refuses it unless the ticket accepts it. */
static int
check_clear_text(const struct target_at *a, struct err *e)
{
	if (!a->direct || a->t->host == NULL || config_host_is_local(a->t->host) || doc_get(a->node, "tls") != NULL)
		return 0;
	return doc_error_at(a->d, a->node, "host", e, "'%.64s' is another host: tls: verify-full (or require) is expected; "
	    "tls: off has to be written out, and a ticket for production then has to accept clear-text", a->t->host);
}

/* 40 hex digits, perhaps in pairs with ':' between them. */
static bool
fingerprint_ok(const char *s)
{
	bool colons = s[2] == ':';
	size_t digits = 0;

	for (size_t i = 0; s[i] != '\0'; i++) {
		if (colons && i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
		digits += s[i] != ':';
	}
	return digits == FINGERPRINT_DIGITS && s[strlen(s) - 1] != ':';
}

static int
check_fingerprint(const struct target_at *a, struct err *e)
{
	const struct config_target *t = a->t;

	if (t->tls_fingerprint == NULL)
		return 0;
	if (t->tls == CONFIG_TLS_OFF)
		return doc_error_at(a->d, a->node, "tls_fingerprint", e, "has no use without tls; set tls: require");
	if (!fingerprint_ok(t->tls_fingerprint))
		return doc_error_at(a->d, a->node, "tls_fingerprint", e,
		    "40 hex digits are expected, as openssl x509 -noout -fingerprint -sha1 prints them");
	return 0;
}

static int
check_tls_socket(const struct target_at *a, struct err *e)
{
	const struct config_target *t = a->t;

	if (t->socket == NULL || t->tls == CONFIG_TLS_OFF)
		return 0;
	if (a->postgres)
		return doc_error_at(a->d, a->node, "tls", e,
		    "a Unix socket has no TLS and libpq would leave it out without a word; use host, or leave tls out");
	if (t->tls == CONFIG_TLS_VERIFY_FULL)
		return doc_error_at(a->d, a->node, "tls", e,
		    "a Unix socket has no name to verify; use host, or tls: require with tls_fingerprint");
	return 0;
}

static int
check_tls(const struct target_at *a, struct err *e)
{
	const struct config_target *t = a->t;

	if (check_tls_socket(a, e) != 0 || check_fingerprint(a, e) != 0)
		return ERR_CONFIG;
	if (t->tls == CONFIG_TLS_VERIFY_FULL && t->ca == NULL)
		return doc_error_at(a->d, a->node, "ca", e,
		    "is missing; tls: verify-full needs the certificates it trusts");
	if (t->tls == CONFIG_TLS_VERIFY_FULL && t->host == NULL)
		return doc_error_at(a->d, a->node, "host", e,
		    "is missing; tls: verify-full needs the name that stands in the certificate");
	if (t->tls == CONFIG_TLS_REQUIRE && !a->postgres && t->ca == NULL && t->tls_fingerprint == NULL)
		return doc_error_at(a->d, a->node, "ca", e,
		    "is missing; with neither ca nor tls_fingerprint engine %s would take any certificate", t->engine);
	if (t->tls == CONFIG_TLS_OFF && check_clear_text(a, e) != 0)
		return ERR_CONFIG;
	if (t->tls == CONFIG_TLS_OFF && t->ca != NULL)
		return doc_error_at(a->d, a->node, "ca", e, "has no use without tls; set tls: verify-full");
	return 0;
}

/* libpq reads a list at every comma and a connection string at "=" or "://". */
static bool
libpq_reads_more(const char *database)
{
	return strchr(database, '=') != NULL || strstr(database, "://") != NULL;
}

/* What libpq makes of a socket on this host: the folder, to which it adds its own file name. */
static int
check_libpq_folder(const struct target_at *a, struct err *e)
{
	const char *socket = a->t->socket;

	if (socket == NULL || !a->direct)
		return 0;
	if (strchr(socket, ',') != NULL)
		return doc_error_at(a->d, a->node, "socket", e,
		    "libpq would read a list at the comma; one folder is expected");
	if (strlen(socket) > LIBPQ_FOLDER_MAX)
		return doc_error_at(a->d, a->node, "socket", e, "has %zu bytes; at most %d are taken for a folder",
		    strlen(socket), LIBPQ_FOLDER_MAX);
	return 0;
}

static int
check_address(const struct target_at *a, struct err *e)
{
	const struct config_target *t = a->t;

	if (t->ncommand > 0)
		return 0;	/* config_check_way */
	if (t->host == NULL && t->socket == NULL)
		return doc_error_at(a->d, a->node, "host", e, "is missing; engine %s needs host (TCP) or socket (%s)",
		    t->engine, a->postgres && a->direct ? "folder of its Unix socket" : "path of its Unix socket");
	if (t->host != NULL && t->socket != NULL)
		return doc_error_at(a->d, a->node, "socket", e, "host is there too; one of them is expected");
	return a->postgres ? check_libpq_folder(a, e) : 0;
}

static int
check_server(const struct target_at *a, const struct config *c, struct err *e)
{
	static const char *const not_postgres[] = { "file", "tls_fingerprint", NULL };
	static const char *const not_mariadb[] = { "file", NULL };
	const struct config_target *t = a->t;

	if (t->database == NULL)
		return doc_error_at(a->d, a->node, "database", e, "is missing; engine %s needs the database's name",
		    t->engine);
	if (a->postgres && libpq_reads_more(t->database))
		return doc_error_at(a->d, a->node, "database", e, "a name without '=' and '://' is expected");
	if (t->user == NULL)
		return doc_error_at(a->d, a->node, "user", e, "is missing; engine %s needs the %s to log in as",
		    t->engine, a->postgres ? "role" : "account");
	if (check_address(a, e) != 0 || check_foreign_keys(a, a->postgres ? not_postgres : not_mariadb, e) != 0 ||
	    config_check_way(a->d, a->node, c, t, e) != 0)
		return ERR_CONFIG;
	return check_tls(a, e);
}

int
config_check_target(const struct doc *d, const struct doc_node *node, const struct config *c,
    const struct config_target *t, struct err *e)
{
	struct target_at a = { .d = d, .node = node, .t = t, .postgres = strcmp(t->engine, "postgres") == 0,
	    .direct = t->nhops == 0 && t->ncommand == 0 };

	return strcmp(t->engine, "sqlite") == 0 ? check_sqlite(&a, e) : check_server(&a, c, e);
}
