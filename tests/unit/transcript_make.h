/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transcripts for the tests: a folder of their own, events with bodies, files as bytes. */
#ifndef TWOKEY_TESTS_UNIT_TRANSCRIPT_MAKE_H
#define TWOKEY_TESTS_UNIT_TRANSCRIPT_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/transcript/verify.h"
#include "twokey/transcript/writer.h"

enum { MAKE_QUOTA = 64 * 1024 * 1024 };

/* A folder under TMPDIR; the path of name in it (static). Removed by make_remove. */
void	make_folder(void);
const char *make_path(const char *name);
void	make_remove(void);

struct transcript_when make_when(void);
/* A new writer on make_path(name); fails the test when there is none. */
struct transcript_writer *make_writer(const char *name, uint64_t quota);
/* Appends an event; fields as jansson's text ("{\"ev\":\"said\",...}"), body NULL or its JSON. */
int	make_append(struct transcript_writer *w, const char *event, const char *body, struct err *e);
/* begin, joined, read with sql, rows, done, request with sql and reason, denied; not sealed. */
void	make_session(struct transcript_writer *w);

/* Whole files; the buffer is initialised here. */
void	make_read(const char *name, struct buf *b);
void	make_write(const char *name, const void *p, size_t n);
struct transcript_report make_verify(const char *name);
struct transcript_report make_verify_bytes(const char *p, size_t n);

#endif
