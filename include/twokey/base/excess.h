/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rights of an account beyond a ticket's level: found by the floor db, judged by the floor gate. */
#ifndef TWOKEY_BASE_EXCESS_H
#define TWOKEY_BASE_EXCESS_H

#include <stdbool.h>

enum excess {
#define EXCESS(name, text, help) EXCESS_##name,
#include "twokey/base/excess.def"
#undef EXCESS
	EXCESSES
};

/* "superuser", as accounts.txt and accept_excess name it; static. */
const char *excess_name(enum excess x);
/* One sentence: what it is. */
const char *excess_help(enum excess x);
/* False, and *x unchanged, when no kind has that name. */
bool	excess_parse(const char *name, enum excess *x);

#endif
