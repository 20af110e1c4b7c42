/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel role: holds the SSH keys, turns the tunnel's loop, tells the recorder what its hops come to. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/transcript/limit.h"
#include "twokey/tunnel/command.h"
#include "twokey/tunnel/tunnel.h"

#include "asked.h"
#include "credential.h"
#include "packet.h"
#include "role.h"
#include "via.h"

enum { AGENT_WITHIN_MS = 5000, KNOWN_HOSTS_MAX = 4 * 1024 * 1024, COMMAND_WORDS_MAX = 32,
	REFUSED_TOLD = 16 };

struct tunnelrole {
	struct tunnel_hop hops[TUNNEL_HOPS_MAX];
	struct tunnel_plan plan;
	struct buf known[TUNNEL_HOPS_MAX];
	const char *session;
	unsigned refused;		/* connections of other logins */
};

static void
tell(json_t *head, const char *why)
{
	struct packet_body b;
	struct buf out;

	packet_text_body(&b, "why", why, strlen(why));
	buf_init(&out, TRANSCRIPT_BODY_MAX);
	packet_put(&out, head, &b, why[0] != '\0' ? 1 : 0);
	(void)io_write_all(TUNNEL_FD_RECORDER, buf_data(&out), buf_len(&out), NULL);
	buf_fini(&out);
	packet_bodies_free(&b, 1);
	json_decref(head);
}

/* Any login of this host may connect to a port again and again: the transcript is not its to fill. */
static bool
told_enough(struct tunnelrole *r, const struct tunnel_state *s)
{
	if (s->phase != TUNNEL_REFUSED || s->fault != TUNNEL_FAULT_UID)
		return false;
	return r->refused++ >= REFUSED_TOLD;
}

/* Every change of a hop is an event; that it is still alive is none. */
static void
on_state(void *ctx, const struct tunnel_state *s)
{
	struct tunnelrole *r = ctx;
	char why[sizeof s->err.text + 40];
	json_t *ev;

	if (s->phase == TUNNEL_ALIVE || s->phase == TUNNEL_RESOLVING || s->phase == TUNNEL_CONNECTING || told_enough(r, s))
		return;
	snprintf(why, sizeof why, "%s%s", s->fault != TUNNEL_FAULT_NONE ? s->err.text : "",
	    r->refused == REFUSED_TOLD && s->phase == TUNNEL_REFUSED ? "; no more of them are recorded" : "");
	ev = json_pack("{s:s, s:I, s:s, s:s}", "ev", "tunnel", "hop", (json_int_t)s->hop + 1, "name", s->name,
	    "state", tunnel_phase_name(s->phase));
	must(ev != NULL);
	if (s->ms >= 0)
		json_object_set_new(ev, "took", json_real(s->ms));
	if (s->fingerprint[0] != '\0') {
		json_object_set_new(ev, "key", json_string(s->fingerprint));
		json_object_set_new(ev, "type", json_string(s->key_type));
	}
	if (s->phase == TUNNEL_CLOSED || s->phase == TUNNEL_LOST) {
		json_object_set_new(ev, "bytes_in", json_integer((json_int_t)s->in));
		json_object_set_new(ev, "bytes_out", json_integer((json_int_t)s->out));
	}
	if (s->fault != TUNNEL_FAULT_NONE)
		json_object_set_new(ev, "code", json_string(tunnel_fault_name(s->fault)));
	tell(json_pack("{s:o}", "event", ev), why);
}

/* One line of the recorder: that the session has begun, or what a person gave, sealed. NULL when the session ends
 * before, or when nobody is there (a tunnel for recovery). */
static json_t *
wait_recorder(void)
{
	struct pollfd p[2] = { { .fd = TUNNEL_FD_RECORDER, .events = POLLIN }, { .fd = ROLE_FD_MONITOR } };
	struct buf in;
	const char *line;
	json_t *v = NULL;
	size_t n;

	buf_init(&in, 64 * 1024);
	while (v == NULL && poll(p, 2, -1) > 0 && p[1].revents == 0 && io_fill(TUNNEL_FD_RECORDER, &in) == IO_GOT_DATA)
		if (io_line(&in, &line, &n))
			v = json_line_parse(line, n, NULL);
	buf_fini(&in);
	return v;
}

