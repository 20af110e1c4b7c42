/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection by what the target says and by nothing else: no environment, service or password file. */
#include "config.h"

#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { OPTIONS_MAX = 64, SESSION_MAX = 40, CONNECT_MS = 10 * 1000, VERSION_MIN = 130000 };
/* A file that is not there and cannot be: libpq then has none, and does not look in the home folder. */
static const char nowhere[] = "/dev/null/none";

struct options {
	const char *key[OPTIONS_MAX + 1];
	const char *value[OPTIONS_MAX + 1];
	size_t n;
	char port[8];
	char name[64];		/* NAMEDATALEN: the server would cut it */
};

static void
put(struct options *o, const char *key, const char *value)
{
	must(o->n < OPTIONS_MAX);
	o->key[o->n] = key;
	o->value[o->n++] = value;
}

/* libpq reads variables even for options that are given in part: take them all away. */
static void
forget_environment(void)
{
	static const char *const more[] = { "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGLOCALEDIR" };
	const PQconninfoOption *defaults;
	PQconninfoOption *all;

	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		unsetenv(more[i]);
	all = PQconndefaults();
	for (defaults = all; defaults != NULL && defaults->keyword != NULL; defaults++)
		if (defaults->envvar != NULL)
			unsetenv(defaults->envvar);
	PQconninfoFree(all);
}

static int
check_target(const struct db_target *t, struct err *e)
{
	bool local = t->socket != NULL || (t->host != NULL && (t->host[0] == '/' || t->host[0] == '@'));

	if (t->database == NULL || t->user == NULL || t->database[0] == '\0' || t->user[0] == '\0')
		return err_set(e, ERR_CONFIG, "the target needs a database and a user");
	if (t->socket != NULL && t->socket[0] != '/')
		return err_set(e, ERR_CONFIG, "the target's socket must be the absolute path of a folder");
	if (t->socket == NULL && t->host == NULL && t->hostaddr == NULL)
		return err_set(e, ERR_CONFIG, "the target needs a host or the folder of a socket");
	if ((t->host != NULL && strchr(t->host, ',') != NULL) || (t->hostaddr != NULL && strchr(t->hostaddr, ',') != NULL) ||
	    (t->socket != NULL && strchr(t->socket, ',') != NULL))
		return err_set(e, ERR_CONFIG, "the target must be one host, not a list");
	if (local && t->tls != DB_TLS_OFF)
		return err_set(e, ERR_CONFIG, "TLS is not possible over a Unix socket: libpq would leave it out silently;"
		    " give a host, or tls: off");
	if (t->tls == DB_TLS_VERIFY_FULL && (t->ca == NULL || t->host == NULL))
		return err_set(e, ERR_CONFIG, "tls: verify-full needs the host's name and a file with its authority (ca)");
	return 0;
}

/* "twokey TICKET SESSION", as the server's people see it in pg_stat_activity. The session is never cut for the
 * ticket's sake. */
static void
put_name(struct options *o, const struct db_target *t)
{
	char session[OWN_TAG_MAX], ticket[OWN_TAG_MAX];
	int room;

	own_tag(session, t->tag);
	own_tag(ticket, t->ticket);
	room = (int)(sizeof o->name - sizeof "twokey  ") - (int)strnlen(session, SESSION_MAX);
	if (ticket[0] == '\0')
		snprintf(o->name, sizeof o->name, "twokey %.*s", SESSION_MAX, session);
	else
		snprintf(o->name, sizeof o->name, "twokey %.*s %.*s", room, ticket, SESSION_MAX, session);
	put(o, "application_name", o->name);
}

