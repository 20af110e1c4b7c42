/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

/* The tree while it grows: the open containers from the root down. */
struct build {
	struct doc *d;
	struct doc_node *open[DOC_DEPTH_MAX];
	char *key[DOC_DEPTH_MAX];	/* a key that waits for its value */
	unsigned key_line[DOC_DEPTH_MAX];
	size_t depth;
	struct err *e;
};

__attribute__((format(printf, 5, 0)))
static int
error_v(const struct doc *d, unsigned line, const char *key, struct err *e, const char *fmt, va_list ap)
{
	char what[512];

	vsnprintf(what, sizeof what, fmt, ap);
	return err_set(e, ERR_CONFIG, "%.100s:%u: %.63s: %s", d->name, line, key, what);
}

int
doc_error(const struct doc *d, unsigned line, const char *key, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = error_v(d, line, key, e, fmt, ap);
	va_end(ap);
	return ret;
}

int
doc_error_at(const struct doc *d, const struct doc_node *node, const char *key, struct err *e,
    const char *fmt, ...)
{
	const struct doc_node *member = doc_get(node, key);
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = error_v(d, member != NULL ? member->key_line : node != NULL ? node->line : 1, key, e, fmt, ap);
	va_end(ap);
	return ret;
}

const char *
doc_shown(const char *text, char out[DOC_SHOWN])
{
	size_t n = strlen(text), cut = DOC_SHOWN - 4;
	struct buf b;

	buf_init(&b, 4096);
	text_safe(&b, text, n < 256 ? n : 256, TEXT_ONE_LINE);
	if (buf_len(&b) < DOC_SHOWN) {
		snprintf(out, DOC_SHOWN, "%s", buf_str(&b));
	} else {
		while (cut > 0 && ((unsigned char)buf_data(&b)[cut] & 0xc0) == 0x80)
			cut--;
		snprintf(out, DOC_SHOWN, "%.*s...", (int)cut, buf_data(&b));
	}
	buf_fini(&b);
	return out;
}

static void
node_free(struct doc_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->n; i++)
		node_free(node->children[i]);	/* at most DOC_DEPTH_MAX deep */
	free(node->children);
	free(node->key);
	free(node->text);
	free(node);
}

void
doc_free(struct doc *d)
{
	node_free(d->root);
	d->root = NULL;
}

const struct doc_node *
doc_get(const struct doc_node *node, const char *key)
{
	if (node == NULL || node->kind != DOC_MAP)
		return NULL;
	for (size_t i = 0; i < node->n; i++)
		if (strcmp(node->children[i]->key, key) == 0)
			return node->children[i];
	return NULL;
}

/* The key that an error at this place names. */
static const char *
place(const struct build *b)
{
	for (size_t i = b->depth; i > 0; i--) {
		if (b->key[i - 1] != NULL)
			return b->key[i - 1];
		if (b->open[i - 1]->key != NULL)
			return b->open[i - 1]->key;
	}
	return "yaml";
}

static unsigned
line_of(yaml_mark_t mark)
{
	return (unsigned)mark.line + 1;
}

/* A scalar in the place of a key. */
static int
take_key(struct build *b, const yaml_event_t *ev)
{
	const struct doc_node *parent = b->open[b->depth - 1];
	const char *text = (const char *)ev->data.scalar.value;
	unsigned line = line_of(ev->start_mark);
	char shown[DOC_SHOWN];

	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return doc_error(b->d, line, place(b), b->e, "a key in quotes stands here; write the bare word");
	if (strlen(text) != ev->data.scalar.length || ev->data.scalar.length > DOC_KEY_MAX || text[0] == '\0')
		return doc_error(b->d, line, place(b), b->e, "a key of 1 to %d characters is expected", DOC_KEY_MAX);
	if (doc_get(parent, text) != NULL)
		return doc_error(b->d, line, doc_shown(text, shown), b->e,
		    "stands here twice (first in line %u); a key stands once", doc_get(parent, text)->key_line);
	b->key[b->depth - 1] = must_strdup(text);
	b->key_line[b->depth - 1] = line;
	return 0;
}

