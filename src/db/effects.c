/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "effects.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"

struct db_effect *
db_effect_of(struct db_effects *all, const char *name, size_t n)
{
	static const char rest[] = "(other tables)";

	if (n >= sizeof all->v[0].name)
		n = sizeof all->v[0].name - 1;
	for (size_t i = 0; i < all->n; i++)
		if (strlen(all->v[i].name) == n && memcmp(all->v[i].name, name, n) == 0)
			return &all->v[i];
	if (all->n == DB_EFFECTS_MAX)
		return &all->v[DB_EFFECTS_MAX - 1];
	if (all->n == DB_EFFECTS_MAX - 1)
		memcpy(all->v[all->n].name, rest, sizeof rest);
	else
		memcpy(all->v[all->n].name, name, n);
	return &all->v[all->n++];
}

void
db_effects_put(const struct db_effects *all, struct buf *out)
{
	struct buf name;

	buf_putc(out, '[');
	for (size_t i = 0; i < all->n; i++) {
		const struct db_effect *t = &all->v[i];

		buf_init(&name, sizeof t->name * 8);
		text_safe(&name, t->name, strlen(t->name), TEXT_ONE_LINE);
		buf_puts(out, i > 0 ? ",{\"table\":" : "{\"table\":");
		json_put_string(out, buf_data(&name), buf_len(&name));
		buf_putf(out, ",\"inserted\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"deleted\":%" PRIu64 "}", t->inserted, t->updated,
		    t->deleted);
		buf_fini(&name);
	}
	buf_putc(out, ']');
}
