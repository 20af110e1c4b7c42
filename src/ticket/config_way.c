/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way to a server and what opens it: hops, a command, an interface, the source of the password. */
#include "config.h"

#include <string.h>

#include "ticket/config_check.h"
#include "ticket/doc.h"
#include "ticket/schema.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/ticket/config.h"

enum { SHA256_BASE64 = 43, KEY_BLOB_MAX = 2048 };

/* "SHA256:" and the digest in base64 without padding, as ssh-keygen -l prints it. */
static bool
is_fingerprint(const char *s)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strncmp(s, "SHA256:", 7) == 0 && strlen(s + 7) == SHA256_BASE64 && strspn(s + 7, set) == SHA256_BASE64;
}

/* The blob of a public key begins with its own type, as RFC 4253 writes a string. */
static bool
blob_is_of(const struct buf *blob, const char *type, size_t n)
{
	const unsigned char *p = (const unsigned char *)buf_data(blob);

	return buf_len(blob) > 4 + n && p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == n && memcmp(p + 4, type, n) == 0;
}

/* "ssh-ed25519 AAAA...", without options before and comment after. */
static bool
is_public_key(const char *s)
{
	static const char *const types[] = {
		"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"
	};
	bool ok = false;
	struct buf blob;

	for (size_t i = 0; i < sizeof types / sizeof types[0] && !ok; i++) {
		size_t n = strlen(types[i]);

		if (strncmp(s, types[i], n) != 0 || s[n] != ' ')
			continue;
		buf_init(&blob, KEY_BLOB_MAX);
		ok = text_unbase64(&blob, s + n + 1, strlen(s + n + 1)) == 0 && blob_is_of(&blob, types[i], n);
		buf_fini(&blob);
	}
	return ok;
}

static int
check_person(const struct doc *d, const struct doc_node *node, const char *key, const struct config *c,
    const char *name, struct err *e)
{
	if (name == NULL || config_person(c, name) != NULL)
		return 0;
	return doc_error_at(d, node, key, e, "'%s' is no person of this file; name one of people", name);
}

/* Exactly one of two keys. */
static int
one_of(const struct doc *d, const struct doc_node *node, const char *a, const char *b, const char *needed,
    struct err *e)
{
	if (doc_get(node, a) == NULL && doc_get(node, b) == NULL)
		return doc_error_at(d, node, a, e, "is missing; %s", needed);
	if (doc_get(node, a) != NULL && doc_get(node, b) != NULL)
		return doc_error_at(d, node, b, e, "%s is there too; one of them is expected", a);
	return 0;
}

static int
check_hop_key(const struct doc *d, const struct doc_node *node, const struct config *c, const struct config_hop *h,
    struct err *e)
{
	const char *phrase = h->passphrase_file != NULL ? "passphrase_file" : "passphrase_from";

	if (one_of(d, node, "key", "agent", "a hop needs key (file of a private key) or agent (its socket)", e) != 0)
		return ERR_CONFIG;
	if (h->passphrase_file == NULL && h->passphrase_from == NULL)
		return 0;
	if (h->agent != NULL)
		return doc_error_at(d, node, phrase, e, "has no use with agent, which keeps its keys open");
	if (h->passphrase_file != NULL && h->passphrase_from != NULL)
		return doc_error_at(d, node, "passphrase_from", e, "passphrase_file is there too; one of them is expected");
	return check_person(d, node, "passphrase_from", c, h->passphrase_from, e);
}

static int
check_hop(const struct doc *d, const struct doc_node *node, const struct config *c, const struct config_hop *h,
    struct err *e)
{
	if (check_hop_key(d, node, c, h, e) != 0)
		return ERR_CONFIG;
	if (one_of(d, node, "host_key", "known_hosts",
	    "a hop needs host_key or known_hosts: no key of a server is taken on trust", e) != 0)
		return ERR_CONFIG;
	if (h->host_key != NULL && !is_fingerprint(h->host_key) && !is_public_key(h->host_key))
		return doc_error_at(d, node, "host_key", e, "SHA256: and 43 characters as ssh-keygen -l prints them, or a type "
		    "and base64 as in a .pub file are expected");
	return 0;
}

static int
check_hops(const struct doc *d, const struct doc_node *node, const struct config *c, const struct config_target *t,
    struct err *e)
{
	const struct doc_node *list = doc_get(node, "hops");
	int ret = 0;

	for (size_t i = 0; i < t->nhops && ret == 0; i++) {
		for (size_t j = 0; j < i; j++)
			if (strcmp(t->hops[i].name, t->hops[j].name) == 0)
				return doc_error_at(d, list->children[i], "name", e,
				    "'%s' is the name of a hop before it already; give each a name of its own",
				    t->hops[i].name);
		ret = check_hop(d, list->children[i], c, &t->hops[i], e);
	}
	if (ret == 0 && t->dead_after_s < 2 * t->keepalive_s)
		return doc_error_at(d, node, "dead_after", e, "%u seconds are less than twice keepalive (%u)",
		    t->dead_after_s, t->keepalive_s);
	return ret;
}

static int
check_without_hops(const struct doc *d, const struct doc_node *node, struct err *e)
{
	static const char *const keys[] = { "keepalive", "dead_after" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (doc_get(node, keys[i]) != NULL)
			return doc_error_at(d, node, keys[i], e, "has no use without hops; leave it out");
	return 0;
}

static int
check_program(const struct doc *d, const struct doc_node *node, const char *key, char *const *words, size_t n,
    struct err *e)
{
	if (n > 0 && !schema_path_ok(words[0]))
		return doc_error_at(d, node, key, e, "the first word is the program: an absolute path without '.', '..' and "
		    "'//' is expected");
	return 0;
}

/* The command is the connection: what else would lead there contradicts it. */
static int
check_command(const struct doc *d, const struct doc_node *node, const struct config_target *t, struct err *e)
{
	static const char *const keys[] = { "hops", "via", "socket", "port" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && t->ncommand > 0; i++)
		if (doc_get(node, keys[i]) != NULL)
			return doc_error_at(d, node, keys[i], e, "command is there too and is the whole way; leave one out");
	return check_program(d, node, "command", t->command, t->ncommand, e);
}

static int
check_password(const struct doc *d, const struct doc_node *node, const struct config *c,
    const struct config_target *t, struct err *e)
{
	static const char *const keys[] = { "password_file", "password_command", "password_credential", "password_from" };
	const char *first = NULL;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (doc_get(node, keys[i]) == NULL)
			continue;
		if (first != NULL)
			return doc_error_at(d, node, keys[i], e, "%s is there too; one of them is expected", first);
		first = keys[i];
	}
	if (check_program(d, node, "password_command", t->password_command, t->npassword_command, e) != 0)
		return ERR_CONFIG;
	return check_person(d, node, "password_from", c, t->password_from, e);
}

int
config_check_way(const struct doc *d, const struct doc_node *node, const struct config *c,
    const struct config_target *t, struct err *e)
{
	if (check_command(d, node, t, e) != 0 || check_password(d, node, c, t, e) != 0)
		return ERR_CONFIG;
	if (t->via != NULL && t->host == NULL && t->nhops == 0)
		return doc_error_at(d, node, "via", e, "has no use with a Unix socket; leave it out");
	return t->nhops > 0 ? check_hops(d, node, c, t, e) : check_without_hops(d, node, e);
}
