/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/ticket/config.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "ticket/config_check.h"
#include "ticket/doc.h"
#include "ticket/schema.h"
#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"

enum { CONFIG_TEXT_MAX = 256 * 1024 };

/* What an absent key means where that depends on another key. */
static void
fill(struct config *c)
{
	for (size_t i = 0; i < c->ntargets; i++) {
		struct config_target *t = &c->targets[i];

		if (t->port == 0)
			t->port = strcmp(t->engine, "mariadb") == 0 || strcmp(t->engine, "mysql") == 0 ? 3306 : 5432;
		for (size_t j = 0; j < t->nhops; j++)
			if (t->hops[j].name == NULL)
				t->hops[j].name = must_strdup(t->hops[j].host);
	}
}

int
config_parse(const char *yaml, size_t n, const char *name, struct config **out, struct err *e)
{
	struct config *c = must_zalloc(sizeof *c);
	struct doc d;
	int ret;

	*out = NULL;
	ret = doc_parse(&d, name, yaml, n, CONFIG_TEXT_MAX, e);
	if (ret == 0)
		ret = schema_read(&d, SCHEMA_config, d.root, c, e);
	if (ret == 0) {
		fill(c);
		ret = config_check(&d, c, e);
	}
	doc_free(&d);
	if (ret != 0) {
		config_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

int
config_read(const char *path, struct config **out, struct err *e)
{
	struct buf text;
	int ret;

	*out = NULL;
	buf_init(&text, CONFIG_TEXT_MAX);
	ret = io_read_file(path, CONFIG_TEXT_MAX, &text, e);
	if (ret == ERR_TOO_LARGE)
		ret = err_set(e, ERR_CONFIG, "%.200s:1: yaml: is larger than %d bytes", path, CONFIG_TEXT_MAX);
	if (ret == 0)
		ret = config_parse(buf_data(&text), buf_len(&text), path, out, e);
	buf_fini(&text);
	return ret;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	schema_free(SCHEMA_config, c);
	free(c);
}

const struct config_person *
config_person(const struct config *c, const char *name)
{
	for (size_t i = 0; name != NULL && i < c->npeople; i++)
		if (strcmp(c->people[i].name, name) == 0)
			return &c->people[i];
	return NULL;
}

const struct config_person *
config_person_of_login(const struct config *c, const char *login)
{
	for (size_t i = 0; login != NULL && i < c->npeople; i++)
		for (size_t j = 0; j < c->people[i].nlogins; j++)
			if (strcmp(c->people[i].logins[j], login) == 0)
				return &c->people[i];
	return NULL;
}

const struct config_target *
config_target(const struct config *c, const char *name)
{
	for (size_t i = 0; name != NULL && i < c->ntargets; i++)
		if (strcmp(c->targets[i].name, name) == 0)
			return &c->targets[i];
	return NULL;
}

bool
config_account_ok(const struct config *c, const char *account)
{
	for (size_t i = 0; i < c->naccount_names; i++)
		if (fnmatch(c->account_names[i], account, 0) == 0)
			return true;
	return c->naccount_names == 0;
}
