/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where this program and the broker's are. */
#ifndef TWOKEY_MAIN_PROGRAMS_H
#define TWOKEY_MAIN_PROGRAMS_H

struct err;

/* The path of this program, and twokeyd as it lies beside it (or its bare name, for PATH); the caller frees both. */
int	programs_find(char **twokey, char **twokeyd, struct err *e);

#endif
