/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of a demonstration and the files in it. */
#include "config.h"

#include "demo.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/excess.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { DIR_MAX = 90, FILE_MAX = 64 * 1024, TICKET_HOURS = 8 };

char *
demo_path(const struct demo *d, const char *name)
{
	size_t n = strlen(d->dir) + strlen(name) + 2;
	char *path = must_alloc(n);

	snprintf(path, n, "%s/%s", d->dir, name);
	return path;
}

static bool
is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	bool empty = d != NULL;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	if (d)
		closedir(d);
	return empty;
}

/* A folder that the person chose: made, or there, his own and empty. */
static int
wanted_folder(struct demo *d, const char *wanted, struct err *e)
{
	struct stat st;

	if (mkdir(wanted, 0700) != 0 && errno != EEXIST)
		return err_sys(e, "%s", wanted);
	if (stat(wanted, &st) != 0)
		return err_sys(e, "%s", wanted);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || !is_empty(wanted))
		return err_set(e, ERR_EXISTS, "%s: is not an empty folder of yours; name a new one with --dir", wanted);
	if (chmod(wanted, 0700) != 0)
		return err_sys(e, "%s", wanted);
	d->dir = realpath(wanted, NULL);
	return d->dir ? 0 : err_sys(e, "%s", wanted);
}

static int
private_folder(struct demo *d, struct err *e)
{
	const char *parents[] = { getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp" };

	for (size_t i = 0; i < 3; i++) {
		char dir[PATH_MAX];

		if (!parents[i] || parents[i][0] != '/')
			continue;
		snprintf(dir, sizeof(dir), "%s/twokey-demo-XXXXXX", parents[i]);
		if (!mkdtemp(dir))
			continue;
		d->dir = realpath(dir, NULL);
		return d->dir ? 0 : err_sys(e, "%s", dir);
	}
	return err_sys(e, "no folder could be made; name one with --dir");
}

int
demo_folder(struct demo *d, const char *wanted, struct err *e)
{
	static const char *const inner[] = { "tickets", "transcripts", "run" };
	int rc = wanted ? wanted_folder(d, wanted, e) : private_folder(d, e);

	if (rc != 0)
		return rc;
	if (strlen(d->dir) > DIR_MAX)
		return err_set(e, ERR_TOO_LARGE, "%s: is too long for the path of a socket; name a shorter one with --dir",
		    d->dir);
	for (size_t i = 0; rc == 0 && i < sizeof(inner) / sizeof(inner[0]); i++) {
		char *path = demo_path(d, inner[i]);

		if (mkdir(path, 0700) != 0)
			rc = err_sys(e, "%s", path);
		free(path);
	}
	return rc;
}

/* Quoted without an escape, which the broker does not take; it refuses a value with both kinds of quotes. */
static void
put_value(struct buf *b, const char *value)
{
	char quote = strchr(value, '\'') ? '"' : '\'';

	buf_putf(b, "%c%s%c", quote, value, quote);
}

static void
put(struct buf *b, const char *key, const char *value)
{
	buf_putf(b, "%s: ", key);
	put_value(b, value);
	buf_putc(b, '\n');
}

static void
put_path(struct buf *b, const char *key, const struct demo *d, const char *name)
{
	char *path = demo_path(d, name);

	put(b, key, path);
	free(path);
}

static void
put_login(struct buf *b, const char *login)
{
	buf_puts(b, "    logins: [");
	put_value(b, login);
	buf_puts(b, "]\n");
}

static void
put_people(struct buf *b, const struct demo *d)
{
	char login[32] = "";

	buf_puts(b, "people:\n");
	buf_puts(b, "  - name: ben\n    side: firm\n    seats: [driver, watcher]\n");
	put_login(b, d->login);
	/* nobody's login: anna is reached by --as alone, which only a demo's broker takes */
	buf_puts(b, "  - name: anna\n    side: customer\n    seats: [confirmer, watcher]\n    may_answer: json\n");
	for (unsigned i = 1; i == 1 || getpwnam(login); i++)
		snprintf(login, sizeof(login), "anna-of-the-demo-%u", i);
	put_login(b, login);
}

static const char *
target_name(const struct demo *d)
{
	return d->train ? "training" : "shop";
}

static void
put_target(struct buf *b, const struct demo *d)
{
	const struct demo_dsn *dsn = d->dsn;

	buf_putf(b, "targets:\n  - name: %s\n    stage: production\n", target_name(d));
	if (!dsn) {
		buf_puts(b, "    engine: sqlite\n");
		put_path(b, "    file", d, "shop.db");
		return;
	}
	buf_puts(b, "    engine: postgres\n");
	if (dsn->socket) {
		put(b, "    socket", dsn->socket);
	} else {
		put(b, "    host", dsn->host);
		put(b, "    tls", dsn->tls);
	}
	buf_putf(b, "    port: %u\n", dsn->port);
	put(b, "    database", dsn->database);
	put(b, "    user", dsn->user);
	if (dsn->ca)
		put(b, "    ca", dsn->ca);
	if (dsn->password)
		put_path(b, "    password_file", d, "password");
}

static int
write_file(const struct demo *d, const char *name, const void *p, size_t n, struct err *e)
{
	char *path = demo_path(d, name);
	int rc = io_write_file(path, 0600, p, n, e);

	free(path);
	return rc;
}

int
demo_write_config(const struct demo *d, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, FILE_MAX);
	buf_puts(&b, "# made by `twokey demo`: both people are this login, and everything says so\n");
	put_path(&b, "socket", d, "broker.sock");
	put_path(&b, "store", d, "tickets");
	put_path(&b, "transcripts", d, "transcripts");
	put_path(&b, "run", d, "run");
	put_people(&b, d);
	put_target(&b, d);
	rc = write_file(d, "twokeyd.yaml", buf_data(&b), buf_len(&b), e);
	buf_fini(&b);
	if (rc == 0 && d->dsn && d->dsn->password)
		rc = write_file(d, "password", secret_reveal(d->dsn->password), secret_len(d->dsn->password), e);
	return rc;
}

