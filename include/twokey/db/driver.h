/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seam to a database: one driver, one file, one table of functions. Calls block; cancel comes from
 * another thread. A driver judges nothing: it builds walls and reports what happened. */
#ifndef TWOKEY_DB_DRIVER_H
#define TWOKEY_DB_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/digest.h"
#include "twokey/base/excess.h"
#include "twokey/sql/facts.h"

struct err;
struct secret;

/* A statement is bytes and a language. */
enum db_language { DB_SQL, DB_COMMAND_DOCUMENT };
struct db_statement {
	enum db_language language;
	const char *bytes;
	size_t n;
};
/* True when the bytes are anywhere in it, in any case, in a literal or comment too: for what is only asked to be sure. */
bool	db_has_word(const struct db_statement *s, const char *word);

enum db_cell_type { DB_NULL, DB_TEXT, DB_INTEGER, DB_REAL, DB_BOOL, DB_BYTES, DB_DOCUMENT };
/* One value as the server's text (DB_BYTES: raw bytes). Valid during the call only. */
struct db_cell {
	enum db_cell_type type;
	const char *p;
	size_t n;
};
struct db_column {
	const char *name;
	const char *type;	/* the engine's type name, "" when it has none */
};

/* Where rows go. A function that returns other than 0 ends the statement (it is cancelled, cut). */
struct db_sink {
	void *ctx;
	int (*columns)(void *ctx, const struct db_column *cols, size_t n);
	int (*row)(void *ctx, const struct db_cell *cells, size_t n);
};

enum db_tls { DB_TLS_OFF, DB_TLS_REQUIRE, DB_TLS_VERIFY_FULL };

/* Where and as whom; borrowed for the length of open. */
struct db_target {
	enum sql_engine engine;
	const char *file;		/* SQLite */
	const char *host;		/* PostgreSQL: name, or NULL with */
	const char *endpoint;		/* the server as the configuration names it, where the way hides it; may be NULL */
	const char *hostaddr;		/* may be NULL; what to connect to when host is only the name to verify */
	const char *socket;		/* PostgreSQL: folder of the Unix socket; MariaDB, MySQL: its path */
	uint16_t port;
	const char *database;
	const char *user;
	const struct secret *password;	/* may be NULL */
	enum db_tls tls;
	const char *ca;
	const char *tls_fingerprint;	/* MariaDB, MySQL: SHA-1 of the server's certificate in hex, or NULL */
	bool clear_text;		/* the way leaves this host outside a tunnel: without TLS it is told */
	unsigned connect_timeout_ms;	/* 0: 10 s */
	unsigned statement_timeout_ms;
	unsigned lock_timeout_ms;
	unsigned hold_ms;		/* a change may stay open for so long before it is kept; 0: 60 s */
	const char *tag;		/* the session's id: every statement of our own carries it as a comment */
	const char *ticket;		/* its id, shown to the server's people beside the tag; may be NULL */
};

/* What the server is to others that hold the same data. */
enum db_standing { DB_STANDING_UNKNOWN, DB_PRIMARY, DB_REPLICA };

/* What was found at connect. */
struct db_info {
	char version[80];
	char release[16];		/* as tickets name it: "15", "10.11", "8.0", "3.40"; "" not known */
	enum db_standing standing;
	int64_t lag_ms;			/* of a replica; -1: not known */
	char source[64];		/* the address that the server sees this connection come from; "" none, not known */
	bool encrypted;			/* the connection itself has TLS */
	char database[256];
	char role[128];
	char identity[160];		/* system identifier and timeline, or device, inode of the file */
	unsigned caps;			/* CAP_BIT set */
	struct digest settings;		/* of every setting */
	struct sql_settings sql;	/* how the server reads text, for the classifier */
};

