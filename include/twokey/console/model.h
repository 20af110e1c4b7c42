/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session as a function of its events: fed with transcript lines, live or from a file. */
#ifndef TWOKEY_CONSOLE_MODEL_H
#define TWOKEY_CONSOLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "twokey/base/digest.h"
#include "twokey/transcript/event.h"
#include "twokey/transcript/verify.h"

struct model;

enum {
	MODEL_PEOPLE_MAX = 32,
	MODEL_NAME_MAX = 64,
	MODEL_ROWS_KEPT = 2000,		/* of one result, without deferring */
	MODEL_NAMES_KEPT = 20000,	/* of the names for completion */
	MODEL_HOPS_MAX = 9,		/* with the endpoint */
	MODEL_WANTED_MAX = 16,
	MODEL_READERS_MAX = 4,
	MODEL_SET_MAX = 64		/* changes of a set that are listed */
};

struct model_person {
	char name[MODEL_NAME_MAX];
	char side[16];
	char seat[16];		/* the seat the ticket names */
	bool joined;
	bool away;
	bool remote;		/* joined from a login session of another host than the broker's */
};

/* A hop of the way to the database, as its latest event says. */
struct model_hop {
	char name[MODEL_NAME_MAX];	/* "" when nothing was said about it */
	char state[24];			/* a name of tunnel/phase.def */
	char type[40], key[64];		/* of the host key */
	char code[32];			/* why it failed, "" when it did not */
	char why[240];
	double ms;			/* of a round trip, or of what was done last; < 0 not known */
	int64_t in, out;		/* bytes, -1 not known */
};

/* A secret that is asked from a person: by the database and every hop at the same time. */
struct model_wanted {
	uint64_t n;		/* the event that asks */
	char by[MODEL_NAME_MAX];
	char of[128];
	char what[40];
};

/* Limits in force; -1 when not said. */
struct model_limits {
	int64_t statement_ms, lock_ms, rows, bytes;
};

/* What the first lines fixed, for the two title rows. Strings are never NULL. */
struct model_header {
	char session[80];
	char ticket[80];
	char access[16];
	char stage[16];
	char broker[16];	/* "private", "system" */
	bool unverified;	/* demo: the two people are not verified */
	char target[MODEL_NAME_MAX];
	char engine[16];
	char version[80];
	char database[256];
	char role[128];
	char release[80];
	char standing[16];	/* "primary", "replica", "unknown", "" */
	char source[200];	/* what a replica follows, as the server says it */
	int64_t lag_ms;		/* -1 not known */
	bool other_host;	/* the ticket takes an answer that allows from another host only */
	bool hold_always;	/* and every change is looked at again before it is kept */
	bool encrypted;
	struct model_limits limits;
	unsigned caps;		/* CAP_BIT set; valid when connected */
	bool audited;		/* the account was looked at; model_audit has what was found */
	uint64_t found;		/* set of 1 << enum excess, as found there */
	bool account;		/* and compared with the ticket */
	uint64_t shown, accepted, refused;	/* sets of 1 << enum excess */
	bool other_excess;	/* a kind of a newer version is among them */
	bool account_ok;	/* nothing is refused */
	char shared[80];	/* the other ticket that uses the account */
	struct model_hop hops[MODEL_HOPS_MAX];
	size_t nhops;
	struct model_wanted wanted[MODEL_WANTED_MAX];	/* secrets that are asked and not given yet, in order */
	size_t nwanted;
	bool connected;
	bool paused;
	bool alone;		/* no second person is there, and only what needs none goes on */
	char paused_code[16];	/* why: "absent", "left", "away"; "" a person paused it */
	char paused_who[MODEL_NAME_MAX];
	bool ended;
	char ended_code[32];
	bool sealed;
	int64_t begin_us;	/* wall clock of event 1 */
	int64_t last_us;	/* and of the last event */
	int64_t last_ms;	/* ms of the last event */
	int64_t expires_us;	/* of the ticket */
	unsigned reads, writes, denied;
	struct model_person people[MODEL_PEOPLE_MAX];
	size_t npeople;
};

/* One statement, message or other thing of the log, built from one or more events. */
enum model_kind { MODEL_READ, MODEL_WRITE, MODEL_STAGED, MODEL_DESCRIBE, MODEL_REFUSED, MODEL_MESSAGE, MODEL_NOTE, MODEL_STATE };

