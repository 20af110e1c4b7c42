/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to consoles, before and in a session: one form (doc/protocol.txt). */
#ifndef TWOKEY_BROKER_ANSWER_H
#define TWOKEY_BROKER_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* {"re":re,"id":id,"ok":ok} and fields, which are taken; id (borrowed) and fields may be NULL. */
json_t	*answer_make(const char *re, const json_t *id, bool ok, json_t *fields);
/* The refusal with code and sentence, which the caller drops; why may hold any bytes. */
json_t	*answer_refuse(const char *re, const json_t *id, int code, const char *why);
/* {"re":"bye",...}: the broker closes this connection. */
json_t	*answer_bye(const char *code, const char *why);
/* The names of a set of dangers; the caller drops it. */
json_t	*answer_dangers(uint64_t dangers);

#endif
