/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pace.h"

#include <inttypes.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/console/model.h"

void
pace_reading(const struct model *m, const char *person, bool full, struct buf *out)
{
	struct model_reading r;

	model_reading_of(m, person, &r);
	if (r.allowed + r.denied == 0)
		return;
	buf_putf(out, "%u allowed, %u denied", r.allowed, r.denied);
	if (r.median_us >= 0)
		buf_putf(out, full ? ", median reading time %.1f s" : ", read in %.1f s (median)", (double)r.median_us / 1e6);
	if (full && r.unread > 0)
		buf_putf(out, ", %u answered without opening it", r.unread);
}

void
pace_words(const struct model_entry *e, struct buf *out)
{
	const json_t *v;
	size_t i;

	if (e->event == NULL || json_int(e->event, "today", 0) <= 0)
		return;
	buf_putf(out, "request %" PRId64 " of %s today", json_int(e->event, "today", 0), e->by);
	json_array_foreach(json_object_get(e->event, "pace"), i, v) {
		const char *by = json_str(v, "by", NULL);

		if (by != NULL)
			buf_putf(out, "; %s answered %" PRId64 " today, %" PRId64 " of %" PRId64 " without a break", by,
			    json_int(v, "today", 0), json_int(v, "run", 0), json_int(v, "most", 0));
	}
}
