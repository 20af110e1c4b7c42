/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times a change of one row: by hand in psql (BEGIN, the statement, COMMIT), and through the whole gate, from the request to
 * committed, in turn. What the second person takes to read is left out: the clock stands from the sheet at that console
 * until it sends allow.
 * write ROUNDS TABLE SQL KEY-SELECT FILE -- PSQL... -- TWOKEY-OPEN... -- TWOKEY-JOIN...
 * FILE: made and written to, to time what a sync of a line of the transcript costs there. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { WARM = 3, IN_MAX = 64 * 1024 * 1024, READ_MS = 2050, SYNCED = 6, LINE = 700 };

enum part {
	HAND, SELECT, WHOLE, REQUEST, SHEET, SHEET_TOOK, ALLOWED, RUN, COMMITTING, COMMITTED, RUN_TOOK, HOP, SYNC, PARTS
};
static const char *const names[PARTS] = {
	[HAND] = "by hand in psql: BEGIN, the statement, COMMIT",
	[SELECT] = "  one trip of psql: the key SELECT",
	[WHOLE] = "through the gate, without the reading",
	[REQUEST] = "  request: classified, checked, on disk (1 sync)",
	[SHEET] = "  sheet at the other console (1 sync)",
	[SHEET_TOOK] = "    of it in the db: derive and look",
	[ALLOWED] = "  allow to allowed: checked, on disk (1 sync)",
	[RUN] = "  run, on disk (1 sync)",
	[COMMITTING] = "  looked again, run, compared, on disk (1 sync)",
	[COMMITTED] = "  COMMIT, and committed on disk (1 sync)",
	[RUN_TOOK] = "    of the last two in the db, with the sync between",
	[HOP] = "one hop: console to session and back",
	[SYNC] = "one sync of a line in that folder",
};

struct peer {
	const char *name;
	int in, out;
	struct buf got;
};

static void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void
start(struct peer *p, char **argv)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die("write: no process");
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	p->in = to[1];
	p->out = from[0];
	buf_init(&p->got, IN_MAX);
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
say(struct peer *p, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line || io_write_all(p->in, line, (size_t)n, NULL) != 0)
		die("%s ended", p->name);
}

/* The next line that is an object with this string; the caller drops it. */
static json_t *
await(struct peer *p, const char *key, const char *is)
{
	const char *line;
	size_t len;

	for (;;) {
		while (io_line(&p->got, &line, &len)) {
			json_t *o = json_line_parse(line, len, NULL);
			const char *has = json_str(o, key, NULL);

			if (has == NULL && strcmp(key, "ev") == 0)
				has = "";
			if (strcmp(is, "committed") == 0 && has != NULL && (strcmp(has, "rolledback") == 0 || strcmp(has, "failed") == 0 ||
			    strcmp(has, "void") == 0 || strcmp(has, "held") == 0))
				die("%s: %.*s", p->name, (int)len, line);
			buf_consume(&p->got, len + 1);
			if (has != NULL && strcmp(has, is) == 0)
				return o;
			json_decref(o);
		}
		if (io_fill(p->out, &p->got) != IO_GOT_DATA)
			die("%s ended", p->name);
	}
}

/* Waits, and says when it was. */
static double
at(struct peer *p, const char *ev)
{
	json_t *o = await(p, "ev", ev);
	double now = now_us();

	json_decref(o);
	return now;
}

static double
by_psql(struct peer *p, const char *sql)
{
	double from = now_us();
	const char *line;
	size_t len;
	bool end = false;

	say(p, "%s\n\\echo end\n", sql);
	while (!end) {
		while (!end && io_line(&p->got, &line, &len)) {
			end = len == 3 && memcmp(line, "end", 3) == 0;
			buf_consume(&p->got, len + 1);
		}
		if (!end && io_fill(p->out, &p->got) != IO_GOT_DATA)
			die("%s ended", p->name);
	}
	return now_us() - from;
}

static double
sync_once(int fd)
{
	char line[LINE];
	double from = now_us();

	memset(line, 'x', sizeof line);
	if (write(fd, line, sizeof line) != (ssize_t)sizeof line || fdatasync(fd) != 0)
		die("write: the file cannot be synced");
	return now_us() - from;
}

/* Allow is said until the minimum time, which is the broker's, is over; the last one counts. */
static double
allow(struct peer *anna, int64_t of, const char *digest, const char *bind, const char *typed)
{
	struct timespec again = { 0, 150 * 1000 * 1000 }, reading = { READ_MS / 1000, READ_MS % 1000 * 1000000L };

	say(anna, "{\"do\":\"opened\",\"of\":%lld,\"last\":true}\n", (long long)of);
	json_decref(await(anna, "re", "opened"));
	nanosleep(&reading, NULL);
	for (;;) {
		double from = now_us();
		json_t *a;
		bool ok;

		say(anna, "{\"do\":\"allow\",\"of\":%lld,\"digest\":\"%s\",\"bind\":\"%s\",\"typed\":\"%s 1\"}\n", (long long)of, digest,
		    bind, typed);
		a = await(anna, "re", "allow");
		ok = json_bool(a, "ok");
		if (!ok && (json_str(a, "why", NULL) == NULL || strstr(json_str(a, "why", NULL), "can be allowed") == NULL))
			die("anna: %s", json_str(a, "why", NULL));
		json_decref(a);
		if (ok)
			return from;
		nanosleep(&again, NULL);
	}
}

