/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ticket_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

static char *
text_of(struct buf *b)
{
	char *text = buf_take(b);

	buf_fini(b);
	return text;
}

char *
golden_text(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	struct err e;
	struct buf b;

	snprintf(path, sizeof path, "%s/tests/golden/ticket/%s", top != NULL ? top : ".", name);
	buf_init(&b, 1 << 20);
	if (io_read_file(path, 1 << 20, &b, &e) != 0)
		fprintf(stderr, "%s\n", e.text);
	return text_of(&b);
}

char *
golden_change(const char *text, const char *old, const char *lines)
{
	const char *at = text + strlen(text);
	struct buf b;

	buf_init(&b, 1 << 20);
	if (old != NULL) {
		size_t n = strlen(old);

		for (at = text; at != NULL && !(strncmp(at, old, n) == 0 && at[n] == '\n');) {
			at = strchr(at, '\n');
			at = at != NULL ? at + 1 : NULL;
		}
		must(at != NULL);
		buf_put(&b, text, (size_t)(at - text));
		buf_puts(&b, lines);
		buf_puts(&b, at + n + 1);
	} else {
		buf_puts(&b, text);
		buf_puts(&b, lines);
	}
	return text_of(&b);
}

struct config *
golden_config(void)
{
	char *text = golden_text("config.yaml");
	struct config *c;
	struct err e;

	if (config_parse(text, strlen(text), "config.yaml", &c, &e) != 0)
		fprintf(stderr, "%s\n", e.text);
	must(c != NULL);
	free(text);
	return c;
}

struct ticket *
golden_ticket(void)
{
	char *text = golden_text("ticket.yaml");
	struct ticket *t;
	struct err e;

	if (ticket_parse(text, strlen(text), "ticket.yaml", &t, &e) != 0)
		fprintf(stderr, "%s\n", e.text);
	must(t != NULL);
	free(text);
	return t;
}
