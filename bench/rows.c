/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times a large SELECT through two programs in turn: psql (or mariadb), started for each round, and one twokey open --json.
 * rows ROUNDS ROWS SQL BROKER-PID -- PSQL-COMMAND... -- TWOKEY-COMMAND...
 * Prints both medians, the ratio, and of each twokey process how much its memory grew over all rounds and how long it
 * computed for one: that does not depend on what else the machine does. */
#include "config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { READ_MAX = 1 << 20, WATCHED_MAX = 64, LOOK_EVERY = 64 << 20, ROUNDS_MAX = 99, TAIL = 4096 };

struct watched {
	pid_t pid;
	char name[32];
	long first, most;	/* KiB */
	double cpu;		/* seconds at the beginning */
};
static struct watched watched[WATCHED_MAX];
static size_t nwatched;

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

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t
start(char **argv, int *in, int *out)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe(to) != 0 || pipe(from) != 0 || (pid = fork()) < 0)
		die("rows: no process");
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = from[0];
	return pid;
}

/* One number of /proc/PID/status, -1 when the process is not there. */
static long
status_of(pid_t pid, const char *key)
{
	char path[64], line[256];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtol(line + strlen(key), NULL, 10);
	if (f != NULL)
		fclose(f);
	return v;
}

/* Seconds that a process has computed. */
static double
cpu_of(pid_t pid)
{
	char path[64], line[1024], *s;
	unsigned long user = 0, sys = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	s = f != NULL && fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
	for (int i = 0; s != NULL && i < 12; i++)
		s = strchr(s + 1, ' ');
	if (s != NULL && sscanf(s, "%lu %lu", &user, &sys) != 2)
		user = sys = 0;
	if (f != NULL)
		fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* Files that are mapped are not growth of ours: only private memory counts. */
static void
look(void)
{
	for (size_t i = 0; i < nwatched; i++) {
		long kib = status_of(watched[i].pid, "RssAnon:");

		if (watched[i].first == 0)
			watched[i].first = kib;
		if (kib > watched[i].most)
			watched[i].most = kib;
	}
}

static void
watch(pid_t pid)
{
	struct watched *w = &watched[nwatched];
	char path[64];
	FILE *f;

	if (nwatched == WATCHED_MAX)
		return;
	*w = (struct watched){ .pid = pid, .cpu = cpu_of(pid) };
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%31[^\n]", w->name) != 1)
		snprintf(w->name, sizeof w->name, "?");
	if (f != NULL)
		fclose(f);
	nwatched++;
}

/* The broker and everything below it. */
static void
watch_tree(pid_t root)
{
	char path[64];
	long child;
	FILE *f;

	watch(root);
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)root, (long)root);
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%ld", &child) == 1)
		watch_tree((pid_t)child);
	if (f != NULL)
		fclose(f);
}

/* psql from its start to its end. */
static double
round_psql(char **argv, uint64_t *bytes)
{
	static char chunk[READ_MAX];
	double began = now();
	int in, out, status;
	pid_t pid = start(argv, &in, &out);
	ssize_t r;

	close(in);
	while ((r = read(out, chunk, sizeof chunk)) > 0)
		*bytes += (uint64_t)r;
	close(out);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("%s failed", argv[0]);
	return now() - began;
}

/* Reads until a line says what; a line that matters is short, so only the tail of what came is kept. */
static void
await(int fd, const char *what, uint64_t rows, uint64_t *bytes)
{
	static char chunk[TAIL + READ_MAX + 1];
	char count[48];
	size_t kept = 0, since = 0;
	const char *at;

	snprintf(count, sizeof count, "\"rows\":%llu,", (unsigned long long)rows);
	for (;;) {
		ssize_t r = read(fd, chunk + kept, READ_MAX);
		size_t n;

		if (r <= 0)
			die("twokey ended");
		*bytes += (uint64_t)r;
		n = kept + (size_t)r;
		at = memmem(chunk, n, what, strlen(what));
		if (at != NULL && memchr(at, '\n', n - (size_t)(at - chunk)) != NULL)
			break;
		if (memmem(chunk, n, "\"ok\":false", 10) != NULL || memmem(chunk, n, "\"ev\":\"failed\"", 13) != NULL ||
		    memmem(chunk, n, "\"ev\":\"costly\"", 13) != NULL)
			die("twokey: %.*s", (int)(n < 2000 ? n : 2000), chunk);
		kept = n < TAIL ? n : TAIL;
		memmove(chunk, chunk + n - kept, kept);
		since += (size_t)r;
		if (since >= LOOK_EVERY) {
			look();
			since = 0;
		}
	}
	if (rows > 0 && memmem(at, strlen(at), count, strlen(count)) == NULL)
		die("twokey gave other rows: %.300s", at);
}

