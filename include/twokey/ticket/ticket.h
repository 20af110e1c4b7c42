/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ticket: the accepted scope of work. */
#ifndef TWOKEY_TICKET_TICKET_H
#define TWOKEY_TICKET_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "twokey/base/digest.h"
#include "twokey/base/excess.h"
#include "twokey/ticket/words.h"

struct config;
struct err;

enum { TICKET_ID_MAX = 63, TICKET_TEXT_MAX = 64 * 1024, TICKET_PEOPLE_MAX = 32, TICKET_SQL_MAX = 16 * 1024,
	TICKET_OBJECT_MAX = 190 };

/* Who may open the second key. */
enum ticket_second { TICKET_SECOND_ANY, TICKET_SECOND_OTHER_SIDE, TICKET_SECOND_CUSTOMER, TICKET_SECOND_FIRM };

struct ticket_person {
	char *name;
	enum ticket_seat seat;
};

/* What the account may do beyond the level and is accepted by name. */
struct ticket_excess {
	enum excess what;	/* each once */
	char *reason;		/* one line */
};

/* A statement that is approved with the ticket: these bytes and no others. */
struct ticket_change {
	char *sql;			/* NULL: only the digest is named */
	char *hex;			/* the key digest as it stands there; NULL when only sql does */
	struct digest digest;		/* of the exact bytes */
	char *object;			/* NULL, else the one table or object, as the statement names it */
	char *rows;			/* NULL, else */
	bool at_most;			/* "<= bound" instead of "= bound" */
	uint64_t bound;
	char *backup;			/* NULL, else one line: what, where; then backup_taken_us is there too */
	int64_t backup_taken_us;	/* wall clock */
};

struct ticket {
	char *id;			/* [A-Za-z0-9._-], starts with a letter or digit; never a path */
	char *title;			/* may be NULL */
	char *target;
	char *engine;			/* NULL: not said, else "postgres", ...: the target's */
	char *version;			/* NULL, else as ticket_version_fits compares it */
	char *database;			/* NULL, else what the server must name */
	char *identity;			/* NULL, else what the server must say */
	enum ticket_replica replica;	/* default any */
	enum ticket_access access;
	enum ticket_stage stage;
	struct ticket_person *people;	/* each person once */
	size_t npeople;
	char *approver;			/* who alone may accept it; always named */
	enum ticket_second second_key;	/* default any */
	enum ticket_signed signature;	/* signed; default no */
	bool hold_always;		/* default: where it is needed */
	bool rehearsal;			/* default no; never on production or a replica */
	bool signed_pin;		/* only with hardware */
	enum ticket_presence presence;	/* default no */
	enum ticket_leave on_leave;	/* default pause; end only with a presence */
	enum ticket_from answer_from;	/* default anywhere */
	enum ticket_quorum quorum;	/* default one; both sides only with second_key any */
	uint64_t max_rows_read;		/* rows a read may be estimated to go through before it asks, default 1000000 */
	struct ticket_excess *accept_excess;
	size_t naccept_excess;
	struct ticket_change *changes;	/* each digest once; change 1 is changes[0] */
	size_t nchanges;
	uint32_t backup_max_hours;	/* default 24 */
	int64_t expires_us;		/* wall clock */
	struct digest digest;		/* of the exact bytes of the ticket file */
};

/* True for what may be a ticket's id. */
bool	ticket_id_ok(const char *id);
/* Parses and checks what a ticket alone can say (law 10: a driver is never the approver; every person
 * one seat; a driver and a confirmer are named unless access is none). ERR_CONFIG with "name:line: key: what". */
int	ticket_parse(const char *yaml, size_t n, const char *name, struct ticket **out, struct err *e);
void	ticket_free(struct ticket *t);
/* Against the broker's configuration: people exist and may hold their seats, the target exists and has
 * that stage, the level fits the stage, a confirmer of the asked side is there, not expired at now_us. */
int	ticket_check(const struct ticket *t, const struct config *c, int64_t now_us, struct err *e);
/* The reason for which the ticket accepts this excess; NULL when it does not. */
const char *ticket_accepts(const struct ticket *t, enum excess what);
/* True when the ticket names no version or whole parts of the server's release ("15", "10.11"): 10.1 is not 10.11,
 * and more than the release tells does not fit. */
bool	ticket_version_fits(const struct ticket *t, const char *release);
/* The change with these bytes; NULL when the ticket names none. */
const struct ticket_change *ticket_change_of(const struct ticket *t, const struct digest *digest);
/* The word as it stands in a file; static. */
const char *ticket_second_name(enum ticket_second s);
/* The seat of a person; false when the ticket does not name him. */
bool	ticket_seat_of(const struct ticket *t, const char *person, enum ticket_seat *seat);

#endif
