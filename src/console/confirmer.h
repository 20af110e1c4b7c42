/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of the confirmer's screen share. */
#ifndef TWOKEY_SRC_CONSOLE_CONFIRMER_H
#define TWOKEY_SRC_CONSOLE_CONFIRMER_H

#include "twokey/console/sheet.h"

#include "live.h"

struct confirmer {
	struct sheet_view *sheet;
	uint64_t open_n;	/* the request whose sheet is on the screen, 0 none */
	uint64_t open_held;	/* and of what event held it shows the effect, 0: it is the sheet of before */
	size_t heard;		/* what was said about it and told here */
	uint64_t deny_n;	/* the request that a reason is being typed for */
	size_t top;		/* first line of the sheet on the screen */
	size_t lines;		/* lines it had when it was drawn */
	int height;		/* rows it has */
	bool told_open;		/* "opened" was sent */
	bool heard_open;	/* and the broker said that it knows */
	bool told_last;		/* and with last: its last line was on the screen */
	int64_t opened_ms;
	bool answered;		/* "allow" or "signing" was sent and not refused yet */
	char typed[512];	/* what is being signed for */
	uint64_t sign_n;	/* the event signing that the broker recorded for it, 0: none yet */
	bool signing;
};

/* The entry whose sheet is open, or NULL. */
const struct model_entry *confirmer_entry(const struct live *lv);
/* The first request after entry i (start with -1) that waits and whose sheet is there, or -1. */
long	confirmer_ready(const struct live *lv, long i);
/* The request that F5 would open: what is held first, for its clock runs; or -1. */
long	confirmer_next(const struct live *lv);
/* True while what is on the screen can still be answered: it waits, and is not held meanwhile. */
bool	confirmer_waits(const struct live *lv, const struct model_entry *en);
/* True when allow> takes input: confirmer's seat, still waiting, sheet there, last line shown, minimum time over. */
bool	confirmer_may_type(const struct live *lv, const struct model_entry *en);
void	confirmer_draw(struct live *lv);

#endif
