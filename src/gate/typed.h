/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is typed to turn the second key. */
#ifndef GATE_TYPED_H
#define GATE_TYPED_H

#include <stdbool.h>

struct gate_request;

/* True when typed is the table and bound of r, with blanks around and between as one likes and nothing else. */
bool	typed_matches(const struct gate_request *r, const char *typed);

#endif
