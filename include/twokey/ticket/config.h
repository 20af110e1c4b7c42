/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The broker's configuration: people, targets, places. YAML, one schema table, file:line:key in errors. */
#ifndef TWOKEY_TICKET_CONFIG_H
#define TWOKEY_TICKET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/ticket/words.h"

struct err;

enum { CONFIG_NAME_MAX = 63, CONFIG_LIST_MAX = 64 };

/* One human. No login belongs to two people. */
struct config_person {
	char *name;		/* [a-z0-9._-], at most CONFIG_NAME_MAX */
	enum ticket_side side;
	char **logins;		/* login names of this host */
	size_t nlogins;
	unsigned seats;		/* bit 1 << TICKET_SEAT_*: which seats the person may hold */
	bool may_answer_json;	/* may_answer: json */
};

enum config_tls { CONFIG_TLS_OFF, CONFIG_TLS_REQUIRE, CONFIG_TLS_VERIFY_FULL };

/* A database with the way to reach it. Which keys an engine needs is checked when read. */
struct config_target {
	char *name;
	char *engine;		/* "postgres", "sqlite" */
	enum ticket_stage stage;
	char *file;		/* sqlite: absolute path */
	char *host;		/* postgres: name for TCP, or */
	char *socket;		/* absolute folder of its Unix socket */
	uint16_t port;
	char *database;
	char *user;
	char *password_file;	/* absolute, mode 0600; NULL: none */
	enum config_tls tls;
	char *ca;		/* absolute; needed by verify-full */
	unsigned statement_timeout_s;	/* default 30 */
	unsigned lock_timeout_s;	/* default 2 */
};

struct config {
	char *socket;		/* absolute path of the broker's Unix socket */
	char *store;		/* folder of tickets */
	char *transcripts;	/* folder of transcripts */
	char *run;		/* folder of the monitor's own notes on open sessions */
	char *users[4];		/* system mode: front+session, recorder, db, tunnel */
	uint64_t quota;		/* bytes a transcript may have, default 1 GiB */
	unsigned max_rows;	/* rows kept of a result, default 10000 */
	uint64_t max_bytes;	/* bytes kept of a result, default 16 MiB */
	unsigned request_seconds;	/* time to answer, default 300 */
	unsigned away_seconds;	/* no key for so long: AWAY, default 120 */
	struct config_person *people;
	size_t npeople;
	struct config_target *targets;
	size_t ntargets;
};

/* Reads and checks a file; ERR_CONFIG with "file:line: key: what" in *e, ERR_NOT_FOUND. */
int	config_read(const char *path, struct config **out, struct err *e);
/* The same from bytes; name stands for the file in errors. */
int	config_parse(const char *yaml, size_t n, const char *name, struct config **out, struct err *e);
void	config_free(struct config *c);

/* Borrowed, or NULL. */
const struct config_person *config_person(const struct config *c, const char *name);
const struct config_person *config_person_of_login(const struct config *c, const char *login);
const struct config_target *config_target(const struct config *c, const char *name);

#endif
