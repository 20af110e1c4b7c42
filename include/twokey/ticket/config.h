/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The broker's configuration: people, targets, places. YAML, one schema table, file:line:key in errors. */
#ifndef TWOKEY_TICKET_CONFIG_H
#define TWOKEY_TICKET_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/ticket/words.h"

struct err;

enum { CONFIG_NAME_MAX = 63, CONFIG_LIST_MAX = 64, CONFIG_HOPS_MAX = 8, CONFIG_KEYS_MAX = 8 };

/* One human. No login belongs to two people. */
struct config_person {
	char *name;		/* [a-z0-9._-], at most CONFIG_NAME_MAX */
	enum ticket_side side;
	char **logins;		/* login names of this host */
	size_t nlogins;
	unsigned seats;		/* bit 1 << TICKET_SEAT_*: which seats the person may hold */
	bool may_answer_json;	/* may_answer: json */
	char **keys;		/* "TYPE BASE64 [comment]", well-formed; a slice: "TYPE FINGERPRINT" */
	size_t nkeys;		/* 0: answers are not signed */
};

enum config_tls { CONFIG_TLS_OFF, CONFIG_TLS_REQUIRE, CONFIG_TLS_VERIFY_FULL };

/* One SSH server on the way. Its key files are the tunnel's business: nothing else opens them. */
struct config_hop {
	char *name;		/* as messages name it; never NULL, no other hop of the target has it */
	char *host;		/* as the hop before sees it */
	uint16_t port;		/* default 22 */
	char *user;
	char *key;		/* absolute path of a private key, or */
	char *agent;		/* absolute path of an agent's socket; exactly one of both */
	char *passphrase_file;	/* absolute, or */
	char *passphrase_from;	/* a person of the configuration; NULL both: the key has none */
	char *host_key;		/* "SHA256:..." or "ssh-ed25519 AAAA...", well-formed, or */
	char *known_hosts;	/* absolute; exactly one of both */
};

/* A database with the way to reach it. Which keys an engine needs is checked when read.
 * The way: hops (then host, port and socket are as the last one sees them), command, or neither; via may stand beside
 * hops and host. The password comes from at most one of the password_ keys. */
struct config_target {
	char *name;
	char *engine;		/* "postgres", "mariadb", "mysql", "sqlite" */
	enum ticket_stage stage;
	char *file;		/* sqlite: absolute path */
	char *host;		/* a server: name for TCP, or (with command: only the name that TLS verifies) */
	char *socket;		/* its Unix socket; postgres without hops: the folder of it. NULL with command */
	uint16_t port;		/* never 0: the engine's when it was left out */
	char *database;
	char *user;
	char *password_file;	/* absolute, mode 0600; NULL: none */
	char **password_command;	/* [0] absolute */
	size_t npassword_command;
	char *password_credential;	/* name in $CREDENTIALS_DIRECTORY, no path */
	char *password_from;	/* a person of the configuration, asked at the start */
	enum config_tls tls;
	char *ca;		/* absolute; needed by verify-full */
	char *tls_fingerprint;	/* mariadb, mysql: SHA-1 of the certificate, hex, perhaps with ':' */
	struct config_hop *hops;
	size_t nhops;		/* 0: none */
	char **command;		/* [0] absolute; its stdin and stdout are the connection */
	size_t ncommand;	/* 0: none */
	char *via;		/* interface that must be up and hold the route */
	unsigned keepalive_s;	/* of the tunnel, default 15 */
	unsigned dead_after_s;	/* default 45, at least twice keepalive_s */
	unsigned statement_timeout_s;	/* default 30 */
	unsigned lock_timeout_s;	/* default 2 */
	unsigned hold_s;	/* default 60 */
	unsigned hold_waiters_s;	/* default 5 */
	uint64_t table_limit;	/* bytes: a read of a larger table is estimated, default 256 MiB */
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
	unsigned set_seconds;	/* age of collected changes, default 900 */
	unsigned requests_before_break;	/* default 20 */
	unsigned break_seconds;	/* default 900 */
	unsigned away_seconds;	/* no key for so long: AWAY, default 120 */
	char **account_names;	/* shell patterns of what an account is called; none: any name will do */
	size_t naccount_names;
	char *seal_key;		/* absolute path of a private key, NULL: seals are not signed */
	char **anchor;		/* [0] absolute */
	size_t nanchor;		/* 0: none */
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
/* True for a loopback address and "localhost": what goes there does not leave this host. */
bool	config_host_is_local(const char *host);
/* True when the name of a target's account is made as account_names asks. */
bool	config_account_ok(const struct config *c, const char *account);

#endif
