/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "target check": the very roles of a session, with a reader that prints where the recorder would write. */
#include "config.h"

#include "twokey/broker/broker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/excess.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/ticket/config.h"

#include "monitor.h"
#include "packet.h"
#include "way.h"

enum { CHECK_WITHIN_MS = 120 * 1000, LINE_ROOM = 4 * 1024 * 1024, ENDS_WITHIN_MS = 5000, CAUSE_WITHIN_MS = 1000 };
enum from { FROM_DB, FROM_TUNNEL, FROMS };

struct check {
	struct monitor m;
	struct watched w;
	struct config config;		/* with a run folder of our own */
	char folder[64];
	int control;			/* to db */
	int fd[FROMS];
	struct buf in[FROMS];
	struct packet packet[FROMS];
	bool connected;
	struct err err;
	bool sure;			/* err is not only db's, which sees less than the tunnel */
};

/* What a server said, as one line that a terminal can take (law 9). */
static void
print(const char *label, const char *text)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	text_safe(&b, text, strnlen(text, 4096), TEXT_ONE_LINE);
	printf("  %-12s %s\n", label, buf_str(&b));
	buf_fini(&b);
}

static const char *
word(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : "";
}

static void
print_hop(const json_t *ev, const struct packet *p)
{
	json_t *why = packet_body(p, "why");
	char label[24], line[1024], took[32] = "";

	if (json_object_get(ev, "took") != NULL)
		snprintf(took, sizeof took, ", %.1f ms", json_number_value(json_object_get(ev, "took")));
	snprintf(label, sizeof label, "hop %d", (int)json_int(ev, "hop", 0));
	snprintf(line, sizeof line, "%s: %s%s%s%s%s%s", word(ev, "name"), word(ev, "state"), took,
	    word(ev, "key")[0] != '\0' ? ", " : "", word(ev, "type"), word(ev, "key")[0] != '\0' ? " " : "", word(ev, "key"));
	print(label, line);
	if (why != NULL)
		print("", word(why, "text"));
	json_decref(why);
}

static void
print_findings(const struct packet *p)
{
	json_t *body = packet_body(p, "audit"), *f;
	enum excess kind;
	size_t i;

	json_array_foreach(json_object_get(body, "findings"), i, f) {
		char line[700];
		const char *help = excess_parse(word(f, "what"), &kind) ? excess_help(kind) : "";

		snprintf(line, sizeof line, "%s: %.200s%s%.250s", word(f, "what"), word(f, "object"),
		    word(f, "object")[0] != '\0' && word(f, "detail")[0] != '\0' ? ", " : "", word(f, "detail"));
		print(i == 0 ? "account" : "", line);
		if (word(f, "object")[0] == '\0' && word(f, "detail")[0] == '\0')
			print("", help);
	}
	if (json_array_size(json_object_get(body, "findings")) == 0)
		print("account", "nothing beyond reading");
	json_decref(body);
}

static void
print_connected(const json_t *ev)
{
	const char *source = word(ev, "source");

	print("server", word(ev, "version"));
	print("identity", word(ev, "identity"));
	print("standing", word(ev, "standing"));
	print("database", word(ev, "database"));
	print("login", word(ev, "role"));
	print("encryption", json_bool(ev, "encrypted") ? "TLS" : "none on the connection itself");
	print("seen from", source[0] != '\0' ? source : "no address (a Unix socket)");
}

static void
hear(struct check *c, enum from f, const struct packet *p)
{
	const json_t *ev = json_object_get(p->head, "event");
	const char *name = word(ev, "ev"), *down = json_str(p->head, "down", NULL);

	if (down != NULL) {
		json_t *why = packet_body(p, "why");
		struct buf text;

		buf_init(&text, TRANSCRIPT_BODY_MAX);
		if (why != NULL)
			(void)json_get_bytes(why, "text", &text);	/* a server need not speak UTF-8 */
		if (c->err.code == 0 || f == FROM_TUNNEL)
			err_set(&c->err, err_from_name(down), "%s", buf_str(&text));
		c->sure = f == FROM_TUNNEL;
		buf_fini(&text);
		json_decref(why);
	} else if (strcmp(name, "tunnel") == 0) {
		print_hop(ev, p);
	} else if (strcmp(name, "audit") == 0) {
		print_findings(p);
	} else if (strcmp(name, "connected") == 0) {
		print_connected(ev);
		c->connected = true;
	} else if (strcmp(name, "wanted") == 0 || strcmp(name, "locked") == 0) {
		err_set(&c->err, ERR_UNSUPPORTED, "%s is asked for the %s when a session starts; a check has nobody to ask, so "
		    "it ends here", word(ev, "by"), word(ev, "what"));
		c->sure = true;
	}
}

