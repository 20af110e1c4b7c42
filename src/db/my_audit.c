/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the account may do (law 6, third wall): its grants, those of PUBLIC and of every role that it may take. Asked
 * on the second connection, which nobody uses before a statement runs: there a role may be taken to look at it. */
#include "config.h"

#include "my.h"

#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"

#include "my_rights.h"

struct audit {
	struct db_conn *c;
	struct my_rights *rights;
};

/* ERR_DATABASE when the connection is lost; else what could not be asked is told, when `told`. */
static int
ask(struct audit *a, enum own_id id, int n, const struct my_value *v, MYSQL_RES **res, bool needed, struct err *e)
{
	struct err why = { .text = "" };
	int ret = my_ask(a->c->stop, id, a->c->tag, n, v, res, &why);

	if (ret == 0)
		return 0;
	*res = NULL;
	if (my_is_lost(mysql_errno(a->c->stop)))
		return my_lose(a->c, e, "the connection that stops statements is lost");
	if (needed)
		my_rights_add(a->rights, EXCESS_NOT_AUDITED, "", why.text, "");
	return 0;
}

static void
take_lines(struct audit *a, MYSQL_RES *res)
{
	MYSQL_ROW row;

	while (res != NULL && (row = mysql_fetch_row(res)) != NULL)
		if (row[0] != NULL)
			my_rights_line(a->rights, row[0]);
	mysql_free_result(res);
}

/* MySQL says what a role would add. */
static int
look_at_mysql(struct audit *a, const char *name, const char *host, struct err *e)
{
	struct my_value v[2] = { { MY_NAME, name, strlen(name) }, { MY_NAME, host, strlen(host) } };
	MYSQL_RES *res;
	int ret = ask(a, OWN_MY_GRANTS_USING, 2, v, &res, true, e);

	take_lines(a, res);
	return ret;
}

/* MariaDB shows the rights of a role to whom has taken it. */
static int
look_at_mariadb(struct audit *a, const char *name, struct err *e)
{
	struct my_value v = { MY_NAME, name, strlen(name) };
	MYSQL_RES *res;
	int ret = ask(a, OWN_MY_SET_ROLE, 1, &v, &res, true, e);

	if (ret == 0)
		ret = ask(a, OWN_MY_GRANTS, 0, NULL, &res, true, e);
	take_lines(a, res);
	return ret;
}

static int
look_at_roles(struct audit *a, struct err *e)
{
	const char *name, *host;
	MYSQL_RES *res = NULL;
	MYSQL_ROW row = NULL;
	struct my_value v;
	int ret = 0;

	if (!my_rights_role(a->rights, 0, &name, &host))
		return 0;
	if (a->c->maria)
		ret = ask(a, OWN_MY_ROLE, 0, NULL, &res, true, e);
	if (res != NULL)
		row = mysql_fetch_row(res);
	for (size_t i = 0; ret == 0 && my_rights_role(a->rights, i, &name, &host); i++)
		ret = a->c->maria ? look_at_mariadb(a, name, e) : look_at_mysql(a, name, host, e);
	if (ret == 0 && a->c->maria) {	/* back to the role that it had */
		MYSQL_RES *none;

		v = row != NULL && row[0] != NULL ? (struct my_value){ MY_NAME, row[0], strlen(row[0]) } :
		    (struct my_value){ MY_LIST, "NONE", 4 };
		ret = ask(a, OWN_MY_SET_ROLE, 1, &v, &none, true, e);
	}
	mysql_free_result(res);
	return ret;
}

static int
look_at_databases(struct audit *a, struct err *e)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = ask(a, OWN_MY_DATABASES, 0, NULL, &res, true, e);

	while (res != NULL && (row = mysql_fetch_row(res)) != NULL)
		if (row[0] != NULL)
			my_rights_sees(a->rights, row[0]);
	mysql_free_result(res);
	return ret;
}

/* " PASSWORD EXPIRE" of SHOW CREATE USER, outside of quotes; "" when it says nothing. */
static const char *
expiry_of(const char *made)
{
	static const char what[] = " PASSWORD EXPIRE";
	char quote = '\0';

	for (const char *s = made; *s != '\0'; s++) {
		if (quote == '\0' && strncmp(s, what, strlen(what)) == 0)
			return s + strlen(what);
		if (quote == *s)
			quote = '\0';
		else if (quote == '\0' && strchr("`'\"", *s) != NULL)
			quote = *s;
	}
	return " DEFAULT";
}

/* The password's: these servers know no end of an account. What cannot be asked is not told. */
static int
look_at_expiry(struct audit *a, struct err *e)
{
	MYSQL_RES *made, *life = NULL;
	MYSQL_ROW row, days;
	int ret = ask(a, OWN_MY_ACCOUNT, 0, NULL, &made, false, e);
	const char *says;
	bool never = false;

	if (ret == 0)
		ret = ask(a, OWN_MY_LIFETIME, 0, NULL, &life, false, e);
	if (made != NULL && life != NULL && (row = mysql_fetch_row(made)) != NULL && row[0] != NULL &&
	    (days = mysql_fetch_row(life)) != NULL) {
		says = expiry_of(row[0]);
		never = strncmp(says, " NEVER", 6) == 0 ||
		    (strncmp(says, " DEFAULT", 8) == 0 && days[0] != NULL && strcmp(days[0], "0") == 0);
	}
	if (never)
		my_rights_add(a->rights, EXCESS_NO_EXPIRY, a->c->role, "", "");
	mysql_free_result(made);
	mysql_free_result(life);
	return ret;
}

int
my_audit(struct db_conn *c, struct db_audit *audit, struct err *e)
{
	struct audit a = { .c = c };
	MYSQL_RES *res;
	struct db_audit none;
	int ret;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	if (mysql_ping(c->my) != 0)
		return my_lose(c, e, "the connection to the database is lost");
	a.rights = my_rights_begin(c->database, c->role);
	ret = ask(&a, OWN_MY_GRANTS, 0, NULL, &res, true, e);
	take_lines(&a, res);
	if (ret == 0)
		ret = look_at_roles(&a, e);
	if (ret == 0)
		ret = look_at_databases(&a, e);
	if (ret == 0)
		ret = look_at_expiry(&a, e);
	if (ret != 0)
		db_audit_init(&none);
	my_rights_end(a.rights, ret == 0 ? audit : &none);
	if (ret != 0)
		db_audit_fini(&none);
	return ret;
}
