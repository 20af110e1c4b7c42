/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "set_parts.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/json.h"
#include "twokey/console/model.h"

enum { ROWS_MAX_DIGITS = 18 };

static const json_t *
bounds_of(const struct model_entry *e)
{
	return json_object_get(e->event, "bounds");
}

size_t
set_size(const struct model_entry *e)
{
	return json_array_size(bounds_of(e));
}

bool
set_bound(const char *s, bool *most, int64_t *rows)
{
	size_t n;

	*most = strncmp(s, "<=", 2) == 0;
	s += *most ? 2 : *s == '=' ? 1 : 0;
	s += strspn(s, " ");
	n = strspn(s, "0123456789");
	if (n == 0 || n > ROWS_MAX_DIGITS || s[n] != '\0')
		return false;
	*rows = strtoll(s, NULL, 10);
	return true;
}

/* The bound and the count of statement i. */
static void
numbers(const struct model_entry *e, size_t i, struct set_part *out)
{
	const json_t *bound = json_array_get(bounds_of(e), i), *count = json_array_get(json_object_get(e->sheet, "counts"), i);

	if (!json_is_string(bound) || !set_bound(json_string_value(bound), &out->most, &out->wanted)) {
		out->most = false;
		out->wanted = -1;
	}
	out->count = json_is_integer(count) && json_integer_value(count) >= 0 ? json_integer_value(count) : -1;
}

static struct sql_settings
settings_of(const struct model *m)
{
	struct sql_settings set = { .engine = SQL_SQLITE };

	sql_engine_parse(model_header(m)->engine, &set.engine);
	return set;
}

/* Statement i of the text; false when there is none. */
static bool
find_text(const struct model *m, const struct model_entry *e, size_t i, struct sql_span *out)
{
	struct sql_settings set = settings_of(m);
	struct sql_piece piece;

	for (size_t from = 0; e->sql != NULL && sql_split_next(&set, e->sql, e->sql_len, from, &piece);) {
		if (piece.text.len > 0 && i-- == 0)
			return *out = piece.text, true;
		from = piece.all.off + piece.all.len;
	}
	return false;
}

bool
set_is_told_apart(const struct model *m, const struct model_entry *e)
{
	struct sql_span last;

	return find_text(m, e, set_size(e) - 1, &last) && !find_text(m, e, set_size(e), &last);
}

void
set_part(const struct model *m, const struct model_entry *e, size_t i, struct set_part *out)
{
	*out = (struct set_part){ .line = 1 };
	numbers(e, i, out);
	if (!find_text(m, e, i, &out->text))
		return;
	for (size_t k = 0; k < out->text.off; k++)
		out->line += e->sql[k] == '\n';
}

bool
set_total(const struct model_entry *e, bool *most, int64_t *rows)
{
	struct set_part p;

	*most = false;
	*rows = 0;
	for (size_t i = 0; i < set_size(e); i++) {
		int64_t n;

		numbers(e, i, &p);
		n = p.wanted >= 0 ? p.wanted : p.count;
		if (n < 0 || n > INT64_MAX - *rows)
			return false;
		*most = *most || p.most;
		*rows += n;
	}
	return set_size(e) > 0;
}
