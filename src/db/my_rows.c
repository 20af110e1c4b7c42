/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of MariaDB and MySQL as the server's text, drained without pause. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

enum { BINARY = 63 };	/* the character set of bytes */

static bool
has_format(const MYSQL_FIELD *f, enum mariadb_field_attr_t attr, const char *name)
{
	MARIADB_CONST_STRING s = { .str = NULL };

	return mariadb_field_attr(&s, f, attr) == 0 && s.str != NULL && s.length == strlen(name) &&
	    memcmp(s.str, name, s.length) == 0;
}

/* inet6, uuid and the like are sent as text but without a character set. */
static bool
has_type_name(const MYSQL_FIELD *f)
{
	MARIADB_CONST_STRING s = { .str = NULL };

	return mariadb_field_attr(&s, f, MARIADB_FIELD_ATTR_DATA_TYPE_NAME) == 0 && s.length > 0;
}

static enum db_cell_type
text_type(const MYSQL_FIELD *f)
{
	if (has_format(f, MARIADB_FIELD_ATTR_FORMAT_NAME, "json"))
		return DB_DOCUMENT;
	if (f->charsetnr != BINARY || (f->flags & (ENUM_FLAG | SET_FLAG)) != 0)
		return DB_TEXT;
	return has_type_name(f) ? DB_TEXT : DB_BYTES;
}

static const struct kind {
	enum enum_field_types type;
	const char *name;
	enum db_cell_type cell;
} kinds[] = {
	{ MYSQL_TYPE_TINY, "tinyint", DB_INTEGER }, { MYSQL_TYPE_SHORT, "smallint", DB_INTEGER },
	{ MYSQL_TYPE_INT24, "mediumint", DB_INTEGER }, { MYSQL_TYPE_LONG, "int", DB_INTEGER },
	{ MYSQL_TYPE_LONGLONG, "bigint", DB_INTEGER }, { MYSQL_TYPE_YEAR, "year", DB_INTEGER },
	{ MYSQL_TYPE_FLOAT, "float", DB_REAL }, { MYSQL_TYPE_DOUBLE, "double", DB_REAL },
	{ MYSQL_TYPE_DECIMAL, "decimal", DB_REAL }, { MYSQL_TYPE_NEWDECIMAL, "decimal", DB_REAL },
	{ MYSQL_TYPE_JSON, "json", DB_DOCUMENT }, { MYSQL_TYPE_BIT, "bit", DB_BYTES },
	{ MYSQL_TYPE_GEOMETRY, "geometry", DB_BYTES }, { MYSQL_TYPE_DATE, "date", DB_TEXT },
	{ MYSQL_TYPE_NEWDATE, "date", DB_TEXT }, { MYSQL_TYPE_TIME, "time", DB_TEXT }, { MYSQL_TYPE_TIME2, "time", DB_TEXT },
	{ MYSQL_TYPE_DATETIME, "datetime", DB_TEXT }, { MYSQL_TYPE_DATETIME2, "datetime", DB_TEXT },
	{ MYSQL_TYPE_TIMESTAMP, "timestamp", DB_TEXT }, { MYSQL_TYPE_TIMESTAMP2, "timestamp", DB_TEXT },
	{ MYSQL_TYPE_NULL, "null", DB_TEXT },
};

/* NULL for strings of all sorts. */
static const struct kind *
kind_of(const MYSQL_FIELD *f)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == f->type)
			return &kinds[i];
	return NULL;
}

static enum db_cell_type
cell_type(const MYSQL_FIELD *f)
{
	const struct kind *k = kind_of(f);

	return k != NULL ? k->cell : text_type(f);
}

