/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READS = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };
/* All that the first version of landlock knows; later ones add kinds, never take one away. */
enum { ALL = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };

static void
permit(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC) };

	if (a.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
}

void
confine_to_programs(void)
{
	static const char *const readable[] = { "/usr", "/lib", "/lib64", "/bin", "/etc" };
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

	if (rules < 0)
		return;
	for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
		permit(rules, readable[i], READS);
	permit(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
}
