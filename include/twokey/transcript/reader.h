/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random access to a transcript file: events by number, their bodies. Read-only, never trusts the file. */
#ifndef TWOKEY_TRANSCRIPT_READER_H
#define TWOKEY_TRANSCRIPT_READER_H

#include <stddef.h>
#include <stdint.h>

enum { TRANSCRIPT_READER_KEEPS = 16 };

struct err;
struct transcript_reader;

/* Opens the file; its lines are indexed when they are asked for. NULL and *e on failure; a broken file opens as
 * far as it can be read. What was appended later is not seen, and a file that shrinks only gives fewer lines.
 * transcript_reader_close frees it. */
struct transcript_reader *transcript_reader_open(const char *path, struct err *e);
void	transcript_reader_close(struct transcript_reader *r);

/* Events in the file; numbers run from 1. The first call reads the file through, once. */
uint64_t transcript_events(const struct transcript_reader *r);
/* The lines of event n, bodies first, the event line last, each without LF; count of them, 0 when
 * there is no such event. line(i) for i in 0..count-1 is valid until TRANSCRIPT_READER_KEEPS other events were asked for
 * or the reader is closed. */
size_t	transcript_event_lines(const struct transcript_reader *r, uint64_t n);
const char *transcript_event_line(const struct transcript_reader *r, uint64_t n, size_t i, size_t *len);

#endif
