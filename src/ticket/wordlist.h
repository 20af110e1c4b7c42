/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lists of words of tickets and configuration: the index is the enum's value. */
#ifndef TICKET_WORDLIST_H
#define TICKET_WORDLIST_H

#include <stdbool.h>
#include <stddef.h>

struct word_list {
	const char *const *names;
	size_t n;
};

enum word_kind {
	WORDS_NONE, WORDS_ACCESS, WORDS_STAGE, WORDS_SEAT, WORDS_SIDE, WORDS_SECOND, WORDS_TLS, WORDS_ANSWER,
	WORDS_ENGINE, WORDS_REPLICA, WORDS_EXCESS, WORDS_SIGNED, WORDS_NO_YES, WORDS_HOLD,
	WORDS_PRESENCE, WORDS_LEAVE, WORDS_QUORUM, WORDS_FROM,
	WORDS_KINDS
};

/* The words of a kind, in the order of its enum; static. */
struct word_list word_list(enum word_kind k);
/* "a, b or c" into out. */
void	word_list_print(enum word_kind k, char *out, size_t size);
/* The index of name; false when it is none of them. */
bool	word_find(enum word_kind k, const char *name, size_t *i);

#endif
