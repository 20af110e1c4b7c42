/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capability bits of a database driver: said by the floor db, judged by the floor gate. */
#ifndef TWOKEY_BASE_CAP_H
#define TWOKEY_BASE_CAP_H

#include <stdbool.h>

enum cap {
#define CAP(name, text, help) CAP_##name,
#include "twokey/base/cap.def"
#undef CAP
	CAPS
};
/* The bit of a capability in a set (unsigned). */
#define CAP_BIT(cap) (1u << (cap))

/* "read-wall"; static, never NULL for a cap of the table. */
const char *cap_name(enum cap c);
/* What is missing without it. */
const char *cap_help(enum cap c);
/* False, and *c unchanged, when no capability has that name. */
bool	cap_parse(const char *name, enum cap *c);

#endif
