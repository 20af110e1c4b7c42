/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "known.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/hmac.h"
#include "twokey/base/text.h"

enum { HOST_MAX = 300, SSH_PORT = 22, SALT_MAX = 64 };

struct word {
	const char *p;
	size_t n;
};

enum marker { MARKER_NONE, MARKER_REVOKED, MARKER_AUTHORITY, MARKER_OTHER };

struct line {
	size_t number;
	enum marker marker;
	struct word hosts, type, key;
};

struct reader {
	const char *p, *end;
	size_t number;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct word
next_word(struct word *rest)
{
	struct word w;

	while (rest->n > 0 && is_blank(*rest->p))
		rest->p++, rest->n--;
	w = (struct word){ rest->p, 0 };
	while (rest->n > 0 && !is_blank(*rest->p))
		rest->p++, rest->n--, w.n++;
	return w;
}

static bool
word_is(struct word w, const char *s)
{
	return w.n == strlen(s) && memcmp(w.p, s, w.n) == 0;
}

static enum marker
marker_of(struct word w)
{
	if (w.n == 0 || w.p[0] != '@')
		return MARKER_NONE;
	if (word_is(w, "@revoked"))
		return MARKER_REVOKED;
	return word_is(w, "@cert-authority") ? MARKER_AUTHORITY : MARKER_OTHER;
}

/* The next line that is neither empty nor a comment. */
static bool
next_line(struct reader *r, struct line *l)
{
	while (r->p < r->end) {
		const char *lf = memchr(r->p, '\n', (size_t)(r->end - r->p));
		struct word rest = { r->p, (size_t)((lf != NULL ? lf : r->end) - r->p) };

		r->p = lf != NULL ? lf + 1 : r->end;
		r->number++;
		if (rest.n > 0 && rest.p[rest.n - 1] == '\r')
			rest.n--;
		l->number = r->number;
		l->hosts = next_word(&rest);
		if (l->hosts.n == 0 || l->hosts.p[0] == '#')
			continue;
		l->marker = marker_of(l->hosts);
		if (l->marker != MARKER_NONE)
			l->hosts = next_word(&rest);
		l->type = next_word(&rest);
		l->key = next_word(&rest);
		return true;
	}
	return false;
}

/* "*" any run, "?" any character; host names have no case. Linear: only the last star is tried again. */
static bool
pattern_match(struct word w, const char *name)
{
	const char *star_name = NULL;
	size_t i = 0, star = 0;

	while (*name != '\0') {
		if (i < w.n && w.p[i] == '*') {
			star = ++i;
			star_name = name;
		} else if (i < w.n && (w.p[i] == '?' || tolower((unsigned char)w.p[i]) == tolower((unsigned char)*name))) {
			i++;
			name++;
		} else if (star_name != NULL) {
			i = star;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (i < w.n && w.p[i] == '*')
		i++;
	return i == w.n;
}

static bool
decode(struct word w, size_t max, struct buf *out)
{
	buf_init(out, max);
	return w.n > 0 && text_unbase64(out, w.p, w.n) == 0 && !buf_over(out) && buf_len(out) > 0;
}

/* "|1|salt|hash": HMAC-SHA1 of the name in lower case. */
static bool
hashed_match(struct word w, const char *name)
{
	char lower[HOST_MAX];
	uint8_t mac[HMAC_SHA1_LEN];
	struct buf salt, hash;
	const char *bar;
	size_t n = strlen(name);
	bool same = false;

	if (w.n < 3 || memcmp(w.p, "|1|", 3) != 0)
		return false;
	bar = memchr(w.p + 3, '|', w.n - 3);
	if (bar == NULL || n >= sizeof lower)
		return false;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	if (decode((struct word){ w.p + 3, (size_t)(bar - w.p) - 3 }, SALT_MAX, &salt)) {
		if (decode((struct word){ bar + 1, (size_t)(w.p + w.n - bar) - 1 }, SALT_MAX, &hash)) {
			hmac_sha1(buf_data(&salt), buf_len(&salt), lower, n, mac);
			same = buf_len(&hash) == sizeof mac && memcmp(buf_data(&hash), mac, sizeof mac) == 0;
		}
		buf_fini(&hash);
	}
	buf_fini(&salt);
	return same;
}

/* A list of patterns; one that is negated and matches says no for the whole line. */
static bool
hosts_match(struct word hosts, const char *name)
{
	bool yes = false;

	if (hosts.n > 0 && hosts.p[0] == '|')
		return hashed_match(hosts, name);
	while (hosts.n > 0) {
		const char *comma = memchr(hosts.p, ',', hosts.n);
		struct word w = { hosts.p, comma != NULL ? (size_t)(comma - hosts.p) : hosts.n };
		bool not = w.n > 0 && w.p[0] == '!';

		hosts.p += w.n + (comma != NULL);
		hosts.n -= w.n + (comma != NULL);
		if (not)
			w.p++, w.n--;
		if (w.n == 0 || !pattern_match(w, name))
			continue;
		if (not)
			return false;
		yes = true;
	}
	return yes;
}

/* What the file calls a host: its name, and "[name]:port" when the port is not 22. */
struct names {
	char plain[HOST_MAX];
	char full[HOST_MAX + 16];
};

static bool
names_of(const char *host, uint16_t port, struct names *names)
{
	if (strlen(host) >= sizeof names->plain)
		return false;
	strcpy(names->plain, host);
	if (port == SSH_PORT)
		strcpy(names->full, host);
	else
		snprintf(names->full, sizeof names->full, "[%s]:%u", host, (unsigned)port);
	return true;
}

/* A key counts only for the port it was seen at; a revocation counts for every port of the host. */
static bool
line_match(const struct line *l, const struct names *names)
{
	return hosts_match(l->hosts, names->full) ||
	    (l->marker == MARKER_REVOKED && hosts_match(l->hosts, names->plain));
}

/* The key's bytes, when they are of the type that stands before them. The caller frees out. */
static bool
line_key(const struct line *l, struct buf *out)
{
	const unsigned char *b;
	size_t n;

	if (!decode(l->key, KNOWN_BLOB_MAX, out) || buf_len(out) < 4)
		return false;
	b = (const unsigned char *)buf_data(out);
	n = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	return n <= buf_len(out) - 4 && n == l->type.n && memcmp(b + 4, l->type.p, n) == 0;
}

bool
known_decode(const char *text, struct buf *b)
{
	return text_unbase64(b, text, strlen(text)) == 0 && !buf_over(b);
}

void
known_fingerprint(const void *blob, size_t nblob, char out[64])
{
	struct digest d = digest_of(blob, nblob);
	struct buf b;

	buf_init(&b, 64);
	buf_puts(&b, "SHA256:");
	text_base64(&b, d.b, sizeof d.b);
	snprintf(out, 64, "%.50s", buf_str(&b));	/* 7, and 43 of 44: without the padding */
	buf_fini(&b);
}

static void
expect(struct known_answer *a, const struct line *l, const struct buf *key)
{
	a->line = l->number;
	snprintf(a->type, sizeof a->type, "%.*s", (int)(l->type.n < sizeof a->type ? l->type.n : sizeof a->type - 1), l->type.p);
	known_fingerprint(buf_data(key), buf_len(key), a->fingerprint);
}

static bool
same_type(struct word type, const void *blob, size_t nblob)
{
	return nblob >= 4 + type.n && memcmp((const char *)blob + 4, type.p, type.n) == 0;
}

/* What one matching line adds to the answer. */
static void
judge(const struct line *l, const void *blob, size_t nblob, struct known_answer *a)
{
	struct buf key;
	bool readable = line_key(l, &key);
	bool same = readable && buf_len(&key) == nblob && memcmp(buf_data(&key), blob, nblob) == 0;

	if (l->marker == MARKER_AUTHORITY) {
		if (a->verdict == KNOWN_UNKNOWN)
			*a = (struct known_answer){ .verdict = KNOWN_AUTHORITY, .line = l->number };
	} else if (l->marker == MARKER_REVOKED) {
		if (same || !readable)
			*a = (struct known_answer){ .verdict = same ? KNOWN_REVOKED : KNOWN_BROKEN, .line = l->number };
	} else if (same) {
		*a = (struct known_answer){ .verdict = KNOWN_OK, .line = l->number };
	} else if (readable && a->verdict != KNOWN_OK && (a->verdict != KNOWN_CHANGED || same_type(l->type, blob, nblob))) {
		a->verdict = KNOWN_CHANGED;
		expect(a, l, &key);
	}
	buf_fini(&key);
}

void
known_check(const char *text, size_t n, const char *host, uint16_t port, const void *blob, size_t nblob,
    struct known_answer *a)
{
	struct reader r = { text, text + n, 0 };
	struct names names;
	struct line l;

	*a = (struct known_answer){ .verdict = KNOWN_UNKNOWN };
	if (!names_of(host, port, &names))
		return;
	while (next_line(&r, &l)) {
		if (l.marker == MARKER_OTHER || (l.marker == MARKER_REVOKED && l.hosts.n == 0)) {
			*a = (struct known_answer){ .verdict = KNOWN_BROKEN, .line = l.number };
			return;
		}
		if (line_match(&l, &names))
			judge(&l, blob, nblob, a);
		if (a->verdict == KNOWN_REVOKED || a->verdict == KNOWN_BROKEN)
			return;
	}
}

/* A pin in the form of a line: type and key without hosts. */
static bool
pin_line(const char *pin, struct line *l)
{
	struct word rest = { pin, strcspn(pin, "\r\n") };

	*l = (struct line){ .number = 0 };
	l->type = next_word(&rest);
	l->key = next_word(&rest);
	return l->key.n > 0;
}

static bool
is_fingerprint(const char *pin)
{
	return strncmp(pin, "SHA256:", 7) == 0;
}

void
known_pin(const char *pin, const void *blob, size_t nblob, struct known_answer *a)
{
	char seen[64];
	struct line l;
	struct buf key;

	*a = (struct known_answer){ .verdict = KNOWN_BROKEN };
	if (is_fingerprint(pin)) {
		size_t n = strcspn(pin, " \t\r\n=");

		known_fingerprint(blob, nblob, seen);
		if (n != strlen(seen))
			return;
		a->verdict = memcmp(seen, pin, n) == 0 ? KNOWN_OK : KNOWN_CHANGED;
		snprintf(a->fingerprint, sizeof a->fingerprint, "%.*s", (int)n, pin);
		return;
	}
	if (!pin_line(pin, &l))
		return;
	if (line_key(&l, &key)) {
		bool same = buf_len(&key) == nblob && memcmp(buf_data(&key), blob, nblob) == 0;

		a->verdict = same ? KNOWN_OK : KNOWN_CHANGED;
		expect(a, &l, &key);
	}
	buf_fini(&key);
}

static void
add_algorithm(struct word type, struct buf *out)
{
	static const struct { const char *type, *algorithms; } table[] = {
		{ "ssh-ed25519", "ssh-ed25519" },
		{ "ssh-rsa", "rsa-sha2-512,rsa-sha2-256" },
		{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
		{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384" },
		{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (word_is(type, table[i].type) && strstr(buf_str(out), table[i].algorithms) == NULL)
			buf_putf(out, "%s%s", buf_len(out) > 0 ? "," : "", table[i].algorithms);
}

void
known_algorithms(const char *text, size_t n, const char *host, uint16_t port, struct buf *out)
{
	struct reader r = { text, text + n, 0 };
	struct names names;
	struct line l;

	if (!names_of(host, port, &names))
		return;
	while (next_line(&r, &l))
		if (l.marker == MARKER_NONE && line_match(&l, &names))
			add_algorithm(l.type, out);
}

void
known_pin_algorithms(const char *pin, struct buf *out)
{
	struct line l;

	if (!is_fingerprint(pin) && pin_line(pin, &l))
		add_algorithm(l.type, out);
}