/* How a statement ended. */
enum db_end { DB_DONE, DB_CUT, DB_COMMITTED, DB_ROLLEDBACK, DB_FAILED, DB_UNKNOWN };
struct db_result {
	enum db_end end;
	uint64_t rows;			/* handed to the sink, or affected */
	double ms;			/* time at the server */
	/* SQLSTATE or sqlite code; of FAILED also "lost" (before COMMIT) and "wall"; of ROLLEDBACK: "count",
	 * "keys", "conflict", "bind", "cancelled", "refused" (committing said no); of COMMITTED "not-replicated": no standby had
	 * confirmed it when waiting for one was broken off; of UNKNOWN "lost" */
	char code[32];
	long position;			/* 1-based byte offset of the error in the text, 0 when none */
	struct buf text;		/* server's message, or why it was rolled back; the caller frees */
	struct buf effects;		/* JSON array [{"table":"orders","inserted":0,"updated":3,"deleted":0}], or empty */
	char unseen[400];		/* what they do not tell: code behind it did more than change rows; or "" */
	struct buf own;			/* names of our own statements that ran, JSON array */
	struct buf notices;		/* what the server said beside it, "NOTICE: ..." lines, at most 16 KiB */
};
void	db_result_init(struct db_result *r);
void	db_result_fini(struct db_result *r);

/* What a request is bound to, in parts, so that what differs later can be named. */
struct db_shown {
	struct buf parts;		/* settings, definitions, triggers ... (db/shown.c) */
	struct buf keys;		/* the first keys of the rows matched, for the eye: "3, 4, ..." */
};
void	db_shown_init(struct db_shown *s);
void	db_shown_fini(struct db_shown *s);
/* Takes it out of a sheet, which is empty then; the caller frees. NULL may be freed. */
struct db_shown *db_shown_take(struct db_shown *s);
void	db_shown_free(struct db_shown *s);

/* What a write would touch, read inside the wall. */
struct db_sheet {
	const char *how;		/* "derived", "explain", "unknown" */
	bool count_known;
	uint64_t count;
	/* How many rows it will have touched, as the engine counts, does not say how many rows change: REPLACE, ON DUPLICATE
	 * KEY UPDATE, ON CONFLICT DO UPDATE, MERGE, views, INSTEAD OF, rules, several tables, code that is called. The bound
	 * holds for the engine's count all the same; what it did is only seen once it ran. */
	bool inexact;
	struct digest keys;		/* of the matched keys, in order, and of the cells of the sample */
	struct digest ground;		/* of all that was shown but the rows: place, settings, definitions */
	struct digest bind;		/* of ground and the rows matched (doc/protocol.txt) */
	uint64_t dangers;		/* found in the catalogue: TRIGGER, CASCADE, RULE, COUNT_UNKNOWN ... */
	int64_t table_rows;		/* the engine's estimate, -1 when it has none */
	int64_t table_bytes;		/* of the table written with its indexes, -1 not known */
	double estimate;		/* rows as EXPLAIN guesses them, when how is "explain"; -1 none */
	const char *rollback;		/* "yes", or why it cannot be taken back here: "statement", "engine"; what may stay:
					 * "triggers", "foreign"; "unknown" */
	/* Of others as they were a moment ago, and never bound. */
	const char *sight;		/* how much of their locks the account sees: "all", "part", "none" */
	unsigned holders;		/* others that have or await locks on what it writes */
	unsigned blocking;		/* of these: so many it would have to wait for */
	unsigned nlocks;		/* and so many stand in locks */
	double ms;
	struct buf triggers;		/* JSON array of names */
	struct buf cascades;		/* JSON array of names */
	struct buf rules;		/* JSON array of names: rewrite rules of what is written */
	struct buf depends;		/* JSON array of names: what depends on the object of a change of definitions */
	struct buf policies;		/* JSON array of names: row policies that choose its rows */
	struct buf takes;		/* JSON array: locks that it takes, "ROW EXCLUSIVE on orders" */
	struct buf locks;		/* JSON array of the holders: doc/transcript.txt, body "locks" */
	struct buf derived;		/* the derived SELECT, "" when there is none */
	struct buf note;		/* why something is not known, as sentences */
	struct buf undo;		/* "none: ..." until the undo step */
	struct buf own;			/* JSON array of names */
	struct db_shown shown;
};
void	db_sheet_init(struct db_sheet *s);
/* Adds the sheet of one more statement of a change set to that of all; first: it is the first. Binds and keys are the
 * caller's to make. one is still the caller's to fini. */
