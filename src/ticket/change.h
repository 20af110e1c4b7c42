/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The changes of a ticket: what its own text must say of them. */
#ifndef TICKET_CHANGE_H
#define TICKET_CHANGE_H

struct doc;
struct err;
struct ticket;

/* Checks every change and fills its digest and bound. ERR_CONFIG with "name:line: key: what". */
int	ticket_check_changes(const struct doc *d, struct ticket *t, struct err *e);

#endif
