/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fault.h"

#ifdef TWOKEY_FAULTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
fault_point(const char *name)
{
	const char *want = getenv("TWOKEY_FAULT");

	if (want != NULL && strcmp(want, name) == 0)
		kill(getpid(), SIGSTOP);
}

void
fault_recorded(const char *event)
{
	char name[64];

	snprintf(name, sizeof name, "recorded.%s", event);
	fault_point(name);
}

#endif
