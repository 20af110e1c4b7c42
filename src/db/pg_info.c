/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is found at connect. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

int
pg_settings(struct db_conn *c, struct buf *names, struct db_ground *g, struct err *e)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_SETTINGS, 0, NULL, names, &res, e);

	for (int i = 0; ret == 0 && i < PQntuples(res); i++) {
		for (int k = 0; k < 2; k++)
			db_ground_add(g, PQgetvalue(res, i, k), (size_t)PQgetlength(res, i, k));
		db_ground_name(g, "setting %s", PQgetvalue(res, i, 0));
	}
	PQclear(res);
	return ret;
}

bool
pg_path_is_plain(const char *path)
{
	static const char want[] = "pg_catalog";

	if (strncmp(path, "{pg_temp_", strlen("{pg_temp_")) == 0)
		path += strcspn(path, ",");
	return path[0] != '\0' && strcspn(path + 1, ",}") == strlen(want) && strncmp(path + 1, want, strlen(want)) == 0;
}

/* With another schema before pg_catalog even = and count() could be somebody's own, in our own statements too. Only
 * that of temporary tables may stand there: no function or operator is looked for in it. */
static int
check_path(struct db_conn *c, struct err *e)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_PATH, 0, NULL, NULL, &res, e);

	if (ret == 0 && !pg_path_is_plain(PQgetvalue(res, 0, 0)))
		ret = err_set(e, ERR_CONFIG, "the search_path of this role puts a schema before pg_catalog, so"
		    " built-in functions could be replaced; set it without pg_catalog");
	PQclear(res);
	return ret;
}

static int
set_up(struct db_conn *c, const struct db_target *t, struct err *e)
{
	const char *values[] = { c->limits[0], c->limits[1], c->limits[2] };

	snprintf(c->limits[0], sizeof c->limits[0], "%u", t->statement_timeout_ms);
	snprintf(c->limits[1], sizeof c->limits[1], "%u", t->lock_timeout_ms);
	snprintf(c->limits[2], sizeof c->limits[2], "%u", db_idle_ms(t));
	return pg_own(c, OWN_PG_SETUP, 3, values, NULL, NULL, e);
}

/* Which cluster it is: may not be told to every role, then host and database number must do. */
static void
find_system(struct db_conn *c, const struct db_target *t, const char *database)
{
	PGresult *res;

	if (pg_own(c, OWN_PG_SYSTEM, 0, NULL, NULL, &res, NULL) == 0 && PQntuples(res) == 1) {
		copy(c->system, sizeof c->system, PQgetvalue(res, 0, 0));
		copy(c->timeline, sizeof c->timeline, PQgetvalue(res, 0, 1));
		snprintf(c->identity, sizeof c->identity, "system %s timeline %s database %.20s", c->system, c->timeline,
		    database);
	} else {
		snprintf(c->identity, sizeof c->identity, "system not told, host %.90s port %.8s database %.20s",
		    t->endpoint != NULL ? t->endpoint : PQhost(c->pg), t->endpoint != NULL ? "-" : PQport(c->pg), database);
	}
	PQclear(res);
}

/* "15", "9.6": what changes its number for new features. */
static void
name_release(struct db_info *info, int version)
{
	if (version >= 100000)
		snprintf(info->release, sizeof info->release, "%d", version / 10000);
	else
		snprintf(info->release, sizeof info->release, "%d.%d", version / 10000, version / 100 % 100);
}

static void
find_lag(struct db_conn *c, struct db_info *info)
{
	enum own_id id = PQserverVersion(c->pg) >= 100000 ? OWN_PG_LAG : OWN_PG_LAG_9;
	PGresult *res;

	if (pg_own(c, id, 0, NULL, NULL, &res, NULL) == 0 && PQntuples(res) == 1 && !PQgetisnull(res, 0, 0)) {
		info->lag_ms = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
		if (info->lag_ms < 0)	/* the clocks of two hosts */
			info->lag_ms = 0;
	}
	PQclear(res);
}

