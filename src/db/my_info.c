/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is found at connect. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"

enum { NO_LIMIT_S = 1000000 };

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

int
my_settings(struct db_conn *c, struct buf *names, struct db_ground *g, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(c, OWN_MY_SETTINGS, 0, NULL, names, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		for (int k = 0; k < 2; k++)
			db_ground_text(g, or_empty(row[k]));
		db_ground_name(g, "setting %s", or_empty(row[0]));
	}
	mysql_free_result(res);
	return ret;
}

/* Whole seconds, at least one: the engine has no finer limit for locks. */
static void
seconds(char out[24], unsigned ms)
{
	snprintf(out, 24, "%u", ms == 0 ? (unsigned)NO_LIMIT_S : (ms + 999) / 1000);
}

static int
set_up(struct db_conn *c, const struct db_target *t, struct err *e)
{
	enum own_id id = c->maria ? OWN_MY_SETUP_MARIADB : OWN_MY_SETUP_MYSQL;
	char statement[24], lock[24], idle[24];
	struct my_value v[4];
	int ret = my_own(c, OWN_MY_NAMES, 0, NULL, NULL, NULL, e);

	seconds(lock, t->lock_timeout_ms);
	snprintf(statement, sizeof statement, c->maria ? "%u.%03u" : "%u%03u", t->statement_timeout_ms / 1000,
	    t->statement_timeout_ms % 1000);
	v[0] = my_number(statement);
	v[1] = v[2] = my_number(lock);
	seconds(idle, db_idle_ms(t));
	v[3] = my_number(idle);
	if (ret == 0)
		ret = my_own(c, id, c->maria ? 4 : 3, v, NULL, NULL, e);
	if (ret == 0 && !c->maria && mysql_get_server_version(c->my) >= 80000)
		ret = my_own(c, OWN_MY_FRESH_SIZES, 0, NULL, NULL, NULL, e);
	if (ret == 0)	/* it has to live as long */
		ret = my_ask(c->stop, id, c->tag, c->maria ? 4 : 3, v, NULL, e);
	if (ret == 0)
		ret = my_ask(c->stop, OWN_MY_READ_ONLY, c->tag, 0, NULL, NULL, e);
	if (ret == 0)
		ret = my_own(c, OWN_MY_READ_ONLY, 0, NULL, NULL, NULL, e);
	return ret;
}

static bool
has_mode(const char *modes, const char *mode)
{
	size_t n = strlen(mode);

	for (; *modes != '\0'; modes += strcspn(modes, ","), modes += *modes == ',')
		if (strcspn(modes, ",") == n && memcmp(modes, mode, n) == 0)
			return true;
	return false;
}

static int
read_modes(struct db_conn *c, const char *modes, const char *charset, struct err *e)
{
	if (has_mode(modes, "ORACLE"))
		return err_set(e, ERR_UNSUPPORTED, "this account's sql_mode is ORACLE, which twokey cannot read; give it another one");
	if (strcmp(charset, "utf8mb4") != 0)
		return err_set(e, ERR_UNSUPPORTED, "the server does not take utf8mb4 as character set");
	c->sql = (struct sql_settings){ .engine = c->maria ? SQL_MARIADB : SQL_MYSQL,
		.version = (unsigned)mysql_get_server_version(c->my), .ansi_quotes = has_mode(modes, "ANSI_QUOTES"),
		.no_backslash_escapes = has_mode(modes, "NO_BACKSLASH_ESCAPES"), .ignore_space = has_mode(modes, "IGNORE_SPACE") };
	return 0;
}

static int
find_names(struct db_conn *c, struct db_info *info, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row = NULL;
	int ret = my_own(c, OWN_MY_INFO, 0, NULL, NULL, &res, e);

	if (ret == 0 && (row = mysql_fetch_row(res)) == NULL)
		ret = err_set(e, ERR_DATABASE, "the server does not say what it is");
	if (ret == 0) {
		const char *from = strrchr(or_empty(row[3]), '@');

		snprintf(info->version, sizeof info->version, "%s %.60s", c->maria ? "MariaDB" : "MySQL", or_empty(row[0]));
		copy(c->database, sizeof c->database, row[1]);
		copy(c->role, sizeof c->role, row[2]);
		if (from != NULL && strcmp(from, "@localhost") != 0)
			copy(info->source, sizeof info->source, from + 1);
		c->id = strtoull(or_empty(row[4]), NULL, 10);
		ret = read_modes(c, or_empty(row[5]), or_empty(row[6]), e);
	}
	mysql_free_result(res);
	return ret;
}

