/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request that waits and can be allowed: ben asked, anna has read it. */
#ifndef TESTS_GATE_READY_H
#define TESTS_GATE_READY_H

#include <stdint.h>

#include "twokey/gate/request.h"

enum { T0 = 1000000, SECONDS = 300 };
#define EQ(n) { true, GATE_OP_EQUAL, n }
#define LE(n) { true, GATE_OP_AT_MOST, n }

struct digest digest_of_word(const char *word);
/* A request of ben that anna can allow with "orders 3" from T0 + 1000 + 2000 on. */
struct gate_request ready(void);
/* Tries the key with the right digests; a refusal must change nothing and say why. */
int	allow_at(struct gate_request *r, const char *by, const char *typed, int64_t now_ms);

#endif
