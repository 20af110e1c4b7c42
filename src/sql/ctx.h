/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One classification at work: the cursor over significant tokens, and what is found out so far. */
#ifndef TWOKEY_SQL_CTX_H
#define TWOKEY_SQL_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/fn.h"
#include "sql/lex.h"
#include "twokey/sql/facts.h"

enum { CTX_AHEAD = 8, CTX_FRAMES = 250, CTX_CTES = 64, CTX_TARGETS = 64, CTX_PARTS = 4 };

/* Tells which semicolon ends a statement. */
struct ender {
	enum sql_engine engine;
	bool fresh;		/* nothing of the statement was seen */
	bool watch;		/* it may have a body with semicolons in it */
	bool body;
	bool statement;		/* MariaDB: a statement of a body may begin here */
	unsigned words;
	unsigned paren;
	unsigned depth;		/* BEGIN, CASE and the like that wait for END */
	char first[4];		/* as psql remembers the first words */
	enum sql_kw last;
	enum sql_tok last_tok;
	bool stop_paren;	/* a semicolon in parentheses ends nothing */
};

/* Before the first token of a statement. */
void	ender_init(struct ender *e, enum sql_engine engine);
/* Feeds a significant token; true when it ends the statement. */
bool	ender_feed(struct ender *e, const struct sql_token *t);

/* A name as it stands in the text, up to four parts: a.b.c.d; part[nparts - 1] is the last. */
struct name {
	struct sql_token part[CTX_PARTS];
	unsigned nparts;
	bool wildcard;		/* ends with .* */
	bool too_long;
	size_t end;
};

/* MariaDB, MySQL: a table of an UPDATE; which of them is written, SET tells. */
struct target {
	struct sql_str alias;
	int table;
	bool written;
};

struct cte {
	struct sql_str name;
	uint16_t frame;		/* 1: its own body is being read, it is not visible */
};

struct ctx {
	struct sql_facts *f;
	const struct sql_settings *set;
	const struct sql_dialect *d;
	const char *text;
	size_t n;
	struct sql_lexer lx;
	struct ender ender;
	struct sql_token ring[CTX_AHEAD];
	unsigned head;			/* index of the current token */
	unsigned filled;
	struct sql_token prev, prev2;	/* the two before the current one */
	/* of the statement at work */
	enum sql_class class;
	uint64_t dangers;
	const char *reason;		/* why it has its class */
	struct sql_str reason_name;	/* what the reason speaks of */
	char verb[sizeof(((struct sql_facts *)0)->verb)];
	bool quiet;			/* EXPLAIN: functions with a known effect do not run */
	bool dormant;			/* CREATE VIEW: nothing in it runs now */
	bool may_commit;		/* can be rolled back */
	bool where_wanted;
	enum sql_where where;
	bool in_copy;			/* a query in parentheses is followed by TO */
	unsigned opened;		/* parentheses opened before the walk began */
	size_t start;			/* offset of the statement's first token */
	uint64_t op_seen;		/* one-letter operators noted, as bits of 64 buckets */
	/* where names stand: a stack for subqueries */
	struct cte ctes[CTX_CTES];
	unsigned nctes;
	struct target targets[CTX_TARGETS];
	unsigned ntargets;
	bool in_targets;		/* the tables of an UPDATE are being read */
};

/* cursor.c: at the first token of a text; f and sql are borrowed */
void	ctx_begin(struct ctx *c, struct sql_facts *f, const struct sql_settings *set, const char *sql,
	    size_t n);
/* Small and hot: these few are inline. */
static inline const struct sql_token *
cur(const struct ctx *c)
{
	return &c->ring[c->head];
}

static inline bool
is_kw(const struct sql_token *t, enum sql_kw kw)
{
	return t->kw == kw && t->tok == TOK_WORD;
}

/* At the end of the statement. */
static inline bool
at_end(const struct ctx *c)
{
	return cur(c)->tok == TOK_STOP || cur(c)->tok == TOK_END;
}