/* What the event held said, and what became of it. */
struct model_hold {
	uint64_t n;			/* the event, 0: it never was held */
	json_t *event;			/* its fields */
	char *note;			/* its body, or NULL */
	char bind[DIGEST_HEX + 1];
	int64_t affected;		/* rows, -1 not said */
	int64_t wall_us, until_us;
	int64_t opened_us, last_shown_us;	/* the effect, not the sheet of before */
	char opened_by[MODEL_NAME_MAX];
	char turned_by[MODEL_NAME_MAX], turned_side[16];	/* the first of two keys, as of the entry */
	enum transcript_event_kind answer;	/* KEPT, DENIED, WITHDRAWN, EXPIRED, VOID; HELD while there is none */
	char by[MODEL_NAME_MAX];
	char code[32];			/* of VOID */
	int64_t answered_us;
	char *typed, *reason;
	char key[64];			/* as those of the entry */
	bool touched, pin;
};

/* Changes that the driver collects; COMMIT asks for all of them at once. */
struct model_set {
	uint64_t n;			/* the event begun, 0: none is open */
	char by[MODEL_NAME_MAX];
	int64_t begun_us, until_us;
	size_t changes;
	size_t at[MODEL_SET_MAX];	/* the entries of the first ones */
};

struct model_body {
	char *k;
	json_t *fields;		/* NULL when the body is not there (redacted, or not sent) */
};

/* An event of a newer version becomes a MODEL_STATE with state NOTED and its name in verb.
 * Entries own their strings; borrowed by callers until the next feed. */
struct model_entry {
	uint64_t n;			/* first event */
	uint64_t last_n;		/* last event that belongs to it */
	enum model_kind kind;
	enum transcript_event_kind state;	/* latest event: READ, DONE, REQUEST, SHEET, OPENED, ALLOWED, COMMITTED ... */
	char by[MODEL_NAME_MAX];
	char class[16];
	char verb[40];			/* DESCRIBE: the subject, its name in sql */
	char *sql;			/* statement or message text, may hold any bytes; NULL when missing */
	size_t sql_len;
	char *reason;			/* driver's reason */
	char *answer;			/* deny reason, refusal sentence, error text, why rolled back */
	char *notices;			/* what the server said beside the result, NULL when nothing */
	char *typed;
	char turned_by[MODEL_NAME_MAX];	/* who turned the first of two keys, "" nobody yet */
	char turned_side[16];
	char answered_by[MODEL_NAME_MAX];
	char code[40];
	char digest[DIGEST_HEX + 1], bind[DIGEST_HEX + 1];
	char table[200];
	char act[24];			/* "drop": typed before the object, there are no rows to count; "" */
	char op[4];			/* "=", "<=", "" */
	int64_t rows_wanted;		/* -1 none */
	int64_t count;			/* rows matched now, -1 not known */
	int64_t table_rows;		/* -1 unknown */
	int64_t table_bytes;		/* with its indexes, -1 unknown */
	int64_t rows;			/* rows of the result or affected, -1 not yet */
	bool cut;
	bool allowed, ran;		/* such an event stands */
	bool unallowed;			/* it ran, or was held or committed, while no answer stood that allowed it */
	double ms_server;
	int64_t wall_us, ms;		/* of the first event */
	int64_t until_us;		/* lapses at */
	int64_t opened_us, last_shown_us, answered_us;
	char opened_by[MODEL_NAME_MAX];
	struct model_reader {		/* who has it open, and since when */
		char by[MODEL_NAME_MAX];
		int64_t since_us;
		bool half;		/* its last line was not on his screen yet */
		int verdict;		/* 1 allowed (or the first of two keys), -1 denied, 0 not answered; of what is held:
					 * when it was allowed to run */
		int64_t read_us;	/* from opening it to that answer, -1: he did not open it */
	} readers[MODEL_READERS_MAX];
	size_t nreaders;
	struct {			/* the last event signing of it, n 0: none */
		uint64_t n;
		struct digest head;	/* of its line */
		char by[MODEL_NAME_MAX];
		char nonce[40];
		char until[32];
	} signing;
	char key[64];			/* fingerprint of the key that signed the answer, "" when none did */
	bool touched, pin;		/* and what a security key said about it */
	struct model_hold hold;
	size_t staged;			/* STAGED: which one of its set, from 1; READ: changes that it does not see yet;
					 * state DROPPED: how many there were */
	uint64_t dangers;		/* SQL_DANGER_BIT set, request and sheet together */
	json_t *sheet;			/* fields of the sheet event, NULL before it */
	json_t *event;			/* fields of the first event */
	char *derived, *note, *change;	/* bodies of the sheet */
	json_t *sample;			/* body: {"cols":[{"name","type"}],"rows":[[...]]} */
	json_t *locks;			/* body: {"holders":[{...}]}, NULL when nobody was seen or it is not there */
	json_t *audit;			/* body: {"findings":[{"what","object","detail"}]} */
	json_t **results;		/* bodies of rows events, in order: {"cols"(first),"rows"}; an element is NULL
					 * when it is not there, not kept or fetched later: use model_result */
	size_t nresults;
	uint64_t *parts;		/* nresults numbers of the rows events */
	json_t *end;			/* fields of the event that ended it, or NULL */
	int64_t end_us;			/* and when, 0 not yet */
	int64_t position;		/* FAILED: byte of the error in sql, from 1; 0 not known */
	uint64_t serial;		/* another one after every change; never the same for two entries */
	struct {			/* questions and answers on a request, messages */
		char by[MODEL_NAME_MAX];
		char *text;
		int64_t wall_us;
	} *talk;
	size_t ntalk;
};

