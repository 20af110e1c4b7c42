/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema.def at work: a tree of YAML into a struct, and the manual's table out of it. */
#ifndef TICKET_SCHEMA_H
#define TICKET_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ticket/doc.h"
#include "ticket/wordlist.h"

struct buf;
struct err;

enum schema_map {
	SCHEMA_config, SCHEMA_users, SCHEMA_person, SCHEMA_target, SCHEMA_hop, SCHEMA_ticket, SCHEMA_seat,
	SCHEMA_excess, SCHEMA_change, SCHEMA_MAPS
};

enum schema_type {
	SCHEMA_TEXT,	/* one line of visible text */
	SCHEMA_NAME,	/* [a-z0-9._-] */
	SCHEMA_LOGIN,	/* [A-Za-z0-9._-] */
	SCHEMA_ID,	/* as ticket_id_ok */
	SCHEMA_HOST,	/* name or address, never a list */
	SCHEMA_INTERFACE,	/* name of a network interface */
	SCHEMA_CHOICE,	/* one of a list, kept as text */
	SCHEMA_LINES,	/* exact text: one value in quotes, or a list of them, one for each line */
	SCHEMA_PATH,	/* absolute, without "..". The last type that is kept as text. */
	SCHEMA_NUMBER,
	SCHEMA_SIZE,	/* number with KiB, MiB, GiB, TiB or nothing */
	SCHEMA_TIME,	/* RFC 3339, UTC */
	SCHEMA_WORD,	/* one of a list */
	SCHEMA_WORDS,	/* several of a list, as bits */
	SCHEMA_TEXTS,	/* a list of texts */
	SCHEMA_LIST,	/* a list of mappings */
	SCHEMA_PART,	/* a mapping into the same struct */
	SCHEMA_TYPES
};

struct schema_row {
	enum schema_map map;
	const char *key;
	enum schema_type type;
	int64_t min, max;
	const char *otherwise;	/* text of the default; SCHEMA_NEEDED; NULL: may be left out */
	enum word_kind words;
	size_t offset, size;	/* where the value stands */
	size_t offset_n;	/* where the number of elements stands */
	enum schema_map of;
	size_t size_of;		/* of one element */
	enum schema_type each;	/* of SCHEMA_TEXTS, and how long one may be */
	int64_t longest;
	const char *help;
};

enum { SCHEMA_WORDS_ROOM = 400 };	/* for the longest list of words or keys in a sentence */

extern const char schema_needed[];
#define SCHEMA_NEEDED schema_needed

/* Fills base (zeroed by the caller) from a mapping and from the defaults; node may be NULL: defaults only. */
int	schema_read(const struct doc *d, enum schema_map map, const struct doc_node *node, void *base, struct err *e);
/* Frees what schema_read put into base, not base itself. */
void	schema_free(enum schema_map map, void *base);
/* Converts one scalar and stores it at base; schema_read without the tree around it. */
int	schema_store(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base,
	    struct err *e);
/* The same for SCHEMA_LINES, whose node may be a list. */
int	schema_store_lines(const struct doc *d, const struct schema_row *row, const struct doc_node *node, void *base,
	    struct err *e);
/* Absolute, and no component that goes up or nowhere. */
bool	schema_path_ok(const char *s);
/* Appends the table of all keys as text, for doc/config.txt. */
void	schema_print(struct buf *out);

#endif
