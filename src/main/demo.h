/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of `twokey demo`: a folder, a private broker in it, two consoles. */
#ifndef TWOKEY_MAIN_DEMO_H
#define TWOKEY_MAIN_DEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct secret;

/* Where the person's own PostgreSQL is; strings are never NULL except host, socket and ca. */
struct demo_dsn {
	char *host;		/* for TCP, or */
	char *socket;		/* absolute folder of the Unix socket */
	unsigned port;
	char *database;
	char *user;
	const char *tls;	/* "off", "require", "verify-full" */
	char *ca;
	struct secret *password;	/* NULL: none was given */
};

struct demo {
	char *dir;		/* absolute, 0700, everything of the demo is in it */
	char *twokey;		/* this very program */
	char *twokeyd;		/* the broker beside it */
	const char *login;
	struct demo_dsn *dsn;	/* NULL: the sample shop */
	bool tmux;
	bool train;		/* a training, not a demonstration */
	pid_t broker;		/* 0: none runs */
	int broker_out;
};

/* postgresql://[user[:password]@][host][:port][/database][?name=value&...], percent-encoded. ERR_INVALID says what
 * is wrong and never shows the password. */
int	demo_dsn_parse(const char *uri, const char *login, struct demo_dsn **out, struct err *e);
void	demo_dsn_free(struct demo_dsn *d);
/* Overwrites the password in the URI where it stands (argv). True when there was one. */
bool	demo_dsn_hide(char *uri);
/* Asks for a password on the terminal, without echo; nothing when there is no terminal or the answer is empty. */
void	demo_dsn_ask(struct demo_dsn *d);

/* demo_prepare.c: who it is; folder (dir, or NULL), sample shop or d->dsn, broker, ticket that is accepted. */
void	demo_fix_locale(void);
int	demo_person(struct demo *d, struct err *e);
int	demo_prepare(struct demo *d, const char *dir, struct err *e);
/* Where everything is. */
void	demo_print_end(const struct demo *d);
void	demo_free(struct demo *d);
/* The id of its ticket. */
const char *demo_ticket_id(const struct demo *d);

/* Makes the folder: wanted, which must be new or empty, or a new private one. */
int	demo_folder(struct demo *d, const char *wanted, struct err *e);
/* DIR/name, malloc'd. */
char	*demo_path(const struct demo *d, const char *name);
/* Writes the broker's configuration (and the password's file, 0600). */
int	demo_write_config(const struct demo *d, struct err *e);
/* The text of the ticket, malloc'd; now_us: the wall clock. */
char	*demo_ticket(const struct demo *d, int64_t now_us);
/* The transcript that was written last, malloc'd, or NULL. */
char	*demo_transcript(const struct demo *d);
/* Removes what must not stay: the password, the sockets. */
void	demo_tidy(const struct demo *d);

/* Starts argv[0] on our terminal; it ends with this process. The pid, or an ERR code. */
pid_t	demo_start(const char *const argv[], struct err *e);
/* Waits for its end, passing a signal on; its exit status (128 + signal). */
int	demo_wait(pid_t pid);
/* Both. */
int	demo_run(const char *const argv[], struct err *e);
void	demo_pause(int ms);
/* Starts the broker and waits until it accepts. */
int	demo_broker_start(struct demo *d, struct err *e);
/* Ends it, by its pid; waits for it. */
void	demo_broker_stop(struct demo *d);
/* ben brings the ticket, anna accepts it. */
int	demo_ticket_accept(const struct demo *d, struct err *e);
/* True when the driver's session is there for anna. */
bool	demo_session_is_there(const struct demo *d);

/* Shows both consoles until the driver's has ended; an enum cmd_exit. */
int	demo_show(struct demo *d);

/* A signal told us to end (0: none). */
int	demo_signal(void);
/* Takes SIGINT, SIGTERM and SIGHUP, so that nothing is left running. */
void	demo_signal_watch(void);

#endif
