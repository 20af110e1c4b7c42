/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/change.h"

#include <string.h>

#include "ticket/doc.h"
#include "twokey/base/err.h"
#include "twokey/ticket/ticket.h"

const struct ticket_change *
ticket_change_of(const struct ticket *t, const struct digest *digest)
{
	for (size_t i = 0; i < t->nchanges; i++)
		if (digest_equal(&t->changes[i].digest, digest))
			return &t->changes[i];
	return NULL;
}

/* "= 3", "<= 500". */
static bool
read_rows(struct ticket_change *c)
{
	const char *s = c->rows;
	size_t n;

	c->at_most = strncmp(s, "<=", 2) == 0;
	if (!c->at_most && s[0] != '=')
		return false;
	s += c->at_most ? 2 : 1;
	s += strspn(s, " ");
	n = strspn(s, "0123456789");
	if (n == 0 || n > 15 || s[n] != '\0' || (n > 1 && s[0] == '0'))
		return false;
	for (c->bound = 0; *s != '\0'; s++)
		c->bound = c->bound * 10 + (uint64_t)(*s - '0');
	return true;
}

/* Which bytes it names; sql and digest together must agree. */
static int
check_bytes(const struct doc *d, const struct doc_node *node, struct ticket_change *c, struct err *e)
{
	struct digest said;

	if (c->sql == NULL && c->hex == NULL)
		return doc_error_at(d, node, "sql", e, "neither sql nor digest stands here; the exact statement or the SHA-256 of its "
		    "bytes is expected");
	if (c->hex != NULL && !digest_parse(c->hex, strlen(c->hex), &said))
		return doc_error_at(d, node, "digest", e, "is no SHA-256; 64 hex digits in lower case are expected");
	c->digest = c->sql != NULL ? digest_of(c->sql, strlen(c->sql)) : said;
	if (c->sql != NULL && c->hex != NULL && !digest_equal(&c->digest, &said))
		return doc_error_at(d, node, "digest", e, "is not that of the bytes in sql; leave one of the two out");
	return 0;
}

static int
check_backup(const struct doc *d, const struct doc_node *node, const struct ticket_change *c, struct err *e)
{
	if (c->backup != NULL && c->backup_taken_us == 0)
		return doc_error_at(d, node, "backup", e, "does not say when it was taken; add backup_taken");
	if (c->backup == NULL && c->backup_taken_us != 0)
		return doc_error_at(d, node, "backup_taken", e, "does not say which backup; add backup: what, and where it is");
	if (c->backup != NULL && c->object == NULL)
		return doc_error_at(d, node, "backup", e, "does not say of what; add object: the table or object of the statement");
	return 0;
}

static int
check_change(const struct doc *d, const struct doc_node *node, struct ticket *t, size_t i, struct err *e)
{
	struct ticket_change *c = &t->changes[i];
	int ret = check_bytes(d, node, c, e);

	if (ret == 0 && c->rows != NULL && !read_rows(c))
		ret = doc_error_at(d, node, "rows", e, "'%s' is no number of rows; \"= 3\" or \"<= 500\" is expected", c->rows);
	if (ret == 0 && c->object != NULL && (c->object[0] == ' ' || c->object[strlen(c->object) - 1] == ' '))
		ret = doc_error_at(d, node, "object", e, "begins or ends with a blank; write the name as the statement has it");
	if (ret == 0)
		ret = check_backup(d, node, c, e);
	for (size_t k = 0; k < i && ret == 0; k++)
		if (digest_equal(&t->changes[k].digest, &c->digest))
			ret = doc_error_at(d, node, c->hex != NULL ? "digest" : "sql", e, "is the same as change %zu; each stands here once",
			    k + 1);
	return ret;
}

int
ticket_check_changes(const struct doc *d, struct ticket *t, struct err *e)
{
	const struct doc_node *list = doc_get(d->root, "changes");
	int ret = 0;

	if (t->nchanges > 0 && (t->access == TICKET_ACCESS_READ || t->access == TICKET_ACCESS_NONE))
		return doc_error_at(d, d->root, "changes", e, "level %s takes no changes; leave them out, or ask for another level",
		    ticket_access_name(t->access));
	for (size_t i = 0; i < t->nchanges && ret == 0; i++)
		ret = check_change(d, list->children[i], t, i, e);
	return ret;
}
