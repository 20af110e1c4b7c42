/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/cap.h"

#include <string.h>

static const struct {
	const char *name;
	const char *help;
} caps[] = {
#define CAP(name, text, help) { text, help },
#include "twokey/base/cap.def"
#undef CAP
};

const char *
cap_name(enum cap c)
{
	return caps[c].name;
}

const char *
cap_help(enum cap c)
{
	return caps[c].help;
}

bool
cap_parse(const char *name, enum cap *c)
{
	for (int i = 0; i < CAPS; i++) {
		if (strcmp(caps[i].name, name) == 0) {
			*c = (enum cap)i;
			return true;
		}
	}
	return false;
}
