/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of one event as bytes. */
#ifndef TWOKEY_SRC_TRANSCRIPT_COMPOSE_H
#define TWOKEY_SRC_TRANSCRIPT_COMPOSE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/transcript/event.h"
#include "twokey/transcript/limit.h"
#include "twokey/transcript/writer.h"

struct buf;
struct err;
struct transcript_writer;

enum { COMPOSE_MAX = (TRANSCRIPT_BODIES_MAX + 1) * (TRANSCRIPT_LINE_MAX + 1) * 3 };

/* What the fixed members say; head is filled with the digest of the event line. */
struct compose {
	uint64_t n;
	int64_t wall_us, ms;
	struct digest prev;
	struct digest head;
};

/* Appends the bodies and the event line to out; ERR_INVALID, ERR_TOO_LARGE (out holds a part then). */
int	compose_event(struct buf *out, struct compose *c, const struct transcript_event_rule *rule,
	    const json_t *event, const struct transcript_body *bodies, size_t nbodies, struct err *e);
void	compose_seal(struct buf *out, struct compose *c, const struct transcript_seal_with *with);

/* The pieces, for recovery: a body line (json begins {"k":) and its entry of "b"; the front of an event
 * line up to its name; its end, with the list b (without brackets) when it is not empty. */
void	compose_body(struct buf *out, struct buf *list, uint64_t of, const char *json, size_t n);
void	compose_named(struct buf *list, const char *k, size_t k_len, const struct digest *sha, uint64_t len);
void	compose_front(struct buf *out, const struct compose *c, const char *name);
void	compose_end(struct buf *out, size_t from, struct buf *list, struct compose *c);

/* Shared by writer.c and recover.c. */
struct transcript_writer *writer_open(const char *path, int flags, uint64_t quota, struct err *e);
int	writer_usable(const struct transcript_writer *w, struct err *e);
int	writer_commit(struct transcript_writer *w, const struct compose *c, uint64_t at, struct err *e);
int64_t	writer_ms(struct transcript_writer *w, int64_t mono_ms);

#endif
