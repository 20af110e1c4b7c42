/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/gate/excess.h"

#include <stdbool.h>
#include <stdio.h>

#include "twokey/base/buf.h"

/* Live: production or a replica of it. */
enum column { LIVE_READ, OTHER_READ, LIVE_CHANGE, OTHER_CHANGE, COLUMNS };

struct row {
	bool there;
	enum gate_excess is[COLUMNS];
};

static const struct row rows[EXCESSES] = {
#define GATE_EXCESS(name, live_read, read, live_change, change) [EXCESS_##name] = { true, \
	{ GATE_EXCESS_##live_read, GATE_EXCESS_##read, GATE_EXCESS_##live_change, GATE_EXCESS_##change } },
#include "gate/excess.def"
#undef GATE_EXCESS
};

enum gate_excess
gate_excess(enum ticket_access access, enum ticket_stage stage, enum excess kind)
{
	bool live = stage == TICKET_STAGE_PRODUCTION || stage == TICKET_STAGE_REPLICA;
	bool reads = access == TICKET_ACCESS_READ || stage == TICKET_STAGE_REPLICA;

	if ((unsigned)access >= TICKET_ACCESSES || (unsigned)stage >= TICKET_STAGES || (unsigned)kind >= EXCESSES ||
	    access == TICKET_ACCESS_NONE || !rows[kind].there)
		return GATE_EXCESS_REFUSED;
	return rows[kind].is[reads ? (live ? LIVE_READ : OTHER_READ) : (live ? LIVE_CHANGE : OTHER_CHANGE)];
}

void
gate_excess_print(struct buf *out)
{
	static const char *const words[] = { [GATE_EXCESS_FINE] = "fine", [GATE_EXCESS_SHOWN] = "shown",
		[GATE_EXCESS_REFUSED] = "refused" };

	char line[200];

	for (int k = 0; k < EXCESSES; k++) {
		snprintf(line, sizeof line, "  %-16s %-9s %-9s %-9s %-9s %s\n", excess_name((enum excess)k),
		    words[rows[k].is[LIVE_READ]], words[rows[k].is[OTHER_READ]], words[rows[k].is[LIVE_CHANGE]],
		    words[rows[k].is[OTHER_CHANGE]], excess_help((enum excess)k));
		buf_puts(out, line);
	}
}
