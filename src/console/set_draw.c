/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver's change set: what the screen says of it, and what COMMIT asks for. */
#include "config.h"

#include "driver.h"

#include <stdio.h>
#include <string.h>

#include "editor.h"

enum { REASON_MAX = 4000 };

bool
driver_is_commit(const struct live *lv)
{
	const struct driver *d = lv->own;
	const struct model_set *set = model_set(lv->model);

	return set != NULL && set->changes > 0 && d->facts.class == SQL_CLASS_TCL &&
	    (strcmp(d->facts.verb, "COMMIT") == 0 || strcmp(d->facts.verb, "END") == 0);
}

/* Every change has a reason of its own: all of them together, false when one has none. */
static bool
reasons(const struct live *lv, struct buf *out)
{
	const struct model_set *set = model_set(lv->model);

	for (size_t i = 0; i < set->changes && i < MODEL_SET_MAX; i++) {
		const struct model_entry *en = model_entry(lv->model, set->at[i]);

		if (en->reason == NULL || en->reason[0] == '\0')
			return false;
		if (i == 0 || strcmp(en->reason, model_entry(lv->model, set->at[i - 1])->reason) != 0)
			buf_putf(out, "%s%s", i > 0 ? "; " : "", en->reason);
	}
	return buf_len(out) > 0 && buf_len(out) < REASON_MAX;
}

void
driver_ask_reason(struct live *lv)
{
	const struct driver *d = lv->own;
	struct buf all;
	bool have;

	if (model_set(lv->model) == NULL || d->costly) {
		live_asking(lv, ASK_REASON, "reason, for the one who allows it> ");
		return;
	}
	buf_init(&all, 1 << 20);
	have = d->commit && reasons(lv, &all);
	buf_fini(&all);
	live_asking(lv, ASK_REASON, !d->commit ? "reason of this change (Enter: the one that COMMIT asks for)> "
	    : have ? "reason of all of it (Enter: the reasons of the changes)> " : "reason of all of it, for the one who allows it> ");
}

bool
driver_reason_ok(struct live *lv, const char *text, size_t n, struct buf *all)
{
	const struct driver *d = lv->own;

	(void)text;
	if (n > 0 || (model_set(lv->model) != NULL && !d->costly && (!d->commit || reasons(lv, all))))
		return true;
	buf_reset(all);
	live_notice(lv, SCREEN_WARN, "Say in a few words why; Ctrl-C drops the statement.");
	driver_ask_reason(lv);
	return false;
}

int
driver_draw_set(struct live *lv, int row)
{
	const struct model_set *set = model_set(lv->model);
	char age[16], left[16];

	if (set == NULL)
		return 0;
	live_span((lv->wall_us - set->begun_us) / 1000000, age);
	live_span((set->until_us - lv->wall_us) / 1000000, left);
	live_put(lv, row, 1, 0, SCREEN_WARN, "CHANGE SET open %s: %zu change%s, nothing sent; dropped in %s", age, set->changes,
	    set->changes == 1 ? "" : "s", left);
	live_put(lv, row - 1, 1, 0, SCREEN_DIM, set->changes > 0
	    ? "COMMIT asks for all at once, ROLLBACK drops them; reads do not see them."
	    : "What writes is collected now; COMMIT asks for all at once, ROLLBACK drops it.");
	return 2;
}

void
driver_tx_words(const struct live *lv, char *out, size_t max)
{
	const struct model_set *set = model_set(lv->model);

	if (model_held(lv->model) >= 0)
		snprintf(out, max, "HELD, not kept yet");
	else if (set != NULL)
		snprintf(out, max, "tx SET, %zu change%s", set->changes, set->changes == 1 ? "" : "s");
	else
		snprintf(out, max, "tx none");
}
