/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "way.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"

#include "monitor.h"

enum { USER_DB = 2, BACKLOG = 64 };
/* libpq takes a folder and makes the name by itself; the others take the socket. */
static const char socket_name[] = ".s.PGSQL.5432";

bool
way_has_tunnel(const struct config_target *t)
{
	return t->nhops > 0 || t->ncommand > 0;
}

static bool
folder_of(const struct monitor *m, const struct watched *w, char *out, size_t size)
{
	return snprintf(out, size, "%s/%s.way", m->o->config->run, w->session) < (int)size;
}

static int
own_by_db(const struct monitor *m, const char *path, mode_t mode, struct err *e)
{
	if (chmod(path, mode) != 0 ||
	    (!m->o->private_mode && chown(path, m->uids[USER_DB], m->gids[USER_DB]) != 0))
		return err_sys(e, "giving %s to the database role", path);
	return 0;
}

static int
listen_unix(const struct monitor *m, const struct watched *w, const struct config_target *t, json_t *target,
    struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char folder[sizeof a.sun_path];
	int fd;

	if (!folder_of(m, w, folder, sizeof folder) ||
	    snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", folder, socket_name) >= (int)sizeof a.sun_path) {
		err_set(e, ERR_CONFIG, "run: the path is too long for a socket below it; choose a shorter one");
		return -1;
	}
	if (mkdir(folder, 0700) != 0) {
		err_sys(e, "making the folder %s", folder);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0) {
		err_sys(e, "listening on %s", a.sun_path);
	} else if (own_by_db(m, a.sun_path, 0600, e) == 0 && own_by_db(m, folder, 0700, e) == 0) {
		bool postgres = strcmp(t->engine, "postgres") == 0;

		json_object_del(target, "host");
		json_object_set_new(target, "socket", json_string(postgres ? folder : a.sun_path));
		json_object_set_new(target, "port", json_integer(5432));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
listen_tcp(json_t *target, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
		err_sys(e, "listening on 127.0.0.1");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	json_object_set_new(target, "hostaddr", json_string("127.0.0.1"));
	json_object_set_new(target, "port", json_integer(ntohs(a.sin_port)));
	return fd;
}

int
way_listen(const struct monitor *m, const struct watched *w, const struct config_target *t, json_t *target,
    struct err *e)
{
	/* over a Unix socket libpq leaves TLS out without a word, and Connector/C cannot check a name */
	return t->tls == CONFIG_TLS_OFF ? listen_unix(m, w, t, target, e) : listen_tcp(target, e);
}

static void
set(json_t *v, const char *key, const char *s)
{
	if (s != NULL)
		must(json_object_set_new(v, key, json_string(s)) == 0);
}

static json_t *
hop_make(const struct config_hop *h)
{
	json_t *v = json_pack("{s:s, s:s, s:i, s:s, s:b}", "name", h->name, "host", h->host, "port", (int)h->port,
	    "user", h->user, "agent", h->agent != NULL);

	must(v != NULL);
	set(v, "key", h->key);
	set(v, "passphrase_file", h->passphrase_file);
	set(v, "passphrase_from", h->passphrase_from);
	set(v, "host_key", h->host_key);
	set(v, "known_hosts", h->known_hosts);
	return v;
}

json_t *
way_init(const struct monitor *m, const struct watched *w, const struct config_target *t)
{
	json_t *hops = json_array(), *command = json_array(), *way;

	for (size_t i = 0; i < t->nhops; i++)
		must(json_array_append_new(hops, hop_make(&t->hops[i])) == 0);
	way = json_pack("{s:o, s:b, s:i, s:i, s:i, s:I}", "hops", hops, "check", (int)m->checking, "port", (int)t->port,
	    "keepalive", (int)t->keepalive_s, "dead_after", (int)t->dead_after_s,
	    "uid", (json_int_t)(m->o->private_mode ? getuid() : m->uids[USER_DB]));
	must(way != NULL);
	for (size_t i = 0; i < t->ncommand; i++)
		must(json_array_append_new(command, json_string(t->command[i])) == 0);
	if (t->ncommand > 0)
		must(json_object_set(way, "command", command) == 0);
	json_decref(command);
	set(way, "via", t->via);
	set(way, t->socket != NULL ? "socket" : "host", t->socket != NULL ? t->socket : t->host);
	return json_pack("{s:s, s:o}", "session", w->session, "way", way);
}

static int
connect_agent(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof a.sun_path) {
		err_set(e, ERR_CONFIG, "the agent's path is too long: %s", path);
	} else {
		strcpy(a.sun_path, path);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
			return fd;
		err_sys(e, "connecting to the agent %s", path);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int
way_send_agents(const struct watched *w, const struct config_target *t, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < t->nhops && ret == 0; i++) {
		struct monitor_msg msg = { .op = MONITOR_AGENT, .code = (uint32_t)i };
		int fd;

		if (t->hops[i].agent == NULL)
			continue;
		fd = connect_agent(t->hops[i].agent, e);
		if (fd < 0)
			return e->code;
		ret = monitor_send(w->tunnel.fd, &msg, fd, e);
		close(fd);
	}
	return ret;
}

void
way_remove(const struct monitor *m, const struct watched *w)
{
	char folder[4096], path[4200];

	if (!folder_of(m, w, folder, sizeof folder))
		return;
	snprintf(path, sizeof path, "%s/%s", folder, socket_name);
	(void)unlink(path);
	(void)rmdir(folder);
}

void
way_remove_all(const struct monitor *m)
{
	static const char suffix[] = ".way";
	DIR *d = opendir(m->o->config->run);
	const struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL) {
		struct watched w = { .used = false };
		size_t n = strlen(de->d_name), tail = sizeof suffix - 1;

		if (n <= tail || n - tail >= sizeof w.session || strcmp(de->d_name + n - tail, suffix) != 0)
			continue;
		memcpy(w.session, de->d_name, n - tail);
		way_remove(m, &w);
	}
	if (d != NULL)
		closedir(d);
}