/* Puts a node where the text is; the tree owns it from here. */
static int
attach(struct build *b, struct doc_node *node)
{
	struct doc_node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;

	if (parent == NULL) {
		must(b->d->root == NULL);
		b->d->root = node;
		return 0;
	}
	if (parent->kind == DOC_MAP) {
		node->key = b->key[b->depth - 1];
		node->key_line = b->key_line[b->depth - 1];
		b->key[b->depth - 1] = NULL;
	}
	if (parent->n % 8 == 0)
		parent->children = must_realloc(parent->children, (parent->n + 8) * sizeof parent->children[0]);
	parent->children[parent->n++] = node;
	if (parent->n > DOC_CHILDREN_MAX)
		return doc_error(b->d, node->line, place(b), b->e,
		    "has more than %d entries; fewer are expected", DOC_CHILDREN_MAX);
	return 0;
}

static int
no_anchor_or_tag(struct build *b, const yaml_event_t *ev, const void *anchor, const void *tag)
{
	if (anchor != NULL)
		return doc_error(b->d, line_of(ev->start_mark), place(b), b->e,
		    "an anchor (&) is not taken here; write the value out");
	if (tag != NULL)
		return doc_error(b->d, line_of(ev->start_mark), place(b), b->e,
		    "a tag (!) is not taken here; leave it out");
	return 0;
}

/* "\x77rite" says write to the program and nothing to a reader. */
static bool
has_escape(const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t glyphs = 0;

	for (size_t i = 0; i < ev->data.scalar.length; i += text_next(text + i, ev->data.scalar.length - i).len)
		glyphs++;
	return ev->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE &&
	    ev->end_mark.index - ev->start_mark.index != glyphs + 2;
}

static int
on_scalar(struct build *b, const yaml_event_t *ev)
{
	const struct doc_node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;
	struct doc_node *node;
	int ret = no_anchor_or_tag(b, ev, ev->data.scalar.anchor, ev->data.scalar.tag);

	if (ret != 0)
		return ret;
	if (parent == NULL)
		return doc_error(b->d, line_of(ev->start_mark), "yaml", b->e,
		    "the file is no mapping; lines of the form key: value are expected");
	if (ev->start_mark.line != ev->end_mark.line)
		return doc_error(b->d, line_of(ev->start_mark), place(b), b->e,
		    "goes over more than one line, where a reader could take its text for keys; write it in one line");
	if (parent->kind == DOC_MAP && b->key[b->depth - 1] == NULL)
		return take_key(b, ev);
	if (has_escape(ev) || strlen((const char *)ev->data.scalar.value) != ev->data.scalar.length)
		return doc_error(b->d, line_of(ev->start_mark), place(b), b->e,
		    "holds an escape (\\), which hides what is meant; write the characters themselves");
	node = must_zalloc(sizeof *node);
	node->kind = DOC_SCALAR;
	node->line = line_of(ev->start_mark);
	node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = must_strdup((const char *)ev->data.scalar.value);
	return attach(b, node);
}

static int
on_start(struct build *b, const yaml_event_t *ev, enum doc_kind kind, const void *anchor, const void *tag)
{
	struct doc_node *node;
	unsigned line = line_of(ev->start_mark);
	int ret = no_anchor_or_tag(b, ev, anchor, tag);

	if (ret != 0)
		return ret;
	if (b->depth == DOC_DEPTH_MAX)
		return doc_error(b->d, line, place(b), b->e, "is nested deeper than %d; that is expected nowhere",
		    DOC_DEPTH_MAX);
	if (b->depth == 0 && kind != DOC_MAP)
		return doc_error(b->d, line, "yaml", b->e,
		    "the file is no mapping; lines of the form key: value are expected");
	if (b->depth > 0 && b->open[b->depth - 1]->kind == DOC_MAP && b->key[b->depth - 1] == NULL)
		return doc_error(b->d, line, place(b), b->e, "a key is a word, not a list or mapping");
	node = must_zalloc(sizeof *node);
	node->kind = kind;
	node->line = line;
	ret = attach(b, node);
	b->open[b->depth++] = node;
	return ret;
}

