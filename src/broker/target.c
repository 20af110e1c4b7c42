/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "target.h"

#include <stdint.h>
#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/secret.h"
#include "twokey/ticket/config.h"

static void
set(json_t *v, const char *key, const char *s)
{
	if (s != NULL)
		must(json_object_set_new(v, key, json_string(s)) == 0);
}

json_t *
target_make(const struct config_target *t, struct err *e)
{
	struct secret *password = NULL;
	json_t *v;

	if (t->password_file != NULL && (password = secret_read(t->password_file, e)) == NULL)
		return NULL;
	v = json_pack("{s:s, s:i, s:i, s:i, s:i}", "engine", t->engine, "port", (int)t->port,
	    "tls", (int)t->tls, "statement_timeout_ms", (int)t->statement_timeout_s * 1000,
	    "lock_timeout_ms", (int)t->lock_timeout_s * 1000);
	set(v, "file", t->file);
	set(v, "host", t->host);
	set(v, "socket", t->socket);
	set(v, "database", t->database);
	set(v, "user", t->user);
	set(v, "ca", t->ca);
	if (password != NULL)
		must(json_object_set_new(v, "password",
		    json_stringn_nocheck(secret_reveal(password), secret_len(password))) == 0);
	secret_free(password);
	return v;
}

int
target_read(json_t *v, struct db_target *t, struct secret **password)
{
	const char *engine = json_str(v, "engine", NULL), *secret;
	size_t n;

	*t = (struct db_target){ .file = json_str(v, "file", NULL), .host = json_str(v, "host", NULL),
	    .socket = json_str(v, "socket", NULL), .port = (uint16_t)json_int(v, "port", 0),
	    .database = json_str(v, "database", NULL), .user = json_str(v, "user", NULL),
	    .ca = json_str(v, "ca", NULL), .tls = (enum db_tls)json_int(v, "tls", DB_TLS_VERIFY_FULL),
	    .statement_timeout_ms = (unsigned)json_int(v, "statement_timeout_ms", 30000),
	    .lock_timeout_ms = (unsigned)json_int(v, "lock_timeout_ms", 2000) };
	if (engine == NULL || !sql_engine_parse(engine, &t->engine))
		return ERR_INVALID;
	secret = json_str(v, "password", &n);
	if (secret != NULL) {
		*password = secret_create(secret, n);
		secret_wipe((void *)(uintptr_t)secret, n);
		json_object_del(v, "password");
	}
	return 0;
}