/* A person gives it: sealed at his console for the key pair made here, which is gone after this. */
static int
ask_passphrase(const struct tunnelrole *r, struct tunnel_hop *h, const char *person, struct err *e)
{
	struct secret *passphrase = NULL;
	struct asked a;
	int ret;

	asked_begin(&a);
	tell(json_pack("{s:{s:s, s:s, s:s, s:s, s:s}}", "event", "ev", "locked", "by", person, "what", "passphrase",
	    "of_what", h->name, "box", a.box), "");
	ret = asked_open(&a, r->session, wait_recorder(), "passphrase", &passphrase, e);
	h->passphrase = passphrase;
	return ret;
}

static int
read_hop(struct tunnelrole *r, size_t i, const json_t *v, struct err *e)
{
	struct tunnel_hop *h = &r->hops[i];
	const char *key = json_str(v, "key", NULL), *known = json_str(v, "known_hosts", NULL);
	const char *passphrase = json_str(v, "passphrase_file", NULL), *person = json_str(v, "passphrase_from", NULL);
	struct secret *secret = NULL;

	*h = (struct tunnel_hop){ .name = json_str(v, "name", NULL), .host = json_str(v, "host", NULL),
	    .port = (uint16_t)json_int(v, "port", 22), .user = json_str(v, "user", NULL), .agent_fd = -1,
	    .host_key = json_str(v, "host_key", NULL) };
	if (key != NULL && credential_read_key(key, &secret, e) != 0)
		return e->code;
	h->key = secret;
	if (passphrase != NULL && (h->passphrase = secret_read(passphrase, e)) == NULL)
		return e->code;
	if (person != NULL && ask_passphrase(r, h, person, e) != 0)
		return e->code;
	buf_init(&r->known[i], KNOWN_HOSTS_MAX);
	if (known != NULL) {
		if (io_read_file(known, KNOWN_HOSTS_MAX - 1, &r->known[i], e) != 0)
			return e->code;
		h->known_hosts = buf_str(&r->known[i]);
	}
	return 0;
}

/* The monitor sends a connection to an agent for each hop that has one: no path to it comes here. */
static int
take_agents(struct tunnelrole *r, const json_t *hops, struct err *e)
{
	size_t missing = 0;
	int64_t until = clock_mono_ms() + AGENT_WITHIN_MS;

	for (size_t i = 0; i < r->plan.nhops; i++)
		missing += json_bool(json_array_get(hops, i), "agent");
	while (missing > 0 && clock_mono_ms() < until) {
		struct pollfd p = { .fd = ROLE_FD_MONITOR, .events = POLLIN };
		struct monitor_msg m;
		int fd, got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		got = monitor_recv(ROLE_FD_MONITOR, &m, &fd, e);
		if (got == ERR_STATE)
			continue;
		if (got != 1 || fd < 0 || m.op != MONITOR_AGENT || m.code >= r->plan.nhops)
			return err_set(e, ERR_CLOSED, "the broker ended before the tunnel began");
		r->hops[m.code].agent_fd = fd;
		missing--;
	}
	return missing == 0 ? 0 : err_set(e, ERR_SYSTEM, "the broker did not hand over the agent's connection");
}

static void
forget_keys(struct tunnelrole *r)
{
	for (size_t i = 0; i < r->plan.nhops; i++) {
		secret_free((struct secret *)(uintptr_t)r->hops[i].key);
		secret_free((struct secret *)(uintptr_t)r->hops[i].passphrase);
		r->hops[i].key = r->hops[i].passphrase = NULL;
		if (r->hops[i].agent_fd >= 0)
			close(r->hops[i].agent_fd);
		r->hops[i].agent_fd = -1;
	}
}

