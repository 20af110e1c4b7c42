/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two people must not be one login of this host (law 3): what the kernel's audit numbers say of who sits where. */
#ifndef TWOKEY_BROKER_SEATS_H
#define TWOKEY_BROKER_SEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "twokey/gate/request.h"
#include "twokey/ticket/words.h"

/* A login that had a seat in this session; it is remembered when the seat is left. */
struct seat_login {
	char person[GATE_NAME_MAX];
	enum ticket_seat seat;
	int64_t loginuid, audit;	/* -1: not set by the kernel */
	struct seat_login *next;
};

/* Why that login may not take that seat besides those that had one; NULL when it may. Driver and confirmer are two
 * logins; where the ticket asks for two keys, its confirmers are too. Watchers turn nothing. */
const char *seats_refusal(const struct seat_login *had, const struct seat_login *now, bool two_keys);
/* Why a console turns no key where the ticket says from where an answer comes; NULL when it may. */
const char *seats_host_refusal(enum ticket_from asked, bool remote);
/* Remembers it, once. */
void	seats_note(struct seat_login **had, const struct seat_login *now);
void	seats_free(struct seat_login **had);

#endif
