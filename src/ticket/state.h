/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ID.state.json: one JSON object, read strictly. */
#ifndef TICKET_STATE_H
#define TICKET_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "twokey/ticket/store.h"

enum { STATE_TEXT_MAX = 4096 };

struct state_file {
	struct ticket_state s;
	struct digest digest;	/* of the text when it was brought in */
};

/* True for a name that a person can have. */
bool	state_name_ok(const char *name);
void	state_write(const struct state_file *s, struct buf *out);
/* ERR_BROKEN when it is not exactly what state_write writes for the ticket id. */
int	state_read(struct state_file *s, const char *json, size_t n, const char *id, struct err *e);

#endif
