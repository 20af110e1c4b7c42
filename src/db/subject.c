/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/db/driver.h"

#include <string.h>

static const char *const names[] = {
#define DB_SUBJECT(name, text, help) text,
#include "twokey/db/subject.def"
#undef DB_SUBJECT
};

const char *
db_subject_name(enum db_subject s)
{
	return names[s];
}

bool
db_subject_parse(const char *name, enum db_subject *s)
{
	for (int i = 0; i < DB_SUBJECTS; i++) {
		if (strcmp(names[i], name) == 0) {
			*s = (enum db_subject)i;
			return true;
		}
	}
	return false;
}
