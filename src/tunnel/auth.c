/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who we are: a private key in memory, or an agent behind a descriptor. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core.h"
#include "known.h"
#include "twokey/base/clock.h"
#include "twokey/base/secret.h"

/* Without it OpenSSL asks for a passphrase on the terminal. */
static int
no_prompt(const char *prompt, char *buf, size_t len, int echo, int verify, void *ctx)
{
	(void)prompt, (void)buf, (void)len, (void)echo, (void)verify, (void)ctx;
	return -1;
}

static ssh_key
read_key(struct hop *h)
{
	const struct secret *pass = h->plan->passphrase;
	ssh_key key = NULL;

	if (ssh_pki_import_privkey_base64(secret_reveal(h->plan->key), pass != NULL ? secret_reveal(pass) : NULL,
	    no_prompt, NULL, &key) == SSH_OK)
		return key;
	tell_fault(h->tunnel, h, TUNNEL_FAULT_KEY_UNREADABLE, pass != NULL ?
	    "the private key cannot be read: the passphrase is wrong, or it is no private key of OpenSSH; correct them" :
	    "the private key cannot be read: it is encrypted, or no private key of OpenSSH; give its passphrase");
	return NULL;
}

static void
key_name(ssh_key key, char out[64])
{
	struct buf b;
	char *text = NULL;

	strcpy(out, "(unknown)");
	buf_init(&b, KNOWN_BLOB_MAX);
	if (ssh_pki_export_pubkey_base64(key, &text) == SSH_OK && known_decode(text, &b))
		known_fingerprint(buf_data(&b), buf_len(&b), out);
	ssh_string_free_char(text);
	buf_fini(&b);
}

/* What a server answers to a refused or half accepted key. */
static int
refused(struct hop *h, int rc, const char *key)
{
	const struct tunnel_hop *p = h->plan;
	char text[200];

	if (h->tunnel->fault != TUNNEL_FAULT_NONE)
		return h->tunnel->err.code;
	if (rc == SSH_AUTH_PARTIAL)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_KEY_REFUSED, "%.150s accepts the key of %.100s and wants more than a key;"
		    " twokey cannot give that: let the server accept the key alone", p->host, p->user);
	if (rc == SSH_AUTH_DENIED && p->key == NULL)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_KEY_REFUSED, "%.150s does not let %.100s in with a key of the agent"
		    " (permission denied); check that the agent holds the key, and authorized_keys there", p->host, p->user);
	if (rc == SSH_AUTH_DENIED)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_KEY_REFUSED, "%.150s does not let %.100s in with the key %s"
		    " (permission denied); check the user, and that this key is in authorized_keys there", p->host, p->user, key);
	tell_safe(ssh_get_error(h->ssh), text, sizeof text);
	return tell_fault(h->tunnel, h, TUNNEL_FAULT_KEY_REFUSED, "%.150s ended the authentication of %.100s (%s);"
	    " look at the server's log", p->host, p->user, text);
}

static int
try(struct hop *h, ssh_key key)
{
	return key != NULL ? ssh_userauth_publickey(h->ssh, NULL, key) : ssh_userauth_agent(h->ssh, NULL);
}

static int
ask(struct hop *h, ssh_key key, const char *name, int64_t deadline)
{
	for (;;) {
		int rc = try(h, key), ret;

		if (rc == SSH_AUTH_SUCCESS)
			return 0;
		if (rc != SSH_AUTH_AGAIN)
			return refused(h, rc, name);
		if (clock_mono_ms() >= deadline)
			return tell_fault(h->tunnel, h, TUNNEL_FAULT_TIMEOUT, "%.150s did not answer the authentication of %.100s within"
			    " %u s; look at the server's log", h->plan->host, h->plan->user, h->tunnel->plan.open_s);
		ret = loop_turn(h->tunnel, loop_left(deadline));
		if (ret != 0)
			return ret;
	}
}

/* All n bytes of an answer, or false at the deadline. */
static bool
read_answer(struct hop *h, int fd, unsigned char *p, size_t n, int64_t deadline)
{
	while (n > 0) {
		ssize_t r;

		if (clock_mono_ms() >= deadline || loop_wait(h->tunnel, fd, POLLIN, deadline) != 0)
			return false;
		r = recv(fd, p, n, MSG_DONTWAIT);
		if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (r > 0)
			p += r, n -= (size_t)r;
	}
	return true;
}

/* How many keys the agent has (its protocol: length, type, ...); -1 when it does not answer. libssh would take
 * both for a refused key, and waits for an agent without end. */
static long
count_keys(struct hop *h, int fd, int64_t deadline)
{
	enum { REQUEST_IDENTITIES = 11, IDENTITIES_ANSWER = 12, ANSWER_MAX = 256 * 1024 };
	static const unsigned char ask_list[] = { 0, 0, 0, 1, REQUEST_IDENTITIES };
	unsigned char head[9], rest[512];
	size_t left;

	if (send(fd, ask_list, sizeof ask_list, MSG_NOSIGNAL) != (ssize_t)sizeof ask_list ||
	    !read_answer(h, fd, head, sizeof head, deadline))
		return -1;
	left = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (left < 5 || left > ANSWER_MAX || head[4] != IDENTITIES_ANSWER)
		return -1;
	for (left -= 5; left > 0; left -= left < sizeof rest ? left : sizeof rest)
		if (!read_answer(h, fd, rest, left < sizeof rest ? left : sizeof rest, deadline))
			return -1;
	return (long)head[5] << 24 | (long)head[6] << 16 | (long)head[7] << 8 | head[8];
}

/* libssh reads and closes the descriptor it is given: it gets one of its own. */
static int
use_agent(struct hop *h, int64_t deadline)
{
	long keys = count_keys(h, h->plan->agent_fd, deadline);
	int fd;

	if (keys < 0)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_AGENT, "the agent does not answer; start it again and pass it again");
	if (keys == 0)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_AGENT, "the agent holds no key; add one with ssh-add");
	fd = fcntl(h->plan->agent_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || ssh_set_agent_socket(h->ssh, fd) != SSH_OK)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_AGENT, "the agent's descriptor cannot be used; pass it again");
	return 0;
}

int
auth(struct hop *h, int64_t deadline)
{
	char name[64] = "";
	ssh_key key = NULL;
	int ret;

	if (h->plan->key != NULL) {
		key = read_key(h);
		if (key == NULL)
			return h->tunnel->err.code;
		key_name(key, name);
	} else if ((ret = use_agent(h, deadline)) != 0) {
		return ret;
	}
	ret = ask(h, key, name, deadline);
	ssh_key_free(key);
	return ret;
}