/* Host, number, port and folder of the server that a connection has reached. */
static int
who(struct db_conn *c, MYSQL *m, char out[160], struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_ask(m, OWN_MY_WHO, c->tag, 0, NULL, &res, e);

	out[0] = '\0';
	if (ret == 0 && (row = mysql_fetch_row(res)) != NULL)
		snprintf(out, 160, "host %.60s server %.12s port %.8s folder %.50s", or_empty(row[0]), or_empty(row[1]),
		    or_empty(row[2]), or_empty(row[3]));
	mysql_free_result(res);
	return ret;
}

/* server_uuid (MySQL) and server_uid (MariaDB 10.5 or later) name a server; else its place has to. */
static int
find_system(struct db_conn *c, struct err *e)
{
	char here[160], there[160];
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = who(c, c->my, here, e);

	if (ret == 0)
		ret = who(c, c->stop, there, e);
	if (ret == 0 && strcmp(here, there) != 0)
		ret = err_set(e, ERR_UNSUPPORTED, "two connections to this target reach different servers, so a running statement"
		    " could not be stopped; name one server");
	if (ret != 0)
		return ret;
	snprintf(c->identity, sizeof c->identity, "no server id, %.140s", here);
	if (my_own(c, c->maria ? OWN_MY_UID_MARIADB : OWN_MY_UID_MYSQL, 0, NULL, NULL, &res, NULL) == 0 &&
	    (row = mysql_fetch_row(res)) != NULL && or_empty(row[0])[0] != '\0') {
		copy(c->system, sizeof c->system, row[0]);
		snprintf(c->identity, sizeof c->identity, "%s %.40s, %.100s", c->maria ? "server_uid" : "server_uuid", row[0], here);
	}
	mysql_free_result(res);
	return c->lost ? err_set(e, ERR_DATABASE, "the connection to the database is lost") : 0;
}

static int64_t
lag_of(MYSQL_RES *res, MYSQL_ROW row)
{
	unsigned n = mysql_num_fields(res);
	const MYSQL_FIELD *f = mysql_fetch_fields(res);

	for (unsigned i = 0; i < n; i++)
		if ((strcmp(f[i].name, "Seconds_Behind_Master") == 0 || strcmp(f[i].name, "Seconds_Behind_Source") == 0) &&
		    row[i] != NULL)
			return strtoll(row[i], NULL, 10) * 1000;
	return -1;
}

/* The right to ask is not everybody's, and read_only does not tell: a replica may be writable, a primary not. */
static void
find_standing(struct db_conn *c, struct db_info *info)
{
	unsigned long version = mysql_get_server_version(c->my);
	bool new = c->maria ? version >= 100501 : version >= 80022;
	MYSQL_RES *res;
	MYSQL_ROW row;

	info->encrypted = mysql_get_ssl_cipher(c->my) != NULL;
	snprintf(info->release, sizeof info->release, "%lu.%lu", version / 10000 % 1000, version / 100 % 100);
	if (my_own(c, new ? OWN_MY_REPLICA : OWN_MY_SLAVE, 0, NULL, NULL, &res, NULL) == 0) {
		row = mysql_fetch_row(res);
		info->standing = row != NULL ? DB_REPLICA : DB_PRIMARY;
		if (row != NULL)
			info->lag_ms = lag_of(res, row);
	}
	mysql_free_result(res);
}

static int
settings_now(struct db_conn *c, struct digest *out, struct err *e)
{
	struct db_ground g;
	int ret;

	db_ground_begin(&g, NULL);
	ret = my_settings(c, NULL, &g, e);
	*out = db_ground_end(&g);
	return ret;
}

int
my_describe(struct db_conn *c, const struct db_target *t, struct db_info *info, struct err *e)
{
	int ret;

	*info = (struct db_info){ .lag_ms = -1 };
	c->maria = mariadb_connection(c->my) != 0;
	c->wait_ms = t->statement_timeout_ms > 0 ? t->statement_timeout_ms + 60 * 1000 : 0;
	if (c->maria != (t->engine == SQL_MARIADB))
		return err_set(e, ERR_CONFIG, "the server is %s; set the target's engine to %s", c->maria ? "MariaDB" : "MySQL",
		    c->maria ? "mariadb" : "mysql");
	ret = set_up(c, t, e);
	if (ret == 0)
		ret = find_names(c, info, e);
	if (ret == 0)
		ret = find_system(c, e);
	if (ret == 0)
		find_standing(c, info);
	if (ret == 0)
		ret = settings_now(c, &info->settings, e);
	if (ret == 0)
		ret = my_state_keep(c, e);
	if (ret == 0)
		ret = my_leave(c, NULL, e);
	copy(info->database, sizeof info->database, c->database);
	copy(info->role, sizeof info->role, c->role);
	copy(info->identity, sizeof info->identity, c->identity);
	info->caps = CAP_BIT(CAP_READ_WALL) | CAP_BIT(CAP_TRANSACTION) | CAP_BIT(CAP_REHEARSAL) | CAP_BIT(CAP_CANCEL);
	info->sql = c->sql;
	return ret;
}
