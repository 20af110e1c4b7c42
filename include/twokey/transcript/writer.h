/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only code that appends to a transcript. Used by the recorder role alone. */
#ifndef TWOKEY_TRANSCRIPT_WRITER_H
#define TWOKEY_TRANSCRIPT_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/transcript/event.h"

struct err;
struct transcript_writer;

/* When: both clocks, taken by the caller. */
struct transcript_when {
	int64_t wall_us;
	int64_t mono_ms;
};

/* One body: a complete JSON object {"k":"sql",...} whose first member is "k" and which has no
 * members "s" and "of": the writer puts them in front. Checked by transcript_body_check. */
struct transcript_body {
	const char *json;
	size_t n;
};

/* Where an appended event stands. */
struct transcript_place {
	uint64_t n;		/* number of the event */
	uint64_t end;		/* offset behind its LF */
};

/* Creates path (must not exist, mode 0600), locks it (flock) and keeps TRANSCRIPT_RESERVE bytes
 * allocated beyond its end. quota: most bytes the file may have, reserve included. NULL and *e on
 * failure: ERR_EXISTS, ERR_NOT_FOUND (no folder), ERR_FULL, ERR_INVALID (quota), ERR_SYSTEM; no file is left then. */
struct transcript_writer *transcript_writer_create(const char *path, uint64_t quota, struct err *e);
/* Opens a file that has no seal, for recovery: locks it, checks it, keeps a torn last line as bodies of "recovered",
 * appends that and syncs. The quota is raised when the file has used it up. ERR_STATE when it is sealed or locked,
 * ERR_BROKEN when the chain is broken as no crash breaks it (the file is left alone). */
struct transcript_writer *transcript_writer_recover(const char *path, uint64_t quota,
	    struct transcript_when when, struct err *e);
/* Closes without sealing; NULL is fine. */
void	transcript_writer_close(struct transcript_writer *w);

/* Appends the bodies and then the event line, in one write. event holds "ev" and its fields, not
 * n, t, ms, prev and b. On failure the file is as before: ERR_FULL (no room but the reserve, and the
 * kind may not use it), ERR_TOO_LARGE, ERR_INVALID (field or body not in event.def), ERR_SYSTEM. */
int	transcript_append(struct transcript_writer *w, struct transcript_when when,
	    enum transcript_event_kind kind, const json_t *event,
	    const struct transcript_body *bodies, size_t nbodies,
	    struct transcript_place *place, struct err *e);
/* fdatasync; ERR_SYSTEM when the disk did not take it: nothing may run after that. */
int	transcript_sync(struct transcript_writer *w, struct err *e);
/* What a seal carries beside the head; NULL: it does not. */
struct transcript_seal_with {
	const char *signature;	/* armoured, of the broker's key over transcript_seal_put's text */
	const char *anchor;	/* what became of the anchor: "done", "failed" */
};
/* Appends the seal and syncs. */
int	transcript_seal(struct transcript_writer *w, struct transcript_when when, struct err *e);
int	transcript_seal_with(struct transcript_writer *w, struct transcript_when when,
	    const struct transcript_seal_with *with, struct err *e);
/* Events in the file: the number of the last one. */
uint64_t transcript_count(const struct transcript_writer *w);

/* SHA-256 of the last event line, the head of the chain. */
struct digest transcript_head(const struct transcript_writer *w);
/* A second descriptor of the file, read-only, close-on-exec; the caller closes it. -1 and *e on failure. */
int	transcript_reader_fd(const struct transcript_writer *w, struct err *e);
/* True while TRANSCRIPT_RESERVE bytes are still kept back. */
bool	transcript_has_room(const struct transcript_writer *w);

/* ERR_INVALID unless json is one well-formed object of at most TRANSCRIPT_BODY_MAX bytes, without LF,
 * that begins with "k". Linear, no allocation: rows pass here. */
int	transcript_body_check(const char *json, size_t n);

#endif
