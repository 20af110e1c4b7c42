/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What session, recorder and db say to each other: a JSON line (the head) whose member "b" counts the
 * raw lines that follow it. Bodies pass as they are, so rows are encoded once. */
#ifndef TWOKEY_BROKER_PACKET_H
#define TWOKEY_BROKER_PACKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "twokey/transcript/limit.h"

struct buf;
struct err;

struct packet_body {
	char *p;
	size_t n;
};

struct packet {
	json_t *head;
	struct packet_body b[TRANSCRIPT_BODIES_MAX];
	size_t nb;
	size_t want;	/* bodies that the head announced */
};

/* Takes the next line. 1: the packet is complete (the caller uses it and calls packet_clear);
 * 0: more lines are needed; ERR_INVALID: the peer does not speak this. */
int	packet_feed(struct packet *p, const char *line, size_t n, struct err *e);
void	packet_clear(struct packet *p);
/* Appends head (its "b" is set here when nb > 0) and bodies to out. */
void	packet_put(struct buf *out, json_t *head, const struct packet_body *b, size_t nb);
/* The body of that kind as an object that the caller owns, NULL when absent or malformed. */
json_t	*packet_body(const struct packet *p, const char *kind);
/* A body {"k":kind,"text":...} from bytes; the caller frees b->p. */
void	packet_text_body(struct packet_body *b, const char *kind, const char *text, size_t n);
/* A body from an object that has its "k" (taken); the caller frees b->p. */
void	packet_object_body(struct packet_body *b, json_t *o);
void	packet_bodies_free(struct packet_body *b, size_t nb);

#endif