/* The k-th token after the current one, k < CTX_AHEAD - 1. */
const struct sql_token *ctx_ahead(struct ctx *c, unsigned k);
void	ctx_step(struct ctx *c);
bool	ctx_is_op(const struct ctx *c, const struct sql_token *t, const char *op);
/* Steps over the keyword when it stands here. */
bool	ctx_skip_kw(struct ctx *c, enum sql_kw kw);
/* Over everything up to the end of the statement. */
void	ctx_skip_rest(struct ctx *c);
/* A quoted or unquoted name (SQLite: a string too). */
bool	ctx_is_name(const struct ctx *c, const struct sql_token *t);
/* Reads a.b.c; the cursor is behind it after. False when no name stands here. */
bool	ctx_take_name(struct ctx *c, struct name *nm);
/* The text of a token. */
const char *ctx_text(const struct ctx *c, const struct sql_token *t);
bool	ctx_tok_is(const struct ctx *c, const struct sql_token *t, const char *lower);

/* note.c: what is noted in the facts */
void	ctx_raise(struct ctx *c, enum sql_class class, const char *reason);
void	ctx_raise_name(struct ctx *c, enum sql_class class, const char *reason, struct sql_str name);
void	ctx_danger(struct ctx *c, enum sql_danger d);
void	ctx_note_where(struct ctx *c, enum sql_where w);
/* Folds a token that is a name into the facts' storage. */
struct sql_str ctx_fold_name(struct ctx *c, const struct sql_token *t, bool function);
/* Folds into out (size n), returns the length; longer ones are cut. */
size_t	ctx_fold_into(const struct ctx *c, const struct sql_token *t, char *out, size_t n, bool function);
/* The index of the table, or -1. */
int	ctx_note_table(struct ctx *c, const struct name *nm, unsigned use);
/* An index or trigger that DDL names. */
void	ctx_note_object(struct ctx *c, const struct name *nm);
void	ctx_note_column(struct ctx *c, const struct sql_token *t);
void	ctx_note_operator(struct ctx *c, const char *p, size_t n);
void	ctx_note_secret(struct ctx *c, const struct sql_token *t);
bool	ctx_str_same(struct sql_str a, struct sql_str b);

/* call.c: functions */
/* The cursor is at the "("; returns what the function does. */
enum fn_effect ctx_note_call(struct ctx *c, const struct name *nm);
/* PostgreSQL calls a function of one argument in value.name too: the parts of nm from first on may be such names.
 * Those of users are the driver's to look up. */
void	ctx_note_fields(struct ctx *c, const struct name *nm, unsigned first);
/* catalogue.c: the server's catalogue says that the function only reads; schema.n == 0: not given */
bool	ctx_is_catalogued(const struct ctx *c, struct sql_str schema, struct sql_str name);

/* query.c: the walker over everything that may hold queries and expressions */
enum walk_start { WALK_QUERY, WALK_EXPR, WALK_FROM };
/* Walks to the end of the statement, or to the ")" that closes what was open when it began. */
void	ctx_walk(struct ctx *c, enum walk_start start);

/* verb.c: the whole statement by its first word (the table of verbs); an unknown one is of class unknown */
void	ctx_statement(struct ctx *c);

/* setting.c: the class of setting that name; SET and PRAGMA, from behind the word */
enum sql_class setting_class(enum sql_engine engine, const char *name, size_t n);
void	stmt_set(struct ctx *c);
void	stmt_pragma(struct ctx *c);
/* secret.c: notes what looks like a password or key in the bytes from, to */
void	ctx_find_secrets(struct ctx *c, size_t from, size_t to);
/* SQLite: what stands behind PRAGMA key, ATTACH ... KEY and their kin opens an encrypted file. */
void	ctx_find_keys(struct ctx *c, size_t n);
/* chars.c: dangers of the characters; *secret: a word announces a secret, look closer */
uint64_t chars_dangers(const char *p, size_t n, bool *secret);

#endif
