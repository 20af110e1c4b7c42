/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A YAML text as a small tree with line numbers. Only mappings, sequences and scalars: no anchors,
 * aliases, tags, directives, second documents or duplicate keys, no value over several lines, no escape, no
 * key in quotes: what looks like a key to the person who accepts a ticket is one, and the other way round. */
#ifndef TICKET_DOC_H
#define TICKET_DOC_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum { DOC_DEPTH_MAX = 6, DOC_CHILDREN_MAX = 64, DOC_KEY_MAX = 63, DOC_SHOWN = 48 };

enum doc_kind { DOC_SCALAR, DOC_LIST, DOC_MAP };

struct doc_node {
	enum doc_kind kind;
	unsigned line;		/* counted from 1 */
	char *key;		/* of a member of a mapping, else NULL */
	unsigned key_line;
	bool plain;		/* scalar without quotes */
	char *text;		/* scalar: NUL-terminated, no NUL inside */
	struct doc_node **children;
	size_t n;
};

struct doc {
	const char *name;	/* stands for the file in errors; borrowed */
	struct doc_node *root;	/* a mapping */
};

/* ERR_CONFIG with "name:line: key: what"; d is to be freed in any case. */
int	doc_parse(struct doc *d, const char *name, const char *yaml, size_t n, size_t max, struct err *e);
void	doc_free(struct doc *d);
/* The member of a mapping; NULL when it is absent or node is NULL or no mapping. */
const struct doc_node *doc_get(const struct doc_node *node, const char *key);
/* ERR_CONFIG, "name:line: key: what". */
int	doc_error(const struct doc *d, unsigned line, const char *key, struct err *e, const char *fmt, ...)
	    __attribute__((format(printf, 5, 6)));
/* The same at the member key of node, or at node itself when it has none. */
int	doc_error_at(const struct doc *d, const struct doc_node *node, const char *key, struct err *e,
	    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A short rendering of foreign text for an error: no control characters, cut with "...". */
const char *doc_shown(const char *text, char out[DOC_SHOWN]);

#endif
