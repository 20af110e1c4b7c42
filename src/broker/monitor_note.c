/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor's notes: one small file for each session whose transcript may not be sealed yet. Only the
 * monitor writes and reads them, so that a start after a crash needs no byte of a peer. */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/log.h"
#include "twokey/ticket/config.h"

#include "alive.h"
#include "monitor.h"

static bool
note_path(const struct monitor *m, const struct watched *w, char *path, size_t size)
{
	return snprintf(path, size, "%s/%s.open", m->o->config->run, w->session) < (int)size;
}

int
note_write(const struct monitor *m, const struct watched *w, struct err *e)
{
	char path[4096], text[256];
	int n = snprintf(text, sizeof text, "%s\n%s\n", w->ticket, w->target);

	if (!note_path(m, w, path, sizeof path))
		return err_set(e, ERR_TOO_LARGE, "the path of the run folder is too long");
	return io_write_file(path, 0600, text, (size_t)n, e);
}

void
note_remove(const struct monitor *m, const struct watched *w)
{
	char path[4096];

	if (note_path(m, w, path, sizeof path))
		unlink(path);
	alive_remove(m, w);
}

/* Reads ticket and target, one a line. */
static bool
note_read(const struct monitor *m, struct watched *w)
{
	char path[4096];
	struct buf text;
	const char *line;
	size_t n;
	bool ok;

	buf_init(&text, 256);
	ok = note_path(m, w, path, sizeof path) && io_read_file(path, 255, &text, NULL) == 0 &&
	    io_line(&text, &line, &n) && n < sizeof w->ticket;
	if (ok) {
		memcpy(w->ticket, line, n);
		buf_consume(&text, n + 1);
		ok = io_line(&text, &line, &n) && n < sizeof w->target;
		if (ok)
			memcpy(w->target, line, n);
	}
	buf_fini(&text);
	return ok;
}

void
note_read_all(struct monitor *m)
{
	DIR *d = opendir(m->o->config->run);
	struct dirent *de;
	size_t used = 0;

	while (d != NULL && (de = readdir(d)) != NULL && used < MONITOR_SESSIONS_MAX / 2) {
		struct watched *w = &m->sessions[used];
		size_t n = strlen(de->d_name);

		if (n <= 5 || n - 5 >= sizeof w->session || strcmp(de->d_name + n - 5, ".open") != 0)
			continue;
		*w = (struct watched){ .used = true, .recovering = true, .try_at_ms = 1 };
		w->session_role.fd = w->recorder.fd = w->db.fd = w->tunnel.fd = -1;
		memcpy(w->session, de->d_name, n - 5);
		if (note_read(m, w)) {
			log_line(LOG_LEVEL_INFO, "%s was not sealed: it is recovered", w->session);
			used++;
		} else {
			w->used = false;
		}
	}
	if (d != NULL)
		closedir(d);
}