void	db_sheet_add(struct db_sheet *all, struct db_sheet *one, bool first);
void	db_sheet_fini(struct db_sheet *s);

/* What stands on record before COMMIT is sent. */
struct db_commit_point {
	uint64_t affected;
	char xid[32];			/* "" when the engine has none */
	int64_t backend;
	char system[32];
	char timeline[16];
	/* Of an engine that forgets numbers of transactions when it crashes: what changes with a crash, and how far its log
	 * had come; "" none. */
	char epoch[40];
	char log[32];
};

/* One statement of an allowed change, as it was shown (the sheet). */
struct db_part {
	unsigned nth;			/* of a change set, from 1; 0: alone. For messages */
	struct db_statement statement;
	const struct sql_facts *facts;
	struct digest ground, keys;	/* looked up again before any part is sent */
	bool keys_known;
	uint64_t matched;		/* rows shown; when keys_known */
	const struct db_shown *shown;	/* NULL: what differs is not named */
	bool at_most;			/* bound is "<= rows" instead of "= rows" */
	uint64_t rows;
	uint64_t found;			/* filled: rows that match as it begins; UINT64_MAX: that is not known */
	uint64_t touched;		/* filled: rows that it touched */
	bool stays;			/* filled: it is kept by an engine that cannot take it back */
	bool moved;			/* filled: other rows within the bound than those that were shown, or they look otherwise,
					 * or not as many were touched */
	char differs[1000];		/* filled when moved: how many and which, then and now */
};

/* What ran and is not kept yet. */
struct db_held {
	bool moved;			/* of any part */
	uint64_t affected;		/* all parts together */
	const struct db_part *parts;
	size_t nparts;
	const char *effects;		/* JSON array as in db_result */
	const char *unseen;		/* what they do not tell, or "" */
	char code[32];			/* holding fills why it is taken back: code and sentence */
	char text[240];
};

/* An allowed change: its parts run in order in one transaction. */
struct db_allowed {
	struct db_part *parts;		/* at least one */
	size_t nparts;
	void *ctx;
	/* Called once all parts ran within their bounds: false takes the change back. It may wait, up to hold_ms of
	 * the target. NULL: nothing is held, and rows that moved are a reason to take it back. */
	bool (*holding)(void *ctx, struct db_held *h);
	/* It may run although nobody could take it back (the strict path): then committing is called before the statement is
	 * sent, nothing is held, and what is over the bound is told and stays. One part. */
	bool at_once;
	/* Called after that and before COMMIT: other than 0 rolls back. */
	int (*committing)(void *ctx, const struct db_commit_point *p);
};

/* Others who wait for what a held change has locked. */
struct db_waiting {
	unsigned n;
	char who[200];			/* the first of them, "" none */
};

/* 0: no limit. The row that reaches bytes is still handed on. */
struct db_limits {
	uint64_t rows;
	uint64_t bytes;
};

/* What the account may do beyond reading the ticket's tables (law 6, third wall). */
struct db_finding {
	enum excess kind;
	char object[192];		/* what it is about: a table, database, role; "" the whole server */
	char detail[256];		/* one sentence of facts, "" when the kind says it all */
};
struct db_audit {
	struct db_finding *v;		/* the driver allocates, db_audit_fini frees */
	size_t n;
};
void	db_audit_init(struct db_audit *a);
void	db_audit_fini(struct db_audit *a);
/* Adds a finding; the list ends with one that says that there are more. Strings are copied, cut when long. */
void	db_audit_add(struct db_audit *a, enum excess kind, const char *object, const char *detail);

/* What a person may ask about definitions ("\d"). */
enum db_subject {
#define DB_SUBJECT(name, text, help) DB_SUBJECT_##name,
#include "twokey/db/subject.def"
#undef DB_SUBJECT
	DB_SUBJECTS
};
const char *db_subject_name(enum db_subject s);
bool	db_subject_parse(const char *name, enum db_subject *s);

