/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times one read again and again through two programs in turn: psql on its standard input, and twokey open --json.
 * roundtrip ROUNDS LINES SQL -- PSQL-COMMAND... -- TWOKEY-COMMAND...
 * LINES: lines that psql prints for the statement. Prints both medians, 99th percentiles and ratios. */
#include "config.h"

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
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

enum { WARM = 50, IN_MAX = 64 * 1024 * 1024 };

struct peer {
	const char *name;
	int in, out;		/* its standard input and output */
	struct buf got;
	struct buf ask;		/* what is written for one round */
	double *us;
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

	if (pipe(to) != 0 || pipe(from) != 0 || (pid = fork()) < 0)
		die("roundtrip: no process");
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
	p->in = to[1];
	p->out = from[0];
	buf_init(&p->got, IN_MAX);
	buf_init(&p->ask, 1 << 20);
}

/* Drops lines until n of those that count have come. */
static void
await(struct peer *p, const char *counts, unsigned n)
{
	const char *line;
	size_t len;

	while (n > 0) {
		while (n > 0 && io_line(&p->got, &line, &len)) {
			if (memmem(line, len, "\"ok\":false", 10))
				die("%s: %.*s", p->name, (int)len, line);
			if (!counts || memmem(line, len, counts, strlen(counts)))
				n--;
			buf_consume(&p->got, len + 1);
		}
		if (n > 0 && io_fill(p->out, &p->got) != IO_GOT_DATA)
			die("%s ended", p->name);
	}
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double
once(struct peer *p, const char *counts, unsigned n)
{
	double begin = now_us();

	if (io_write_all(p->in, buf_data(&p->ask), buf_len(&p->ask), NULL) != 0)
		die("%s ended", p->name);
	await(p, counts, n);
	return now_us() - begin;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(struct peer *psql, struct peer *twokey, unsigned rounds)
{
	unsigned p50 = rounds / 2, p99 = rounds * 99 / 100;

	qsort(psql->us, rounds, sizeof(double), by_value);
	qsort(twokey->us, rounds, sizeof(double), by_value);
	printf("%-8s %10s %10s\n", "", "p50 us", "p99 us");
	printf("%-8s %10.0f %10.0f\n", "psql", psql->us[p50], psql->us[p99]);
	printf("%-8s %10.0f %10.0f\n", "twokey", twokey->us[p50], twokey->us[p99]);
	printf("%-8s %10.2f %10.2f\n", "ratio", twokey->us[p50] / psql->us[p50], twokey->us[p99] / psql->us[p99]);
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
	struct peer psql = { .name = "psql" }, twokey = { .name = "twokey" };
	int at = 4;
	char **first = argc > 6 ? command(argc, argv, &at) : NULL, **second = first ? command(argc, argv, &at) : NULL;
	unsigned rounds, lines;

	if (!second)
		die("usage: roundtrip ROUNDS LINES SQL -- PSQL-COMMAND... -- TWOKEY-COMMAND...");
	rounds = (unsigned)strtoul(argv[1], NULL, 10);
	lines = (unsigned)strtoul(argv[2], NULL, 10);
	start(&psql, first);
	start(&twokey, second);
	buf_putf(&psql.ask, "%s;\n", argv[3]);
	buf_puts(&twokey.ask, "{\"do\":\"sql\",\"text\":");
	json_put_string(&twokey.ask, argv[3], strlen(argv[3]));
	buf_puts(&twokey.ask, "}\n");
	psql.us = must_zalloc(rounds * sizeof(double));
	twokey.us = must_zalloc(rounds * sizeof(double));
	await(&twokey, "\"ev\":\"connected\"", 1);
	for (unsigned i = 0; i < WARM + rounds; i++) {
		double a = once(&psql, NULL, lines), b = once(&twokey, "\"ev\":\"done\"", 1);

		if (i >= WARM) {
			psql.us[i - WARM] = a;
			twokey.us[i - WARM] = b;
		}
	}
	report(&psql, &twokey, rounds);
	dprintf(twokey.in, "{\"do\":\"end\"}\n");
	close(psql.in);
	close(twokey.in);
	while (wait(NULL) > 0)
		;
	return 0;
}