/* One's own database is looked at with whatever account one has; a session for a customer names each excess. */
static void
put_excess(struct buf *b)
{
	buf_puts(b, "accept_excess:\n");
	for (int k = 0; k < EXCESSES; k++)
		buf_putf(b, "  - what: %s\n    reason: a demonstration on a database of one's own\n",
		    excess_name((enum excess)k));
}

const char *
demo_ticket_id(const struct demo *d)
{
	return d->train ? "TRAIN-1" : "DEMO-1";
}

char *
demo_ticket(const struct demo *d, int64_t now_us)
{
	char until[CLOCK_TEXT], *text;
	struct buf b;

	clock_format(now_us + INT64_C(3600000000) * TICKET_HOURS, until);
	buf_init(&b, FILE_MAX);
	buf_putf(&b, "id: %s\ntitle: \"%s\"\ntarget: %s\naccess: write\nstage: production\n", demo_ticket_id(d), d->train ?
	    "training on a sample database, some requests are wrong on purpose" : d->dsn ?
	    "a look at a database of your own" : "orders that were paid and still say new", target_name(d));
	buf_puts(&b, "people:\n  - name: ben\n    seat: driver\n  - name: anna\n    seat: confirmer\n");
	buf_putf(&b, "approver: anna\nsecond_key: customer\nexpires: %.19sZ\n", until);
	if (d->dsn)
		put_excess(&b);
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

char *
demo_transcript(const struct demo *d)
{
	char *folder = demo_path(d, "transcripts"), *newest = NULL;
	DIR *dir = opendir(folder);
	struct timespec best = { 0, 0 };
	const struct dirent *entry;

	free(folder);
	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/transcripts/%s", d->dir, entry->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mtim.tv_sec > best.tv_sec ||
		    (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec > best.tv_nsec))) {
			free(newest);
			best = st.st_mtim;
			newest = must_strdup(path);
		}
	}
	if (dir)
		closedir(dir);
	return newest;
}

void
demo_tidy(const struct demo *d)
{
	static const char *const names[] = { "password", "broker.sock", "tmux.sock", "tmux.conf" };

	for (size_t i = 0; d->dir && i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = demo_path(d, names[i]);

		unlink(path);
		free(path);
	}
}
