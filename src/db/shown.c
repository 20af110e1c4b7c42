/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "shown.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/must.h"
#include "twokey/base/text.h"

enum { PARTS_MAX = 1024 * 1024, KEYS_MAX = 400, KEY_MAX = 40, NAME_MAX_BYTES = 200, NAMED_MAX = 5 };

void
db_shown_init(struct db_shown *s)
{
	buf_init(&s->parts, PARTS_MAX);
	buf_init(&s->keys, KEYS_MAX);
}

void
db_shown_fini(struct db_shown *s)
{
	buf_fini(&s->parts);
	buf_fini(&s->keys);
}

struct db_shown *
db_shown_take(struct db_shown *s)
{
	struct db_shown *taken = must_alloc(sizeof *taken);

	*taken = *s;
	db_shown_init(s);
	return taken;
}

void
db_shown_free(struct db_shown *s)
{
	if (s != NULL)
		db_shown_fini(s);
	free(s);
}

/* FNV-1a: it only tells which part it was, and the digest has told already that there is one. */
static const uint64_t hash_begin = 14695981039346656037u;

void
db_ground_begin(struct db_ground *g, struct buf *parts)
{
	*g = (struct db_ground){ .sum = digest_begin(), .parts = parts, .hash = hash_begin };
}

void
db_ground_add(struct db_ground *g, const void *p, size_t n)
{
	const unsigned char *s = p;

	digest_add_part(g->sum, p, n);
	if (g->parts == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		g->hash = (g->hash ^ s[i]) * 1099511628211u;
	g->hash = (g->hash ^ n) * 1099511628211u;
}

void
db_ground_text(struct db_ground *g, const char *s)
{
	db_ground_add(g, s, strlen(s));
}

/* A part: whether it is only reached, its name, a NUL, the hash. */
void
db_ground_name(struct db_ground *g, const char *fmt, ...)
{
	char name[NAME_MAX_BYTES];
	va_list ap;

	if (g->parts == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	buf_putc(g->parts, g->reached ? 'r' : '-');
	buf_put(g->parts, name, strlen(name) + 1);
	buf_put(g->parts, &g->hash, sizeof g->hash);
	g->hash = hash_begin;
}

struct digest
db_ground_end(struct db_ground *g)
{
	struct digest d = digest_end(g->sum);

	g->sum = NULL;
	return d;
}

static void
put_cell(struct buf *list, const struct db_cell *c)
{
	struct buf text;

	buf_init(&text, 16 * KEY_MAX);
	if (c->type == DB_NULL)
		buf_puts(&text, "NULL");
	else
		text_safe(&text, c->p, c->n < KEY_MAX ? c->n : KEY_MAX, TEXT_ONE_LINE);
	if (c->n > KEY_MAX)
		buf_puts(&text, "...");
	buf_put(list, buf_data(&text), buf_len(&text));
	buf_fini(&text);
}

void
db_key_list(struct buf *list, const struct db_cell *cells, size_t n)
{
	size_t before = buf_len(list);

	if (before > 5 && memcmp(buf_data(list) + before - 5, ", ...", 5) == 0)
		return;
	if (before > 0)
		buf_puts(list, ", ");
	if (n > 1)
		buf_putc(list, '(');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(list, ", ");
		put_cell(list, &cells[i]);
	}
	if (n > 1)
		buf_putc(list, ')');
	if (buf_over(list) || buf_len(list) > KEYS_MAX - 8) {
		buf_truncate(list, before);
		buf_puts(list, ", ...");
	}
}

struct part {
	const char *name;
	uint64_t hash;
	size_t at;		/* in order of what was looked at */
	bool reached;
	bool known;		/* the other side has one of this name */
	bool same;
};
struct parts {
	struct part *v;
	size_t n;
	bool reached;
};

static struct parts
split(const struct buf *b)
{
	const char *p = buf_data(b), *end = p + buf_len(b);
	size_t cap = 64;
	struct parts all = { .v = must_alloc(cap * sizeof *all.v) };

	while (p < end) {
		struct part *part;

		if (all.n == cap)
			all.v = must_realloc(all.v, (cap *= 2) * sizeof *all.v);
		part = &all.v[all.n];
		*part = (struct part){ .reached = *p == 'r', .name = p + 1, .at = all.n++ };
		all.reached = all.reached || part->reached;
		p += 1 + strlen(part->name) + 1;
		memcpy(&part->hash, p, sizeof part->hash);
		p += sizeof part->hash;
	}
	return all;
}

static int
by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int d = strcmp(x->name, y->name);

	return d != 0 ? d : x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int
by_place(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Both sorted by name: marks what is the same, and whose name the other side has too. */
static void
pair(struct parts *a, struct parts *b)
{
	size_t i = 0, k = 0;

	while (i < a->n && k < b->n) {
		int d = strcmp(a->v[i].name, b->v[k].name), h = by_name(&a->v[i], &b->v[k]);

		if (d == 0)
			a->v[i].known = b->v[k].known = true;
		if (h == 0)
			a->v[i].same = b->v[k].same = true;
		i += h <= 0;
		k += h >= 0;
	}
	for (i = 1; i < a->n; i++)	/* several of one name */
		a->v[i].known = a->v[i].known || (a->v[i - 1].known && strcmp(a->v[i].name, a->v[i - 1].name) == 0);
	for (k = 1; k < b->n; k++)
		b->v[k].known = b->v[k].known || (b->v[k - 1].known && strcmp(b->v[k].name, b->v[k - 1].name) == 0);
}

/* Names once, in the order in which they were looked at; how: behind a name that the other side does not have. */
static size_t
tell(struct parts *p, bool reached, bool known, const char *how, size_t told, struct buf *out)
{
	const char *last = "";

	qsort(p->v, p->n, sizeof *p->v, by_place);
	for (size_t i = 0; i < p->n; i++) {
		const struct part *part = &p->v[i];

		if (part->same || part->known != known || (part->reached && !reached) || strcmp(part->name, last) == 0)
			continue;
		last = part->name;
		if (++told > NAMED_MAX)
			continue;
		buf_puts(out, told > 1 ? ", " : "");
		text_safe(out, part->name, strlen(part->name), TEXT_ONE_LINE);
		buf_puts(out, how);
	}
	return told;
}

void
db_shown_differ(const struct db_shown *shown, const struct db_shown *now, struct buf *out)
{
	struct parts a, b;
	bool reached;
	size_t told;

	if (buf_over(&shown->parts) || buf_over(&now->parts))
		return;
	a = split(&shown->parts);
	b = split(&now->parts);
	reached = a.reached && b.reached;	/* else it came or went as a whole, with what sets it off */
	qsort(a.v, a.n, sizeof *a.v, by_name);
	qsort(b.v, b.n, sizeof *b.v, by_name);
	pair(&a, &b);
	told = tell(&b, reached, true, "", 0, out);
	told = tell(&b, reached, false, " (new)", told, out);
	told = tell(&a, reached, false, " (gone)", told, out);
	if (told > NAMED_MAX)
		buf_putf(out, " and %zu more", told - NAMED_MAX);
	free(a.v);
	free(b.v);
}
