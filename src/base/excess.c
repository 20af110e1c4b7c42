/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/excess.h"

#include <string.h>

static const struct {
	const char *name;
	const char *help;
} excesses[] = {
#define EXCESS(name, text, help) { text, help },
#include "twokey/base/excess.def"
#undef EXCESS
};

const char *
excess_name(enum excess x)
{
	return excesses[x].name;
}

const char *
excess_help(enum excess x)
{
	return excesses[x].help;
}

bool
excess_parse(const char *name, enum excess *x)
{
	for (int i = 0; i < EXCESSES; i++) {
		if (strcmp(excesses[i].name, name) == 0) {
			*x = (enum excess)i;
			return true;
		}
	}
	return false;
}
