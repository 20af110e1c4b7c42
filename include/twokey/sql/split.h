/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where one statement of a script ends and the next begins, as the engine's own client sees it. */
#ifndef TWOKEY_SQL_SPLIT_H
#define TWOKEY_SQL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "twokey/sql/facts.h"

/* Why a text is not complete yet; the character that a prompt shows. */
enum sql_open {
	SQL_OPEN_NOT = 0,	/* complete: it ends with its delimiter */
	SQL_OPEN_MORE = '-',	/* no delimiter yet */
	SQL_OPEN_PAREN = '(',
	SQL_OPEN_QUOTE = '\'',
	SQL_OPEN_NAME = '"',
	SQL_OPEN_DOLLAR = '$',
	SQL_OPEN_COMMENT = '*'
};

struct sql_piece {
	struct sql_span all;	/* the piece with its delimiter: the pieces concatenate to the text */
	struct sql_span text;	/* without delimiter and surrounding blanks and comments; len 0: empty */
	enum sql_open open;
};

/* The piece that begins at byte from; false at the end of the text. Pure, linear. */
bool	sql_split_next(const struct sql_settings *set, const char *sql, size_t n, size_t from,
	    struct sql_piece *piece);

/* Where a script stands. The client of MariaDB and MySQL may change the delimiter on the way. */
struct sql_script {
	size_t from;
	size_t delimiter_len;
	char delimiter[16];
};

/* At the beginning of a script, with ";" as delimiter. */
void	sql_script_begin(struct sql_script *s);
/* The next piece of the script, as sql_split_next, with the delimiter in force; a DELIMITER line is a piece
 * with an empty text. */
bool	sql_script_next(struct sql_script *s, const struct sql_settings *set, const char *sql, size_t n,
	    struct sql_piece *piece);

#endif
