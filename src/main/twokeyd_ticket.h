/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokeyd --read-ticket: what a ticket's text asks for, for programs that read no tickets themselves. */
#ifndef TWOKEY_MAIN_TWOKEYD_TICKET_H
#define TWOKEY_MAIN_TWOKEYD_TICKET_H

struct err;

/* Reads one ticket from standard input to its end and prints one line of JSON: id, digest, target, signed, signed_pin,
 * quorum. ERR_CONFIG with line and key when the text is no ticket, ERR_TOO_LARGE, ERR_SYSTEM. */
int	twokeyd_read_ticket(struct err *e);

#endif
