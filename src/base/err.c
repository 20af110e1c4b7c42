/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct err_row {
	const char *name;
	enum err_fault fault;
	const char *help;
};

static const struct err_row err_rows[] = {
#define ERR(name, text, fault, help) { text, ERR_FAULT_##fault, help },
#include "twokey/base/err.def"
#undef ERR
};

static const struct err_row *
row_of(int code)
{
	if (code <= ERR_FIRST_UNUSED_ || code >= ERR_LAST_UNUSED_)
		code = ERR_BUG;
	return &err_rows[code - ERR_FIRST_UNUSED_ - 1];
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (e == NULL)
		return code;
	e->code = code;
	e->sys = saved;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	if (e == NULL)
		return ERR_SYSTEM;
	e->code = ERR_SYSTEM;
	e->sys = saved;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(saved));
	return ERR_SYSTEM;
}

int
err_prefix(struct err *e, int code, const char *fmt, ...)
{
	char old[sizeof e->text];
	size_t n;
	va_list ap;

	if (e == NULL)
		return code;
	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	/* what does not fit is cut at the end: the head names the thing */
	snprintf(e->text + n, sizeof e->text - n, ": %.*s",
	    (int)(sizeof e->text - n > 3 ? sizeof e->text - n - 3 : 0), old);
	return code;
}

const char *
err_name(int code)
{
	return row_of(code)->name;
}

int
err_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof err_rows / sizeof err_rows[0]; i++)
		if (strcmp(err_rows[i].name, name) == 0)
			return ERR_FIRST_UNUSED_ + 1 + (int)i;
	return ERR_BUG;
}

enum err_fault
err_fault_of(int code)
{
	return row_of(code)->fault;
}

const char *
err_help(int code)
{
	return row_of(code)->help;
}
