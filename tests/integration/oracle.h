/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engines as oracle: what the classifier calls a read is run by the driver on a real server, and everything that
 * a statement could change is looked at before and after. */
#ifndef TESTS_INTEGRATION_ORACLE_H
#define TESTS_INTEGRATION_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/db/driver.h"

/* What an engine's test brings along; every function fails the test itself. */
struct oracle_engine {
	enum sql_engine engine;
	const struct db_driver *driver;
	/* A fresh world: a database with tables, things that write, a connection of the fixture's own. modes: "scs_off" or an
	 * sql_mode that sessions begin with, or "". hostile: with the objects that the texts of tests/golden name. */
	void (*begin)(void *ctx, const char *modes, bool hostile);
	/* Runs a statement on the fixture's connection; its failure is fine. */
	void (*make)(void *ctx, const char *sql, size_t n);
	/* Where the driver finds that world. */
	void (*target)(void *ctx, struct db_target *t);
	/* Makes what most statements name, where their own file did not make it. */
	void (*finish)(void *ctx);
	/* Reads in a world, about: it ends where a file of statements ends. */
	size_t batch;
	/* Everything there is as lines "what: state". */
	void (*look)(void *ctx, struct buf *out);
	/* Reads whose answers tell the state of the driver's own session, ended by NULL. */
	const char *const *session;
	/* True when the wall's words mean that the statement itself began to write, so that the classifier was wrong. */
	bool (*tried)(const struct sql_facts *f, const char *why);
};

struct oracle_row {
	char *sql;
	size_t n;
	char *source;		/* "regress/join.sql:12" */
	const char *file;	/* "postgres.jsonl" */
	size_t line;
	char *modes;
	bool hostile;
	bool read;		/* the classifier calls it so */
	bool setup;		/* makes what reads name */
	bool around;		/* run by the fixture as if it were a read */
};

struct oracle_count {
	size_t rows, left_out, reads, ran, cut, slow, refused, wall, tried, lost, worlds;
};

struct oracle {
	const struct oracle_engine *engine;
	void *ctx;
	struct oracle_row *rows;
	size_t n;
	struct oracle_count count;
	int64_t settle_ms;	/* how long a difference may take to go away by itself */
	struct buf found;	/* what changed something, with its difference, as text */
	size_t nfound;
	struct buf tried;	/* reads that only the server's refusal to write stopped */
	struct db_conn *conn;
	struct db_info info;
	struct sql_facts *facts;
};

void	oracle_init(struct oracle *o, const struct oracle_engine *engine, void *ctx);
void	oracle_fini(struct oracle *o);
/* Adds the engine's rows of a corpus beside the source tree; false when there is none. */
bool	oracle_corpus(struct oracle *o, const char *name);
/* Adds the engine's rows of tests/golden/sql. */
void	oracle_golden(struct oracle *o);
/* Adds one statement that the fixture runs itself in the place of a read, or one that the driver runs. */
void	oracle_add(struct oracle *o, const char *sql, bool around);
/* Runs all reads; o->found tells what changed something. */
void	oracle_run(struct oracle *o);
/* Prints the counts; fails when anything was found, or when less than percent of the reads ran. */
void	oracle_judge(struct oracle *o, size_t percent);
/* For every statement: the fixture runs it among reads and the comparison must name it and nothing else. */
void	oracle_self_check(const struct oracle_engine *engine, void *ctx, const char *const *writes, size_t n);

/* Lists the files below a folder, with a digest of their bytes when content is true; skip: beginnings of paths. */
void	oracle_files(struct buf *out, const char *folder, bool content, const char *const *skip);

#endif
