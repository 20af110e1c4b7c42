/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "packet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

int
packet_feed(struct packet *p, const char *line, size_t n, struct err *e)
{
	if (p->head == NULL) {
		int64_t want;

		p->head = json_line_parse(line, n, e);
		if (p->head == NULL)
			return ERR_INVALID;
		want = json_int(p->head, "b", 0);
		if (want < 0 || want > TRANSCRIPT_BODIES_MAX)
			return err_set(e, ERR_INVALID, "a packet announces %lld bodies", (long long)want);
		p->want = (size_t)want;
		p->nb = 0;
	} else {
		p->b[p->nb].p = must_strndup(line, n);
		p->b[p->nb].n = n;
		p->nb++;
	}
	return p->nb == p->want;
}

void
packet_clear(struct packet *p)
{
	json_decref(p->head);
	packet_bodies_free(p->b, p->nb);
	*p = (struct packet){ 0 };
}

void
packet_put(struct buf *out, json_t *head, const struct packet_body *b, size_t nb)
{
	if (nb > 0)
		must(json_object_set_new(head, "b", json_integer((json_int_t)nb)) == 0);
	json_put(out, head);
	buf_putc(out, '\n');
	for (size_t i = 0; i < nb; i++) {
		buf_put(out, b[i].p, b[i].n);
		buf_putc(out, '\n');
	}
}

json_t *
packet_body(const struct packet *p, const char *kind)
{
	for (size_t i = 0; i < p->nb; i++) {
		json_t *o = json_line_parse(p->b[i].p, p->b[i].n, NULL);
		const char *k = json_str(o, "k", NULL);

		if (k != NULL && strcmp(k, kind) == 0)
			return o;
		json_decref(o);
	}
	return NULL;
}

void
packet_object_body(struct packet_body *b, json_t *o)
{
	struct buf out;

	must(o != NULL);
	buf_init(&out, TRANSCRIPT_BODY_MAX);
	json_put(&out, o);
	json_decref(o);
	b->n = buf_len(&out);
	b->p = buf_take(&out);
	buf_fini(&out);
}

void
packet_text_body(struct packet_body *b, const char *kind, const char *text, size_t n)
{
	json_t *o = json_pack("{s:s}", "k", kind);
	struct buf out;

	json_set_bytes(o, "text", text, n);
	buf_init(&out, SIZE_MAX / 2);
	json_put(&out, o);
	json_decref(o);
	b->n = buf_len(&out);
	b->p = buf_take(&out);
	buf_fini(&out);
}

void
packet_bodies_free(struct packet_body *b, size_t nb)
{
	for (size_t i = 0; i < nb; i++)
		free(b[i].p);
}
