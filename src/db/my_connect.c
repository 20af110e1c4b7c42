/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection by what the target says and by nothing else: no environment, no option file, no plugin of others. */
#include "config.h"

#include "my.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

enum { CONNECT_MS = 10000, READ_MORE_S = 60, ROW_MAX = 1024 * 1024 * 1024 };
/* What may be asked of the password: never in clear, never by a dialog on the terminal. The two of SHA-256 hand it,
 * where there is no TLS, to whoever sends a public key: not over a network. */
static const char auth[] = "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519";
static const char auth_in_clear[] = "mysql_native_password,client_ed25519";
static const char tls_versions[] = "TLSv1.2,TLSv1.3";

/* The library looks for a password, a port, a socket, plugins and option files there. */
static void
forget_environment(void)
{
	static const char *const names[] = { "LIBMYSQL_PLUGINS", "LIBMYSQL_PLUGIN_DIR", "MARIADB_HOME",
		"MARIADB_PLUGIN_DIR", "MARIADB_TLS_DISABLE_PEER_VERIFICATION", "MARIADB_UNIX_PORT", "MYSQL_HOME", "MYSQL_PWD",
		"MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MARIADB_TCP_PORT" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

/* "a,b" would be a list, "a=b" a connection string, "a://" a plugin. */
static bool
is_plain_name(const char *host)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:%";

	return host[0] != '\0' && strspn(host, good) == strlen(host) && strstr(host, "://") == NULL;
}

static int
check_tls(const struct db_target *t, struct err *e)
{
	if (t->tls == DB_TLS_OFF)
		return 0;
	if (t->tls == DB_TLS_VERIFY_FULL && (t->socket != NULL || t->host == NULL || t->ca == NULL))
		return err_set(e, ERR_CONFIG, "tls: verify-full needs the host's name and a file with its authority (ca)");
	if (t->ca == NULL && t->tls_fingerprint == NULL)	/* the library would take any certificate */
		return err_set(e, ERR_CONFIG, "tls: require without ca and without tls_fingerprint would trust any server;"
		    " give one of them, or tls: off");
	if (t->socket != NULL && t->tls_fingerprint == NULL)
		return err_set(e, ERR_CONFIG, "TLS over a Unix socket needs tls_fingerprint");
	return 0;
}

static int
check_target(const struct db_target *t, struct err *e)
{
	if (t->database == NULL || t->user == NULL || t->database[0] == '\0' || t->user[0] == '\0')
		return err_set(e, ERR_CONFIG, "the target needs a database and a user");
	if (t->socket != NULL && t->socket[0] != '/')
		return err_set(e, ERR_CONFIG, "the target's socket must be an absolute path");
	if (t->socket == NULL && t->host == NULL && t->hostaddr == NULL)
		return err_set(e, ERR_CONFIG, "the target needs a host or a socket");
	if ((t->host != NULL && !is_plain_name(t->host)) || (t->hostaddr != NULL && !is_plain_name(t->hostaddr)))
		return err_set(e, ERR_CONFIG, "the target's host must be one name or address");
	return check_tls(t, e);
}

static void
set_tls(MYSQL *m, const struct db_target *t)
{
	my_bool on = t->tls != DB_TLS_OFF, name = t->tls == DB_TLS_VERIFY_FULL;

	mysql_optionsv(m, MYSQL_OPT_SSL_ENFORCE, &on);
	mysql_optionsv(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &name);
	if (!on)
		return;
	mysql_optionsv(m, MARIADB_OPT_TLS_VERSION, tls_versions);
	if (t->ca != NULL)	/* with it the library checks the chain, whatever VERIFY says */
		mysql_optionsv(m, MYSQL_OPT_SSL_CA, t->ca);
	if (t->tls_fingerprint != NULL)
		mysql_optionsv(m, MARIADB_OPT_TLS_PEER_FP, t->tls_fingerprint);
}

static void
set_options(MYSQL *m, const struct db_target *t)
{
	unsigned connect_ms = t->connect_timeout_ms > 0 ? t->connect_timeout_ms : CONNECT_MS;
	unsigned connect_s = (connect_ms + 999) / 1000, no = 0, local = t->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	unsigned answer_s = t->statement_timeout_ms > 0 ? t->statement_timeout_ms / 1000 + READ_MORE_S : 0;
	unsigned long row = ROW_MAX;
	my_bool off = 0;
	char session[OWN_TAG_MAX], ticket[OWN_TAG_MAX], name[2 * OWN_TAG_MAX + 16];

	own_tag(session, t->tag);
	own_tag(ticket, t->ticket);
	snprintf(name, sizeof name, ticket[0] != '\0' ? "twokey %s %s" : "twokey%s %s", ticket, session);
	mysql_optionsv(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_optionsv(m, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	mysql_optionsv(m, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
	mysql_optionsv(m, MYSQL_OPT_PROTOCOL, &local);
	mysql_optionsv(m, MYSQL_OPT_LOCAL_INFILE, &no);
	mysql_optionsv(m, MYSQL_OPT_RECONNECT, &off);
	mysql_optionsv(m, MYSQL_OPT_MAX_ALLOWED_PACKET, &row);
	mysql_optionsv(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(m, MARIADB_OPT_RESTRICTED_AUTH, t->tls == DB_TLS_OFF && t->socket == NULL ? auth_in_clear : auth);
	mysql_optionsv(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", name);
	set_tls(m, t);
}

/* The peer must be the address that was asked for: the hook has been called. */
static int
check_peer(MYSQL *m, const struct db_target *t, struct err *e)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	char host[NI_MAXHOST];

	if (t->socket != NULL || t->hostaddr == NULL)
		return 0;
	if (getpeername(mysql_get_socket(m), (struct sockaddr *)&a, &n) != 0 ||
	    getnameinfo((struct sockaddr *)&a, n, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0 ||
	    strcmp(host, t->hostaddr) != 0)
		return err_set(e, ERR_UNREACHABLE, "the connection does not go to the address of the target");
	return 0;
}

static int
connect_to(MYSQL *m, const struct db_target *t, struct err *e)
{
	const char *host = t->socket != NULL ? "localhost" : t->host != NULL ? t->host : t->hostaddr;
	const char *password = t->password != NULL ? secret_reveal(t->password) : "";
	unsigned port = t->socket != NULL ? 0 : t->port != 0 ? t->port : 3306;
	const MYSQL *ok = mysql_real_connect(m, host, t->user, password, t->database, port, t->socket, CLIENT_FOUND_ROWS);

	if (m->passwd != NULL)	/* kept for a reconnect that never comes */
		secret_wipe(m->passwd, strlen(m->passwd));
	if (ok == NULL)
		return my_tell(e, t, m);
	if (t->tls != DB_TLS_OFF && mysql_get_ssl_cipher(m) == NULL)
		return err_set(e, ERR_UNREACHABLE, "the connection is not encrypted although the target asks for it");
	return check_peer(m, t, e);
}

MYSQL *
my_connect(const struct db_target *t, struct err *e)
{
	MYSQL *m;
	int ret = check_target(t, e);

	if (ret != 0)
		return NULL;
	forget_environment();
	m = mysql_init(NULL);
	must(m != NULL);
	set_options(m, t);
	if (t->socket == NULL && t->hostaddr != NULL && t->host != NULL)
		ret = my_place(m, t, e);
	if (ret == 0)
		ret = connect_to(m, t, e);
	if (ret == 0)
		return m;
	mysql_close(m);
	return NULL;
}
