/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of tickets: access levels, stages, seats, sides. */
#ifndef TWOKEY_TICKET_WORDS_H
#define TWOKEY_TICKET_WORDS_H

#include <stdbool.h>

/* The five access levels of the firm's guide, least first. */
enum ticket_access {
	TICKET_ACCESS_NONE,	/* "none": no direct access; the customer runs it */
	TICKET_ACCESS_COPY,	/* "copy": a sanitised dump */
	TICKET_ACCESS_STAGING,	/* "staging": read and write there only */
	TICKET_ACCESS_READ,	/* "read": production, read only */
	TICKET_ACCESS_WRITE,	/* "write": production, writes by second key */
	TICKET_ACCESSES
};

/* What kind of database the target is. */
enum ticket_stage {
	TICKET_STAGE_PRODUCTION,
	TICKET_STAGE_STAGING,
	TICKET_STAGE_DEVELOPMENT,
	TICKET_STAGE_REPLICA,
	TICKET_STAGE_EXPORT,	/* a local copy */
	TICKET_STAGES
};

enum ticket_seat { TICKET_SEAT_DRIVER, TICKET_SEAT_CONFIRMER, TICKET_SEAT_WATCHER, TICKET_SEATS };
enum ticket_side { TICKET_SIDE_FIRM, TICKET_SIDE_CUSTOMER, TICKET_SIDES };

/* What the server of a ticket must be to others that hold the same data. */
enum ticket_replica {
	TICKET_REPLICA_ANY,		/* "any": either; the default */
	TICKET_REPLICA_REQUIRED,	/* "required": a primary is refused */
	TICKET_REPLICA_PREFERRED,	/* "preferred": a primary is taken and pointed out */
	TICKET_REPLICA_NO		/* "no": a replica is refused */
};

/* What an answer that allows must carry. A person who has keys signs in any case. */
enum ticket_signed {
	TICKET_SIGNED_NO,	/* "no": the ticket asks for none; the default */
	TICKET_SIGNED_YES,	/* "yes": a signature by one of the person's keys */
	TICKET_SIGNED_HARDWARE	/* "hardware": by a security key that was touched */
};

/* For what a second person has to be there: joined, and a key pressed within away_seconds. */
enum ticket_presence {
	TICKET_PRESENCE_NO,	/* "no": requests wait until somebody comes; the default */
	TICKET_PRESENCE_WRITES,	/* "writes": what needs the second key is not even asked for without */
	TICKET_PRESENCE_ANY,	/* "any": nothing of the driver's goes to the database without */
	TICKET_PRESENCES
};
/* What the last second person's leaving does, where presence is asked for. Being away only pauses. */
enum ticket_leave { TICKET_LEAVE_PAUSE, TICKET_LEAVE_END };
/* How many keys a request takes. */
enum ticket_quorum {
	TICKET_QUORUM_ONE,		/* "1": the default */
	TICKET_QUORUM_BOTH_SIDES	/* "both_sides": one of the firm and one of the customer, neither the driver */
};

/* From where an answer that allows may come. */
enum ticket_from {
	TICKET_FROM_ANYWHERE,		/* "anywhere": the default */
	TICKET_FROM_OTHER_HOST		/* "other_host": a console whose login session came from another host than the broker's */
};

/* The word as it stands in a file; static. */
const char *ticket_access_name(enum ticket_access a);
const char *ticket_stage_name(enum ticket_stage s);
const char *ticket_seat_name(enum ticket_seat s);
const char *ticket_replica_name(enum ticket_replica r);
const char *ticket_side_name(enum ticket_side s);
const char *ticket_signed_name(enum ticket_signed s);
const char *ticket_presence_name(enum ticket_presence p);
const char *ticket_quorum_name(enum ticket_quorum q);
const char *ticket_from_name(enum ticket_from f);
/* False, and the target unchanged, for a word that is none of them, or NULL. */
bool	ticket_access_parse(const char *name, enum ticket_access *a);
bool	ticket_stage_parse(const char *name, enum ticket_stage *s);
bool	ticket_seat_parse(const char *name, enum ticket_seat *s);
bool	ticket_signed_parse(const char *name, enum ticket_signed *s);
bool	ticket_quorum_parse(const char *name, enum ticket_quorum *q);
bool	ticket_side_parse(const char *name, enum ticket_side *s);

#endif
