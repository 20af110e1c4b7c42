/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the model share. */
#ifndef TWOKEY_SRC_CONSOLE_MODEL_PRIV_H
#define TWOKEY_SRC_CONSOLE_MODEL_PRIV_H

#include "twokey/console/model.h"
#include "twokey/transcript/limit.h"
#include "twokey/transcript/line.h"

/* An entry that several models share; written to only by its last owner. */
struct model_slot {
	struct model_entry e;	/* first: callers hold a pointer to it */
	unsigned refs;
	uint64_t rows_seen;	/* rows of all parts */
};

/* Events n, n+1, ... stand at index at, at+1, ... of the map. A whole transcript is one run. */
struct model_run {
	uint64_t n;
	size_t at;
};

struct model {
	struct transcript_verifier *verifier;	/* NULL: unchecked */
	struct model_header h;
	struct model_slot **slots;
	size_t nslots, cap_slots;
	uint32_t *map;		/* entry of each event, in the order they came */
	size_t nmap, cap_map;
	struct model_run *runs;
	size_t nruns;
	size_t *waiting;	/* entries that wait for the second key */
	size_t nwaiting, cap_waiting;
	size_t running;		/* entry + 1, 0 none */
	struct model_set set;
	uint64_t last;
	struct digest line;	/* of the event line in hand, when that is a signing */
	json_t *audit;		/* body of the audit */
	size_t hop_entry[MODEL_HOPS_MAX];	/* entry + 1 of the hop being opened, 0 none */
	struct {
		struct model_body b;
		uint64_t of;
	} bodies[TRANSCRIPT_BODIES_MAX];
	size_t nbodies;
	json_t *(*load)(void *ctx, uint64_t n);
	void *load_ctx;
};

/* model_entry.c: an entry that copies of a model share, counted: one more user, one less; the last frees it */
struct model_slot *model_slot_create(void);
void	model_slot_release(struct model_slot *s);
/* Entry i inside m, which may be written to: not shared and with a new serial. */
struct model_slot *model_slot_write(struct model *m, size_t i);
/* The text of the body of that kind, *n its length; NULL when it is not there. The caller frees it. */
char	*model_body_text(const struct model *m, const char *k, size_t *n);
/* The body of that kind, borrowed, or NULL. */
json_t	*model_body_fields(const struct model *m, const char *k);
void	model_bodies_drop(struct model *m);
/* A string field into a fixed place, "" when it is not there. */
void	model_copy_str(const json_t *fields, const char *key, char *out, size_t size);
/* The same of a text, which may be NULL. */
void	model_copy_text(const char *s, char *out, size_t size);
/* A hex digest, or "". */
void	model_copy_hex(const json_t *fields, const char *key, char out[DIGEST_HEX + 1]);
uint64_t model_dangers(const json_t *fields);
int64_t	model_time(const json_t *fields, const char *key);

/* model.c: the entry that event n belongs to */
bool	model_index_of(const struct model *m, uint64_t n, size_t *i);

/* model_reading.c: when a request was opened and answered, for the reader's own numbers */
void	model_reading_opened(struct model_entry *e, const json_t *fields, int64_t wall_us);
void	model_reading_answered(struct model_entry *e, enum transcript_event_kind kind, const json_t *fields, int64_t wall_us);

/* model_fold.c */
/* Takes event l with its fields (an object) and the bodies at hand. */
void	model_fold(struct model *m, const struct transcript_line *l, const json_t *fields, int64_t wall_us);
/* model_write.c: an event that belongs to entry i; false when it is none that belongs to an entry. */
bool	model_fold_of(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us);
/* Entry i waits for the second key, or does not any more. */
void	model_waits(struct model *m, size_t i, bool waits);
/* model_hold.c: an event of what is held, or the one that says so; false when it is none or changes it as any other. */
bool	model_fold_hold(struct model *m, size_t i, const struct transcript_line *l, const json_t *fields, int64_t wall_us);
void	model_hold_free(struct model_hold *h);
/* A copy by struct assignment gets its own memory. */
void	model_hold_own(struct model_hold *h);
/* The last entry was just begun by this event: what it means for the set that is open. */
void	model_fold_set(struct model *m, const struct transcript_line *l, const json_t *fields);
/* A second text does not replace what was read. */
void	model_set_text(const struct model *m, char **place, const char *k);
/* model_reach.c: tunnel, connection, account and secrets that are asked for; false when it is none of these */
bool	model_fold_reach(struct model *m, const struct transcript_line *l, const json_t *fields);
/* True for an event of a hop that is being opened. */
bool	model_hop_opens(const json_t *fields);
/* model_header.c: what the title rows know */
void	model_fold_header(struct model *m, const struct transcript_line *l, const json_t *fields, int64_t wall_us);

#endif
