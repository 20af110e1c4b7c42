/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

static char *
beside(const char *program, const char *name)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(program, '/') - program), program, name);
	return must_strdup(path);
}

int
programs_find(char **twokey, char **twokeyd, struct err *e)
{
	static const char *const places[] = { "twokeyd", "../sbin/twokeyd" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return err_sys(e, "/proc/self/exe");
	self[n] = '\0';
	*twokey = must_strdup(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		*twokeyd = beside(self, places[i]);
		if (access(*twokeyd, X_OK) == 0)
			return 0;
		free(*twokeyd);
	}
	*twokeyd = must_strdup("twokeyd");	/* execvp looks in PATH */
	return 0;
}
