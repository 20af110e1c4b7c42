/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The URI of the person's own database, and its password, which goes nowhere but into a file of mode 0600. */
#include "config.h"

#include "demo.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { URI_MAX = 4096, PASSWORD_MAX = 1024 };

/* A piece of the URI. */
struct span {
	const char *s;
	size_t n;
};

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX; NULL when it is malformed or would hold a control character. */
static char *
decode(struct span in)
{
	char *out = must_alloc(in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char)in.s[i];

		if (c == '%') {
			int hi = in.n - i > 2 ? digit_of(in.s[i + 1]) : -1;
			int lo = in.n - i > 2 ? digit_of(in.s[i + 2]) : -1;

			c = hi < 0 || lo < 0 ? 0 : hi * 16 + lo;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f) {
			secret_wipe(out, n);
			free(out);
			return NULL;
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return out;
}

/* Cuts in front of the first of the stops; *rest begins with it. */
static struct span
cut(struct span in, const char *stops, struct span *rest)
{
	size_t n = 0;

	while (n < in.n && !strchr(stops, in.s[n]))
		n++;
	*rest = (struct span){ in.s + n, in.n - n };
	return (struct span){ in.s, n };
}

static struct span
skip(struct span in, size_t n)
{
	return (struct span){ in.s + n, in.n - n };
}

static int
set(char **field, struct span value, const char *what, struct err *e)
{
	char *s = decode(value);

	if (!s)
		return err_set(e, ERR_INVALID, "--dsn: the %s has a malformed %%XX or a control character", what);
	free(*field);
	*field = s;
	return 0;
}

static int
set_host(struct demo_dsn *d, struct span value, struct err *e)
{
	char *host = NULL;

	if (value.n >= 2 && value.s[0] == '[' && value.s[value.n - 1] == ']')
		value = (struct span){ value.s + 1, value.n - 2 };
	if (set(&host, value, "host", e) != 0)
		return ERR_INVALID;
	if (strchr(host, ',')) {
		free(host);
		return err_set(e, ERR_INVALID, "--dsn: one host at a time");
	}
	free(d->host);
	free(d->socket);
	d->host = d->socket = NULL;
	if (host[0] == '/')
		d->socket = host;
	else
		d->host = host;
	return 0;
}

static int
set_port(struct demo_dsn *d, struct span value, struct err *e)
{
	unsigned port = 0;

	for (size_t i = 0; i < value.n && port <= 65535; i++) {
		if (value.s[i] < '0' || value.s[i] > '9')
			return err_set(e, ERR_INVALID, "--dsn: the port must be a number");
		port = port * 10 + (unsigned)(value.s[i] - '0');
	}
	if (port == 0 || port > 65535)
		return err_set(e, ERR_INVALID, "--dsn: the port must be between 1 and 65535");
	d->port = port;
	return 0;
}

static int
set_password(struct demo_dsn *d, struct span value, struct err *e)
{
	char *s = NULL;
	int rc = set(&s, value, "password", e);

	if (rc != 0)
		return rc;
	secret_free(d->password);
	d->password = s[0] ? secret_create(s, strlen(s)) : NULL;
	secret_wipe(s, strlen(s));
	free(s);
	return 0;
}

static int
set_tls(struct demo_dsn *d, const char *mode, struct err *e)
{
	static const char *const modes[][2] = {
		{ "disable", "off" }, { "allow", "require" }, { "prefer", "require" }, { "require", "require" },
		{ "verify-ca", "verify-full" }, { "verify-full", "verify-full" }
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i][0], mode) == 0) {
			d->tls = modes[i][1];
			return 0;
		}
	return err_set(e, ERR_INVALID, "--dsn: sslmode must be disable, require or verify-full");
}

static int
set_parameter(struct demo_dsn *d, struct span name, struct span value, struct err *e)
{
	char *mode = NULL;
	int rc;

#define IS(word) (name.n == sizeof(word) - 1 && memcmp(name.s, word, name.n) == 0)
	if (IS("host"))
		return set_host(d, value, e);
	if (IS("port"))
		return set_port(d, value, e);
	if (IS("user"))
		return set(&d->user, value, "user", e);
	if (IS("password"))
		return set_password(d, value, e);
	if (IS("dbname"))
		return set(&d->database, value, "database", e);
	if (IS("sslrootcert"))
		return set(&d->ca, value, "sslrootcert", e);
	if (!IS("sslmode"))
		return err_set(e, ERR_INVALID, "--dsn: the parameter \"%.*s\" is not known; host, port, user, dbname, "
		    "sslmode and sslrootcert are", (int)(name.n < 60 ? name.n : 60), name.s);
#undef IS
	rc = set(&mode, value, "sslmode", e);
	if (rc == 0)
		rc = set_tls(d, mode, e);
	free(mode);
	return rc;
}

