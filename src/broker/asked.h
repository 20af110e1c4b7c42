/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A role asks a person for a secret: what the role that asks does, whichever it is. */
#ifndef TWOKEY_BROKER_ASKED_H
#define TWOKEY_BROKER_ASKED_H

#include <jansson.h>

#include "twokey/base/sealed.h"

struct err;
struct secret;

struct asked {
	struct sealed_pair *pair;	/* gone once the answer is opened */
	char box[SEALED_PUBLIC + 1];	/* for the event that asks */
};

/* Makes the pair of keys; asked_open ends it. */
void	asked_begin(struct asked *a);
/* Opens what the person gave ({"secret","of"}, taken; NULL: the session ended before). ERR_CANCELLED: nothing was
 * given; errors as sealed_open. */
int	asked_open(struct asked *a, const char *session, json_t *answer, const char *what, struct secret **out,
	    struct err *e);

#endif
