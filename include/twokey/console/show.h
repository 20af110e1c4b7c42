/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A transcript as plain text. */
#ifndef TWOKEY_CONSOLE_SHOW_H
#define TWOKEY_CONSOLE_SHOW_H

#include <stdio.h>

#include "twokey/transcript/verify.h"

struct err;

enum { SHOW_WIDTH = 100, SHOW_WIDTH_MIN = 40, SHOW_WIDTH_MAX = 1000 };

/* Writes the whole session to out: who, where, every statement with its whole result, and at the end the verdict and
 * the head. *r gets the verdict. 0; ERR_INVALID when the file holds no event at all; ERR_NOT_FOUND, ERR_SYSTEM. */
int	show_file(const char *path, int width, FILE *out, struct transcript_report *r, struct err *e);

#endif