static int
parse_parameters(struct demo_dsn *d, struct span query, struct err *e)
{
	int rc = 0;

	while (rc == 0 && query.n > 0) {
		struct span one = cut(query, "&", &query), value, name = cut(one, "=", &value);

		if (query.n > 0)
			query = skip(query, 1);
		if (value.n == 0)
			return err_set(e, ERR_INVALID, "--dsn: a parameter without a value");
		rc = set_parameter(d, name, skip(value, 1), e);
	}
	return rc;
}

/* user[:password]@host[:port] */
static int
parse_authority(struct demo_dsn *d, struct span a, struct err *e)
{
	struct span rest, host, port;
	const char *at = memrchr(a.s, '@', a.n);
	int rc = 0;

	if (at) {
		struct span who = { a.s, (size_t)(at - a.s) }, password, user = cut(who, ":", &password);

		a = skip(a, who.n + 1);
		if (user.n > 0)
			rc = set(&d->user, user, "user", e);
		if (rc == 0 && password.n > 0)
			rc = set_password(d, skip(password, 1), e);
	}
	if (a.n > 0 && a.s[0] == '[') {
		cut(a, "]", &rest);
		host = (struct span){ a.s, rest.n > 0 ? a.n - rest.n + 1 : a.n };
		port = skip(a, host.n);
	} else {
		host = cut(a, ":", &port);
	}
	if (rc == 0 && host.n > 0)
		rc = set_host(d, host, e);
	if (rc == 0 && port.n > 1)
		rc = set_port(d, skip(port, 1), e);
	return rc;
}

static bool
scheme(const char *uri, struct span *rest)
{
	static const char *const names[] = { "postgresql://", "postgres://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(uri, names[i], n) == 0) {
			*rest = (struct span){ uri + n, strlen(uri) - n };
			return true;
		}
	}
	return false;
}

/* What the URI left out, as psql would choose it; TLS is only left out on this host. */
static void
fill(struct demo_dsn *d, const char *login)
{
	if (!d->user)
		d->user = must_strdup(login);
	if (!d->database)
		d->database = must_strdup(d->user);
	if (!d->host && !d->socket)
		d->socket = must_strdup("/var/run/postgresql");
	if (d->socket)
		d->tls = "off";
	if (!d->tls && d->ca)
		d->tls = "verify-full";
	if (!d->tls)
		d->tls = strcmp(d->host, "localhost") == 0 || strncmp(d->host, "127.", 4) == 0 ||
		    strcmp(d->host, "::1") == 0 ? "off" : "require";
}

int
demo_dsn_parse(const char *uri, const char *login, struct demo_dsn **out, struct err *e)
{
	struct demo_dsn *d;
	struct span in, authority, path, query;
	int rc;

	if (strlen(uri) > URI_MAX)
		return err_set(e, ERR_INVALID, "--dsn: the URI is longer than %d bytes", URI_MAX);
	if (!scheme(uri, &in))
		return err_set(e, ERR_INVALID, "--dsn: it must begin with postgresql://");
	authority = cut(in, "/?", &path);
	path = cut(path, "?", &query);
	d = must_zalloc(sizeof(*d));
	d->port = 5432;
	rc = parse_authority(d, authority, e);
	if (rc == 0 && path.n > 1)
		rc = set(&d->database, skip(path, 1), "database", e);
	if (rc == 0 && query.n > 0)
		rc = parse_parameters(d, skip(query, 1), e);
	if (rc != 0) {
		demo_dsn_free(d);
		return rc;
	}
	fill(d, login);
	*out = d;
	return 0;
}

void
demo_dsn_free(struct demo_dsn *d)
{
	if (!d)
		return;
	free(d->host);
	free(d->socket);
	free(d->database);
	free(d->user);
	free(d->ca);
	secret_free(d->password);
	free(d);
}

static bool
wipe(char *s, size_t n)
{
	if (n > 0)
		memset(s, 'x', n);
	return n > 0;
}

bool
demo_dsn_hide(char *uri)
{
	char *begin = strstr(uri, "://"), *slash, *at, *colon, *q;
	bool had = false;

	if (!begin)
		return false;
	begin += 3;
	slash = begin + strcspn(begin, "/?");
	at = memrchr(begin, '@', (size_t)(slash - begin));
	colon = at ? memchr(begin, ':', (size_t)(at - begin)) : NULL;
	if (colon)
		had = wipe(colon + 1, (size_t)(at - colon - 1));
	for (q = slash; (q = strstr(q, "password=")); q++)
		had = wipe(q + 9, strcspn(q + 9, "&")) || had;
	return had;
}

void
demo_dsn_ask(struct demo_dsn *d)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, quiet;
	char line[PASSWORD_MAX];
	ssize_t n = -1;

	if (tty < 0)
		return;
	if (tcgetattr(tty, &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		dprintf(tty, "Password of the database user (Enter: none): ");
		tcsetattr(tty, TCSAFLUSH, &quiet);
		n = read(tty, line, sizeof(line));
		tcsetattr(tty, TCSAFLUSH, &before);
		dprintf(tty, "\n");
	}
	close(tty);
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (n > 0)
		d->password = secret_create(line, (size_t)n);
	secret_wipe(line, sizeof(line));
}
