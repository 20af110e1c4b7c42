/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One lexer over dialect tables. Every byte belongs to exactly one token; it never fails. */
#ifndef TWOKEY_SQL_LEX_H
#define TWOKEY_SQL_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/kw.h"
#include "twokey/sql/facts.h"

enum sql_tok {
	TOK_END,	/* of the text; len 0 */
	TOK_SPACE, TOK_COMMENT,
	TOK_EXEC,	/* a mark of an executed comment: what lies between is SQL */
	TOK_WORD,	/* unquoted name or keyword */
	TOK_NAME,	/* quoted name */
	TOK_STRING, TOK_NUMBER,
	TOK_PARAM,	/* $1 ? :a */
	TOK_VAR,	/* MariaDB, MySQL: @a @@b */
	TOK_OP, TOK_OPEN, TOK_CLOSE, TOK_LBRACKET, TOK_RBRACKET, TOK_COMMA, TOK_DOT,
	TOK_SEMI,	/* inside a statement */
	TOK_STOP,	/* the delimiter that ends a statement (told by the cursor, never by the lexer) */
	TOK_BAD		/* what the engine would not read as SQL */
};

enum {
	TOKF_OPEN = 1,		/* not closed at the end of the text */
	TOKF_UNICODE = 2,	/* U&"..." or U&'...' */
	TOKF_DOLLAR = 4,	/* $a$...$a$ */
	TOKF_DOUBLE = 8,	/* delimited by double quotes */
	TOKF_HINT = 16,		/* an optimizer hint that sets a variable */
	TOKF_HIGH = 32,		/* holds bytes over 0x7f */
	TOKF_SKIPPED = 64	/* an executable comment that this version does not execute */
};

struct sql_token {
	enum sql_tok tok;
	enum sql_kw kw;		/* of a TOK_WORD */
	unsigned flags;		/* TOKF_* */
	unsigned kwf;		/* KWF_* of a keyword */
	size_t off;
	size_t len;
};

enum { COMMENT_NESTED = 1, COMMENT_HASH = 2, COMMENT_DASH_BLANK = 4, COMMENT_EXEC = 8,
	COMMENT_CR_ENDS = 16, COMMENT_OPEN_OK = 32 };

/* How an engine's lexer differs: one row per engine. */
struct sql_dialect {
	enum sql_engine engine;
	unsigned comments;		/* COMMENT_* */
	bool dollar_quotes;
	bool string_prefixes;		/* E U& B X N as PostgreSQL reads them */
	bool continued_strings;		/* 'a' newline 'b' is one string */
	bool backslash;			/* in every string */
	bool double_is_string;
	bool backtick_names;
	bool bracket_names;
	bool at_vars;
	bool words_begin_with_digits;
	bool munch_operators;		/* the longest run of operator letters is one operator */
	unsigned kwf;			/* KWF_* that tells "never a function here" */
};

struct sql_lexer {
	const struct sql_dialect *dialect;
	const struct sql_settings *set;
	const char *text;
	size_t n;
	size_t pos;
	unsigned exec;			/* inside an executed comment */
};

/* The rules of an engine under these settings. */
void	lex_init(struct sql_lexer *lx, const struct sql_settings *set, const char *text, size_t n);
const struct sql_dialect *lex_dialect(enum sql_engine engine);
/* The next token, blanks and comments too. After the end: TOK_END again and again. */
void	lex_next(struct sql_lexer *lx, struct sql_token *t);

/* Letters of an unquoted name of any engine. */
bool	lex_is_word_byte(unsigned char c);

/* private parts of the lexer */
void	lex_string(struct sql_lexer *lx, struct sql_token *t, bool backslash);
void	lex_quoted(struct sql_lexer *lx, struct sql_token *t, char close);
bool	lex_dollar(struct sql_lexer *lx, struct sql_token *t);
void	lex_comment(struct sql_lexer *lx, struct sql_token *t);
bool	lex_is_comment(const struct sql_lexer *lx);
void	lex_line(struct sql_lexer *lx, struct sql_token *t);
void	lex_number(struct sql_lexer *lx, struct sql_token *t);
void	lex_operator(struct sql_lexer *lx, struct sql_token *t);

#endif