static int
on_document(struct build *b, const yaml_event_t *ev)
{
	unsigned line = line_of(ev->start_mark);

	if (b->d->root != NULL)
		return doc_error(b->d, line, "yaml", b->e, "a second document begins; one is expected");
	if (ev->data.document_start.version_directive != NULL ||
	    ev->data.document_start.tag_directives.start != ev->data.document_start.tag_directives.end)
		return doc_error(b->d, line, "yaml", b->e, "a %% directive is not taken here; leave it out");
	return 0;
}

static int
on_event(struct build *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, ev, DOC_LIST, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, ev, DOC_MAP, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		must(b->depth > 0);
		b->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return doc_error(b->d, line_of(ev->start_mark), place(b), b->e,
		    "an alias (*) is not taken here; write the value out");
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return doc_error(b->d, line_of(ev->start_mark), "yaml", b->e, "something unknown stands here");
}

static int
parser_error(struct build *b, const yaml_parser_t *p)
{
	unsigned line = line_of(p->error == YAML_READER_ERROR ? p->mark : p->problem_mark);

	return doc_error(b->d, line, place(b), b->e, "is no YAML that can be read: %.120s",
	    p->problem != NULL ? p->problem : "the parser stopped");
}

/* All events of the text, until the end or the first error. */
static int
build_tree(struct build *b, yaml_parser_t *p)
{
	yaml_event_t ev;
	bool end = false;
	int ret = 0;

	while (ret == 0 && !end) {
		if (!yaml_parser_parse(p, &ev))
			return parser_error(b, p);
		end = ev.type == YAML_STREAM_END_EVENT;
		ret = on_event(b, &ev);
		yaml_event_delete(&ev);
	}
	if (ret == 0 && b->d->root == NULL)
		ret = doc_error(b->d, 1, "yaml", b->e, "the file is empty; lines of the form key: value are expected");
	return ret;
}

/* What must hold before the parser sees a byte. */
static int
check_bytes(struct doc *d, const char *yaml, size_t n, size_t max, struct err *e)
{
	unsigned line = 1;
	struct text_glyph g;

	if (n > max)
		return doc_error(d, 1, "yaml", e, "has %zu bytes; at most %zu are taken", n, max);
	for (size_t i = 0; i < n; i += g.len) {
		g = text_next(yaml + i, n - i);
		if (g.kind == TEXT_NEWLINE)
			line++;
		if (g.kind == TEXT_BAD)
			return doc_error(d, line, "yaml", e, "a byte is no UTF-8; save the file as UTF-8");
		if (g.kind == TEXT_FORMAT)
			return doc_error(d, line, "yaml", e,
			    "an invisible or direction-changing character (U+%04X) stands here; take it out",
			    (unsigned)g.point);
		if (g.kind == TEXT_CONTROL && !(g.point == '\r' && i + 1 < n && yaml[i + 1] == '\n'))
			return doc_error(d, line, "yaml", e, "a control character (%02X) stands here; take it out",
			    (unsigned)g.point);
	}
	return 0;
}

int
doc_parse(struct doc *d, const char *name, const char *yaml, size_t n, size_t max, struct err *e)
{
	struct build b = { .d = d, .e = e };
	yaml_parser_t p;
	int ret;

	*d = (struct doc){ .name = name };
	ret = check_bytes(d, yaml, n, max, e);
	if (ret != 0)
		return ret;
	must(yaml_parser_initialize(&p));
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)yaml, n);
	ret = build_tree(&b, &p);
	yaml_parser_delete(&p);
	for (size_t i = 0; i < DOC_DEPTH_MAX; i++)
		free(b.key[i]);
	return ret;
}