/* What the server is to others, and how it sees us. */
static void
find_standing(struct db_conn *c, struct db_info *info, const char *recovers, const char *source)
{
	info->standing = recovers[0] == 't' ? DB_REPLICA : DB_PRIMARY;
	c->standby = info->standing != DB_PRIMARY;
	info->encrypted = PQsslInUse(c->pg) == 1;
	copy(info->source, sizeof info->source, source);
	name_release(info, PQserverVersion(c->pg));
	if (info->standing == DB_REPLICA)
		find_lag(c, info);
}

static int
find_names(struct db_conn *c, const struct db_target *t, struct db_info *info, struct err *e)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_INFO, 0, NULL, NULL, &res, e);

	if (ret == 0) {
		char *on = strstr(PQgetvalue(res, 0, 0), " on ");

		if (on != NULL)
			*on = '\0';	/* the machine and compiler behind it help nobody */
		copy(info->version, sizeof info->version, PQgetvalue(res, 0, 0));
		copy(c->database, sizeof c->database, PQgetvalue(res, 0, 1));
		copy(c->role, sizeof c->role, PQgetvalue(res, 0, 2));
		find_system(c, t, PQgetvalue(res, 0, 3));
		find_standing(c, info, PQgetvalue(res, 0, 4), PQgetvalue(res, 0, 5));
	}
	PQclear(res);
	return ret;
}

static int
load_types(struct db_conn *c, struct err *e)
{
	PGresult *res;
	int ret = pg_own(c, OWN_PG_TYPES, 0, NULL, NULL, &res, e);

	if (ret == 0) {
		c->ntypes = (size_t)PQntuples(res);
		c->types = must_zalloc((c->ntypes + 1) * sizeof *c->types);
		for (size_t i = 0; i < c->ntypes; i++) {
			c->types[i].oid = (Oid)strtoul(PQgetvalue(res, (int)i, 0), NULL, 10);
			c->types[i].name = must_strdup(PQgetvalue(res, (int)i, 1));
		}
	}
	PQclear(res);
	return ret;
}

static int
by_oid(const void *key, const void *type)
{
	Oid a = *(const Oid *)key, b = ((const struct pg_type *)type)->oid;

	return a < b ? -1 : a > b;
}

const char *
pg_type_name(const struct db_conn *c, Oid type)
{
	const struct pg_type *t = c->ntypes == 0 ? NULL :
	    bsearch(&type, c->types, c->ntypes, sizeof *c->types, by_oid);

	return t != NULL ? t->name : "";
}

static int
settings_now(struct db_conn *c, struct digest *out, struct err *e)
{
	struct db_ground g;
	int ret;

	db_ground_begin(&g, NULL);
	ret = pg_settings(c, NULL, &g, e);
	*out = db_ground_end(&g);
	return ret;
}

int
pg_describe(struct db_conn *c, const struct db_target *t, struct db_info *info, struct err *e)
{
	const char *scs = PQparameterStatus(c->pg, "standard_conforming_strings");
	int ret;

	*info = (struct db_info){ .lag_ms = -1 };
	c->sql = (struct sql_settings){ .engine = SQL_POSTGRES, .version = (unsigned)PQserverVersion(c->pg),
	    .scs_off = scs != NULL && strcmp(scs, "off") == 0 };
	ret = check_path(c, e);
	if (ret == 0)
		ret = set_up(c, t, e);
	if (ret == 0)
		ret = find_names(c, t, info, e);
	if (ret == 0)
		ret = load_types(c, e);
	if (ret == 0)
		ret = settings_now(c, &info->settings, e);
	copy(info->database, sizeof info->database, c->database);
	copy(info->role, sizeof info->role, c->role);
	copy(info->identity, sizeof info->identity, c->identity);
	info->caps = CAP_BIT(CAP_READ_WALL) | CAP_BIT(CAP_TRANSACTION) | CAP_BIT(CAP_REHEARSAL) |
	    CAP_BIT(CAP_CANCEL) | CAP_BIT(CAP_EXPLAIN);
	info->sql = c->sql;
	return ret;
}
