/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What else a write sets off: triggers, rules and row policies of what it writes, also behind a view, and foreign keys
 * with their whole chain. */
#include "config.h"

#include "pg.h"

#include <stdio.h>
#include <string.h>

enum { BIT_INSERT = 4, BIT_DELETE = 8, BIT_UPDATE = 16, BIT_TRUNCATE = 32 };	/* of pg_trigger.tgtype */

static const struct {
	const char *verb;
	int bits;
} verbs[] = {
	{ "UPDATE", BIT_UPDATE }, { "INSERT", BIT_INSERT }, { "DELETE", BIT_DELETE }, { "TRUNCATE", BIT_TRUNCATE },
	{ "MERGE", BIT_INSERT | BIT_UPDATE | BIT_DELETE },
	{ "", BIT_INSERT | BIT_DELETE | BIT_UPDATE | BIT_TRUNCATE },	/* any other: all of them */
};

int
pg_look_bits(const struct pg_look *l)
{
	size_t i = 0;

	while (verbs[i].verb[0] != '\0' && strcmp(verbs[i].verb, l->f->verb) != 0)
		i++;
	if (verbs[i].bits == BIT_INSERT && db_has_word(l->s, "CONFLICT"))
		return BIT_INSERT | BIT_UPDATE;
	return verbs[i].bits;
}

static void
tell(struct pg_look *l, const char *kind, const char *name)
{
	struct db_sheet *s = l->sheet;
	size_t n = strlen(name);

	if (strcmp(kind, "rule") == 0) {
		l->ruled = true;
		own_list_add(&s->rules, name, n);
		s->dangers |= SQL_DANGER_BIT(SQL_DANGER_RULE);
	} else if (strcmp(kind, "policy") == 0) {
		own_list_add(&s->policies, name, n);
	} else if (strcmp(kind, "trigger") == 0) {
		own_list_add(&s->triggers, name, n);
		s->dangers |= SQL_DANGER_BIT(SQL_DANGER_TRIGGER);
	} else {
		own_list_add(&s->cascades, name, n);
		s->dangers |= SQL_DANGER_BIT(SQL_DANGER_CASCADE);
	}
}

int
pg_look_sets_off(struct pg_look *l, struct err *e)
{
	int bits = pg_look_bits(l), ret;
	const char *values[3];
	struct buf columns;
	char bit[12];
	PGresult *res;

	if (l->oid[0] == '\0')
		return 0;
	buf_init(&columns, 256 * 1024);
	buf_putc(&columns, '{');
	for (size_t i = 0; i < l->f->ncolumns && bits == BIT_UPDATE; i++)
		pg_array_add(&columns, l->f->columns[i].p, l->f->columns[i].n);
	buf_putc(&columns, '}');
	snprintf(bit, sizeof bit, "%d", bits);
	values[0] = l->oid;
	values[1] = bit;
	values[2] = buf_str(&columns);
	ret = pg_own(l->c, OWN_PG_SETS_OFF, 3, values, &l->sheet->own, &res, e);
	for (int i = 0; ret == 0 && i < PQntuples(res); i++)
		tell(l, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));
	PQclear(res);
	buf_fini(&columns);
	return ret;
}
