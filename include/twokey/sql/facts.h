/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a statement can do: bytes in, facts out. Pure: no I/O, no allocation, no global state. */
#ifndef TWOKEY_SQL_FACTS_H
#define TWOKEY_SQL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/sql/class.h"

struct sql_catalogue;

/* How the server reads the text. Zero-initialised: the engine's defaults. */
struct sql_settings {
	enum sql_engine engine;
	unsigned version;		/* 150020, 101119, 80400, 34001; 0: newest known */
	bool scs_off;			/* PostgreSQL standard_conforming_strings = off */
	bool ansi_quotes;		/* MariaDB, MySQL sql_mode */
	bool no_backslash_escapes;	/* MariaDB, MySQL sql_mode */
	bool ignore_space;		/* MariaDB, MySQL sql_mode */
	bool half_letters;		/* MariaDB, MySQL: the client's character set is gbk, big5, sjis, cp932 or
					 * gb18030, where a backslash may be the second half of a letter */
	/* twokey/sql/catalogue.h; NULL: functions that the tables do not know stay unknown. Borrowed.
	 * No driver of the floor db passes one so far. */
	const struct sql_catalogue *catalogue;
};

/* A folded name in the facts' own storage; not NUL-terminated. n == 0: not given. */
struct sql_str {
	const char *p;
	size_t n;
};

/* Bytes off..off+len of the classified text. */
struct sql_span {
	size_t off;
	size_t len;
};

enum sql_use { SQL_USE_READ = 1, SQL_USE_WRITE = 2 };

struct sql_table {
	struct sql_str schema;	/* n == 0: by the search path */
	struct sql_str name;	/* folded as the engine folds, quotes removed */
	unsigned use;		/* SQL_USE_* */
};

struct sql_function {
	struct sql_str schema;
	struct sql_str name;
};

/* How a write says which rows it means. */
enum sql_where { SQL_WHERE_NONE_NEEDED, SQL_WHERE_ABSENT, SQL_WHERE_TRUE, SQL_WHERE_GIVEN };

enum {
	SQL_TABLES_MAX = 64, SQL_FUNCTIONS_MAX = 128, SQL_COLUMNS_MAX = 128,
	SQL_OPERATORS_MAX = 64, SQL_SECRETS_MAX = 32, SQL_NAMES_MAX = 16384
};

/* About 40 KiB: allocate it once, classify into it again and again. A list that did not fit sets
 * SQL_DANGER_LIST_CUT. Every pointer points into names[]: do not copy the struct. */
struct sql_facts {
	enum sql_class class;
	uint64_t dangers;		/* SQL_DANGER_BIT set */
	char verb[32];			/* "UPDATE", "CREATE TABLE", upper case; "" when there is none */
	char why[256];			/* one plain sentence: why it has its class */
	size_t statements;		/* statements in the text, empty ones not counted */
	enum sql_where where;
	bool has_limit;
	bool returns_rows;		/* a result set is to be expected */
	bool can_roll_back;		/* inside a transaction of this engine */
	struct sql_table tables[SQL_TABLES_MAX];
	size_t ntables;
	struct sql_table object;	/* an index or trigger that DDL names beside or instead of a table; use is 0 */
	size_t nobjects;		/* how many of them it names; object is the first */
	struct sql_str columns[SQL_COLUMNS_MAX];	/* columns set */
	size_t ncolumns;
	struct sql_function functions[SQL_FUNCTIONS_MAX];	/* called, each once */
	size_t nfunctions;
	struct sql_str operators[SQL_OPERATORS_MAX];	/* used, each once, as written ("=", "||") */
	size_t noperators;
	bool has_cast;			/* a cast stands in the text */
	bool from_function;		/* a function is called in FROM: its alias may be a single value */
	struct sql_span secrets[SQL_SECRETS_MAX];	/* to be blanked before the text is kept */
	size_t nsecrets;
	char names[SQL_NAMES_MAX];
	size_t names_len;
};

/* Classifies a whole text. Never fails: what cannot be read is SQL_CLASS_UNKNOWN. A text with
 * several statements gets the worst class of its parts, all their tables, and SQL_DANGER_MULTI.
 * f->verb is that of the statement that decided the class. */
void	sql_classify(struct sql_facts *f, const struct sql_settings *set, const char *sql, size_t n);

/* The one table the statement writes, or NULL when it writes none or several. */
const struct sql_table *sql_written_table(const struct sql_facts *f);

/* True when it changes definitions, or a whole table at once, so that there are no rows to count: DDL and TRUNCATE. */
bool	sql_is_definition(const struct sql_facts *f);
/* The one object that such a statement is about: the table, view or sequence, else the index; NULL when there is none, or are
 * several. An index or trigger that stands ON a table is about that table. */
const struct sql_table *sql_definition_object(const struct sql_facts *f);

#endif
