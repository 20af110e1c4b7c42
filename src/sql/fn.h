/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the functions of each engine do, from the engines' own catalogues. */
#ifndef TWOKEY_SQL_FN_H
#define TWOKEY_SQL_FN_H

#include <stddef.h>

#include "twokey/sql/class.h"

enum fn_effect {
	FN_HARMLESS,
	FN_VOLATILE,	/* harmless, another answer each time */
	FN_SESSION,	/* changes the connection only */
	FN_WRITE,
	FN_CALL,	/* runs SQL or code that its arguments name */
	FN_FILE,
	FN_ADMIN,	/* steers the server, other sessions, or holds the connection */
	FN_SETTING,	/* set_config: judged by the setting */
	FN_REWRITE,	/* ts_rewrite: its form with two arguments runs SQL */
	FN_LASTID,	/* LAST_INSERT_ID: with an argument it changes the connection */
	FN_UNKNOWN,
	FN_EFFECTS
};

struct fn_row {
	int name;	/* in the pool of gperf */
	enum fn_effect effect;
};

/* The effect of a built-in function; name is in lower case. */
enum fn_effect fn_effect(enum sql_engine engine, const char *name, size_t n);

/* made by gperf */
const struct fn_row *fn_find_postgres(const char *name, size_t n);
const struct fn_row *fn_find_sqlite(const char *name, size_t n);
const struct fn_row *fn_find_mariadb(const char *name, size_t n);
const struct fn_row *fn_find_mysql(const char *name, size_t n);

#endif
