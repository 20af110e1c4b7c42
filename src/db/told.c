/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "told.h"

#include <stdint.h>
#include <stdlib.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

#include "driver.h"

void
db_told_add(struct db_told *t, const char *name, const char *type)
{
	if (type == NULL && t->nkeys < DB_TOLD_KEYS_MAX)
		t->key[t->nkeys++] = must_strdup(name);
	else if (type != NULL && t->nstored < DB_TOLD_STORED_MAX)
		t->stored[t->nstored++] = (struct sql_stored){ must_strdup(name), must_strdup(type) };
}

void
db_told_fini(struct db_told *t)
{
	for (size_t i = 0; i < t->nkeys; i++)
		free(t->key[i]);
	for (size_t i = 0; i < t->nstored; i++) {
		free((void *)(uintptr_t)t->stored[i].column);
		free((void *)(uintptr_t)t->stored[i].type);
	}
	*t = (struct db_told){ .nkeys = 0 };
}

int
db_told_derive(const struct db_told *t, const struct sql_settings *set, const struct db_statement *s, enum sql_derived kind,
    struct buf *out, struct err *e)
{
	struct sql_derive_want want = { kind, (const char *const *)t->key, t->nkeys, DB_SAMPLE_ROWS, t->stored, t->nstored };

	return sql_derive(set, s->bytes, s->n, &want, out, e) == 0 ? 0 : ERR_UNSUPPORTED;
}
