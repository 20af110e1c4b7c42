/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process that reads hostile bytes and needs no file of its own gives up. */
#ifndef TWOKEY_BROKER_CONFINE_H
#define TWOKEY_BROKER_CONFINE_H

/* From here on this process and its children read and run what is under /usr, /lib and /etc, and open nothing else
 * (landlock). Where the kernel has none, nothing changes. */
void	confine_to_programs(void);

#endif
