/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer that is signed on this machine: the text from what the transcript said, the signature from ssh-keygen. */
#ifndef TWOKEY_SRC_CONSOLE_SIGN_H
#define TWOKEY_SRC_CONSOLE_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct buf;
struct live;
struct model;
struct model_entry;

/* Which keys the broker knows of this person: "SHA256:..." strings, borrowed; NULL when there are none. */
const json_t *sign_keys(const struct model *m, const char *person);
/* True when what this person allows has to be signed: he has keys, or the ticket asks for it. */
bool	sign_wanted(const struct model *m, const char *person);
/* The text of the answer, as the events say it; false when something of it has not come yet. */
bool	sign_text(const struct model *m, const struct model_entry *en, const char *person, const char *typed, struct buf *out);

/* Signs text by the person's key: the one that TWOKEY_KEY names, else the first in ~/.ssh (NAME.pub) or in the agent that
 * the broker knows (a security key when the ticket asks for one). The screen is left meanwhile, so that questions for a
 * passphrase, a PIN or a touch have the terminal. False with a sentence in why; also when he stops it with Ctrl-C. */
bool	sign_by_keygen(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max);

#endif
