/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verbs of all engines: one row each. */
#ifndef TWOKEY_SQL_VERB_H
#define TWOKEY_SQL_VERB_H

#include "sql/ctx.h"

enum { ON_P = 1, ON_L = 2, ON_MARIA = 4, ON_MY = 8, ON_M = 12, ON_ALL = 15 };

struct verb {
	enum sql_kw kw;
	unsigned engines;		/* ON_* */
	enum sql_class class;
	void (*handle)(struct ctx *c);	/* after class and verb are set; NULL: nothing more is read */
	const char *reason;
	uint64_t dangers;
	bool stays;			/* cannot be rolled back */
};

/* The row of the word for the engine; NULL when there is none. */
const struct verb *verb_find(enum sql_kw kw, enum sql_engine engine);
unsigned engine_bit(enum sql_engine engine);
/* Appends a word to the verb of the statement, in upper case. */
void	verb_add(struct ctx *c, const struct sql_token *t);
void	verb_set(struct ctx *c, const char *words);
/* Reads one statement behind a prefix (PREPARE x AS ...). */
void	verb_inner(struct ctx *c);

/* stmt_object.c: CREATE, ALTER, DROP and what names an object */
void	stmt_create(struct ctx *c);
void	stmt_alter(struct ctx *c);
void	stmt_drop(struct ctx *c);
void	stmt_truncate(struct ctx *c);
void	stmt_lock(struct ctx *c);
void	stmt_tables(struct ctx *c);
void	stmt_grant(struct ctx *c);
/* Walks the query behind AS. */
void	stmt_as_query(struct ctx *c);

/* stmt_mysql.c: of MariaDB and MySQL, each from behind its first word */
void	stmt_explain_mysql(struct ctx *c);
void	stmt_analyze_mysql(struct ctx *c);
void	stmt_show_mysql(struct ctx *c);
void	stmt_handler(struct ctx *c);
void	stmt_do(struct ctx *c);
void	stmt_set_mysql(struct ctx *c);
void	stmt_begin_mysql(struct ctx *c);
void	stmt_start_mysql(struct ctx *c);
void	stmt_xa(struct ctx *c);
void	stmt_load(struct ctx *c);
void	stmt_rename(struct ctx *c);
void	stmt_create_mysql(struct ctx *c);
void	stmt_alter_mysql(struct ctx *c);
void	stmt_drop_mysql(struct ctx *c);
/* stmt_object.c: the names behind the cursor: a, b.c, ... are written */
void	stmt_take_tables(struct ctx *c);
void	stmt_take_objects(struct ctx *c);
void	stmt_alter_drops(struct ctx *c);
/* IF [NOT] EXISTS, CONCURRENTLY, ONLY */
void	stmt_skip_exists(struct ctx *c);

/* stmt_postgres.c: of PostgreSQL, and what other engines share with it, each from behind its first word */
void	stmt_query(struct ctx *c);
void	stmt_explain(struct ctx *c);
void	stmt_copy(struct ctx *c);
void	stmt_deallocate(struct ctx *c);
void	stmt_prepare(struct ctx *c);
void	stmt_declare(struct ctx *c);
void	stmt_expr(struct ctx *c);
void	stmt_tcl(struct ctx *c);
void	stmt_reset(struct ctx *c);
void	stmt_show(struct ctx *c);
void	stmt_fetch(struct ctx *c);
void	stmt_vacuum(struct ctx *c);

#endif