static const char *
string_name(const MYSQL_FIELD *f)
{
	bool blob = f->type != MYSQL_TYPE_VARCHAR && f->type != MYSQL_TYPE_VAR_STRING && f->type != MYSQL_TYPE_STRING;

	if (f->flags & ENUM_FLAG)
		return "enum";
	if (f->flags & SET_FLAG)
		return "set";
	if (f->charsetnr == BINARY)
		return blob ? "blob" : f->type == MYSQL_TYPE_STRING ? "binary" : "varbinary";
	return blob ? "text" : f->type == MYSQL_TYPE_STRING ? "char" : "varchar";
}

/* As the engine calls it: the server's own name where it sends one. */
static void
put_type(char out[64], const MYSQL_FIELD *f)
{
	MARIADB_CONST_STRING s = { .str = NULL };
	const struct kind *k = kind_of(f);

	if (has_format(f, MARIADB_FIELD_ATTR_FORMAT_NAME, "json"))
		snprintf(out, 64, "json");
	else if (mariadb_field_attr(&s, f, MARIADB_FIELD_ATTR_DATA_TYPE_NAME) == 0 && s.length > 0)
		snprintf(out, 64, "%.*s", s.length < 60 ? (int)s.length : 60, s.str);
	else
		snprintf(out, 64, "%s%s", k != NULL ? k->name : string_name(f), (f->flags & UNSIGNED_FLAG) != 0 && IS_NUM(f->type) &&
		    f->type != MYSQL_TYPE_YEAR ? " unsigned" : "");
}

static int
send_columns(struct my_rows *rows, MYSQL_RES *res)
{
	const MYSQL_FIELD *f = mysql_fetch_fields(res);
	struct db_column *cols;
	char (*types)[64];
	int ret;

	rows->n = mysql_num_fields(res);
	rows->cells = must_zalloc((rows->n + 1) * sizeof *rows->cells);
	rows->types = must_zalloc((rows->n + 1) * sizeof *rows->types);
	for (unsigned i = 0; i < rows->n; i++)
		rows->types[i] = cell_type(&f[i]);
	if (rows->sink == NULL)
		return 0;
	cols = must_zalloc((rows->n + 1) * sizeof *cols);
	types = must_zalloc((rows->n + 1) * sizeof *types);
	for (unsigned i = 0; i < rows->n; i++) {
		put_type(types[i], &f[i]);
		cols[i] = (struct db_column){ f[i].name, types[i] };
	}
	ret = rows->sink->columns(rows->sink->ctx, cols, rows->n);
	free(types);
	free(cols);
	return ret;
}

static void
send_row(struct my_rows *rows, MYSQL_ROW row, const unsigned long *lengths)
{
	uint64_t weight = 0;

	for (unsigned i = 0; i < rows->n; i++) {
		rows->cells[i] = row[i] == NULL ? (struct db_cell){ .type = DB_NULL, .p = "" } :
		    (struct db_cell){ .type = rows->types[i], .p = row[i], .n = lengths[i] };
		weight += rows->cells[i].n + 1;
	}
	rows->cut = !db_count_row(&rows->count, weight);
	if (!rows->cut && rows->sink != NULL)
		rows->cut = rows->sink->row(rows->sink->ctx, rows->cells, rows->n) != 0;
}

unsigned
my_rows_drain(struct my_rows *rows)
{
	MYSQL *m = rows->c->my;
	MYSQL_RES *res = mysql_use_result(m);
	bool stopping = false;
	MYSQL_ROW row;
	unsigned number;

	if (res == NULL)
		return mysql_errno(m);
	rows->cut = send_columns(rows, res) != 0;
	do {
		if (rows->cut && !stopping) {	/* what still comes is read and dropped */
			stopping = true;
			my_stop(rows->c);
		}
		row = mysql_fetch_row(res);
		if (row != NULL && !rows->cut)
			send_row(rows, row, mysql_fetch_lengths(res));
	} while (row != NULL);
	number = mysql_errno(m);
	mysql_free_result(res);
	free(rows->cells);
	free(rows->types);
	rows->cells = NULL;
	rows->types = NULL;
	return number;
}
