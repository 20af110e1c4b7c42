/* SPDX-License-Identifier: GPL-3.0-or-later */
/* People, connection, tunnel and last events: beside the log where there is room, else in one row. */
#ifndef TWOKEY_SRC_CONSOLE_PANEL_H
#define TWOKEY_SRC_CONSOLE_PANEL_H

struct live;
struct model_person;

/* "PRESENT", "AWAY", "not here" */
const char *panel_presence(const struct model_person *p);
/* The side panel in rows top..bottom-1; nothing on narrow screens. */
void	panel_draw(struct live *lv, int top, int bottom);
/* The status row of narrow screens; returns the rows it took (0 or 1). */
int	panel_status(struct live *lv, int row);

#endif
