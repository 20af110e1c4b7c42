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
	*g = (struct db_ground){ digest_begin(), parts, hash_begin };
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

/* A part: its name, a NUL, the hash. */
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

	if (before > 3 && memcmp(buf_data(list) + before - 3, "...", 3) == 0)
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
};

static size_t
split(const struct buf *parts, struct part **out)
{
	const char *p = buf_data(parts), *end = p + buf_len(parts);
	size_t n = 0, cap = 64;
	struct part *v = must_alloc(cap * sizeof *v);

	while (p < end) {
		if (n == cap)
			v = must_realloc(v, (cap *= 2) * sizeof *v);
		v[n].name = p;
		p += strlen(p) + 1;
		memcpy(&v[n++].hash, p, sizeof v->hash);
		p += sizeof v->hash;
	}
	*out = v;
	return n;
}

static int
by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int d = strcmp(x->name, y->name);

	return d != 0 ? d : x->hash < y->hash ? -1 : x->hash > y->hash;
}

struct named {
	struct buf *out;
	const char *last;
	size_t n;
};

/* A name once, however many parts have it. */
static void
name(struct named *w, const struct part *p, const char *how)
{
	if (w->last != NULL && strcmp(w->last, p->name) == 0)
		return;
	w->last = p->name;
	if (++w->n > NAMED_MAX)
		return;
	buf_putf(w->out, "%s", w->n > 1 ? ", " : "");
	text_safe(w->out, p->name, strlen(p->name), TEXT_ONE_LINE);
	buf_puts(w->out, how);
}

static bool
has(const struct part *v, size_t n, size_t i, const char *wanted)
{
	return (i < n && strcmp(v[i].name, wanted) == 0) || (i > 0 && i <= n && strcmp(v[i - 1].name, wanted) == 0);
}

void
db_shown_differ(const struct db_shown *shown, const struct db_shown *now, struct buf *out)
{
	struct part *a, *b;
	size_t na, nb, i = 0, k = 0;
	struct named w = { .out = out };

	if (buf_over(&shown->parts) || buf_over(&now->parts))
		return;
	na = split(&shown->parts, &a);
	nb = split(&now->parts, &b);
	qsort(a, na, sizeof *a, by_name);
	qsort(b, nb, sizeof *b, by_name);
	while (i < na || k < nb) {
		int d = i == na ? 1 : k == nb ? -1 : by_name(&a[i], &b[k]);

		if (d < 0)
			name(&w, &a[i], has(b, nb, k, a[i].name) ? "" : " (gone)");
		else if (d > 0)
			name(&w, &b[k], has(a, na, i, b[k].name) ? "" : " (new)");
		i += d <= 0;
		k += d >= 0;
	}
	if (w.n > NAMED_MAX)
		buf_putf(out, " and %zu more", w.n - NAMED_MAX);
	free(a);
	free(b);
}
