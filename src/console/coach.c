/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "coach.h"

#include <inttypes.h>
#include <stdio.h>

#include "live.h"

bool
coach_driver(const struct live *lv, char *out, size_t max)
{
	const struct model_header *h = model_header(lv->model);
	const struct model_person *p = live_person(lv, "confirmer");

	if (!lv->coach)
		return false;
	if (lv->ask == ASK_ROWS)
		snprintf(out, max, "type = 1 and Enter: one order is meant; another count is rolled back");
	else if (lv->ask == ASK_REASON)
		snprintf(out, max, "say why in a few words, then Enter");
	else if (p != NULL && !p->joined)
		snprintf(out, max, "wait for the second operator: the other console joins");
	else if (model_held(lv->model) >= 0)
		snprintf(out, max, "it ran, not kept yet: now the other console, F5 there; Ctrl-C takes it back");
	else if (model_waiting(lv->model, -1) >= 0)
		snprintf(out, max, "now the other console: F5 there reads the request; reads still run here");
	else if (model_set(lv->model) != NULL)
		snprintf(out, max, "changes are collected: commit; asks the second key for all of them at once");
	else if (h->reads == 0)
		snprintf(out, max, "try: select id, status, total from orders where status = 'new' limit 5;");
	else if (h->writes == 0)
		snprintf(out, max, "now a write: update orders set status = 'paid' where id = 17;");
	else if (h->denied == 0)
		snprintf(out, max, "one to be denied: update orders set status = 'lost' where id < 40;");
	else
		snprintf(out, max, "\\q ends the session and shows the head of its transcript");
	return true;
}

bool
coach_confirmer(const struct live *lv, const struct coach_open *open, char *out, size_t max)
{
	const struct model_header *h = model_header(lv->model);
	long waiting = model_waiting(lv->model, -1);

	if (!lv->coach)
		return false;
	if (waiting >= 0 && model_entry(lv->model, (size_t)waiting)->sheet == NULL)
		waiting = -1;
	if (lv->ask == ASK_DENY)
		snprintf(out, max, "say why not, then Enter: the driver reads it");
	else if (model_held(lv->model) >= 0 && (open == NULL || !open->waits))
		snprintf(out, max, "it ran and is not kept yet: F5 shows what it did");
	else if (model_held(lv->model) >= 0 && open->read)
		snprintf(out, max, "type keep, table and rows, then Enter, as in: keep orders 1; or F7");
	else if (open != NULL && !open->waits)
		snprintf(out, max, "Esc goes back to the log");
	else if (open != NULL && h->writes > 0 && h->denied == 0)
		snprintf(out, max, "try F7 to deny this one");
	else if (open != NULL && !open->read)
		snprintf(out, max, "read it to its end (PgDn); then the prompt says allow>");
	else if (open != NULL)
		snprintf(out, max, "type what the sheet asks for, then Enter: table and rows, as in: orders 1");
	else if (waiting >= 0)
		snprintf(out, max, "press F5 to read request %" PRIu64,
		    model_entry(lv->model, (size_t)waiting)->n);
	else if (h->writes == 0)
		snprintf(out, max, "the driver works; a write of his will wait here for your key");
	else if (h->denied == 0)
		snprintf(out, max, "try F7 to deny the next one");
	else
		snprintf(out, max, "the driver's \\q ends the session; \\q here only leaves it");
	return true;
}
