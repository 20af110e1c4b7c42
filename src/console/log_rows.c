/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of a result, from the bodies that are there. */
#include "config.h"

#include "log_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"

#include "table.h"

struct counted {
	size_t shown;
	size_t missing;		/* bodies that are not there */
	bool more;		/* rows beyond max_rows */
};

static void
gather(const struct log_entry *o, struct table *t, struct counted *c)
{
	for (size_t i = 0; i < o->e->nresults; i++) {
		json_t *body;
		const json_t *row;
		size_t k;

		if (o->max_rows > 0 && c->shown >= o->max_rows) {
			c->more = true;
			return;
		}
		body = model_result(o->m, o->e, i);
		c->missing += body == NULL;
		if (table_cols(t) == 0)
			table_columns(t, json_object_get(body, "cols"));
		json_array_foreach(json_object_get(body, "rows"), k, row) {
			if (o->max_rows > 0 && c->shown >= o->max_rows) {
				c->more = true;
				break;
			}
			c->shown++;
			table_row(t, row);
		}
		json_decref(body);
	}
}

/* "(3 rows)" and what is not here. */
static void
count_words(const struct log_entry *o, const struct counted *c, bool clipped, struct buf *out)
{
	const struct model_entry *e = o->e;

	if (e->rows < 0 && e->end != NULL)
		buf_putf(out, "(%zu rows until it failed)", c->shown);
	else if (e->rows < 0 && c->shown == 0)
		buf_puts(out, "(running)");
	else if (e->rows < 0)
		buf_putf(out, "(%zu rows so far)", c->shown);
	else
		buf_putf(out, "(%" PRId64 " row%s)", e->rows, e->rows == 1 ? "" : "s");
	if (e->cut)
		buf_puts(out, " cut: the result has more");
	if (c->more || (e->rows >= 0 && c->missing == 0 && (int64_t)c->shown < e->rows))
		buf_putf(out, " the first %zu shown", c->shown);
	if (c->missing > 0)
		buf_puts(out, " rows are missing in this copy");
	if (clipped)
		buf_puts(out, " > too wide: \\x shows all");
}

void
log_rows(struct log_entry *o)
{
	const struct model_entry *e = o->e;
	struct table *t = table_create();
	struct counted c = { 0 };
	char right[160];
	bool clipped;
	struct buf left;

	gather(o, t, &c);
	clipped = table_lay(t, &o->lay, o->x);
	buf_init(&left, 512);
	count_words(o, &c, clipped, &left);
	snprintf(right, sizeof right, "%s #%" PRIu64, e->kind == MODEL_DESCRIBE ? "DEFINITIONS" : "READ", e->n);
	if (e->end != NULL)
		snprintf(right + strlen(right), sizeof right - strlen(right), "  %.1f ms", e->ms_server);
	lay_sides(&o->lay, SCREEN_DIM, buf_str(&left), right);
	buf_fini(&left);
	table_free(t);
}
