/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
must_hold(_Bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

void *
must_alloc(size_t n)
{
	return must_realloc(NULL, n);
}

void *
must_zalloc(size_t n)
{
	return memset(must_alloc(n), 0, n);
}

void *
must_realloc(void *p, size_t n)
{
	p = realloc(p, n > 0 ? n : 1);
	must(p != NULL);
	return p;
}

char *
must_strdup(const char *s)
{
	return must_strndup(s, strlen(s));
}

char *
must_strndup(const char *s, size_t n)
{
	char *p = must_alloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}