static void
put_place(struct options *o, const struct db_target *t)
{
	snprintf(o->port, sizeof o->port, "%u", t->port != 0 ? (unsigned)t->port : 5432u);
	if (t->socket != NULL || t->host != NULL)
		put(o, "host", t->socket != NULL ? t->socket : t->host);
	if (t->socket == NULL && t->hostaddr != NULL)
		put(o, "hostaddr", t->hostaddr);
	put(o, "port", o->port);
	put(o, "dbname", t->database);
	put(o, "user", t->user);
	put(o, "password", t->password != NULL ? secret_reveal(t->password) : "");
	put(o, "passfile", nowhere);
	put_name(o, t);
}

static void
put_ways(struct options *o, const struct db_target *t)
{
	static const char *const modes[] = {
		[DB_TLS_OFF] = "disable", [DB_TLS_REQUIRE] = "require", [DB_TLS_VERIFY_FULL] = "verify-full"
	};

	put(o, "sslmode", modes[t->tls]);
	put(o, "sslrootcert", t->ca != NULL ? t->ca : nowhere);
	put(o, "sslcert", nowhere);
	put(o, "sslkey", nowhere);
	put(o, "sslcrl", nowhere);
	put(o, "ssl_min_protocol_version", "TLSv1.2");
	put(o, "gssencmode", "disable");
	put(o, "channel_binding", "prefer");
	put(o, "client_encoding", "UTF8");
	put(o, "target_session_attrs", "any");
	put(o, "options", "");
	put(o, "connect_timeout", "10");	/* of each address, where the library waits itself */
	put(o, "keepalives", "1");
	put(o, "keepalives_idle", "30");
	put(o, "keepalives_interval", "10");
	put(o, "keepalives_count", "3");
	put(o, "tcp_user_timeout", "60000");
}

static void
no_notice(void *ctx, const PGresult *res)
{
	(void)ctx, (void)res;
}

/* Waits for what the library wants; false when the time is over. */
static bool
wait_for(PGconn *pg, PostgresPollingStatusType want, int64_t end)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT };
	int64_t left;

	while ((left = end - clock_mono_ms()) > 0) {
		int n = poll(&p, 1, (int)left);

		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
	}
	return false;
}

/* Step by step, because only so it says the SQLSTATE of a refusal; true when it came to an end in time. */
static bool
go_on(PGconn *pg, int64_t end)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
	while (PQstatus(pg) != CONNECTION_BAD && want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
		if (!wait_for(pg, want, end))
			return false;
		want = PQconnectPoll(pg);
	}
	PQsetErrorVerbosity(pg, PQERRORS_DEFAULT);
	return true;
}

PGconn *
pg_dial(const struct db_target *t, unsigned ms, struct err *e)
{
	struct options o = { .n = 0 };
	PGconn *pg;
	bool in_time;

	put_place(&o, t);
	put_ways(&o, t);
	pg = PQconnectStartParams(o.key, o.value, 0);
	must(pg != NULL);
	in_time = go_on(pg, clock_mono_ms() + ms);
	if (!in_time && PQstatus(pg) == CONNECTION_STARTED && t->socket == NULL && t->hostaddr == NULL) {
		PQfinish(pg);	/* a name may have more addresses: this call tries them all */
		pg = PQconnectdbParams(o.key, o.value, 0);
		in_time = true;
	}
	if (PQstatus(pg) == CONNECTION_OK) {
		PQsetNoticeReceiver(pg, no_notice, NULL);
		return pg;
	}
	if (in_time)
		pg_tell(e, t, PQerrorMessage(pg));
	else
		pg_tell_late(e, t, PQstatus(pg) != CONNECTION_STARTED, ms);
	PQfinish(pg);
	return NULL;
}

/* The library's own copies, the password too; forgotten before they are given back. */
static void
forget(PQconninfoOption *all)
{
	for (PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++)
		if (o->val != NULL && strcmp(o->keyword, "password") == 0)
			secret_wipe(o->val, strlen(o->val));
	PQconninfoFree(all);
}

