/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "slice.h"

#include <string.h>

#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/sshkey.h"
#include "twokey/ticket/config.h"

static json_t *
strings_make(char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		must(json_array_append_new(list, json_string(v[i])) == 0);
	return list;
}

static char **
strings_read(const json_t *list, size_t *n)
{
	char **v;

	*n = json_array_size(list);
	v = must_zalloc((*n + 1) * sizeof *v);
	for (size_t i = 0; i < *n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		v[i] = must_strdup(s != NULL ? s : "");
	}
	return v;
}

/* A role needs to know which keys there are, not the keys: "TYPE FINGERPRINT". */
static json_t *
keys_make(const struct config_person *p)
{
	json_t *list = json_array();
	struct sshkey key;

	for (size_t i = 0; i < p->nkeys; i++)
		if (sshkey_parse(p->keys[i], strlen(p->keys[i]), &key))
			must(json_array_append_new(list, json_sprintf("%s %s", key.type, key.fingerprint)) == 0);
	return list;
}

static json_t *
person_make(const struct config_person *p)
{
	return json_pack("{s:s, s:s, s:o, s:i, s:b, s:o}", "name", p->name, "side", ticket_side_name(p->side),
	    "logins", strings_make(p->logins, p->nlogins), "seats", (int)p->seats, "json", (int)p->may_answer_json,
	    "keys", keys_make(p));
}

json_t *
slice_make(const struct config *c)
{
	json_t *people = json_array(), *targets = json_array();

	for (size_t i = 0; i < c->npeople; i++)
		must(json_array_append_new(people, person_make(&c->people[i])) == 0);
	for (size_t i = 0; i < c->ntargets; i++)
		must(json_array_append_new(targets, json_pack("{s:s, s:s, s:s}",
		    "name", c->targets[i].name, "engine", c->targets[i].engine,
		    "stage", ticket_stage_name(c->targets[i].stage))) == 0);
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "store", c->store,
	    "request_seconds", (int)c->request_seconds, "set_seconds", (int)c->set_seconds, "away_seconds", (int)c->away_seconds,
	    "requests_before_break", (int)c->requests_before_break, "break_seconds", (int)c->break_seconds,
	    "people", people, "targets", targets,
	    "account_names", strings_make(c->account_names, c->naccount_names));
}

static bool
person_read(const json_t *v, struct config_person *p)
{
	const char *name = json_str(v, "name", NULL), *side = json_str(v, "side", NULL);

	if (name == NULL || side == NULL || !ticket_side_parse(side, &p->side))
		return false;
	p->name = must_strdup(name);
	p->seats = (unsigned)json_int(v, "seats", 0);
	p->may_answer_json = json_bool(v, "json");
	p->logins = strings_read(json_object_get(v, "logins"), &p->nlogins);
	p->keys = strings_read(json_object_get(v, "keys"), &p->nkeys);
	return true;
}

static bool
target_read(const json_t *v, struct config_target *t)
{
	const char *name = json_str(v, "name", NULL), *engine = json_str(v, "engine", NULL);
	const char *stage = json_str(v, "stage", NULL);

	if (name == NULL || engine == NULL || stage == NULL || !ticket_stage_parse(stage, &t->stage))
		return false;
	t->name = must_strdup(name);
	t->engine = must_strdup(engine);
	return true;
}

struct config *
slice_read(const json_t *v)
{
	const json_t *people = json_object_get(v, "people"), *targets = json_object_get(v, "targets");
	const char *store = json_str(v, "store", NULL);
	struct config *c = must_zalloc(sizeof *c);

	c->store = must_strdup(store != NULL ? store : "");
	c->request_seconds = (unsigned)json_int(v, "request_seconds", 300);
	c->set_seconds = (unsigned)json_int(v, "set_seconds", 900);
	c->away_seconds = (unsigned)json_int(v, "away_seconds", 120);
	c->requests_before_break = (unsigned)json_int(v, "requests_before_break", 20);
	c->break_seconds = (unsigned)json_int(v, "break_seconds", 900);
	c->account_names = strings_read(json_object_get(v, "account_names"), &c->naccount_names);
	c->people = must_zalloc((json_array_size(people) + 1) * sizeof *c->people);
	c->targets = must_zalloc((json_array_size(targets) + 1) * sizeof *c->targets);
	for (size_t i = 0; i < json_array_size(people); i++)
		if (!person_read(json_array_get(people, i), &c->people[c->npeople++]))
			goto bad;
	for (size_t i = 0; i < json_array_size(targets); i++)
		if (!target_read(json_array_get(targets, i), &c->targets[c->ntargets++]))
			goto bad;
	return c;
bad:
	config_free(c);
	return NULL;
}
