/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON in and out. In: jansson, strict. Out of hot paths: jansson; of rows: here. */
#ifndef TWOKEY_BASE_JSON_H
#define TWOKEY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

/* Parses one object (not an array, no duplicate keys, nothing after it); NULL with *e filled
 * otherwise. The caller owns the reference. */
json_t	*json_line_parse(const char *s, size_t n, struct err *e);
/* Appends the compact form of v, in insertion order. */
void	json_put(struct buf *out, const json_t *v);
/* Appends n bytes of UTF-8 as a JSON string with quotes; the caller has checked text_is_utf8. */
void	json_put_string(struct buf *out, const char *s, size_t n);

/* Borrowed string member, NULL when absent or no string; *n (may be NULL) gets its length. */
const char *json_str(const json_t *o, const char *key, size_t *n);
/* Integer member, or otherwise when absent or no integer. */
int64_t	json_int(const json_t *o, const char *key, int64_t otherwise);
bool	json_bool(const json_t *o, const char *key);
/* Sets a string member from bytes: as they are when UTF-8, else as {"base64": "..."}. */
void	json_set_bytes(json_t *o, const char *key, const char *s, size_t n);
/* Reads what json_set_bytes wrote into out; ERR_INVALID when absent or malformed. */
int	json_get_bytes(const json_t *o, const char *key, struct buf *out);

#endif
