/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements per second of the classifier and of libpg_query on the same input, in turn, one core;
 * then one statement of growing length. Built by bench/classify.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <pg_query.h>

#include "twokey/sql/facts.h"

enum { ROUNDS = 5, STATEMENTS = 100000 };

static char *texts[STATEMENTS];
static size_t lengths[STATEMENTS];
static size_t count, bytes;
static struct sql_facts facts;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
load(const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (in == NULL) {
		perror(path);
		exit(2);
	}
	while (count < STATEMENTS && getline(&line, &room, in) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		const char *sql = json_string_value(json_object_get(row, "sql"));

		if (sql != NULL && strlen(sql) < 20000) {
			texts[count] = strdup(sql);
			lengths[count] = strlen(sql);
			bytes += lengths[count++];
		}
		json_decref(row);
	}
	free(line);
	fclose(in);
}

static double
run_classifier(void)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };
	double from = now();

	for (size_t i = 0; i < count; i++)
		sql_classify(&facts, &set, texts[i], lengths[i]);
	return (double)count / (now() - from);
}

static double
run_protobuf(void)
{
	double from = now();

	for (size_t i = 0; i < count; i++)
		pg_query_free_protobuf_parse_result(pg_query_parse_protobuf(texts[i]));
	return (double)count / (now() - from);
}

static double
run_json(void)
{
	double from = now();

	for (size_t i = 0; i < count; i++)
		pg_query_free_parse_result(pg_query_parse(texts[i]));
	return (double)count / (now() - from);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v)
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

/* select 1, 1, 1, ... of n bytes */
static void
grow(void)
{
	struct sql_settings set = { .engine = SQL_POSTGRES };

	for (size_t n = (size_t)1 << 20; n <= (size_t)64 << 20; n *= 4) {
		char *sql = malloc(n);
		double from;

		memcpy(sql, "select ", 7);
		for (size_t i = 7; i < n; i++)
			sql[i] = i % 2 ? '1' : ',';
		sql[n - 1] = '1';
		from = now();
		sql_classify(&facts, &set, sql, n);
		printf("one statement of %3zu MiB: %.3f s, %s\n", n >> 20, now() - from, sql_class_name(facts.class));
		free(sql);
	}
}

int
main(int argc, char **argv)
{
	double ours[ROUNDS], protobuf[ROUNDS], json[ROUNDS];

	if (argc != 2)
		return 2;
	load(argv[1]);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = run_classifier();
		protobuf[i] = run_protobuf();
		json[i] = run_json();
	}
	printf("%zu statements, %zu bytes, median of %d rounds, statements per second\n", count, bytes, ROUNDS);
	printf("twokey classify         %10.0f\n", median(ours));
	printf("libpg_query, protobuf   %10.0f   twokey is %.1f times as fast\n", median(protobuf),
	    median(ours) / median(protobuf));
	printf("libpg_query, JSON       %10.0f   twokey is %.1f times as fast\n", median(json),
	    median(ours) / median(json));
	grow();
	return 0;
}
