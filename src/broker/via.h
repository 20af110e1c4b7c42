/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A way over an interface that is not ours to bring up (a VPN): it must be there before a byte is sent. */
#ifndef TWOKEY_BROKER_VIA_H
#define TWOKEY_BROKER_VIA_H

#include <stdint.h>

struct err;

/* 0 when the interface is up and the kernel would send to host:port from one of its addresses; ERR_UNREACHABLE with
 * a sentence that names both otherwise. Nothing is sent. */
int	via_check(const char *interface, const char *host, uint16_t port, struct err *e);

#endif