static void
one(struct peer *ben, struct peer *anna, const char *table, const char *sql, double us[PARTS])
{
	double begin = now_us(), sheet, from, t[4];
	json_t *a, *request, *shown, *done;

	say(ben, "{\"do\":\"sql\",\"text\":\"%s\",\"rows\":\"= 1\"}\n", sql);
	a = await(ben, "re", "sql");
	us[REQUEST] = now_us() - begin;
	if (!json_bool(a, "ok"))
		die("ben: %s", json_str(a, "why", NULL));
	request = await(anna, "ev", "request");
	shown = await(anna, "ev", "sheet");
	sheet = now_us() - begin;
	us[SHEET] = sheet - us[REQUEST];
	us[SHEET_TOOK] = json_number_value(json_object_get(shown, "took")) * 1000;
	from = allow(anna, json_int(request, "n", 0), json_str(request, "digest", NULL), json_str(shown, "bind", NULL), table);
	t[0] = at(anna, "allowed");
	t[1] = at(anna, "run");
	t[2] = at(anna, "committing");
	done = await(anna, "ev", "committed");
	t[3] = now_us();
	us[ALLOWED] = t[0] - from;
	us[RUN] = t[1] - t[0];
	us[COMMITTING] = t[2] - t[1];
	us[COMMITTED] = t[3] - t[2];
	us[RUN_TOOK] = json_number_value(json_object_get(done, "took")) * 1000;
	us[WHOLE] = sheet + t[3] - from;
	(void)at(ben, "committed");
	begin = now_us();
	say(ben, "{\"do\":\"here\"}\n");
	json_decref(await(ben, "re", "here"));
	us[HOP] = now_us() - begin;
	json_decref(a);
	json_decref(request);
	json_decref(shown);
	json_decref(done);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(double *us[PARTS], unsigned rounds)
{
	double mid[PARTS];

	printf("%-54s %9s %9s\n", "", "p50 us", "p95 us");
	for (int i = 0; i < PARTS; i++) {
		qsort(us[i], rounds, sizeof(double), by_value);
		mid[i] = us[i][rounds / 2];
		printf("%-54s %9.0f %9.0f\n", names[i], mid[i], us[i][rounds * 95 / 100]);
	}
	printf("ratio %.1f; of the gate's %.0f us: syncs %.0f (%d), db %.0f, the rest (hops, judging, recording) %.0f\n",
	    mid[WHOLE] / mid[HAND], mid[WHOLE], mid[SYNC] * SYNCED, SYNCED, mid[SHEET_TOOK] + mid[RUN_TOOK] - mid[SYNC],
	    mid[WHOLE] - mid[SYNC] * (SYNCED - 1) - mid[SHEET_TOOK] - mid[RUN_TOOK]);
}

/* The command behind the next "--", which is cut off there. */
static char **
command(int argc, char **argv, int *from)
{
	int i = *from;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc)
		die("usage: write ROUNDS TABLE SQL KEY-SELECT FILE -- PSQL... -- TWOKEY-OPEN... -- TWOKEY-JOIN...");
	argv[i] = NULL;
	*from = i + 1;
	return &argv[i + 1];
}

/* All of it: warm, then in turn. */
static void
run(unsigned rounds, char **argv, char **psql_command, char **ben_command, char **anna_command)
{
	struct peer psql = { .name = "psql" }, ben = { .name = "ben" }, anna = { .name = "anna" };
	double *us[PARTS], now[PARTS];
	char hand[2048];
	int fd = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	snprintf(hand, sizeof hand, "BEGIN;\n%s;\nCOMMIT;", argv[3]);
	for (int i = 0; i < PARTS; i++)
		us[i] = must_zalloc(rounds * sizeof(double));
	start(&psql, psql_command);
	start(&ben, ben_command);
	json_decref(await(&ben, "ev", "connected"));
	start(&anna, anna_command);
	json_decref(await(&anna, "ev", "connected"));
	for (unsigned i = 0; i < WARM + rounds; i++) {
		now[HAND] = by_psql(&psql, hand);
		one(&ben, &anna, argv[2], argv[3], now);
		now[SELECT] = by_psql(&psql, argv[4]);
		now[SYNC] = sync_once(fd);
		for (int k = 0; k < PARTS && i >= WARM; k++)
			us[k][i - WARM] = now[k];
	}
	report(us, rounds);
	say(&ben, "{\"do\":\"end\"}\n");
	close(psql.in);
	close(ben.in);
	close(anna.in);
	while (wait(NULL) > 0)
		;
}

int
main(int argc, char **argv)
{
	int from = 6;
	char **psql, **ben, **anna;

	if (argc < 13)
		die("usage: write ROUNDS TABLE SQL KEY-SELECT FILE -- PSQL... -- TWOKEY-OPEN... -- TWOKEY-JOIN...");
	psql = command(argc, argv, &from);
	ben = command(argc, argv, &from);
	anna = command(argc, argv, &from);
	run((unsigned)strtoul(argv[1], NULL, 10), argv, psql, ben, anna);
	return 0;
}