static int
make_plan(struct tunnelrole *r, const json_t *way, struct err *e)
{
	const json_t *hops = json_object_get(way, "hops");

	r->plan = (struct tunnel_plan){ .hops = r->hops, .nhops = json_array_size(hops),
	    .host = json_str(way, "host", NULL), .port = (uint16_t)json_int(way, "port", 0),
	    .socket = json_str(way, "socket", NULL), .keepalive_s = (unsigned)json_int(way, "keepalive", 0),
	    .dead_after_s = (unsigned)json_int(way, "dead_after", 0), .listeners = { TUNNEL_FD_LISTEN },
	    .nlisteners = 1, .uid = (uid_t)json_int(way, "uid", -1), .control_fd = ROLE_FD_MONITOR,
	    .watch = { r, on_state } };
	if (r->plan.nhops == 0 || r->plan.nhops > TUNNEL_HOPS_MAX)
		return err_set(e, ERR_CONFIG, "the target has no hops, or more than %d", TUNNEL_HOPS_MAX);
	for (size_t i = 0; i < r->plan.nhops; i++)
		if (read_hop(r, i, json_array_get(hops, i), e) != 0)
			return e->code;
	return take_agents(r, hops, e);
}

/* For the customer's allow-list: the addresses that the last hop's sshd sees, where it runs a command for us. The
 * sentence goes out as the why of its hop. */
static void
tell_addresses(const struct tunnelrole *r)
{
	struct tunnel_report report = { .nhops = 0 };
	struct tunnel_plan plan = r->plan;
	char line[300], client[64] = "", server[64] = "";

	plan.nlisteners = 0;
	plan.watch.state = NULL;	/* the walk is told by the tunnel that follows, unless this one fails */
	(void)tunnel_check(&plan, &report, NULL);	/* what fails is told when it fails again */
	if (sscanf(report.ssh_connection, "%63s %*s %63s", client, server) == 2)
		snprintf(line, sizeof line, "%s sees us come from %s and is reached at %s; the database sees that server's address "
		    "on the way to it", r->hops[plan.nhops - 1].name, client, server);
	else
		snprintf(line, sizeof line, "%s does not run a command for us, so the address that the database sees is not known "
		    "before it answers", r->hops[plan.nhops - 1].name);
	if (report.nhops == plan.nhops)
		tell(json_pack("{s:{s:s, s:I, s:s, s:s}}", "event", "ev", "tunnel", "hop", (json_int_t)plan.nhops, "name",
		    r->hops[plan.nhops - 1].name, "state", "addresses"), line);
}

static int
run_hops(struct tunnelrole *r, const json_t *way, struct err *e)
{
	struct tunnel *t = NULL;
	int ret = make_plan(r, way, e);

	if (ret == 0 && json_str(way, "via", NULL) != NULL)
		ret = via_check(json_str(way, "via", NULL), r->hops[0].host, r->hops[0].port, e);
	if (ret == 0 && json_bool(way, "check"))
		tell_addresses(r);
	if (ret == 0)
		ret = tunnel_open(&r->plan, &t, e);
	forget_keys(r);
	if (ret == 0)
		ret = tunnel_run(t, e);
	tunnel_close(t);
	for (size_t i = 0; i < r->plan.nhops; i++)
		buf_fini(&r->known[i]);
	return ret;
}

static int
run_command(struct tunnelrole *r, const json_t *way, const json_t *words, struct err *e)
{
	const char *argv[COMMAND_WORDS_MAX + 1] = { NULL };
	struct command_plan p = { .argv = (char *const *)(uintptr_t)argv, .listeners = { TUNNEL_FD_LISTEN }, .nlisteners = 1,
		.uid = (uid_t)json_int(way, "uid", -1), .control_fd = ROLE_FD_MONITOR, .watch = { r, on_state } };

	if (json_array_size(words) == 0 || json_array_size(words) > COMMAND_WORDS_MAX)
		return err_set(e, ERR_CONFIG, "the target's command is empty or too long");
	for (size_t i = 0; i < json_array_size(words); i++)
		argv[i] = json_string_value(json_array_get(words, i));
	return command_run(&p, e);
}

int
tunnelrole_main(json_t *init)
{
	const json_t *way = json_object_get(init, "way"), *words = json_object_get(way, "command");
	static struct tunnelrole r;
	struct err e;
	int ret;

	r.session = json_str(init, "session", NULL);
	json_decref(wait_recorder());	/* the transcript has begun */
	ret = words != NULL ? run_command(&r, way, words, &e) : run_hops(&r, way, &e);
	if (ret != 0 && ret != ERR_CANCELLED)
		tell(json_pack("{s:s}", "down", err_name(ret)), e.text);
	json_decref(init);
	return ret == 0 ? 0 : 1;
}
