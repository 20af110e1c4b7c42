/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The history file: one JSON string per line, so that a statement of several rows is one entry. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <readline/history.h>

#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"

#include "editor_priv.h"

enum { HISTORY_FILE_MAX = 16 << 20, HISTORY_ENTRY_MAX = 64 << 10 };

static void
remember(const char *sql)
{
	HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;

	if (last == NULL || strcmp(last->line, sql) != 0)
		add_history(sql);
	using_history();
}

/* Lines of the file that are no JSON string are passed over. */
static size_t
load_lines(const struct buf *b)
{
	const char *s = buf_data(b), *end = s + buf_len(b), *lf;
	size_t lines = 0;

	for (; s < end && (lf = memchr(s, '\n', (size_t)(end - s))) != NULL; s = lf + 1, lines++) {
		json_t *v = json_loadb(s, (size_t)(lf - s), JSON_DECODE_ANY, NULL);

		if (json_is_string(v))
			remember(json_string_value(v));
		json_decref(v);
	}
	return lines;
}

/* The file is written anew when it holds twice what is kept. */
static void
shorten(const struct editor *ed)
{
	struct buf out;

	buf_init(&out, HISTORY_FILE_MAX);
	for (int i = 0; i < history_length; i++) {
		const HIST_ENTRY *h = history_get(history_base + i);

		json_put_string(&out, h->line, strlen(h->line));
		buf_putc(&out, '\n');
	}
	io_write_file(ed->history, 0600, buf_data(&out), buf_len(&out), NULL);
	buf_fini(&out);
}

void
editor_history_load(struct editor *ed)
{
	struct buf b;

	if (ed->history == NULL)
		return;
	buf_init(&b, HISTORY_FILE_MAX);
	if (io_read_file(ed->history, HISTORY_FILE_MAX, &b, NULL) == 0 &&
	    load_lines(&b) > 2 * EDITOR_HISTORY_MAX)
		shorten(ed);
	buf_fini(&b);
}

void
editor_history_add(struct editor *ed, const char *sql, size_t n)
{
	char *s = must_strndup(sql, n);
	struct buf line;
	int fd;

	if (n <= HISTORY_ENTRY_MAX)
		remember(s);
	free(s);
	if (ed->history == NULL || n > HISTORY_ENTRY_MAX || !text_is_utf8(sql, n))
		return;
	fd = open(ed->history, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;		/* no history is no reason to stop working */
	buf_init(&line, HISTORY_FILE_MAX);
	json_put_string(&line, sql, n);
	buf_putc(&line, '\n');
	io_write_all(fd, buf_data(&line), buf_len(&line), NULL);
	buf_fini(&line);
	close(fd);
}