static double
round_twokey(int in, int out, const struct buf *ask, uint64_t rows, uint64_t *bytes)
{
	double began = now();

	if (io_write_all(in, buf_data(ask), buf_len(ask), NULL) != 0)
		die("twokey ended");
	await(out, "\"ev\":\"done\"", rows, bytes);
	return now() - began;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(const char *peer, double *psql, double *twokey, size_t rounds, uint64_t rows, uint64_t psql_bytes, uint64_t twokey_bytes)
{
	double a, b, cpu;
	struct rusage u;

	qsort(psql, rounds, sizeof *psql, by_value);
	qsort(twokey, rounds, sizeof *twokey, by_value);
	a = psql[rounds / 2];
	b = twokey[rounds / 2];
	printf("%-8s %8s %8s %8s %12s %10s\n", "", "median s", "best s", "worst s", "rows/s", "MB/round");
	printf("%-8s %8.2f %8.2f %8.2f %12.0f %10.1f\n", peer, a, psql[0], psql[rounds - 1], (double)rows / a,
	    (double)psql_bytes / (double)rounds / 1e6);
	printf("%-8s %8.2f %8.2f %8.2f %12.0f %10.1f\n", "twokey", b, twokey[0], twokey[rounds - 1], (double)rows / b,
	    (double)twokey_bytes / (double)rounds / 1e6);
	printf("rows per second against %s: %.2fx\n", peer, a / b);
	getrusage(RUSAGE_CHILDREN, &u);	/* only psql has ended so far */
	cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	printf("%-16s  computed %6.2f s a round\n", peer, cpu / (double)rounds);
	for (size_t i = 0; i < nwatched; i++)
		printf("%-16s  computed %6.2f s a round; memory %ld KiB, grew by %ld KiB, peak %ld KiB\n", watched[i].name,
		    (cpu_of(watched[i].pid) - watched[i].cpu) / (double)rounds, watched[i].first,
		    watched[i].most - watched[i].first, status_of(watched[i].pid, "VmHWM:"));
}

/* The command behind the next "--", which is cut off there. */
static char **
command(int argc, char **argv, int *at)
{
	int i = *at;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	argv[i] = NULL;
	*at = i + 1;
	return i + 1 < argc ? &argv[i + 1] : NULL;
}

int
main(int argc, char **argv)
{
	int at = 5, in, out;
	char **psql = argc > 7 ? command(argc, argv, &at) : NULL, **twokey = psql ? command(argc, argv, &at) : NULL;
	double a[ROUNDS_MAX], b[ROUNDS_MAX];
	uint64_t rows, psql_bytes = 0, twokey_bytes = 0, none = 0;
	size_t rounds;
	struct buf ask;
	pid_t console;

	if (!twokey)
		die("usage: rows ROUNDS ROWS SQL BROKER-PID -- PSQL-COMMAND... -- TWOKEY-COMMAND...");
	rounds = strtoul(argv[1], NULL, 10);
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	rows = strtoull(argv[2], NULL, 10);
	buf_init(&ask, 1 << 20);
	buf_puts(&ask, "{\"do\":\"sql\",\"text\":");
	json_put_string(&ask, argv[3], strlen(argv[3]));
	buf_puts(&ask, "}\n");
	console = start(twokey, &in, &out);
	await(out, "\"ev\":\"connected\"", 0, &none);
	watch_tree((pid_t)strtol(argv[4], NULL, 10));
	watch(console);
	look();
	for (size_t i = 0; i < rounds; i++) {
		a[i] = round_psql(psql, &psql_bytes);
		b[i] = round_twokey(in, out, &ask, rows, &twokey_bytes);
		look();
	}
	report(psql[0], a, b, rounds, rows, psql_bytes, twokey_bytes);
	(void)!write(in, "{\"do\":\"end\"}\n", 13);
	close(in);
	while (wait(NULL) > 0)
		;
	return 0;
}
