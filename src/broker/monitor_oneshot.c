/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorder asks for a process that answers once; what keys it gets is looked up here. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"

#include "monitor.h"

static json_t *
strings(char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_string(v[i])) == 0);
	return list;
}

json_t *
monitor_signers(const struct monitor *m)
{
	const struct config *c = m->o->config;
	json_t *list = json_array();

	for (size_t i = 0; i < c->npeople; i++)
		if (c->people[i].nkeys > 0)
			must(json_array_append_new(list, json_string(c->people[i].name)) == 0);
	return list;
}

json_t *
monitor_sides(const struct monitor *m)
{
	const struct config *c = m->o->config;
	json_t *o = json_object();

	for (size_t i = 0; i < c->npeople; i++)
		must(json_object_set_new(o, c->people[i].name, json_string(ticket_side_name(c->people[i].side))) == 0);
	return o;
}

/* NULL when there is nothing to be asked. */
static json_t *
init_of(const struct monitor *m, const struct monitor_msg *msg)
{
	const struct config *c = m->o->config;
	const struct config_person *p = config_person(c, msg->person);

	if (msg->op == MONITOR_SEAL)
		return json_pack("{s:s*, s:o}", "key", c->seal_key, "anchor", strings(c->anchor, c->nanchor));
	if (p == NULL || p->nkeys == 0)
		return NULL;
	return json_pack("{s:s, s:o}", "person", p->name, "keys", strings(p->keys, p->nkeys));
}

static int
start(struct monitor *m, const struct monitor_msg *msg, int *fd, struct err *e)
{
	json_t *init = init_of(m, msg);
	struct child c = { .fd = -1 };
	int pair[2], ret;

	if (init == NULL)
		return err_set(e, ERR_NOT_FOUND, "nobody of that name has a key");
	ret = io_pair(pair, e);
	if (ret == 0) {
		ret = monitor_start(m, msg->op == MONITOR_SEAL ? ROLE_SEAL : ROLE_VERIFY, &pair[1], 1, init, &c, e);
		/* nothing more is said to it: it has its first message, and its death is seen by who asked for it */
		if (c.fd >= 0)
			close(c.fd);
		if (ret != 0)
			close(pair[0]);
	}
	json_decref(init);
	*fd = ret == 0 ? pair[0] : -1;
	return ret;
}

void
monitor_oneshot(struct monitor *m, struct watched *w, const struct monitor_msg *msg)
{
	struct monitor_msg back = { .op = msg->op };
	struct err e;
	int fd = -1;

	if (start(m, msg, &fd, &e) != 0)
		log_line(LOG_LEVEL_ERROR, "%s: %s", w->session, e.text);
	(void)monitor_send(w->recorder.fd, &back, fd, NULL);
	if (fd >= 0)
		close(fd);
}
