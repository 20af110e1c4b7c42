/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of tests/golden/ticket and small changes of them. */
#ifndef TESTS_TICKET_FILES_H
#define TESTS_TICKET_FILES_H

#include <stddef.h>

struct config;
struct ticket;

/* tests/golden/ticket/NAME, NUL-terminated; the caller frees it. */
char	*golden_text(const char *name);
/* text with its one line old replaced by the text lines (with their line ends); old NULL: appended.
 * Aborts when there is no such line. The caller frees it. */
char	*golden_change(const char *text, const char *old, const char *lines);
/* The good configuration and the good ticket. */
struct config *golden_config(void);
struct ticket *golden_ticket(void);

#endif
