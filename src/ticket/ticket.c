/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ticket by itself: what its own text must say. */
#include "config.h"

#include "twokey/ticket/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "ticket/change.h"
#include "ticket/doc.h"
#include "ticket/schema.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"

bool
ticket_seat_of(const struct ticket *t, const char *person, enum ticket_seat *seat)
{
	for (size_t i = 0; person != NULL && i < t->npeople; i++) {
		if (strcmp(t->people[i].name, person) == 0) {
			*seat = t->people[i].seat;
			return true;
		}
	}
	return false;
}

const char *
ticket_accepts(const struct ticket *t, enum excess what)
{
	for (size_t i = 0; i < t->naccept_excess; i++)
		if (t->accept_excess[i].what == what)
			return t->accept_excess[i].reason;
	return NULL;
}

bool
ticket_version_fits(const struct ticket *t, const char *release)
{
	size_t n;

	if (t->version == NULL)
		return true;
	n = strlen(t->version);
	return strncmp(release, t->version, n) == 0 && (release[n] == '\0' || release[n] == '.');
}

static bool
somebody_is(const struct ticket *t, enum ticket_seat seat)
{
	for (size_t i = 0; i < t->npeople; i++)
		if (t->people[i].seat == seat)
			return true;
	return false;
}

/* Every person once: one seat each, so nobody drives and confirms. */
static int
check_once(const struct doc *d, const struct ticket *t, struct err *e)
{
	for (size_t i = 0; i < t->npeople; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(t->people[i].name, t->people[j].name) == 0)
				return doc_error_at(d, doc_get(d->root, "people")->children[i], "name", e,
				    "'%s' stands here twice; a person has one seat", t->people[i].name);
	return 0;
}

/* Numbers with dots between them. */
static bool
version_ok(const char *s)
{
	for (;;) {
		size_t n = strspn(s, "0123456789");

		if (n == 0 || (s[n] != '.' && s[n] != '\0'))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

/* What it says of the server does not contradict itself. */
static int
check_server(const struct doc *d, const struct ticket *t, struct err *e)
{
	if (t->version != NULL && !version_ok(t->version))
		return doc_error_at(d, d->root, "version", e, "'%s' is no release; numbers as 15 or 10.11 are expected",
		    t->version);
	if (t->replica == TICKET_REPLICA_REQUIRED && t->access == TICKET_ACCESS_WRITE)
		return doc_error_at(d, d->root, "replica", e, "a replica takes no writes; access: read is expected, or leave "
		    "replica out");
	if (t->replica == TICKET_REPLICA_NO && t->stage == TICKET_STAGE_REPLICA)
		return doc_error_at(d, d->root, "replica", e, "stage says replica; leave it out");
	return 0;
}

static int
check_signed(const struct doc *d, const struct ticket *t, struct err *e)
{
	if (t->signed_pin && t->signature != TICKET_SIGNED_HARDWARE)
		return doc_error_at(d, d->root, "signed_pin", e, "only a security key asks for a PIN; signed: hardware is expected, or "
		    "leave signed_pin out");
	return 0;
}

/* What it says of the second person does not contradict itself. */
static int
check_second(const struct doc *d, const struct ticket *t, struct err *e)
{
	if (t->on_leave == TICKET_LEAVE_END && t->presence == TICKET_PRESENCE_NO)
		return doc_error_at(d, d->root, "on_leave", e, "nobody has to be there, so nobody's leaving ends it; presence: writes or "
		    "any is expected, or leave on_leave out");
	if (t->rehearsal && (t->stage == TICKET_STAGE_PRODUCTION || t->stage == TICKET_STAGE_REPLICA))
		return doc_error_at(d, d->root, "rehearsal", e, "on %s nothing is rehearsed; leave it out", ticket_stage_name(t->stage));
	if (t->quorum == TICKET_QUORUM_BOTH_SIDES && t->second_key != TICKET_SECOND_ANY)
		return doc_error_at(d, d->root, "second_key", e, "quorum asks for a key of both sides, which second_key would "
		    "forbid; leave second_key out");
	return 0;
}

static int
check_accepted(const struct doc *d, const struct ticket *t, struct err *e)
{
	for (size_t i = 0; i < t->naccept_excess; i++)
		for (size_t j = 0; j < i; j++)
			if (t->accept_excess[i].what == t->accept_excess[j].what)
				return doc_error_at(d, doc_get(d->root, "accept_excess")->children[i], "what", e,
				    "'%s' stands here twice; one reason is expected", excess_name(t->accept_excess[i].what));
	return 0;
}

static int
check_alone(const struct doc *d, struct ticket *t, struct err *e)
{
	enum ticket_seat seat;

	if (t->access != TICKET_ACCESS_NONE && !somebody_is(t, TICKET_SEAT_DRIVER))
		return doc_error_at(d, d->root, "people", e, "no driver is named; one who types is expected");
	if (t->access != TICKET_ACCESS_NONE && !somebody_is(t, TICKET_SEAT_CONFIRMER))
		return doc_error_at(d, d->root, "people", e,
		    "no confirmer is named; one who holds the second key is expected");
	if (ticket_seat_of(t, t->approver, &seat) && seat == TICKET_SEAT_DRIVER)
		return doc_error_at(d, d->root, "approver", e,
		    "'%s' is a driver of this ticket and cannot give himself power; another person is expected",
		    t->approver);
	if (ticket_check_changes(d, t, e) != 0)
		return ERR_CONFIG;
	if (check_server(d, t, e) != 0 || check_accepted(d, t, e) != 0 || check_signed(d, t, e) != 0 ||
	    check_second(d, t, e) != 0)
		return ERR_CONFIG;
	return check_once(d, t, e);
}

int
ticket_parse(const char *yaml, size_t n, const char *name, struct ticket **out, struct err *e)
{
	struct ticket *t = must_zalloc(sizeof *t);
	struct doc d;
	int ret;

	*out = NULL;
	ret = doc_parse(&d, name, yaml, n, TICKET_TEXT_MAX, e);
	if (ret == 0)
		ret = schema_read(&d, SCHEMA_ticket, d.root, t, e);
	if (ret == 0)
		ret = check_alone(&d, t, e);
	doc_free(&d);
	if (ret != 0) {
		ticket_free(t);
		return ret;
	}
	t->digest = digest_of(yaml, n);
	*out = t;
	return 0;
}

void
ticket_free(struct ticket *t)
{
	if (t == NULL)
		return;
	schema_free(SCHEMA_ticket, t);
	free(t);
}
