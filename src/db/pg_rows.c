/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of PostgreSQL, drained without pause. */
#include "config.h"

#include "pg.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"

enum { BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, OID_TYPE = 26, JSON = 114, FLOAT4 = 700,
	FLOAT8 = 701, NUMERIC = 1700, JSONB = 3802 };

static enum db_cell_type
cell_type(Oid type)
{
	switch (type) {
	case BOOL: return DB_BOOL;
	case BYTEA: return DB_BYTES;
	case INT2: case INT4: case INT8: case OID_TYPE: return DB_INTEGER;
	case FLOAT4: case FLOAT8: case NUMERIC: return DB_REAL;
	case JSON: case JSONB: return DB_DOCUMENT;
	default: return DB_TEXT;
	}
}

static int
send_columns(struct pg_rows *rows, const PGresult *res)
{
	struct db_column *cols;
	int ret;

	rows->began = true;
	rows->n = PQnfields(res);
	rows->cells = must_zalloc(((size_t)rows->n + 1) * sizeof *rows->cells);
	rows->types = must_zalloc(((size_t)rows->n + 1) * sizeof *rows->types);
	rows->raw = must_zalloc(((size_t)rows->n + 1) * sizeof *rows->raw);
	for (int i = 0; i < rows->n; i++)
		rows->types[i] = cell_type(PQftype(res, i));
	if (rows->sink == NULL)
		return 0;
	cols = must_zalloc(((size_t)rows->n + 1) * sizeof *cols);
	for (int i = 0; i < rows->n; i++) {
		cols[i].name = PQfname(res, i);
		cols[i].type = pg_type_name(rows->c, PQftype(res, i));
	}
	ret = rows->sink->columns(rows->sink->ctx, cols, (size_t)rows->n);
	free(cols);
	return ret;
}

/* The server's text of bytes becomes the bytes. */
static void
decode(struct pg_rows *rows, int i)
{
	struct db_cell *cell = &rows->cells[i];

	rows->raw[i] = PQunescapeBytea((const unsigned char *)cell->p, &cell->n);
	must(rows->raw[i] != NULL);
	cell->p = (const char *)rows->raw[i];
}

static uint64_t
fill(struct pg_rows *rows, const PGresult *res, int row)
{
	uint64_t weight = 0;

	for (int i = 0; i < rows->n; i++) {
		struct db_cell *cell = &rows->cells[i];

		cell->type = rows->types[i];
		cell->p = PQgetvalue(res, row, i);	/* "" of a NULL */
		cell->n = (size_t)PQgetlength(res, row, i);
		if (cell->n == 0 && PQgetisnull(res, row, i))
			cell->type = DB_NULL;
		if (cell->type == DB_BYTES)
			decode(rows, i);
		weight += cell->n + 1;
	}
	return weight;
}

static void
send_row(struct pg_rows *rows, const PGresult *res, int row)
{
	uint64_t weight = fill(rows, res, row);

	rows->cut = !db_count_row(&rows->count, weight);
	if (!rows->cut && rows->sink != NULL)
		rows->cut = rows->sink->row(rows->sink->ctx, rows->cells, (size_t)rows->n) != 0;
	for (int i = 0; i < rows->n; i++) {
		if (rows->raw[i] != NULL)
			PQfreemem(rows->raw[i]);
		rows->raw[i] = NULL;
	}
}

static void *
stop_it(void *stop)
{
	char why[256];

	(void)PQcancel(stop, why, sizeof why);
	return NULL;
}

static bool
is_rows(const PGresult *res)
{
	return PQresultStatus(res) == PGRES_SINGLE_TUPLE || PQresultStatus(res) == PGRES_TUPLES_OK;
}

/* A thread of its own asks the server to stop; what still comes is read and dropped. */
PGresult *
pg_rows_drain(struct pg_rows *rows)
{
	PGresult *last = NULL, *res;
	bool stopping = false;
	pthread_t stopper;

	while ((res = PQgetResult(rows->c->pg)) != NULL) {
		if (is_rows(res) && !rows->began)
			rows->cut = send_columns(rows, res) != 0;
		for (int i = 0; is_rows(res) && i < PQntuples(res) && !rows->cut; i++)
			send_row(rows, res, i);
		if (rows->cut && !stopping)
			stopping = pthread_create(&stopper, NULL, stop_it, rows->c->stop) == 0;
		PQclear(last);
		last = res;
		if (PQstatus(rows->c->pg) != CONNECTION_OK || PQresultStatus(res) == PGRES_COPY_IN ||
		    PQresultStatus(res) == PGRES_COPY_OUT || PQresultStatus(res) == PGRES_COPY_BOTH)
			break;
	}
	if (stopping)
		pthread_join(stopper, NULL);
	free(rows->cells);
	free(rows->types);
	free(rows->raw);
	rows->cells = NULL;
	rows->types = NULL;
	rows->raw = NULL;
	return last;
}
