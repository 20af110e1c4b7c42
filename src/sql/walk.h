/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walker over queries and expressions: a stack of parentheses, no recursion. */
#ifndef TWOKEY_SQL_WALK_H
#define TWOKEY_SQL_WALK_H

#include "sql/ctx.h"

enum frame_kind {
	FRAME_QUERY,	/* a query or an expression */
	FRAME_ARGS,	/* arguments of a function */
	FRAME_PHRASE,	/* arguments with words between them: XMLTABLE, JSON_TABLE, ... */
	FRAME_NAMES,	/* a list of names, types and the like */
	FRAME_COLUMNS,	/* the list of columns that are set */
	FRAME_FROM,	/* tables */
	FRAME_CTE
};

enum clause {
	AT_START, AT_EXPR,
	AT_FROM, AT_FROM_AFTER, AT_ON,		/* a table must come; it has come; its condition */
	AT_TARGET, AT_TARGET_AFTER,		/* the table that is written */
	AT_SET, AT_SET_VALUE,
	AT_WITH, AT_WITH_AFTER, AT_WITH_TAIL
};

enum dml { DML_NONE, DML_SELECT, DML_INSERT, DML_UPDATE, DML_DELETE, DML_MERGE };

struct frame {
	unsigned char kind;
	unsigned char clause;
	unsigned char dml;
	bool recursive;
	bool has_where;
	bool in_where;
	bool multi;		/* MariaDB, MySQL: DELETE t FROM ... */
	bool distinct;		/* DISTINCT ON ( */
	bool rewrite;		/* arguments of ts_rewrite */
	bool side;		/* a parenthesis that is a whole side of OR in a WHERE */
	bool is_true;		/* and a side of OR inside it is always true */
	unsigned char commas;
	uint16_t ctes;
};

struct walker {
	struct ctx *c;
	unsigned depth;
	struct frame *top;
	struct frame frames[CTX_FRAMES];
};

/* walk_word.c: a word in the clause where it stands; the cursor is behind it after. */
void	walk_word(struct walker *w);
/* A word in an expression. */
void	walk_expr_word(struct walker *w);
/* walk_op.c: an operator, which users may have made on PostgreSQL */
void	walk_operator(struct walker *w);
/* A keyword that is an operator of PostgreSQL: LIKE is ~~. */
void	walk_keyword_operator(struct walker *w, enum sql_kw kw);
/* walk_from.c: what stands behind FROM, JOIN and a comma between tables */
void	walk_from(struct walker *w);
/* A table that is read; SQLite: some act when they are read. */
void	walk_read_table(struct ctx *c, const struct name *nm);
void	walk_from_after(struct walker *w);
void	walk_target(struct walker *w);
/* walk_update.c: MariaDB and MySQL, UPDATE of several tables */
void	walk_update_begin(struct walker *w);
bool	walk_update_lists(const struct walker *w);
void	walk_update_table(struct walker *w, const struct name *nm);
void	walk_update_column(struct walker *w, const struct name *nm);
void	walk_update_end(struct ctx *c);
void	walk_with(struct walker *w);
void	walk_into(struct walker *w);
bool	walk_lock(struct walker *w);
/* walk.c: a frame more on the stack: a parenthesis, a CASE, a query inside */
void	walk_push(struct walker *w, enum frame_kind kind, enum clause clause);
/* A name, perhaps a function that is called. */
void	walk_name(struct walker *w);
/* Is the condition that begins here always true? Parentheses before it are not looked into. */
bool	walk_true(struct ctx *c);
/* In a WHERE: a side of OR begins here, behind the word WHERE, OR or a parenthesis. */
void	walk_side(struct walker *w);
/* The parenthesis that ends here may be such a side as a whole. */
void	walk_side_end(struct walker *w, const struct frame *fr);
/* Begins INSERT, UPDATE, DELETE, MERGE in the top frame. */
void	walk_dml(struct walker *w, enum dml dml);

#endif
