/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the drivers share. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "twokey/db/driver.h"

extern const struct db_driver pg_driver;
extern const struct db_driver sqlite_driver;
extern const struct db_driver mariadb_driver;
extern const struct db_driver mysql_driver;

enum { DB_SAMPLE_ROWS = 10, DB_NOTICES_MAX = 16 * 1024 };

/* Appends a sentence on a line of its own. */
void	db_note(struct buf *note, const char *s);
/* That rows cannot be counted, or not be shown, and why. */
void	db_note_no_count(struct db_sheet *s, const struct err *why);
void	db_note_no_sample(struct db_sheet *s, const struct err *why);
/* An INSERT: its rows have no keys before it runs. */
bool	db_adds_rows(const struct sql_facts *f);
/* The same of the object of a change of definitions: what it is ("table orders", NULL: there is none of that name) and the
 * SHA-256 of its definition. */
void	db_note_object(struct db_sheet *s, const char *what, const struct digest *definition);
/* Stars out the target's password, should a library or server ever quote it. */
void	db_hide(char *words, const struct db_target *t);
/* Fills end, code and text. */
void	db_end_with(struct db_result *r, enum db_end end, const char *code, const char *text);
/* Keeps what the server said beside a result; what is too much is dropped, and that is said. */
void	db_notice(struct db_result *r, const char *s, size_t n);
/* True when affected keeps the bound that was allowed. */
bool	db_within(const struct db_part *p, uint64_t affected);

/* How long a transaction that waits is let live by the server: what may be held, and some more, so that it is always
 * twokey that gives it up first. Milliseconds. */
unsigned db_idle_ms(const struct db_target *t);

/* True when it stands in the text by itself, in any case, in a literal or comment too. */
bool	db_has_whole_word(const struct db_statement *s, const char *word);
/* db_sheet's inexact. plain: what it writes is a table, with no rule in between. */
bool	db_is_inexact(enum sql_engine engine, const struct db_statement *s, const struct sql_facts *f, bool plain);

/* What a write matches, as digests say it. */
struct db_match {
	bool known;
	uint64_t count;
	struct digest keys;
};

/* Where rows are counted against the limits before they are handed on. */
struct db_count {
	const struct db_limits *max;
	uint64_t rows;
	uint64_t bytes;
};
/* True when one more row may be handed on; n is what it weighs. A limit of 0 is none. */
bool	db_count_row(struct db_count *c, uint64_t n);

#endif
