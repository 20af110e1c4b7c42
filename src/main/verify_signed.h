/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey verify --signers: every signature of a transcript, at the time of its event, without any broker. */
#ifndef TWOKEY_MAIN_VERIFY_SIGNED_H
#define TWOKEY_MAIN_VERIFY_SIGNED_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum { SIGNED_FAILURES_MAX = 20 };

enum signed_seal { SIGNED_SEAL_GOOD, SIGNED_SEAL_UNSIGNED, SIGNED_SEAL_BAD, SIGNED_SEAL_MISSING };

/* Where what the ticket asks for was taken from: its own text; it differs from the event begin, or cannot be read; its text
 * is not in the file, and begin is all there is. */
enum signed_ticket { SIGNED_TICKET_MISSING, SIGNED_TICKET_GOOD, SIGNED_TICKET_BAD };

struct signed_report {
	uint64_t answers;	/* events allowed, kept, turned */
	uint64_t good;		/* signed, and all is as it should be */
	uint64_t plain;		/* not signed, and nothing asked for it */
	uint64_t failed;
	enum signed_seal seal;
	enum signed_ticket ticket;
	struct {
		uint64_t n;	/* the event */
		char why[320];
	} failures[SIGNED_FAILURES_MAX];	/* the first ones, of ticket and seal too */
	unsigned nfailures;
};

/* True when nothing failed, the ticket is not bad, and the seal is signed by "broker". */
bool	signed_all_good(const struct signed_report *r);
const char *signed_seal_name(enum signed_seal s);
const char *signed_ticket_name(enum signed_ticket t);
/* Goes through a transcript that is intact. signers: path of a file of allowed signers. 0 whatever was found; an error when
 * one of the files cannot be read. */
int	signed_check(const char *transcript, const char *signers, struct signed_report *out, struct err *e);

#endif
