/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "hold_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "live.h"

enum { SECOND_MS = 1000 };

static int
seconds_left(const struct live *lv, const struct model_entry *en)
{
	int64_t left = en->hold.until_us - lv->wall_us;

	return left > 0 ? (int)((left + 999999) / 1000000) : 0;
}

void
hold_row(const struct live *lv, const struct model_entry *en, bool open, char *out, size_t max)
{
	char turned[MODEL_NAME_MAX + 60];

	if (open && model_turned_words(en, turned, sizeof turned))
		snprintf(out, max, " REQUEST %" PRIu64 " HELD: %s   %d s left", en->n, turned, seconds_left(lv, en));
	else
		snprintf(out, max, " REQUEST %" PRIu64 " HELD, not kept: %s   %d s left, then rolled back", en->n, open ? "its locks are held" : "F5 shows what it did", seconds_left(lv, en));
}

void
hold_type_words(const struct model_entry *en, char *out, size_t max)
{
	snprintf(out, max, "To keep it, type keep, the table%s and the rows.", strchr(en->table, '+') != NULL ? "s (a+b)" : "");
}

void
hold_driver_row(const struct live *lv, const struct model_entry *en, char *out, size_t max)
{
	const struct model_person *p = live_person(lv, "confirmer");
	char turned[MODEL_NAME_MAX + 60];

	if (model_turned_words(en, turned, sizeof turned)) {
		snprintf(out, max, "#%" PRIu64 " HELD, not kept yet: rolled back in %d s  %s", en->n, seconds_left(lv, en), turned);
		return;
	}
	snprintf(out, max, "#%" PRIu64 " HELD, not kept yet: rolled back in %d s  %s%s", en->n, seconds_left(lv, en),
	    p == NULL || !p->joined ? "nobody is here to keep it" : en->hold.opened_us > 0 ? en->hold.opened_by : p->name,
	    p == NULL || !p->joined ? "" : en->hold.opened_us > 0 ? " reads what it did" : " must turn the key");
}

void
hold_wake(struct live *lv)
{
	if (model_held(lv->model) >= 0 && (lv->wake_ms < 0 || lv->wake_ms > lv->now_ms + SECOND_MS))
		lv->wake_ms = lv->now_ms + SECOND_MS;
}
