/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "own.h"
#include "pg_guard_sql.h"
#include "pg_hit_sql.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

struct own {
	enum sql_engine engine;
	struct db_own shown;
};

static const struct own owns[] = {
#define OWN(e, name, text, sql) { e, { text, sql } },
#include "db/own.def"
#undef OWN
};

static const struct db_own postgres[] = {
#define OWN(e, name, text, sql) { text, sql },
#define OWN_POSTGRES
#include "db/own.def"
#undef OWN_POSTGRES
#undef OWN
};

static const struct db_own sqlite[] = {
#define OWN(e, name, text, sql) { text, sql },
#define OWN_SQLITE
#include "db/own.def"
#undef OWN_SQLITE
#undef OWN
};

static const struct db_own mariadb[] = {
#define OWN(e, name, text, sql) { text, sql },
#define OWN_MARIADB
#include "db/own.def"
#undef OWN_MARIADB
#undef OWN
};

const struct db_own *
db_own_statements(enum sql_engine engine, size_t *n)
{
	switch (engine) {
	case SQL_POSTGRES:
		*n = sizeof postgres / sizeof *postgres;
		return postgres;
	case SQL_SQLITE:
		*n = sizeof sqlite / sizeof *sqlite;
		return sqlite;
	case SQL_MARIADB:
	case SQL_MYSQL:
		*n = sizeof mariadb / sizeof *mariadb;
		return mariadb;
	case SQL_ENGINES:
		break;
	}
	*n = 0;
	return NULL;
}

void
own_tag(char out[OWN_TAG_MAX], const char *session)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
	size_t n = 0;

	for (const char *s = session != NULL ? session : ""; *s != '\0' && n < OWN_TAG_MAX - 1; s++)
		out[n++] = strchr(good, *s) != NULL ? *s : '_';
	out[n] = '\0';
}

const char *
own_sql(struct buf *out, enum own_id id, const char *tag)
{
	must(id < OWNS);
	buf_reset(out);
	buf_putf(out, "/* twokey %s */ ", tag);
	buf_puts(out, owns[id].shown.sql);
	must(!buf_over(out));
	return buf_str(out);
}

const char *
own_name(enum own_id id)
{
	must(id < OWNS);
	return owns[id].shown.name;
}

void
own_list_add(struct buf *list, const char *s, size_t n)
{
	struct buf safe;

	if (buf_len(list) == 0)
		buf_putc(list, '[');
	else
		buf_truncate(list, buf_len(list) - 1);	/* its "]" */
	if (buf_data(list)[buf_len(list) - 1] != '[')
		buf_putc(list, ',');
	buf_init(&safe, 8 * n + 16);
	if (!text_is_utf8(s, n)) {
		text_safe(&safe, s, n, TEXT_ONE_LINE);
		s = buf_data(&safe);
		n = buf_len(&safe);
	}
	json_put_string(list, s, n);
	buf_fini(&safe);
	buf_putc(list, ']');
}

static void
add_name(struct buf *names, const char *name, size_t n)
{
	char quoted[80];

	snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)n, name);
	if (buf_len(names) == 0 || strstr(buf_str(names), quoted) == NULL)
		own_list_add(names, name, n);
}

void
own_ran(struct buf *names, enum own_id id)
{
	add_name(names, own_name(id), strlen(own_name(id)));
}

/* The names are those of our table: nothing in them is escaped. */
void
own_list_join(struct buf *names, struct buf *more)
{
	const char *at = buf_len(more) > 0 ? strchr(buf_str(more), '"') : NULL, *end;

	while (at != NULL && (end = strchr(at + 1, '"')) != NULL) {
		add_name(names, at + 1, (size_t)(end - at - 1));
		at = strchr(end + 1, '"');
	}
}
