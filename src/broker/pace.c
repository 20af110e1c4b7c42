/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "pace.h"

#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/log.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"

enum { FILE_MAX = 64 * 1024, PATH_ROOM = 4096 };

struct gate_pace_rule
pace_rule(const struct config *c)
{
	return (struct gate_pace_rule){ .most = c->requests_before_break, .break_s = c->break_seconds };
}

json_t *
pace_make(const struct gate_paces *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		must(json_array_append_new(list, json_pack("{s:s, s:I, s:i, s:i, s:i, s:I}", "by", v->v[i].by,
		    "day", (json_int_t)v->v[i].day, "asked", (int)v->v[i].asked, "answered", (int)v->v[i].answered,
		    "run", (int)v->v[i].run, "last", (json_int_t)v->v[i].last_us)) == 0);
	return list;
}

static unsigned
count(const json_t *o, const char *key)
{
	int64_t n = json_int(o, key, 0);

	return n < 0 || n > 1000000 ? 0 : (unsigned)n;
}

void
pace_read(const json_t *list, struct gate_paces *v)
{
	const json_t *o;
	size_t i;

	v->n = 0;
	json_array_foreach(list, i, o) {
		const char *by = json_str(o, "by", NULL);
		struct gate_pace *p = by != NULL ? gate_pace_of(v, by) : NULL;

		if (p == NULL)
			continue;
		p->day = json_int(o, "day", 0);
		p->asked = count(o, "asked");
		p->answered = count(o, "answered");
		p->run = count(o, "run");
		p->last_us = json_int(o, "last", 0);
	}
}

static bool
file_of(const char *store, char path[PATH_ROOM])
{
	/* no ticket's file: those end with .yaml and .state.json */
	return snprintf(path, PATH_ROOM, "%s/pace.json", store) < PATH_ROOM;
}

void
pace_load(const char *store, struct gate_paces *v)
{
	char path[PATH_ROOM];
	struct buf text;
	struct err e;
	json_t *o = NULL;
	int ret;

	v->n = 0;
	if (!file_of(store, path))
		return;
	buf_init(&text, FILE_MAX + 1);
	ret = io_read_file(path, FILE_MAX, &text, &e);
	if (ret == 0)
		o = json_line_parse(buf_data(&text), buf_len(&text), &e);
	if (ret != ERR_NOT_FOUND && o == NULL)
		log_line(LOG_LEVEL_ERROR, "the counts of requests begin anew: %s: %s", path, e.text);
	pace_read(json_object_get(o, "people"), v);
	json_decref(o);
	buf_fini(&text);
}

int
pace_save(const char *store, const struct gate_paces *v, struct err *e)
{
	json_t *o = json_pack("{s:o}", "people", pace_make(v));
	char path[PATH_ROOM];
	struct buf text;
	int ret = 0;

	buf_init(&text, FILE_MAX);
	json_put(&text, o);
	json_decref(o);
	if (!file_of(store, path))
		ret = err_set(e, ERR_CONFIG, "the store's path is too long");
	else if (buf_over(&text))
		ret = err_set(e, ERR_FULL, "%s is full", path);
	else
		ret = io_write_file(path, 0600, buf_data(&text), buf_len(&text), e);
	buf_fini(&text);
	return ret;
}

json_t *
pace_step_make(enum gate_pace_what what, const char *by, int64_t at_us)
{
	return json_pack("{s:s, s:s, s:I}", "pace", gate_pace_what_name(what), "by", by, "at", (json_int_t)at_us);
}

bool
pace_step(const json_t *o, const struct gate_pace_rule *rule, struct gate_paces *v)
{
	const char *name = json_str(o, "pace", NULL), *by = json_str(o, "by", NULL);
	enum gate_pace_what what;
	struct gate_pace *p;

	if (name == NULL || by == NULL || !gate_pace_what_parse(name, &what) || (p = gate_pace_of(v, by)) == NULL)
		return false;
	gate_pace_count(p, rule, what, json_int(o, "at", 0));
	return true;
}
