/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log of a process: stderr, or syslog when the daemon is detached. No text of a person,
 * database or file goes into it, and no secret: codes, names of roles, numbers. */
#ifndef TWOKEY_BASE_LOG_H
#define TWOKEY_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* who: "monitor", "front", "session 17"; copied. Lines go to stderr. */
void	log_init(const char *who, enum log_level level);
void	log_line(enum log_level level, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
