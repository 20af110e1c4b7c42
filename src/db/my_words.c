/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the numbers of MariaDB's and MySQL's errors mean to us, and its words. */
#include "config.h"

#include "my.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 32 * 1024 };
/* Not in every version of the header. */
enum { STATEMENT_TIMEOUT_MARIADB = 1969, STATEMENT_TIMEOUT_MYSQL = 3024, IDLE_MYSQL = 4031, CLIENT_FROM_MARIADB = 5000,
	CLIENT_TO_MARIADB = 5999 };

bool
my_is_lost(unsigned number)
{
	switch (number) {
	case ER_SERVER_SHUTDOWN: case ER_NORMAL_SHUTDOWN: case ER_CONNECTION_KILLED: case ER_NET_PACKET_TOO_LARGE:
	case ER_NET_READ_ERROR: case ER_NET_READ_INTERRUPTED: case ER_NET_ERROR_ON_WRITE: case ER_NET_WRITE_INTERRUPTED:
	case ER_NET_PACKETS_OUT_OF_ORDER: case ER_NET_UNCOMPRESS_ERROR: case ER_ABORTING_CONNECTION: case IDLE_MYSQL:
		return true;
	default:
		return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) ||
		    (number >= CLIENT_FROM_MARIADB && number <= CLIENT_TO_MARIADB);
	}
}

bool
my_is_wall(unsigned number)
{
	return number == ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION || number == ER_CANT_CHANGE_TX_CHARACTERISTICS;
}

bool
my_is_cancelled(unsigned number)
{
	return number == ER_QUERY_INTERRUPTED || number == STATEMENT_TIMEOUT_MARIADB || number == STATEMENT_TIMEOUT_MYSQL;
}

/* "... near 'TEXT' at line N": where TEXT begins, 1-based; 0 when it is not told. */
static long
position_of(const struct db_statement *s, const char *words)
{
	const char *near = strstr(words, " near '"), *end = near != NULL ? strstr(near, "' at line ") : NULL, *from = s->bytes;
	const char *stop = s->bytes + s->n, *hit;
	long line;

	if (end == NULL || s->n == 0)
		return 0;
	near += strlen(" near '");
	line = strtol(end + strlen("' at line "), NULL, 10);
	if (near == end)	/* the text ends where more should come */
		return (long)s->n + 1;
	for (; line > 1 && from != NULL && from < stop; line--) {
		from = memchr(from, '\n', (size_t)(stop - from));
		from = from != NULL ? from + 1 : NULL;
	}
	hit = from != NULL && from < stop ? memmem(from, (size_t)(stop - from), near, (size_t)(end - near)) : NULL;
	return hit != NULL ? (long)(hit - s->bytes) + 1 : 0;
}

void
my_failed(unsigned number, const char *state, const char *words, const struct db_statement *s, struct db_result *r)
{
	char code[16];

	/* HY000 says nothing: then the server's number does */
	if (state == NULL || state[0] == '\0' || strcmp(state, "HY000") == 0)
		snprintf(code, sizeof code, "%u", number);
	else
		snprintf(code, sizeof code, "%.5s", state);
	db_end_with(r, DB_FAILED, code, "");
	buf_put(&r->text, words, strnlen(words, WORDS_MAX));	/* an error may quote a whole value */
	r->position = position_of(s, words);
}
