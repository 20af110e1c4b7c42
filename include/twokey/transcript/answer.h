/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text that a person signs to allow a request: readable lines "key: value" in a fixed order (answer.def). Console,
 * session and verify each build it from what they know; it counts only when all are the same, byte for byte. */
#ifndef TWOKEY_TRANSCRIPT_ANSWER_H
#define TWOKEY_TRANSCRIPT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"

struct buf;

#define TRANSCRIPT_ANSWER_NAMESPACE "answer@twokey"
#define TRANSCRIPT_SEAL_NAMESPACE "seal@twokey"
/* How a file of allowed signers names the broker, whose key signs seals. */
#define TRANSCRIPT_SEAL_SIGNER "broker"

enum { TRANSCRIPT_ANSWER_MAX = 32 * 1024, TRANSCRIPT_SIGNATURE_MAX = 16 * 1024 };

struct transcript_answer_rows {
	bool at_most;		/* "<=", else "=" */
	uint64_t rows;
};
struct transcript_answer_head {
	uint64_t n;
	struct digest digest;	/* of the line of event n */
};

/* Strings are borrowed and may hold any bytes but NUL; NULL is "". */
struct transcript_answer {
#define ANSWER_TEXT const char *
#define ANSWER_DIGEST struct digest
#define ANSWER_NUMBER uint64_t
#define ANSWER_ROWS struct transcript_answer_rows
#define ANSWER_HEAD struct transcript_answer_head
#define ANSWER(field, key, type, help) ANSWER_##type field;
#include "twokey/transcript/answer.def"
#undef ANSWER
#undef ANSWER_TEXT
#undef ANSWER_DIGEST
#undef ANSWER_NUMBER
#undef ANSWER_ROWS
#undef ANSWER_HEAD
};

/* Appends the text. A value keeps to its line: a backslash and every byte of a control, bidi, zero-width or invalid
 * character becomes \xHH. The caller sees by buf_over whether it was too long. */
void	transcript_answer_put(struct buf *out, const struct transcript_answer *a);
/* True when the text has just the lines of answer.def, each once, in their order, and nothing else. */
bool	transcript_answer_ok(const char *text, size_t n);
/* True when the line of that key has that value (as transcript_answer_put writes it); the text is one that is ok. */
bool	transcript_answer_says(const char *text, size_t n, const char *key, const char *value);

/* What the broker's key signs at the end: session, number of events before the seal, head. */
void	transcript_seal_put(struct buf *out, const char *session, uint64_t events, const struct digest *head);

#endif
