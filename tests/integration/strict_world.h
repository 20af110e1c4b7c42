/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions of tickets that name changes. */
#ifndef TESTS_INTEGRATION_STRICT_WORLD_H
#define TESTS_INTEGRATION_STRICT_WORLD_H

#include <stdint.h>

#include "lib/broker.h"
#include "twokey/base/clock.h"

/* Driver and confirmer in a session of the ticket with these lines ("\\n" as in a JSON string). */
void	strict_open(const struct test_broker *b, const char *id, const char *lines, struct test_console **ben,
	    struct test_console **anna);
void	strict_close(const struct test_broker *b, struct test_console *ben, struct test_console *anna);
/* "changes:" with one change by digest, object and a backup so many minutes old (-1: none), as such lines. */
const char *strict_change(const char *sql, const char *object, int minutes);
/* Sends it: it must be refused with that code in the event, and these words in the sentence. The sentence is borrowed. */
const char *strict_refused(struct test_console *ben, const char *sql, const char *code, const char *words);
/* Sends it: it comes as far as its request; the number. */
int64_t	strict_asked(struct test_console *ben, const char *sql, const char *rows);
/* Asks, waits for the sheet, allows with what is typed: the request's number. */
int64_t	strict_allowed(struct test_console *ben, struct test_console *anna, const char *sql, const char *typed);

#endif
