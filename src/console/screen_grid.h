/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The screen's own cells: ncurses only copies them, tests read them. */
#ifndef TWOKEY_SRC_CONSOLE_SCREEN_GRID_H
#define TWOKEY_SRC_CONSOLE_SCREEN_GRID_H

#include "twokey/console/screen.h"

enum { CELL_BYTES = 20 };

struct cell {
	char bytes[CELL_BYTES];	/* one character with what combines with it; not NUL-terminated */
	uint8_t n;		/* 0: blank, or the second half of a wide one */
	uint8_t width;		/* 0: the second half */
	uint8_t look;
};

struct feeder;
struct screen_term;

struct screen {
	int rows, cols;
	struct cell *cells;
	int cur_row, cur_col;
	bool resized;		/* to be told by screen_next */
	bool whole;		/* draw everything anew */
	unsigned bells;
	struct feeder *feeder;
	struct screen_term *term;	/* NULL: headless */
};

/* The cells for a new size, blank. */
void	screen_grid_size(struct screen *s, int rows, int cols);
struct screen *screen_grid_create(int rows, int cols);

#endif
