/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a server cannot be reached, as a sentence with the next step. */
#include "config.h"

#include "pg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

/* The first row that fits; an empty state or part fits all. */
static const struct { const char *state, *part, *next; } steps[] = {
	{ "28000", "pg_hba.conf", "ask the server's administrator to allow this source address and account in pg_hba.conf"
	  " (with TLS, when it says that there is no encryption)" },
	{ "28000", "", "ask the server's administrator whether this account may log in; check the target's user" },
	{ "28P01", "", "the password is wrong or has expired, or there is no such account: ask for a new password" },
	{ "", "password authentication failed", "the password is wrong or has expired: ask for a new one" },
	{ "", "no password supplied", "the server asks for a password: give the target one" },
	{ "", "Tenant or user not found", "a Supabase pooler wants the user as NAME.PROJECT" },
	{ "3D000", "", "check the target's database" },
	{ "42501", "", "ask the server's administrator for CONNECT on this database" },
	{ "53300", "", "the server has no connection left: try again later or ask its administrator" },
	{ "57P03", "", "the server starts, stops or recovers: try again in a minute" },
	{ "", "does not support SSL", "the server has no TLS: ask its administrator to turn it on, or choose a tunnel" },
	{ "", "does not match host name", "the target's host must be the name that stands in the certificate" },
	{ "", "certificate verify failed", "the certificate has expired, or the target's ca is not the one that signed it" },
	{ "", "root certificate file", "check the target's ca: a PEM file with the authority's certificate" },
	{ "", "could not translate host name", "check the target's host" },
	{ "", "timeout expired", "the address is wrong, or a firewall drops what comes from here: ask the customer to allow this"
	  " source address" },
	{ "", "Connection refused", "nothing listens there: check the target's host and port, and the tunnel" },
	{ "", "SSL negotiation", "what listens there does not speak PostgreSQL: check the target's port" },
	{ "", "", "check the target's host and port, and the way to it" },
};

static bool
is_state(const char *s)
{
	for (int i = 0; i < 5; i++)
		if (!isupper((unsigned char)s[i]) && !isdigit((unsigned char)s[i]))
			return false;
	return s[5] == ':' && s[6] == ' ';
}

/* A verbose message is "FATAL:  28P01: words\nLOCATION:  ..."; the severity may be in any language. */
static void
take_state(char *words, char state[6])
{
	char *at = words, *end;

	state[0] = '\0';
	while ((at = strstr(at, ":  ")) != NULL && !is_state(at + 3))
		at += 3;
	if (at == NULL)
		return;
	memcpy(state, at + 3, 5);
	state[5] = '\0';
	memmove(at + 2, at + 10, strlen(at + 10) + 1);
	end = strstr(at, "\nLOCATION:");
	if (end != NULL)
		*end = '\0';
}

void
pg_tell(struct err *e, const struct db_target *t, const char *message)
{
	char *words = must_strdup(message), state[6];
	size_t n, i = 0;

	db_hide(words, t);
	take_state(words, state);
	n = strlen(words);
	while (n > 0 && isspace((unsigned char)words[n - 1]))
		words[--n] = '\0';
	while ((steps[i].state[0] != '\0' && strcmp(steps[i].state, state) != 0) || strstr(words, steps[i].part) == NULL)
		i++;
	err_set(e, ERR_UNREACHABLE, "the database could not be reached: %.300s; %s", words, steps[i].next);
	free(words);
}

void
pg_tell_late(struct err *e, const struct db_target *t, bool connected, unsigned ms)
{
	const char *where = t->socket != NULL ? t->socket : t->host != NULL ? t->host : t->hostaddr;

	if (connected)
		err_set(e, ERR_UNREACHABLE, "the database could not be reached: %.200s takes the connection and says nothing for"
		    " %u ms; what listens there is no PostgreSQL, is overloaded, or the way behind it is cut", where, ms);
	else
		err_set(e, ERR_UNREACHABLE, "the database could not be reached: no answer at all from %.200s in %u ms; the"
		    " address is wrong, or a firewall drops what comes from here: ask the customer to allow this source address",
		    where, ms);
}