/* Before the first line of a transcript; model_free frees it. NULL may be freed. */
struct model *model_create(void);
void	model_free(struct model *m);
/* The same without checking the chain, for a file that is verified by itself. */
struct model *model_create_unchecked(void);
/* The same session at the same event; entries are shared until one of the two changes them. Not the verdict. */
struct model *model_copy(const struct model *m);
/* Rows are not kept but asked for: load returns the body of rows event n (the caller owns it) or NULL. */
void	model_defer_rows(struct model *m, json_t *(*load)(void *ctx, uint64_t n), void *ctx);
/* Part i of a result, owned by the caller; NULL when it is not there. */
json_t	*model_result(const struct model *m, const struct model_entry *e, size_t i);
/* Parses a body line into its fields, which the caller drops; NULL when it is none. */
json_t	*model_body_parse(const char *line, size_t n);
/* One transcript line (body or event) without LF. The chain is checked as it comes. False when the line
 * belongs to no transcript (then nothing changed). */
bool	model_feed(struct model *m, const char *line, size_t n);
/* Events fed so far (the number of the last one). */
uint64_t model_last(const struct model *m);
const struct model_header *model_header(const struct model *m);
size_t	model_entries(const struct model *m);
const struct model_entry *model_entry(const struct model *m, size_t i);
/* The entry that event n belongs to, or NULL. */
const struct model_entry *model_entry_of(const struct model *m, uint64_t n);
/* The first entry that waits for the second key after entry i (start with -1), or -1. */
long	model_waiting(const struct model *m, long i);
/* The entry whose statement runs now, or NULL. */
const struct model_entry *model_running(const struct model *m);
/* The body of the audit ({"findings":[...]}), borrowed until the next feed, or NULL. */
const json_t *model_audit(const struct model *m);
/* What a person did with a request, or NULL. */
const struct model_reader *model_reader_of(const struct model_entry *e, const char *by);
/* What a person answered so far, and how long he read before: the watchers' own numbers. */
struct model_reading {
	unsigned allowed, denied;
	unsigned unread;	/* of these: answered without opening the sheet */
	int64_t median_us;	/* of the time between opening and answer, -1: none */
};
void	model_reading_of(const struct model *m, const char *person, struct model_reading *out);
/* That person's console came from another host than the broker's. */
bool	model_is_remote(const struct model *m, const char *person);
/* True for a request that only reads and is asked for because of its cost. */
bool	model_only_reads(const struct model_entry *e);
/* "1 of 2 keys turned, by anna; waits for the firm's"; false while no key of two is turned, or it waits no more. */
bool	model_turned_words(const struct model_entry *e, char *out, size_t max);
/* The side of the first of two keys, "" while none is turned; of what is held, of those that keep it. */
const char *model_turned_side(const struct model_entry *e);
/* True while it waits for the second key, also to be kept. */
bool	model_is_waiting(const struct model_entry *e);
/* True while it has run and is not kept yet: the second key has to be turned again. */
bool	model_is_held(const struct model_entry *e);
/* The first entry that is held, or -1. */
long	model_held(const struct model *m);
/* The set that is open, or NULL. */
const struct model_set *model_set(const struct model *m);
/* True for a request that is a set of changes. */
bool	model_is_set(const struct model_entry *e);
/* The verdict on the lines fed so far; OPEN without a word for a model that does not check. */
void	model_verdict(const struct model *m, struct transcript_report *out);

#endif
