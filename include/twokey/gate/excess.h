/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an account may do beyond the ticket's level: shown, or refused unless the ticket accepts it by name. Pure. */
#ifndef TWOKEY_GATE_EXCESS_H
#define TWOKEY_GATE_EXCESS_H

#include "twokey/base/excess.h"
#include "twokey/ticket/words.h"

struct buf;

enum gate_excess { GATE_EXCESS_FINE, GATE_EXCESS_SHOWN, GATE_EXCESS_REFUSED };

/* The row of the table (src/gate/excess.def); out of range, or without a row: refused (law 2). What the ticket
 * accepts is the caller's to look up. */
enum gate_excess gate_excess(enum ticket_access access, enum ticket_stage stage, enum excess kind);
/* Appends the whole table as text, for the manual. */
void	gate_excess_print(struct buf *out);

#endif
