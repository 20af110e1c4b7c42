/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors are values: a code, whose fault it is, and one sentence with what to do. */
#ifndef TWOKEY_BASE_ERR_H
#define TWOKEY_BASE_ERR_H

#include <stdarg.h>

/* Functions that can fail return 0 or one of these, which are negative. */
enum err_code {
	ERR_OK = 0,
	ERR_FIRST_UNUSED_ = -1000,	/* codes count up from here */
#define ERR(name, text, fault, help) ERR_##name,
#include "twokey/base/err.def"
#undef ERR
	ERR_LAST_UNUSED_
};

/* Whose fault: what the broker does about an error depends on this only. */
enum err_fault {
	ERR_FAULT_PEER,		/* close or refuse the peer */
	ERR_FAULT_CONFIG,	/* do not start */
	ERR_FAULT_DATABASE,	/* the statement fails */
	ERR_FAULT_SYSTEM,	/* the session stops if its transcript is concerned */
	ERR_FAULT_DENIED,	/* recorded and refused */
	ERR_FAULT_BUG		/* abort */
};

struct err {
	enum err_code code;
	int sys;		/* errno of the failing call, or 0 */
	char text[640];		/* one sentence with the next step */
};

/* Fills *e (may be NULL) and returns code. errno is kept in e->sys. */
int	err_set(struct err *e, enum err_code code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* As err_set with code ERR_SYSTEM and ": strerror(errno)" at the end. */
int	err_sys(struct err *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Puts "fmt: " before the sentence in *e; returns e->code. e may be NULL (returns code). */
int	err_prefix(struct err *e, int code, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* The wire name of a code ("too-large"); "bug" for a number that is none. */
const char *err_name(int code);
/* The code for a wire name, ERR_BUG when there is none. */
int	err_from_name(const char *name);
enum err_fault err_fault_of(int code);
/* What the code means in one clause. */
const char *err_help(int code);

#endif