/* False when that role is gone. */
static bool
read_from(struct check *c, enum from f)
{
	const char *line;
	size_t n;

	if (io_fill(c->fd[f], &c->in[f]) != IO_GOT_DATA)
		return false;
	while (io_line(&c->in[f], &line, &n)) {
		int got = packet_feed(&c->packet[f], line, n, NULL);

		if (got == 1) {
			hear(c, f, &c->packet[f]);
			packet_clear(&c->packet[f]);
		}
		buf_consume(&c->in[f], n + 1);
		if (got < 0)
			return false;
	}
	return true;
}

static void
listen_to_roles(struct check *c)
{
	int64_t until = clock_mono_ms() + CHECK_WITHIN_MS;
	bool open[FROMS] = { true, way_has_tunnel(config_target(&c->config, c->w.target)) };

	while (!c->connected && !c->sure && (open[FROM_DB] || open[FROM_TUNNEL])) {
		struct pollfd p[FROMS];
		int64_t left = until - clock_mono_ms();

		for (int f = 0; f < FROMS; f++)
			p[f] = (struct pollfd){ .fd = open[f] ? c->fd[f] : -1, .events = POLLIN };
		if (c->err.code != 0 && left > CAUSE_WITHIN_MS)
			left = CAUSE_WITHIN_MS;
		if (left <= 0 || poll(p, FROMS, (int)left) == 0) {
			if (c->err.code == 0)
				err_set(&c->err, ERR_UNREACHABLE, "no answer within two minutes");
			return;
		}
		for (int f = 0; f < FROMS; f++)
			if (p[f].revents != 0)
				open[f] = read_from(c, (enum from)f);
	}
	if (!c->connected && c->err.code == 0)
		err_set(&c->err, ERR_CLOSED, "a role died; see its words above");
}

static int
start(struct check *c, struct err *e)
{
	static const char go[] = "{\"start\":true}\n";
	int control[2], bulk[2], tunnel[2], ret;

	if (io_pair(control, e) != 0 || io_pair(bulk, e) != 0 || io_pair(tunnel, e) != 0)
		return e->code;
	c->control = control[0];
	c->fd[FROM_DB] = bulk[0];
	c->fd[FROM_TUNNEL] = tunnel[0];
	ret = monitor_start_db(&c->m, &c->w, control[1], bulk[1], tunnel[1], e);
	if (ret == 0 && c->w.tunnel.pid != 0)
		ret = io_write_all(tunnel[0], go, sizeof go - 1, e);
	return ret == 0 ? io_write_all(control[0], go, sizeof go - 1, e) : ret;
}

/* Closes everything, waits for the roles, kills what stays. */
static void
finish(struct check *c)
{
	int64_t until = clock_mono_ms() + ENDS_WITHIN_MS;
	pid_t pids[2] = { c->w.db.pid, c->w.tunnel.pid };
	struct timespec t = { 0, 10 * 1000 * 1000 };

	close(c->control);
	if (c->w.db.fd >= 0)
		close(c->w.db.fd);
	monitor_stop_tunnel(&c->w);
	for (int f = 0; f < FROMS; f++) {
		close(c->fd[f]);
		packet_clear(&c->packet[f]);
		buf_fini(&c->in[f]);
	}
	for (int i = 0; i < 2; i++) {
		while (pids[i] > 0 && waitpid(pids[i], NULL, WNOHANG) == 0) {
			if (clock_mono_ms() > until)
				kill(pids[i], SIGKILL);
			nanosleep(&t, NULL);
		}
	}
	way_remove(&c->m, &c->w);
	rmdir(c->folder);
}

int
broker_check_target(const struct broker_options *o, const char *name, struct err *e)
{
	struct check *c = must_zalloc(sizeof *c);
	struct broker_options own = *o;
	int ret = 0;

	c->config = *o->config;
	own.config = &c->config;
	c->m.o = &own;
	c->m.checking = true;
	c->m.listener = c->w.db.fd = c->w.tunnel.fd = c->control = c->fd[FROM_DB] = c->fd[FROM_TUNNEL] = -1;
	snprintf(c->w.session, sizeof c->w.session, "check");
	snprintf(c->w.target, sizeof c->w.target, "%s", name);
	strcpy(c->folder, "/tmp/twokey-check-XXXXXX");
	for (int f = 0; f < FROMS; f++)
		buf_init(&c->in[f], LINE_ROOM);
	log_init("check", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (config_target(o->config, name) == NULL)
		ret = err_set(e, ERR_NOT_FOUND, "there is no target %.64s in the configuration; name one that stands under targets", name);
	else if (mkdtemp(c->folder) == NULL || chmod(c->folder, o->private_mode ? 0700 : 0711) != 0)
		ret = err_sys(e, "making a folder below /tmp");
	c->config.run = c->folder;
	if (ret == 0)
		ret = monitor_users(&c->m, e);
	if (ret == 0)
		ret = start(c, e);
	if (ret == 0) {
		printf("%s\n", name);
		listen_to_roles(c);
		ret = c->err.code;
		if (ret != 0 && e != NULL)
			*e = c->err;
	}
	finish(c);
	free(c);
	return ret;
}
