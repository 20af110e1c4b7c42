/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "What was shown is what happened": random schemas, random writes on them through a driver's contract (sheet, bind, run),
 * and the truth from a plain connection that knows nothing of it. By hand, longer or again:
 *
 *	TWOKEY_CHANGE_WORLDS=2000	so many schemas instead of the few of the suite
 *	TWOKEY_CHANGE_SEED=77		from this one on (a failure prints its own)
 *	TWOKEY_CHANGE_GO_ON=1		tells every finding instead of ending at the first
 */
#ifndef TESTS_INTEGRATION_CHANGE_H
#define TESTS_INTEGRATION_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/db/driver.h"
#include "unit/db_bench.h"

enum { CHANGE_TABLES = 8, CHANGE_COLUMNS = 10, CHANGE_TRIGGERS = 12, CHANGE_KEYS = 8, CHANGE_PARTS = 3 };

struct change_column {
	char name[8];
	bool text;
	bool computed;		/* by the server, never set */
};
struct change_table {
	char name[16];
	struct change_column c[CHANGE_COLUMNS];	/* keys first; of SQLite's row number, if it is the key, the very first */
	size_t n, nkeys;
	bool view;		/* of the table "of" */
	bool rowid;		/* its key is no column of its own */
	bool part;		/* rows of it stand in the table "of" as well */
	size_t of;
};
struct change_trigger {
	char name[16];
	size_t on;
	int writes;		/* a table; -1: only the log */
	bool sets;		/* what comes to be in the row is its doing */
	bool rule;
};
struct change_key {
	size_t child, parent;
	bool acts;		/* something happens to the child's rows */
};

struct change_row {
	char **cell;		/* NULL: that is what stands there */
	bool used;
};
struct change_rows {
	struct change_row *v;
	size_t n;
};
/* All tables at one moment; views have none. */
struct change_state {
	struct change_rows t[CHANGE_TABLES];
};

typedef void change_each(void *ctx, const char *const *cells, size_t n);

/* What an engine's test brings along. */
struct change_engine {
	enum sql_engine engine;
	unsigned worlds;	/* of the suite */
	/* An empty database, and the driver's target. */
	void (*fresh)(void *ctx, struct db_target *t);
	/* On the plain connection; false: *why says why not (a static text). touched may be NULL. */
	bool (*exec)(void *ctx, const char *sql, uint64_t *touched, const char **why);
	void (*rows)(void *ctx, const char *sql, change_each *each, void *each_ctx);
};

struct change_world {
	const struct change_engine *engine;
	void *ctx;
	uint64_t seed, random;
	unsigned nth;		/* statement of this world */
	struct change_table t[CHANGE_TABLES];	/* the log is number 0 */
	size_t nt;
	struct change_trigger g[CHANGE_TRIGGERS];
	size_t ng;
	struct change_key k[CHANGE_KEYS];
	size_t nk;
	bool policed;		/* row policies choose rows */
	bool changed_shape;	/* the definitions are not those that it was made with: its last statement */
	struct buf script;	/* what made it what it is now */
	struct bench b;
	struct db_target target;
	struct buf columns, rows;	/* of the last sheet's sample */
	uint64_t shown_rows;
	bool rounded;		/* a fraction is shown for a column of whole numbers */
	bool keeps;		/* what holding answers */
	bool held, must_hold;
	unsigned long made, refused, judged, committed, kept, back, voided, failed, between, loose, findings;
};

/* change_make.c */
unsigned change_random(struct change_world *w, unsigned below);
bool	change_chance(struct change_world *w, unsigned percent);
/* Makes tables, rows and what hangs on them; what the server does not take is left out. */
void	change_make(struct change_world *w);
/* Runs one statement on the plain connection and notes it in the script. */
bool	change_do(struct change_world *w, const char *sql);

/* change_write.c: appends one random write. */
void	change_write(struct change_world *w, struct buf *out);
/* What somebody else does meanwhile; *shape: it changes definitions. */
void	change_meanwhile(struct change_world *w, struct buf *out, bool *shape);

/* change_state.c */
void	change_state_take(struct change_world *w, struct change_state *s);
void	change_state_free(const struct change_world *w, struct change_state *s);
/* Where they differ, as text; computed columns too. */
bool	change_state_same(const struct change_world *w, const struct change_state *a, const struct change_state *b, struct buf *how);
bool	change_rows_same(const struct change_table *t, struct change_rows *a, struct change_rows *b, bool computed);
struct change_rows change_rows_copy(const struct change_table *t, const struct change_rows *r);
void	change_rows_free(const struct change_table *t, struct change_rows *r);
/* Rows of a that are not in b. */
size_t	change_rows_less(const struct change_table *t, struct change_rows *a, struct change_rows *b);

/* change_judge.c: what the sheet in w->b said of a statement of the table against what came of it; NULL, or the finding. */
const char *change_judge_sheet(struct change_world *w, struct change_state *before, struct change_state *after,
	    uint64_t touched);
/* All that differs is named on the sheet. */
const char *change_judge_names(struct change_world *w, struct change_state *before, struct change_state *after);
/* alone: it is no change set, and the sheet is of all of it. */
const char *change_judge_effects(struct change_world *w, bool alone, const char *effects, struct change_state *before,
	    struct change_state *after);

/* change.c: the test; setup makes what engine's functions get as ctx. The exit status. */
int	change_main(const char *name, const struct change_engine *engine, int (*setup)(void **ctx), int (*teardown)(void **ctx));

#endif
