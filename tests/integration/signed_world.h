/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signed answers, step by step, against a real broker and the real ssh-keygen. */
#ifndef TESTS_INTEGRATION_SIGNED_WORLD_H
#define TESTS_INTEGRATION_SIGNED_WORLD_H

#include <jansson.h>
#include <stdint.h>

#include "lib/broker.h"
#include "twokey/base/digest.h"
#include "twokey/transcript/answer.h"

/* Key files: anna has four (two of security keys, ed25519 and ecdsa), kim one, nobody's is not registered, seal is the broker's. */
extern struct signed_keys {
	char dir[64];
	char anna[100], second[100], kim[100], nobody[100], sk[100], sk_ecdsa[100], seal[100];
	char anna_yaml[8192], kim_yaml[4096], limits[512];
} signed_keys;
/* Three rows of orders become done. */
extern const char signed_update[];

/* Of a cmocka group: makes and removes the keys. */
int	signed_setup(void **state);
int	signed_teardown(void **state);
/* A broker that knows them, with seal_key and an anchor that writes DIR/anchored. request_seconds 0: 300. */
void	signed_start(struct test_broker *b, unsigned request_seconds);
/* Driver and confirmer in a session of the ticket MFX-1 with these lines. */
void	signed_open(const struct test_broker *b, const char *lines, struct test_console **ben, struct test_console **anna);
struct digest signed_digest(const json_t *ev, const char *name);
/* Of the line of event n. */
struct digest signed_line(const struct test_broker *b, uint64_t n);
/* Anna opens the request and begins to sign, once the minimum time is over: the answer to "signing". */
json_t	*signed_begin(struct test_console *anna, int64_t of, const char *typed);
/* The answer as anna knows it from the events, after signed_begin. */
struct transcript_answer signed_answer(const struct test_broker *b, struct test_console *anna, int64_t of, const char *typed);
/* Sends allow; the answer to it. NULL: without that member. */
json_t	*signed_send(struct test_console *anna, int64_t of, const char *typed, const char *text, const char *signature);
/* Signs the text of that answer and sends it. */
json_t	*signed_allow(struct test_console *anna, const struct transcript_answer *a, const char *path, int sk_flags);
/* All of it: typed "orders 3", signed by that key. */
json_t	*signed_with(const struct test_broker *b, struct test_console *anna, int64_t of, const char *path, int sk_flags);
/* It was refused, and the sentence has these words. */
void	signed_refused(const json_t *re, const char *words);
/* Nothing was allowed and nothing ran. */
void	signed_not_run(const struct test_broker *b, struct test_console *c, int64_t of);

#endif
