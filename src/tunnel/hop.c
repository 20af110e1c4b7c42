/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One SSH session over a descriptor: a TCP connection, or a socket pair whose other end is spliced to a channel
 * of the hop before (libssh would run /usr/bin/ssh through a shell for a jump, with keys that we do not check). */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libssh/server.h>

#include "core.h"
#include "twokey/base/clock.h"
#include "twokey/base/io.h"

/* Paths that cannot exist: libssh looks nowhere by itself. */
static const char nowhere[] = "/dev/null/none";

static int
set_options(struct hop *h)
{
	const struct { enum ssh_options_e o; const void *value; } all[] = {
		{ SSH_OPTIONS_PROCESS_CONFIG, &(bool){ false } },
		{ SSH_OPTIONS_HOST, h->plan->host },
		{ SSH_OPTIONS_PORT, &(unsigned){ h->plan->port } },
		{ SSH_OPTIONS_USER, h->plan->user },
		{ SSH_OPTIONS_SSH_DIR, nowhere },
		{ SSH_OPTIONS_KNOWNHOSTS, nowhere },
		{ SSH_OPTIONS_GLOBAL_KNOWNHOSTS, nowhere },
		{ SSH_OPTIONS_COMPRESSION, "no" },
		{ SSH_OPTIONS_GSSAPI_DELEGATE_CREDENTIALS, &(int){ 0 } },
		{ SSH_OPTIONS_FD, &h->fd },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (ssh_options_set(h->ssh, all[i].o, all[i].value) != SSH_OK)
			return tell_fault(h->tunnel, h, TUNNEL_FAULT_PLAN, "the SSH library does not take host %.200s, user %.100s"
			    " (%.100s); check the hop", h->plan->host, h->plan->user, ssh_get_error(h->ssh));
	return hostkey_want(h);
}

static int
exchange_failed(struct hop *h)
{
	char text[200];

	if (h->tunnel->fault != TUNNEL_FAULT_NONE)
		return h->tunnel->err.code;
	tell_safe(ssh_get_error(h->ssh), text, sizeof text);
	return tell_fault(h->tunnel, h, TUNNEL_FAULT_PROTOCOL, "what answers at %.200s port %u does not complete an SSH key exchange"
	    " (%s); check the port, and that the server offers current algorithms", h->plan->host, (unsigned)h->plan->port, text);
}

/* Keys are exchanged; nothing that is ours was sent. */
static int
exchange(struct hop *h, int64_t deadline)
{
	int rc, ret = 0;

	for (;;) {
		rc = ssh_connect(h->ssh);
		(void)io_nonblock(h->fd);	/* libssh makes it blocking when it is connected */
		if (rc == SSH_OK)
			return 0;
		if (rc != SSH_AGAIN)
			return exchange_failed(h);
		if (clock_mono_ms() >= deadline)
			return tell_fault(h->tunnel, h, TUNNEL_FAULT_TIMEOUT, "%.200s port %u accepted the connection and did not"
			    " complete the SSH key exchange within %u s; check that it is an SSH server",
			    h->plan->host, (unsigned)h->plan->port, h->tunnel->plan.open_s);
		ret = loop_turn(h->tunnel, loop_left(deadline));
		if (ret != 0)
			return ret;
	}
}

/* A round trip through the open hop. The reply to a keepalive counts, whatever it says. */
static int
measure(struct hop *h, int64_t deadline)
{
	int64_t start = loop_us();
	uint64_t before = h->wire.in_bytes;
	int ret;

	while (h->wire.in_bytes == before) {
		ssh_send_keepalive(h->ssh);
		if (h->wire.in_bytes != before)
			break;
		if (clock_mono_ms() >= deadline)
			return tell_fault(h->tunnel, h, TUNNEL_FAULT_SILENT, "the server accepted the key and then did not answer;"
			    " try again, or look at its log");
		ret = loop_turn(h->tunnel, loop_left(deadline));
		if (ret != 0)
			return ret;
	}
	h->said.ms = (double)(loop_us() - start) / 1000;
	ssh_send_keepalive(h->ssh);	/* takes the reply */
	return 0;
}

static void
note_banner(struct hop *h)
{
	const char *banner = ssh_get_serverbanner(h->ssh);

	tell_safe(banner != NULL ? banner : "", h->said.banner, sizeof h->said.banner);
}

static int
steps(struct hop *h, int64_t deadline, int64_t start)
{
	int ret = set_options(h);

	if (ret == 0)
		ret = exchange(h, deadline);
	if (ret != 0)
		return ret;
	note_banner(h);
	h->said.ms = (double)(loop_us() - start) / 1000;
	tell(h, TUNNEL_CONNECTED);
	ret = hostkey_check(h);
	if (ret != 0)
		return ret;
	h->said.ms = -1;
	tell(h, TUNNEL_HOST_KEY);
	start = loop_us();
	ret = auth(h, deadline);
	if (ret != 0)
		return ret;
	h->said.ms = (double)(loop_us() - start) / 1000;
	tell(h, TUNNEL_AUTHENTICATED);
	if (ssh_event_add_session(h->event, h->ssh) != SSH_OK)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_SYSTEM, "the SSH library gives no event for the session");
	ret = measure(h, deadline);
	if (ret != 0)
		return ret;
	h->open = true;
	h->heard_ms = clock_mono_ms();
	tell(h, TUNNEL_OPEN);
	return 0;
}

/* A server asks its client for nothing that we do; libssh would collect its requests. Not 0: refused. */
static int
refuse_request(ssh_session ssh, ssh_message message, void *ctx)
{
	(void)ssh, (void)message, (void)ctx;
	return 1;
}

int
hop_open(struct hop *h, int fd, int64_t deadline)
{
	int64_t start = loop_us();
	struct stat st;

	h->ssh = ssh_new();
	h->event = ssh_event_new();
	h->fd = fd;
	if (fstat(fd, &st) == 0) {
		h->device = st.st_dev;
		h->inode = st.st_ino;
	}
	if (h->ssh == NULL || h->event == NULL)
		return tell_fault(h->tunnel, h, TUNNEL_FAULT_SYSTEM, "the SSH library gives no session");
	ssh_set_blocking(h->ssh, 0);
	ssh_set_message_callback(h->ssh, refuse_request, NULL);
	ssh_set_counters(h->ssh, &h->wire, NULL);
	return steps(h, deadline, start);
}

/* libssh closes a descriptor that it was given, but not after every error: close it if it is still the same. */
static void
close_left(struct hop *h)
{
	struct stat st;

	if (h->fd >= 0 && fstat(h->fd, &st) == 0 && st.st_dev == h->device && st.st_ino == h->inode)
		close(h->fd);
}

void
hop_close(struct hop *h)
{
	if (h->event != NULL) {
		if (h->ssh != NULL)
			ssh_event_remove_session(h->event, h->ssh);
		ssh_event_free(h->event);
	}
	if (h->ssh != NULL) {
		ssh_disconnect(h->ssh);
		ssh_free(h->ssh);
	}
	close_left(h);
	h->event = NULL;
	h->ssh = NULL;
	h->fd = -1;
	h->open = false;
}
