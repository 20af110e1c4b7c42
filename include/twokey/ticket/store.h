/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The broker's store of tickets: a folder, ID.yaml beside ID.state.json. Written whole or not at all. */
#ifndef TWOKEY_TICKET_STORE_H
#define TWOKEY_TICKET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/ticket/ticket.h"

struct buf;
struct config;
struct err;

/* Who brought the ticket and who accepted it. Empty strings: not yet. */
struct ticket_state {
	char made_by[64];
	int64_t made_us;
	char accepted_by[64];
	int64_t accepted_us;
	struct digest accepted;		/* the digest that was accepted */
};

/* Checks the ticket against the configuration and stores it. ERR_EXISTS: an id is never used twice. */
int	ticket_store_new(const char *folder, const char *yaml, size_t n, const char *by,
	    int64_t now_us, const struct config *c, struct ticket **out, struct err *e);
/* Law 10: by must be no driver of the ticket, and its approver; digest must be the stored ticket's;
 * it must not have expired. ERR_DENIED, ERR_NOT_FOUND, ERR_STATE (accepted already). */
int	ticket_store_accept(const char *folder, const char *id, const char *by,
	    const struct digest *digest, int64_t now_us, struct err *e);
/* Loads a ticket with its text and state; text may be NULL. ERR_NOT_FOUND with a sentence; the digest of
 * what is read is compared with what was accepted: a changed file is ERR_BROKEN. */
int	ticket_store_load(const char *folder, const char *id, struct ticket **t,
	    struct ticket_state *state, struct buf *text, struct err *e);
/* Calls each with the id of every ticket in the folder until it returns false. */
void	ticket_store_list(const char *folder, bool (*each)(void *ctx, const char *id), void *ctx);
/* True when the ticket has force: accepted by another than every driver, and that digest. */
bool	ticket_in_force(const struct ticket *t, const struct ticket_state *state);

#endif
