/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ticket against the broker's configuration and the clock. */
#include "config.h"

#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/sshkey.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

/* Which levels there are for which stage: the firm's guide says what each is for. */
static const unsigned stages_of[TICKET_ACCESSES] = {
	[TICKET_ACCESS_NONE] = (1u << TICKET_STAGES) - 1,
	[TICKET_ACCESS_COPY] = 1u << TICKET_STAGE_EXPORT,
	[TICKET_ACCESS_STAGING] = 1u << TICKET_STAGE_STAGING | 1u << TICKET_STAGE_DEVELOPMENT,
	[TICKET_ACCESS_READ] = (1u << TICKET_STAGES) - 1,
	[TICKET_ACCESS_WRITE] = 1u << TICKET_STAGE_PRODUCTION,
};

static int
check_target(const struct ticket *t, const struct config *c, struct err *e)
{
	const struct config_target *target = config_target(c, t->target);

	if (target == NULL)
		return err_set(e, ERR_CONFIG, "ticket %s: target: this broker has no target '%s'; ask its keeper for the name",
		    t->id, t->target);
	if (target->stage != t->stage)
		return err_set(e, ERR_CONFIG, "ticket %s: stage: the target %s is %s, not %s; write down what it is", t->id,
		    t->target, ticket_stage_name(target->stage), ticket_stage_name(t->stage));
	if (t->engine != NULL && strcmp(t->engine, target->engine) != 0)
		return err_set(e, ERR_CONFIG, "ticket %s: engine: the target %s is %s, not %s; write down what it is", t->id,
		    t->target, target->engine, t->engine);
	if (t->database != NULL && target->database != NULL && strcmp(t->database, target->database) != 0)
		return err_set(e, ERR_CONFIG, "ticket %s: database: the target %s leads to %s, not %s; name another target",
		    t->id, t->target, target->database, t->database);
	if ((unsigned)t->access >= TICKET_ACCESSES || (unsigned)t->stage >= TICKET_STAGES ||
	    !(stages_of[t->access] & 1u << t->stage))
		return err_set(e, ERR_CONFIG, "ticket %s: access: level %s does not fit stage %s (write: production; staging: "
		    "staging, development; copy: export; read and none: all)", t->id, ticket_access_name(t->access),
		    ticket_stage_name(t->stage));
	return 0;
}

static int
check_people(const struct ticket *t, const struct config *c, struct err *e)
{
	for (size_t i = 0; i < t->npeople; i++) {
		const struct config_person *p = config_person(c, t->people[i].name);

		if (p == NULL)
			return err_set(e, ERR_CONFIG, "ticket %s: people: this broker knows no '%s'; ask its keeper for the name",
			    t->id, t->people[i].name);
		if (!(p->seats & 1u << t->people[i].seat))
			return err_set(e, ERR_CONFIG, "ticket %s: people: %s may not be %s at this broker; name another person",
			    t->id, p->name, ticket_seat_name(t->people[i].seat));
	}
	if (config_person(c, t->approver) == NULL)
		return err_set(e, ERR_CONFIG, "ticket %s: approver: this broker knows no '%s'; ask its keeper for the name",
		    t->id, t->approver);
	return 0;
}

/* A confirmer of this side has the side that the ticket asks of the second key for a driver of that side. */
static bool
side_fits(enum ticket_second second, enum ticket_side driver, enum ticket_side confirmer)
{
	switch (second) {
	case TICKET_SECOND_ANY:
		return true;
	case TICKET_SECOND_OTHER_SIDE:
		return driver != confirmer;
	case TICKET_SECOND_CUSTOMER:
		return confirmer == TICKET_SIDE_CUSTOMER;
	case TICKET_SECOND_FIRM:
		return confirmer == TICKET_SIDE_FIRM;
	}
	return false;
}

