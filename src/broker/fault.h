/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places where a test can stop a process to kill it there (--enable-faults; nothing otherwise). */
#ifndef TWOKEY_BROKER_FAULT_H
#define TWOKEY_BROKER_FAULT_H

/* Stops this process (SIGSTOP) when TWOKEY_FAULT names the point. */
#ifdef TWOKEY_FAULTS
void	fault_point(const char *name);
/* The point "recorded.EVENT". */
void	fault_recorded(const char *event);
#else
static inline void
fault_recorded(const char *event)
{
	(void)event;
}

static inline void
fault_point(const char *name)
{
	(void)name;
}
#endif

#endif
