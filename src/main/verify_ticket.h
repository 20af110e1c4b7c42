/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the ticket of a transcript asks of its answers. */
#ifndef TWOKEY_MAIN_VERIFY_TICKET_H
#define TWOKEY_MAIN_VERIFY_TICKET_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct err;

struct ticket_terms {
	bool asks;		/* signed: yes or hardware */
	bool hardware, pin;
	bool two_keys;		/* quorum: both_sides */
	bool other_host;	/* answer_from: other_host */
	char second[16];	/* second_key; "any" where the ticket's text is not there */
};

/* As the event begin says them, which is the session's word. */
void	ticket_terms_said(const json_t *begin, struct ticket_terms *out);
/* From the ticket's own text, read by twokeyd --read-ticket, which lies beside this program or in PATH. ERR_BROKEN when the
 * text is not the one whose digest begin names, or begin says another thing than the ticket (*out is the ticket's then, if it
 * could be read; else as said). Others: it could not be read. */
int	ticket_terms_read(const json_t *begin, const char *text, size_t n, struct ticket_terms *out, struct err *e);

/* By the people of begin: the driver drives, and the person is another one, a confirmer, and of the side that the ticket
 * wants. NULL when it is so, else what is not. */
const char *ticket_terms_turns(const json_t *begin, const struct ticket_terms *t, const char *driver, const char *person);

#endif