PGconn *
pg_dial_again(PGconn *first, unsigned ms, char *words, size_t size)
{
	PQconninfoOption *all = PQconninfo(first);
	struct options o = { .n = 0 };
	PGconn *pg;
	bool in_time;

	for (PQconninfoOption *i = all; i != NULL && i->keyword != NULL; i++)
		if (i->val != NULL && o.n + 1 < OPTIONS_MAX && strcmp(i->keyword, "hostaddr") != 0)
			put(&o, i->keyword, i->val);
	if (PQhostaddr(first)[0] != '\0' && PQhost(first)[0] != '/' && PQhost(first)[0] != '@')	/* of a name with several */
		put(&o, "hostaddr", PQhostaddr(first));
	pg = PQconnectStartParams(o.key, o.value, 0);
	must(pg != NULL);
	forget(all);
	in_time = go_on(pg, clock_mono_ms() + ms);
	if (in_time && PQstatus(pg) == CONNECTION_OK && PQsslInUse(pg) == PQsslInUse(first)) {
		PQsetNoticeReceiver(pg, no_notice, NULL);
		return pg;
	}
	snprintf(words, size, "%.*s", (int)strcspn(PQerrorMessage(pg), "\n"), in_time ? PQerrorMessage(pg) : "no answer in time");
	PQfinish(pg);
	return NULL;
}

static int
connect_to(struct db_conn *c, const struct db_target *t, struct err *e)
{
	int ret = check_target(t, e);

	if (ret != 0)
		return ret;
	forget_environment();
	c->pg = pg_dial(t, t->connect_timeout_ms > 0 ? t->connect_timeout_ms : CONNECT_MS, e);
	if (c->pg == NULL)
		return ERR_UNREACHABLE;
	if (t->tls != DB_TLS_OFF && !PQsslInUse(c->pg))
		return err_set(e, ERR_UNREACHABLE, "the connection is not encrypted although the target asks for it");
	if (PQprotocolVersion(c->pg) < 3)
		return err_set(e, ERR_UNSUPPORTED, "the server is too old");
	if (PQserverVersion(c->pg) < VERSION_MIN)
		return err_set(e, ERR_UNSUPPORTED, "the server is PostgreSQL %d.%d; this version of twokey needs 13 or newer, whose "
		    "transactions can be asked about later", PQserverVersion(c->pg) / 10000, PQserverVersion(c->pg) / 100 % 100);
	c->stop = PQgetCancel(c->pg);
	must(c->stop != NULL);
	return 0;
}

struct db_conn *
pg_open(const struct db_target *t, struct db_info *info, struct err *e)
{
	struct db_conn *c = must_zalloc(sizeof *c);

	buf_init(&c->text, 4 * 1024 * 1024);
	buf_init(&c->cleared, 1024 * 1024);
	buf_putc(&c->cleared, '{');
	c->facts = must_zalloc(sizeof *c->facts);
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	own_tag(c->tag, t->tag);
	if (connect_to(c, t, e) == 0 && pg_pooler(c, t, e) == 0 && pg_describe(c, t, info, e) == 0 && pg_guard_prepare(c, e) == 0)
		return c;
	pg_close(c);
	return NULL;
}

void
pg_close(struct db_conn *c)
{
	for (size_t i = 0; i < c->ntypes; i++)
		free(c->types[i].name);
	free(c->types);
	PQfreeCancel(c->stop);
	PQfinish(c->pg);
	buf_fini(&c->text);
	buf_fini(&c->cleared);
	free(c->facts);
	pg_sizes_free(c->sizes);
	pg_unwatch(c);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct db_driver pg_driver = {
	.engine = SQL_POSTGRES,
	.open = pg_open,
	.close = pg_close,
	.read = pg_read,
	.sheet = pg_sheet,
	.run = pg_run,
	.alone = pg_alone,
	.waiting = pg_waiting,
	.outcome = pg_outcome,
	.audit = pg_audit,
	.describe = pg_answer,
	.weigh = pg_weigh,
	.cancel = pg_cancel
};
