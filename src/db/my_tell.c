/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a server cannot be reached, as a sentence with the next step. */
#include "config.h"

#include "my.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"

/* Not in every version of the header. */
enum { PASSWORD_EXPIRED = 1862, ACCOUNT_LOCKED_MARIADB = 4151, ACCOUNT_LOCKED_MYSQL = 3118 };

/* The first row that fits; number 0 and an empty part fit all. */
static const struct { unsigned number; const char *part, *next; } steps[] = {
	{ 0, "restricted_auth", "the server asks for the password in a way that is not used here; without TLS over TCP only"
	  " mysql_native_password and ed25519 are: set the target's tls, or ask for such an account" },
	{ ER_HOST_NOT_PRIVILEGED, "", "the server takes nothing from this source address: ask its administrator for an account of"
	  " this user at this address (CREATE USER user@address)" },
	{ ER_HOST_IS_BLOCKED, "", "the server blocks this source address after too many broken connections: ask its administrator"
	  " for FLUSH HOSTS" },
	{ ER_ACCESS_DENIED_ERROR, "", "the password is wrong, or the server has no such account for this source address: ask for a"
	  " new password, or for CREATE USER user@address" },
	{ ER_ACCESS_DENIED_NO_PASSWORD_ERROR, "", "the server lets this account in by the login of its host only: ask for one with"
	  " a password" },
	{ ER_MUST_CHANGE_PASSWORD_LOGIN, "", "the password has expired: ask for a new one" },
	{ PASSWORD_EXPIRED, "", "the password has expired: ask for a new one" },
	{ ACCOUNT_LOCKED_MARIADB, "", "the account is locked: ask the server's administrator" },
	{ ACCOUNT_LOCKED_MYSQL, "", "the account is locked: ask the server's administrator" },
	{ ER_DBACCESS_DENIED_ERROR, "", "the account has no right on this database: ask for SELECT on it, check the target's database" },
	{ ER_BAD_DB_ERROR, "", "check the target's database" },
	{ ER_CON_COUNT_ERROR, "", "the server has no connection left (twokey needs two): try again later or ask its administrator" },
	{ ER_TOO_MANY_USER_CONNECTIONS, "", "the account has no connection left (twokey needs two): ask its administrator" },
	{ ER_SERVER_SHUTDOWN, "", "the server stops: try again in a minute" },
	{ CR_AUTH_PLUGIN_CANNOT_LOAD, "", "the account logs in by a way that twokey does not take: ask for one with a password"
	  " (mysql_native_password, caching_sha2_password, ed25519)" },
	{ CR_SSL_CONNECTION_ERROR, "not support", "the server has no TLS: ask its administrator to turn it on, or choose a tunnel" },
	{ CR_SSL_CONNECTION_ERROR, "", "check the target's tls: host must be the name in the certificate, ca the authority that"
	  " signed it, the certificate not expired" },
	{ CR_SERVER_LOST, "initial communication packet", "something takes the connection and says nothing, or ends it: what listens"
	  " there is no MariaDB or MySQL, is overloaded, or the way behind it is cut" },
	{ CR_SERVER_LOST, "", "the connection was cut while it was made: check the way to the server, and its log" },
	{ CR_UNKNOWN_HOST, "", "check the target's host" },
	{ 0, "(111", "nothing listens there: check the target's host and port, and the tunnel" },
	/* "in progress" is what the library leaves of a connection that was refused */
	{ 0, "(115", "nothing listens there, or the host cannot be reached: check the target's host and port, and the tunnel" },
	{ 0, "(110", "no answer at all: the address is wrong, or a firewall drops what comes from here: ask the customer to allow"
	  " this source address" },
	{ 0, "(2 ", "no such socket: check the target's socket, and that the server runs" },
	{ 0, "(2)", "no such socket: check the target's socket, and that the server runs" },
	{ 0, "", "check the target's host and port, and the way to it" },
};

int
my_tell(struct err *e, const struct db_target *t, MYSQL *m)
{
	char *words = must_strdup(mysql_error(m));
	size_t i = 0;

	db_hide(words, t);
	while ((steps[i].number != 0 && steps[i].number != mysql_errno(m)) || strstr(words, steps[i].part) == NULL)
		i++;
	err_set(e, ERR_UNREACHABLE, "the database could not be reached: %.300s; %s", words, steps[i].next);
	free(words);
	return ERR_UNREACHABLE;
}
