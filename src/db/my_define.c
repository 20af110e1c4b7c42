/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of definitions, or a whole table emptied, on MariaDB and MySQL: its object, and what hangs on it. */
#include "config.h"

#include "my.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/err.h"

static int
find_depends(struct my_look *l, struct err *e)
{
	struct my_value v[7] = { my_text(l->schema), my_text(l->name), my_text(l->schema), my_text(l->name), my_text(l->name),
		my_text(l->schema), my_text(l->name) };
	MYSQL_RES *res;
	MYSQL_ROW row;
	int ret = my_own(l->c, OWN_MY_DEPENDS, 7, v, &l->sheet->own, &res, e);

	while (ret == 0 && (row = mysql_fetch_row(res)) != NULL) {
		const char *name = row[0] != NULL ? row[0] : "";

		own_list_add(&l->sheet->depends, name, strlen(name));
		db_ground_text(&l->ground, name);
	}
	db_ground_name(&l->ground, "what depends on it");
	mysql_free_result(res);
	return ret;
}

int
my_define(struct my_look *l, struct err *e)
{
	struct my_value v[2] = { { MY_NAME, NULL, 0 }, { MY_NAME, NULL, 0 } };
	struct digest definition;
	MYSQL_RES *res;
	MYSQL_ROW row;
	char what[280];
	struct err why;
	int ret;

	if (l->table == NULL)
		return err_set(e, ERR_STATEMENT, "it is not about one table, view, index or sequence");
	l->match.known = true;		/* no rows are matched: what binds is the definitions */
	v[0].p = l->schema, v[0].n = strlen(l->schema);
	v[1].p = l->name, v[1].n = strlen(l->name);
	ret = my_own(l->c, OWN_MY_DEFINITION, 2, v, &l->sheet->own, &res, &why);
	row = ret == 0 ? mysql_fetch_row(res) : NULL;
	if (row != NULL && row[1] != NULL) {
		definition = digest_of(row[1], strlen(row[1]));
		snprintf(what, sizeof what, "table or view %.250s", l->name);
		ret = find_depends(l, e);
		if (ret == 0)
			db_note_object(l->sheet, what, &definition);
	} else if (ret == 0 || ret == ERR_STATEMENT) {
		db_note_object(l->sheet, NULL, NULL);
		ret = 0;
	} else {
		err_set(e, (enum err_code)ret, "%s", why.text);
	}
	mysql_free_result(res);
	if (ret == 0)
		db_note(&l->sheet->note, "it commits by itself and what came before it, and cannot be rolled back");
	return ret;
}
