/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the password of a target comes from, on its way from the monitor's side to the db role: a pipe that yields it
 * once. The monitor never waits: a command is run by a helper process of its own, which writes into the pipe itself, so
 * that such a password never comes into the monitor. */
#ifndef TWOKEY_BROKER_CREDENTIAL_H
#define TWOKEY_BROKER_CREDENTIAL_H

struct config_target;
struct err;
struct secret;

enum { CREDENTIAL_WITHIN_MS = 30000, CREDENTIAL_LINE_MAX = 4095 };

/* Monitor: begins to fetch the password of t. *fd becomes the read end of a pipe that the db role is started with
 * (close-on-exec, taken by the caller); one comes also for a target without a password or whose password a person is
 * asked for. A file or credential that cannot be read is told at once (as secret_read_as); what a command does
 * within within_ms is told through the pipe. The helper is a child that the caller's waitpid(-1) reaps and that
 * dies with it. */
int	credential_start(const struct config_target *t, int within_ms, int *fd, struct err *e);
/* The db role: waits for what comes, at most as long as within_ms of credential_start; fd stays the caller's. *password is
 * NULL when the target has none. ERR_UNREACHABLE with a sentence that names target and program, never their output. */
int	credential_receive(int fd, struct secret **password, struct err *e);
/* The tunnel role: a private key file, mode 0600, of its own user or root; every byte. */
int	credential_read_key(const char *path, struct secret **key, struct err *e);

#endif
