/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A real sshd on a loopback port with keys of its own, run by an ordinary user who may log in to it. */
#ifndef TESTS_LIB_SSHD_H
#define TESTS_LIB_SSHD_H

#include <stdint.h>

struct sshd;

/* Starts one with these lines in front of its configuration ("" for none); NULL when it cannot (a failure). For root
 * it runs as postgres where that login is: sshd refuses logins that are locked, as nobody may be. */
struct sshd *sshd_start(const char *config);
/* Stops it with all its children. NULL is fine. */
void	sshd_stop(struct sshd *s);
uint16_t sshd_port(const struct sshd *s);
/* Who may log in: by the keys in the files "id", and "id_pass" with the passphrase. */
const char *sshd_user(const struct sshd *s);
#define SSHD_PASSPHRASE "open sesame 7"
const char *sshd_folder(const struct sshd *s);
/* A file in its folder ("id", "log", "host.pub", "other.pub": a key that is not the host's); the caller frees. */
char	*sshd_file(const struct sshd *s, const char *name);
/* The host key as "TYPE BASE64" without comment; the caller frees. */
char	*sshd_host_key(const struct sshd *s);
/* Makes this key one that may log in, too: the public half of a file of another server. */
void	sshd_allow(const struct sshd *s, const struct sshd *other);
/* A signal to every process of it but the listening one, or to all. */
void	sshd_signal_children(const struct sshd *s, int sig);
void	sshd_signal(const struct sshd *s, int sig);
/* Starts an agent that holds "id"; a connection to it, -1 on failure. It ends with the sshd. */
int	sshd_agent(struct sshd *s);

#endif
