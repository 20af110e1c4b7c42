/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about definitions, and reads that were not run because of their cost. */
#include "config.h"

#include "log_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"

#include "reach.h"
#include "table.h"

/* The word that a person types for it. */
static const char *
word_of(const char *subject)
{
	static const char *const words[][2] = { { "tables", "\\dt" }, { "table", "\\d" }, { "functions", "\\df" } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(subject, words[i][0]) == 0)
			return words[i][1];
	return "\\describe";
}

/* "shop=> \d orders" */
static void
lay_question(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	const char *target = model_header(o->m)->target;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	text_safe(&b, target[0] != '\0' ? target : "sql", target[0] != '\0' ? strlen(target) : 3, TEXT_ONE_LINE);
	buf_putf(&b, "=> %s ", word_of(e->verb));
	if (e->sql == NULL)
		lay_line(&o->lay, SCREEN_WARN, "%s(the name is not in this copy)", buf_str(&b));
	else
		lay_text(&o->lay, SCREEN_STRONG, buf_str(&b), "    ", e->sql, e->sql_len, LAY_EXACT);
	buf_fini(&b);
}

enum { PARTS = 3 };

/* One row of a definition: the last part may be long, so it goes on in the next line below its beginning. */
static void
lay_part(struct log_entry *o, const json_t *row, const size_t *widths)
{
	size_t n = json_array_size(row);
	struct buf lead, rest, cell;

	if (n == 0)
		return;
	buf_init(&lead, SIZE_MAX / 2);
	buf_init(&rest, SIZE_MAX / 2);
	buf_init(&cell, SIZE_MAX / 2);
	for (size_t i = 0; i + 1 < n && i + 1 < PARTS; i++) {
		size_t used;

		buf_reset(&cell);
		table_cell_text(&cell, json_array_get(row, i));
		used = text_width(buf_data(&cell), buf_len(&cell));
		buf_putf(&lead, " %s%*s", buf_str(&cell), (int)(used < widths[i] ? widths[i] - used : 0) + 1, "");
		buf_putf(&rest, "%*s", (int)widths[i] + 2, "");
	}
	buf_reset(&cell);
	table_cell_text(&cell, json_array_get(row, n - 1));
	lay_text(&o->lay, SCREEN_PLAIN, buf_str(&lead), buf_str(&rest), buf_data(&cell), buf_len(&cell), LAY_WORDS);
	buf_fini(&lead);
	buf_fini(&rest);
	buf_fini(&cell);
}

/* The columns that each part takes; the sum of them as a table. */
static size_t
measure(const json_t *rows, size_t *widths)
{
	const json_t *row;
	struct buf cell;
	size_t i, sum = 0;

	buf_init(&cell, SIZE_MAX / 2);
	json_array_foreach(rows, i, row)
		for (size_t k = 0; k < PARTS; k++) {
			size_t w;

			buf_reset(&cell);
			table_cell_text(&cell, json_array_get(row, k));
			w = text_width(buf_data(&cell), buf_len(&cell));
			widths[k] = w > widths[k] ? w : widths[k];
		}
	buf_fini(&cell);
	for (size_t k = 0; k < PARTS; k++)
		sum += widths[k] + 3;
	return sum;
}

/* How many there are, and which event it is, as below every result. */
static void
lay_count(struct log_entry *o)
{
	char left[40], right[80];

	snprintf(left, sizeof left, "(%" PRId64 " row%s)", o->e->rows, o->e->rows == 1 ? "" : "s");
	snprintf(right, sizeof right, "DEFINITIONS #%" PRIu64 "  %.1f ms", o->e->n, o->e->ms_server);
	lay_sides(&o->lay, SCREEN_DIM, left, right);
}

/* A definition that is too wide for a table, when it came in one part of three columns: the last one is wrapped. */
static bool
lay_definition(struct log_entry *o)
{
	size_t widths[PARTS] = { 0 }, most = (size_t)o->lay.width / 3, i;
	json_t *body = o->x == LOG_EXPANDED_AUTO && strcmp(o->e->verb, "table") == 0 && o->e->nresults == 1 ?
	    model_result(o->m, o->e, 0) : NULL;
	const json_t *row, *rows = json_object_get(body, "rows");

	if (json_array_size(json_object_get(body, "cols")) != PARTS || measure(rows, widths) <= (size_t)o->lay.width) {
		json_decref(body);
		return false;
	}
	for (i = 0; i < PARTS; i++)
		widths[i] = widths[i] > most ? most : widths[i];
	json_array_foreach(rows, i, row)
		lay_part(o, row, widths);
	json_decref(body);
	lay_count(o);
	return true;
}

/* What Tab offers: the names themselves are not shown. */
static void
lay_names(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	char at[12];

	lay_clock(&o->lay, e->wall_us, at);
	if (e->state == TRANSCRIPT_EVENT_FAILED)
		lay_line(&o->lay, SCREEN_DIM, "-- %s #%" PRIu64 " the names for Tab could not be read: %s", at, e->n,
		    e->answer != NULL ? e->answer : e->code);
	else if (e->end == NULL)
		lay_line(&o->lay, SCREEN_DIM, "-- %s #%" PRIu64 " the names for Tab are being read", at, e->n);
	else
		lay_line(&o->lay, SCREEN_DIM, "-- %s #%" PRIu64 " names of tables, columns and functions, for Tab: %" PRId64,
		    at, e->n, e->rows);
}

void
log_describe(struct log_entry *o)
{
	const struct model_entry *e = o->e;

	if (strcmp(e->verb, "names") == 0) {
		lay_names(o);
		return;
	}
	lay_question(o);
	if (e->state == TRANSCRIPT_EVENT_FAILED) {
		log_error(o, "ERROR");
	} else if (e->state == TRANSCRIPT_EVENT_DONE && !e->cut && lay_definition(o)) {
		;
	} else if (e->state == TRANSCRIPT_EVENT_DESCRIBE || e->state == TRANSCRIPT_EVENT_DONE) {
		log_rows(o);
	} else {
		lay_line(&o->lay, SCREEN_WARN, "%s%s%s", log_state_word(e), e->answer != NULL ? ": " : "",
		    e->answer != NULL ? e->answer : "");
	}
}

void
log_costly(struct log_entry *o)
{
	const json_t *end = o->e->end;
	const char *table = json_str(end, "table", NULL);
	int64_t bytes = json_int(end, "bytes", -1);
	struct buf b;

	buf_init(&b, 1024);
	buf_putf(&b, "NOT RUN: it would go through about %" PRId64 " rows; the ticket's limit is %" PRId64
	    ". Largest table: %s", json_int(end, "rows", 0), json_int(end, "limit", 0),
	    table != NULL && table[0] != '\0' ? table : "not known");
	if (bytes > 0) {
		buf_puts(&b, " (");
		reach_bytes(&b, bytes);
		buf_putc(&b, ')');
	}
	lay_line(&o->lay, SCREEN_WARN, "%s", buf_str(&b));
	if (!o->ruled)
		lay_line(&o->lay, SCREEN_DIM, "  Send it again with \\costly to ask for the second key, or narrow it.");
	buf_fini(&b);
}
