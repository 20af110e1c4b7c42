/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/clock.h"

static char log_who[64] = "twokey";
static enum log_level log_max = LOG_LEVEL_INFO;

void
log_init(const char *who, enum log_level level)
{
	snprintf(log_who, sizeof log_who, "%s", who);
	log_max = level;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[1024], when[CLOCK_TEXT];
	size_t n;
	va_list ap;

	if (level > log_max)
		return;
	clock_format(clock_wall_us(), when);
	snprintf(line, sizeof line, "%s %s[%d] %s: ", when, log_who, (int)getpid(), names[level]);
	n = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	/* one write, so that lines of several processes do not mix */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