/* What a read would cost, guessed by the engine without running it. */
struct db_weight_limit {
	int64_t table_bytes;		/* only tables at least so large are worth a guess; 0: no guard */
	double rows;			/* rows gone through that are asked about */
};
struct db_weight {
	bool over;
	double rows;			/* estimate; 0 when no table was large enough to ask */
	char table[192];		/* the largest one it reads */
	int64_t table_bytes;
	char own[160];			/* names of our own statements that ran, JSON array; "" none */
};

struct db_conn;		/* each driver has its own */

struct db_driver {
	enum sql_engine engine;
	/* A connection inside its walls, and what was found; NULL and *e on failure (no secret in it). */
	struct db_conn *(*open)(const struct db_target *t, struct db_info *info, struct err *e);
	void (*close)(struct db_conn *c);
	/* Runs one read inside the wall. 0 with *r filled (also when the server refused it: DB_FAILED),
	 * ERR_WALL when the wall stopped it (shadowed function, uncleared view, write in a read; sentence in *e),
	 * ERR_DATABASE when the connection is lost or in a state that it must not be in: the session ends. */
	int (*read)(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_limits *max, const struct db_sink *sink, struct db_result *r, struct err *e);
	/* Fills the sheet; sample rows go to the sink. Errors as read, and ERR_STATEMENT when the server would
	 * refuse the statement anyway, ERR_CANCELLED when counting was cancelled or took too long. */
	int (*sheet)(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_sink *sample, struct db_sheet *sheet, struct err *e);
	/* Runs an allowed change once. 0 with r->end COMMITTED, ROLLEDBACK, FAILED or UNKNOWN. */
	int (*run)(struct db_conn *c, const struct db_allowed *a, struct db_result *r, struct err *e);
	/* Whether code of users stands behind the one table that the facts say is written (checks, types, indexes, tables that
	 * inherit), which a rehearsal would run, or something counts up that a rollback does not take back: 0 when not,
	 * ERR_WALL with a sentence. NULL: the engine has nothing of that kind. */
	int (*alone)(struct db_conn *c, const struct sql_facts *f, struct err *e);
	/* From within holding and its thread: who waits for the change, as another connection sees it, which the first call
	 * opens and the end of the run closes (MariaDB, MySQL: the one that cancel uses). Nothing is sent on the one that
	 * holds the change. About once a second: it may take seconds where the server does not answer. 0 with *w filled;
	 * ERR_UNSUPPORTED with a sentence when the engine or the account does not tell; ERR_DATABASE when the connection
	 * that holds the change is gone. */
	int (*waiting)(struct db_conn *c, struct db_waiting *w, struct err *e);
	/* What became of a commit point on a new connection: "committed", "aborted", "unknown". */
	int (*outcome)(struct db_conn *c, const struct db_commit_point *p, const char **is, struct err *e);
	/* Reads what the account may do: one finding for each kind and object (at most 200; NOT_AUDITED says that
	 * there is more or that something could not be read). ERR_DATABASE when the connection is lost. NULL: the
	 * engine has no accounts. */
	int (*audit)(struct db_conn *c, struct db_audit *a, struct err *e);
	/* Answers a question about definitions by statements of our own inside the wall, rows to the sink.
	 * name: "table" or "schema.table" as typed, or "" for all. 0 with *r filled; errors as read. May be NULL. */
	int (*describe)(struct db_conn *c, enum db_subject s, const char *name, const struct db_limits *max,
	    const struct db_sink *sink, struct db_result *r, struct err *e);
	/* Guesses what a read costs. Sizes of tables come from what the connection has cached, so that a small read
	 * pays no trip. 0 with *w filled; errors as read. May be NULL. */
	int (*weigh)(struct db_conn *c, const struct db_statement *s, const struct sql_facts *f,
	    const struct db_weight_limit *limit, struct db_weight *w, struct err *e);
	/* From another thread: stop what runs now. Harmless when nothing runs. */
	void (*cancel)(struct db_conn *c);
};

/* The driver of an engine, NULL when this build has none. */
const struct db_driver *db_driver_find(enum sql_engine engine);

/* Law 1: twokey's own statements, one table. */
struct db_own {
	const char *name;	/* "pg.begin-read" */
	const char *sql;
};
/* All of them; *n gets the count. */
const struct db_own *db_own_statements(enum sql_engine engine, size_t *n);

#endif
