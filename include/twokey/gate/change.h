/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A statement and the changes that the accepted ticket names. Pure: the clock is passed in. */
#ifndef TWOKEY_GATE_CHANGE_H
#define TWOKEY_GATE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/gate/request.h"
#include "twokey/gate/verdict.h"
#include "twokey/ticket/ticket.h"

struct buf;
struct err;
struct sql_facts;

enum { GATE_LINES_MAX = 40, GATE_OBJECT_MAX = 200 };

/* Lines as a person reads them: what is wider than a screen of 80 columns counts for more. */
size_t	gate_lines(const char *sql, size_t n);
/* The one table or object that a change is about, as it is typed and as a ticket names it: with its schema when the statement
 * has one, for a.orders and b.orders are not the same. False (and "") when there is not exactly one, or it is too long. */
bool	gate_object(const struct sql_facts *f, char out[GATE_OBJECT_MAX]);
/* What it does to that object, when there are no rows to count: "drop", "truncate", ...; typed before the object. "" for a write
 * of rows. */
void	gate_act(const struct sql_facts *f, char out[GATE_ACT_MAX]);
/* What the ticket says of these bytes; t may be NULL: it names nothing. now_us: wall clock. */
enum gate_named gate_named_in(const struct ticket *t, const struct digest *digest, const char *object, int64_t now_us);
/* The bound of a change that the ticket names: out becomes the ticket's when none was given. ERR_DENIED with a sentence when
 * more is asked for than the ticket names. */
int	gate_change_bound(const struct ticket_change *c, struct gate_bound *out, struct err *e);
/* Appends what the ticket has to hold, so that these bytes may be asked for: with object and backup on the strict path. */
void	gate_change_wanted(struct buf *out, const struct digest *digest, const char *object, bool strict);
/* A statement as the sheet compares it. */
struct gate_text {
	const char *sql;
	size_t n;
	const struct digest *digest;
	const char *object;	/* gate_object of it */
};
/* Appends for the sheet: which change of the ticket these bytes are, with rows and backup; or how they differ from the nearest
 * change of the same object (differ.h's lines); nothing when the ticket names no changes. Returns the number of the change that
 * it is, 0: none. */
size_t	gate_change_tell(struct buf *out, const struct ticket *t, const struct gate_text *s);

#endif
