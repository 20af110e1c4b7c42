/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real broker in a folder of its own, and scripted consoles that speak its protocol. */
#ifndef TESTS_LIB_BROKER_H
#define TESTS_LIB_BROKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TEST_DEADLINE_MS = 30000 };

struct test_broker_options {
	const char *target;		/* YAML lines of the one target's way, NULL: SQLite DIR/shop.db */
	const char *engine;		/* NULL: "sqlite" */
	const char *stage;		/* NULL: "production" */
	const char *fault;		/* TWOKEY_FAULT for its roles, NULL: none */
	const char *limits;		/* more YAML lines of the configuration */
	const char *anna, *kim;		/* more of these people, as ", keys: [...]"; NULL: nothing */
	unsigned request_seconds;	/* 0: 300 */
	bool system_mode;		/* root only: roles, people under users of their own */
};

struct test_broker {
	char dir[256];
	char socket[300];
	char db[300];
	pid_t pid;
	int out;			/* its stdout */
	bool system_mode;
};

/* Starts it on a fresh folder with a small shop (orders, orders_log, trigger), people ben, anna, kim, and waits for
 * "ready". Fails the test when it does not come. o may be NULL. */
void	test_broker_start(struct test_broker *b, const struct test_broker_options *o);
/* Starts it again on the same folder. */
void	test_broker_restart(struct test_broker *b);
/* Ends it and starts it on the same folder with another configuration. */
void	test_broker_reconfigure(struct test_broker *b, const struct test_broker_options *o);
/* SIGTERM, waits, removes the folder (kept when a test failed and TWOKEY_KEEP is set). */
void	test_broker_stop(struct test_broker *b);
/* SIGKILL to the monitor. */
void	test_broker_kill(struct test_broker *b);
/* The process of a role ("session", "recorder", "db", "front"), 0 when none runs. */
pid_t	test_broker_role(const struct test_broker *b, const char *role);
/* How many descriptors that process has open, and a few of the folder itself: the same few every time. */
size_t	test_open_files(pid_t pid);
/* Waits until that process is gone. */
void	test_wait_gone(pid_t pid);
/* Waits until the process is stopped (a fault point was reached). */
void	test_wait_stopped(pid_t pid);
bool	test_is_stopped(pid_t pid);
/* The path of the newest transcript. */
void	test_transcript(const struct test_broker *b, char *path, size_t size);
/* Waits until the newest transcript is sealed; false after the deadline. */
bool	test_wait_sealed(const struct test_broker *b);
/* The same of the transcript of that session. */
bool	test_wait_sealed_of(const struct test_broker *b, const char *session);
/* Waits until the newest transcript is sealed, or stands in the lobby with an outcome that is open: the entry of the lobby
 * then (the caller drops it), NULL when it is sealed. Fails the test after the deadline. */
json_t	*test_wait_over(const struct test_broker *b);
/* As anna, who confirms: what became of the outcome that is open; waits for the seal. */
void	test_settle(const struct test_broker *b, const char *session, const char *is);
/* The first column of the first row of a query on the shop's file. */
int64_t	test_shop_number(const struct test_broker *b, const char *sql);
void	test_shop_exec(const struct test_broker *b, const char *sql);

struct test_console {
	int fd;
	char *in;
	size_t len;
	json_t *answers;	/* {"re"...} lines not taken yet */
	json_t *events;		/* all event lines */
	json_t *bodies;		/* all body lines */
	bool eof;
};

/* Connects and says hello as that person (by "as" in a demo broker, by uid in system mode). */
struct test_console *test_console(const struct test_broker *b, const char *person);
/* Connects without a word. */
struct test_console *test_console_raw(const struct test_broker *b, const char *person);
void	test_console_close(struct test_console *c);
/* Sends a line (printf, no LF needed). */
void	test_send(struct test_console *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void	test_send_bytes(struct test_console *c, const void *p, size_t n);
/* Waits for the next answer to "re"; borrowed until the console is closed. Fails the test after the deadline. */
json_t	*test_answer(struct test_console *c, const char *re);
/* Sends and waits for an answer that must be ok (refused): the answer. */
json_t	*test_ok(struct test_console *c, const char *line);
json_t	*test_refused(struct test_console *c, const char *line, const char *code);
/* Waits for an event of that name (of 0: any); borrowed. NULL only from test_event_seen. */
json_t	*test_event(struct test_console *c, const char *ev, int64_t of);
json_t	*test_event_either(struct test_console *c, const char *ev, const char *other, int64_t of);
json_t	*test_event_seen(struct test_console *c, const char *ev, int64_t of);
/* Waits for the first of several events (names by blanks) of that number; NULL when the connection ends before. */
json_t	*test_event_any(struct test_console *c, const char *names, int64_t of);
/* Waits for the event of that number; borrowed. */
json_t	*test_event_n(struct test_console *c, int64_t n);
/* Text of the body of kind k of event of; borrowed, NULL when it is not there. */
const char *test_body(struct test_console *c, int64_t of, const char *k);
json_t	*test_body_object(struct test_console *c, int64_t of, const char *k);
/* Waits for the end of the connection. */
void	test_wait_eof(struct test_console *c);

/* A ticket MFX-1 made by ben and accepted by anna. */
void	test_ticket(const struct test_broker *b, const char *id);
/* The same with other lines than access and stage ("\\n" as in a JSON string). */
void	test_ticket_with(const struct test_broker *b, const char *id, const char *lines);
/* Driver and confirmer in a session for that ticket, connected to the database. */
void	test_session(const struct test_broker *b, const char *id, struct test_console **ben,
	    struct test_console **anna);
/* Sends a write as ben, waits for its sheet; the request's number. */
int64_t	test_request(struct test_console *ben, const char *sql, const char *rows);
/* Anna opens it, waits the minimum time and types: the answer to "allow". */
json_t	*test_allow(struct test_console *anna, int64_t of, const char *typed);
/* The same for what is held: the answer that keeps it. */
json_t	*test_keep(struct test_console *anna, int64_t of, const char *typed);
/* Denies it; the answer is ok. */
void	test_deny(struct test_console *c, int64_t of);
/* The same, after the event "sheet" or "held", where a process stops before it can be answered: types until it has. */
void	test_turn_until_stopped(struct test_console *anna, int64_t of, const char *shown_by, const char *typed, pid_t pid);
/* Ends the session and waits for the seal; verifies the file with the library. */
void	test_end(const struct test_broker *b, struct test_console *ben);

#endif
