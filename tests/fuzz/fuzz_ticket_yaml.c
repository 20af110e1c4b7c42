/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a configuration and as a ticket: an answer, or a struct in which the laws hold. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/ticket/config.h"
#include "twokey/ticket/ticket.h"

/* A sentence begins with the place and holds nothing that a terminal would obey. */
static void
check_answer(const struct err *e)
{
	must(e->code == ERR_CONFIG && strncmp(e->text, "f:", 2) == 0);
	must(text_marks(e->text, strlen(e->text)) == 0);
}

/* Who connects never meets a way that says two things, nor a server that is taken on trust. */
static void
check_way(const struct config *c, const struct config_target *t)
{
	must(t->database != NULL && t->user != NULL && t->port != 0);
	must(t->ncommand > 0 ? t->socket == NULL && t->nhops == 0 && t->via == NULL && t->command[0][0] == '/'
	    : (t->host == NULL) != (t->socket == NULL));
	must((t->password_file != NULL) + (t->npassword_command > 0) + (t->password_credential != NULL) +
	    (t->password_from != NULL) <= 1);
	must(t->password_from == NULL || config_person(c, t->password_from) != NULL);
	must(t->password_credential == NULL || strchr(t->password_credential, '/') == NULL);
	must(t->nhops <= CONFIG_HOPS_MAX);
	for (size_t i = 0; i < t->nhops; i++) {
		const struct config_hop *h = &t->hops[i];

		must(h->name != NULL && h->host != NULL && h->user != NULL && h->port != 0);
		must((h->key == NULL) != (h->agent == NULL) && (h->host_key == NULL) != (h->known_hosts == NULL));
		must(h->passphrase_from == NULL || config_person(c, h->passphrase_from) != NULL);
	}
	must(t->nhops == 0 || t->dead_after_s >= 2 * t->keepalive_s);
}

static void
check_config(const struct config *c)
{
	for (size_t i = 0; i < c->npeople; i++) {
		must(c->people[i].name != NULL && c->people[i].nlogins > 0);
		must(config_person(c, c->people[i].name) == &c->people[i]);
		for (size_t j = 0; j < c->people[i].nlogins; j++)
			must(config_person_of_login(c, c->people[i].logins[j]) == &c->people[i]);
	}
	for (size_t i = 0; i < c->ntargets; i++) {
		const struct config_target *t = &c->targets[i];

		must(config_target(c, t->name) == t);
		if (t->file == NULL)
			check_way(c, t);
		must(t->statement_timeout_s > 0 && t->lock_timeout_s > 0 && t->table_limit > 0);
	}
}

static void
check_ticket(const struct ticket *t)
{
	enum ticket_seat seat;
	size_t drivers = 0, confirmers = 0;

	must(ticket_id_ok(t->id) && strchr(t->id, '/') == NULL && t->id[0] != '.');
	for (size_t i = 0; i < t->npeople; i++) {
		drivers += t->people[i].seat == TICKET_SEAT_DRIVER;
		confirmers += t->people[i].seat == TICKET_SEAT_CONFIRMER;
		must(ticket_seat_of(t, t->people[i].name, &seat) && seat == t->people[i].seat);
	}
	must(t->access == TICKET_ACCESS_NONE || (drivers > 0 && confirmers > 0));
	must(t->approver != NULL);
	must(!ticket_seat_of(t, t->approver, &seat) || seat != TICKET_SEAT_DRIVER);
	must(t->expires_us >= 0 && t->max_rows_read > 0);
	for (size_t i = 0; i < t->naccept_excess; i++)
		must(ticket_accepts(t, t->accept_excess[i].what) == t->accept_excess[i].reason);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct config *c;
	struct ticket *t;
	struct err e;

	if (config_parse(text, n, "f", &c, &e) == 0)
		check_config(c);
	else
		check_answer(&e);
	if (ticket_parse(text, n, "f", &t, &e) == 0)
		check_ticket(t);
	else
		check_answer(&e);
	config_free(c);
	ticket_free(t);
	return 0;
}