static bool
has_second(const struct ticket *t, const struct config *c, enum ticket_side driver)
{
	for (size_t i = 0; i < t->npeople; i++)
		if (t->people[i].seat == TICKET_SEAT_CONFIRMER &&
		    side_fits(t->second_key, driver, config_person(c, t->people[i].name)->side))
			return true;
	return false;
}

static int
check_second(const struct ticket *t, const struct config *c, struct err *e)
{
	for (size_t i = 0; i < t->npeople; i++)
		if (t->people[i].seat == TICKET_SEAT_DRIVER && !has_second(t, c, config_person(c, t->people[i].name)->side))
			return err_set(e, ERR_CONFIG, "ticket %s: second_key: no confirmer is of the side it asks for when %s "
			    "drives; name one", t->id, t->people[i].name);
	return 0;
}

/* A quorum needs a confirmer of each side; none is a driver, for a person has one seat. */
static int
check_quorum(const struct ticket *t, const struct config *c, struct err *e)
{
	bool has[TICKET_SIDES] = { false };

	if (t->quorum != TICKET_QUORUM_BOTH_SIDES)
		return 0;
	for (size_t i = 0; i < t->npeople; i++)
		if (t->people[i].seat == TICKET_SEAT_CONFIRMER)
			has[config_person(c, t->people[i].name)->side] = true;
	for (int side = 0; side < TICKET_SIDES; side++)
		if (!has[side])
			return err_set(e, ERR_CONFIG, "ticket %s: quorum: it takes a confirmer of each side and none is of the %s; name "
			    "one", t->id, ticket_side_name((enum ticket_side)side));
	return 0;
}

static bool
has_key(const struct config_person *p, enum ticket_signed asked)
{
	for (size_t i = 0; i < p->nkeys; i++)
		if (asked != TICKET_SIGNED_HARDWARE || sshkey_is_hardware(p->keys[i]))
			return true;
	return false;
}

/* A confirmer who could never answer is found now, not when a request waits. */
static int
check_signers(const struct ticket *t, const struct config *c, struct err *e)
{
	for (size_t i = 0; t->signature != TICKET_SIGNED_NO && i < t->npeople; i++)
		if (t->people[i].seat == TICKET_SEAT_CONFIRMER && !has_key(config_person(c, t->people[i].name), t->signature))
			return err_set(e, ERR_CONFIG, "ticket %s: signed: %s has no %s at this broker and could allow nothing; have the "
			    "public key registered there (keys)", t->id, t->people[i].name,
			    t->signature == TICKET_SIGNED_HARDWARE ? "key of a security key (sk-...)" : "SSH key");
	return 0;
}

/* A backup from tomorrow is a slip of the pen, or worse. */
static int
check_backups(const struct ticket *t, int64_t now_us, struct err *e)
{
	char when[CLOCK_TEXT];

	for (size_t i = 0; i < t->nchanges; i++) {
		if (t->changes[i].backup_taken_us <= now_us)
			continue;
		clock_format(t->changes[i].backup_taken_us, when);
		return err_set(e, ERR_CONFIG, "ticket %s: changes: backup_taken of change %zu, %.19sZ, has not come yet; write when the "
		    "backup was taken", t->id, i + 1, when);
	}
	return 0;
}

int
ticket_check(const struct ticket *t, const struct config *c, int64_t now_us, struct err *e)
{
	char when[CLOCK_TEXT];
	int ret = check_target(t, c, e);

	if (ret == 0)
		ret = check_people(t, c, e);
	if (ret == 0)
		ret = check_second(t, c, e);
	if (ret == 0)
		ret = check_quorum(t, c, e);
	if (ret == 0)
		ret = check_signers(t, c, e);
	if (ret == 0)
		ret = check_backups(t, now_us, e);
	if (ret == 0 && t->expires_us <= now_us) {
		clock_format(t->expires_us, when);
		ret = err_set(e, ERR_CONFIG, "ticket %s: expires: it expired at %.19sZ; bring a new ticket", t->id, when);
	}
	return ret;
}
