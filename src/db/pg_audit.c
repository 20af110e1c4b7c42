/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the account may do (law 6, third wall), by statements of our own over pg_catalog. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>

#include "twokey/base/err.h"

enum { KIND, OBJECT, DETAIL, COUNT, COLUMNS };

/* The rows of one kind; the statement gives some of them and says how many there are. */
static void
add_kind(struct db_audit *a, const PGresult *res, enum excess kind)
{
	long long shown = 0, all = 0;
	char more[80];

	for (int i = 0; i < PQntuples(res); i++) {
		enum excess k;

		if (!excess_parse(PQgetvalue(res, i, KIND), &k) || k != kind)
			continue;
		db_audit_add(a, kind, PQgetvalue(res, i, OBJECT), PQgetvalue(res, i, DETAIL));
		all = strtoll(PQgetvalue(res, i, COUNT), NULL, 10);
		shown++;
	}
	if (all > shown) {
		snprintf(more, sizeof more, "and %lld more that are not listed", all - shown);
		db_audit_add(a, kind, "", more);
	}
}

/* What could not be read is told, not left out; only a lost connection is an error. */
static int
ask(struct db_conn *c, enum own_id id, struct db_audit *a, struct err *e)
{
	PGresult *res;
	struct err why = { .text = "" };
	int ret = pg_own(c, id, 0, NULL, NULL, &res, &why);

	if (ret == 0 && PQnfields(res) == COLUMNS)
		for (int k = 0; k < EXCESSES; k++)
			add_kind(a, res, (enum excess)k);
	else if (ret != ERR_DATABASE)
		db_audit_add(a, EXCESS_NOT_AUDITED, "", why.text);
	PQclear(res);
	if (ret == ERR_DATABASE)
		return err_set(e, ERR_DATABASE, "%s", why.text);
	return 0;
}

int
pg_audit(struct db_conn *c, struct db_audit *a, struct err *e)
{
	int ret, left;

	if (c->lost)
		return err_set(e, ERR_DATABASE, "the connection to the database is lost; open a new session");
	pg_begin(c);
	ret = pg_own(c, OWN_PG_BEGIN_READ, 0, NULL, NULL, NULL, e);
	if (ret == 0)
		ret = ask(c, OWN_PG_AUDIT, a, e);
	if (ret == 0 && PQserverVersion(c->pg) >= 150000 && PQtransactionStatus(c->pg) == PQTRANS_INTRANS)
		ret = ask(c, OWN_PG_AUDIT_SETTINGS, a, e);
	left = pg_leave(c, NULL, e);
	pg_end(c);
	return ret != 0 ? ret : left;
}
