/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the audits of all drivers share: the list of findings, bounded. */
#include "config.h"

#include "driver.h"

#include <stdio.h>
#include <stdlib.h>

#include "twokey/base/must.h"

enum { FINDINGS_MAX = 200 };

void
db_audit_init(struct db_audit *a)
{
	a->v = must_zalloc((FINDINGS_MAX + 1) * sizeof *a->v);
	a->n = 0;
}

void
db_audit_fini(struct db_audit *a)
{
	free(a->v);
	*a = (struct db_audit){ 0 };
}

void
db_audit_add(struct db_audit *a, enum excess kind, const char *object, const char *detail)
{
	struct db_finding *f = &a->v[a->n];

	if (a->n > FINDINGS_MAX)
		return;
	*f = (struct db_finding){ .kind = kind };
	if (a->n == FINDINGS_MAX) {	/* the last one says that there are more */
		f->kind = EXCESS_NOT_AUDITED;
		object = "";
		detail = "there are more findings than are listed";
	}
	snprintf(f->object, sizeof f->object, "%s", object);
	snprintf(f->detail, sizeof f->detail, "%s", detail);
	a->n++;
}
