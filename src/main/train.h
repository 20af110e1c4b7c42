/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `twokey train`: requests that a person answers for practice, some of them wrong on purpose (rule 25 of the approval). */
#ifndef TWOKEY_MAIN_TRAIN_H
#define TWOKEY_MAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct demo;
struct err;

enum { TRAIN_MIN = 3, TRAIN_MAX = 18, TRAIN_DEFAULT = 12 };

struct train_request {
	char sql[240];
	char rows[8];		/* "= 1", "" as many as match */
	char reason[160];
	const char *wrong;	/* what is wrong with it, NULL: nothing */
	uint64_t n;		/* its event, 0: it was not asked */
	int verdict;		/* 1 allowed, -1 denied, 0 neither */
	int64_t read_us;	/* -1: it was not opened */
};

/* n requests in an order that nobody knows before, a third of them wrong. */
void	train_script(struct train_request *v, size_t n);
/* Drives the session: once it is there, start gives the pid of a console for the second seat (0: it comes from elsewhere; an
 * ERR code), then it sends one after the other and waits for each answer, until that console ends. *second is that pid as long
 * as it has to be waited for, else 0. 0, or an ERR code. */
int	train_drive(const struct demo *d, pid_t (*start)(const struct demo *d, struct err *e), pid_t *second,
	    struct train_request *v, size_t n, struct err *e);

#endif
