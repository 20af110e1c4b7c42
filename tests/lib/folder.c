/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "folder.h"

#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char memory[] = "/dev/shm";
/* Some servers of 40 to 200 MB at a time, and the rest of the machine goes on. */
static const uint64_t room = UINT64_C(4) << 30;

static uint64_t
memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = 0;

	while (f != NULL && kib == 0 && fgets(line, sizeof line, f) != NULL)
		(void)sscanf(line, "MemAvailable: %lu", &kib);
	if (f != NULL)
		fclose(f);
	return kib * 1024;
}

static bool
has_room(void)
{
	struct statfs fs;

	return statfs(memory, &fs) == 0 && fs.f_type == TMPFS_MAGIC && access(memory, W_OK) == 0 &&
	    (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= room && memory_available() >= room;
}

void
test_folder(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/twokey-%s-XXXXXX", has_room() ? memory : "/tmp", name);
}
