/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one function of a fuzz target, as libFuzzer calls it. */
#ifndef TWOKEY_TESTS_FUZZ_FUZZ_H
#define TWOKEY_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Judges n bytes; aborts when a property does not hold. Always 0. */
int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
