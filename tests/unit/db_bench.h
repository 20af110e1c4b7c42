/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection of a driver, and what it answered last, for the tests of the floor db. */
#ifndef TESTS_DB_BENCH_H
#define TESTS_DB_BENCH_H

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/db/driver.h"

struct bench {
	const struct db_driver *d;
	struct db_conn *c;
	struct db_info info;
	struct sql_facts *facts;
	struct db_limits max;
	struct err e;
	struct db_result r;
	struct db_sheet sheet;
	struct db_weight w;
	struct buf columns;	/* "name type," of the last columns */
	struct buf rows;	/* "a|b\n"; NULL is ~, bytes are x'..' */
	size_t ncolumns;
	uint64_t nrows;
	uint64_t stop_after;	/* the sink says stop after so many rows, 0: never */
	bool blind;		/* as if the classifier took everything for a read */
	bool nameless;		/* and as if it saw no names in it */
	bool at_once;		/* as the strict path lets it run */
	bool wants_commit;	/* what committing answers */
	struct db_commit_point point;
	unsigned asked;		/* how often committing was asked */
	void (*meanwhile)(struct bench *b);	/* called by committing */
	bool (*hold)(struct bench *b);	/* what holding answers; NULL: nothing is held */
	unsigned nheld;			/* how often it was asked, and of the last time: */
	bool held_moved;
	uint64_t held_affected;
	char held_effects[1024];
	struct db_part set[16];		/* of bench_set */
	size_t nset;
	void *ctx;
};

/* A part of a change; rows UINT64_MAX: as many as its sheet counts. */
struct bench_part {
	const char *sql;
	uint64_t rows;
	bool at_most;
};

void	bench_open(struct bench *b, const struct db_target *t);
void	bench_close(struct bench *b);
/* The driver's answer; what was handed on is in b. */
int	bench_read(struct bench *b, const char *sql);
int	bench_sheet(struct bench *b, const char *sql);
/* Runs with bind and keys of the last sheet; bound "= rows", or "<= rows" when at_most. */
int	bench_run(struct bench *b, const char *sql, uint64_t rows, bool at_most);
/* Makes the sheets of a change of up to 16 parts, until one with sql NULL; then runs it, as often as asked. */
void	bench_set(struct bench *b, const struct bench_part *parts);
int	bench_set_run(struct bench *b);
/* For hold: what is held is kept, or not. */
bool	bench_keep(struct bench *b);
bool	bench_take_back(struct bench *b);
/* Sheet and run of an INSERT: that many rows are counted before and added; of those of a query the sample begins with
 * columns ("name type,") and rows. */
void	bench_adds(struct bench *b, const char *sql, uint64_t n, const char *columns, const char *rows);
/* Sheet and run; the bound is the count of the sheet where it is known, else rows. */
int	bench_do(struct bench *b, const char *sql, uint64_t rows);
int	bench_describe(struct bench *b, enum db_subject s, const char *name);
/* Tables count as large from that many bytes; more than that many rows are over. */
int	bench_weigh(struct bench *b, const char *sql, int64_t table_bytes, double rows);
/* The rows of a read that must succeed. */
const char *bench_rows(struct bench *b, const char *sql);
/* Cancels again and again in a thread until stopped. */
struct canceller;
struct canceller *canceller_start(struct bench *b);
void	canceller_stop(struct canceller *k);

#endif
