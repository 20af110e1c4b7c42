/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every keyword that some rule asks for, and how each engine treats it before a "(". */
#ifndef TWOKEY_SQL_KW_H
#define TWOKEY_SQL_KW_H

#include <stddef.h>

enum sql_kw {
	KW_NO,	/* no keyword */
#define KW(name, flags) KW_##name,
#include "sql/kw.def"
#undef KW
	KW_END_
};

/* Never the name of a function in this engine when it is not quoted. */
enum { KWF_P = 1, KWF_M = 2, KWF_L = 4, KWF_ALL = 7,
	KWF_INFIX = 8	/* an operator when an operand stands before it, else perhaps a function */
};

struct kw_row {
	int name;	/* in the pool of gperf */
	enum sql_kw kw;
	unsigned flags;
};

/* The row of a word in any case; NULL when it is no keyword of ours. */
const struct kw_row *kw_find(const char *word, size_t n);

#endif
