/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "target.h"

#include <stdio.h>

#include <stdint.h>
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/ticket/config.h"

static void
set(json_t *v, const char *key, const char *s)
{
	if (s != NULL)
		must(json_object_set_new(v, key, json_string(s)) == 0);
}

/* The same from session to session, unlike the place where db meets its tunnel. */
static void
set_endpoint(json_t *v, const struct config_target *t)
{
	const char *last = t->nhops > 0 ? t->hops[t->nhops - 1].host : t->ncommand > 0 ? t->name : "";
	char text[700];

	snprintf(text, sizeof text, "%.250s%s%.250s:%u", last, last[0] != '\0' ? ">" : "",
	    t->socket != NULL ? t->socket : t->host != NULL ? t->host : "", (unsigned)t->port);
	set(v, "endpoint", text);
}

json_t *
target_make(const struct config_target *t)
{
	json_t *v = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "engine", t->engine, "port", (int)t->port,
	    "tls", (int)t->tls, "statement_timeout_ms", (int)t->statement_timeout_s * 1000,
	    "lock_timeout_ms", (int)t->lock_timeout_s * 1000, "hold_ms", (int)t->hold_s * 1000);
	/* behind a tunnel or on this host nobody else reads along */
	must(json_object_set_new(v, "clear_text", json_boolean(t->tls != CONFIG_TLS_VERIFY_FULL && t->host != NULL &&
	    t->nhops == 0 && t->ncommand == 0 && !config_host_is_local(t->host))) == 0);
	set(v, "file", t->file);
	set(v, "host", t->host);
	set(v, "socket", t->socket);
	set(v, "database", t->database);
	set(v, "user", t->user);
	set(v, "ca", t->ca);
	set(v, "name", t->name);
	set_endpoint(v, t);
	set(v, "password_from", t->password_from);
	set(v, "tls_fingerprint", t->tls_fingerprint);
	set(v, "via", t->via);
	return v;
}

int
target_read(const json_t *v, struct db_target *t)
{
	const char *engine = json_str(v, "engine", NULL);

	*t = (struct db_target){ .file = json_str(v, "file", NULL), .host = json_str(v, "host", NULL),
	    .endpoint = json_str(v, "endpoint", NULL),
	    .hostaddr = json_str(v, "hostaddr", NULL), .clear_text = json_bool(v, "clear_text"),
	    .socket = json_str(v, "socket", NULL), .port = (uint16_t)json_int(v, "port", 0),
	    .database = json_str(v, "database", NULL), .user = json_str(v, "user", NULL),
	    .ca = json_str(v, "ca", NULL), .tls_fingerprint = json_str(v, "tls_fingerprint", NULL),
	    .tls = (enum db_tls)json_int(v, "tls", DB_TLS_VERIFY_FULL),
	    .statement_timeout_ms = (unsigned)json_int(v, "statement_timeout_ms", 30000),
	    .lock_timeout_ms = (unsigned)json_int(v, "lock_timeout_ms", 2000),
	    .hold_ms = (unsigned)json_int(v, "hold_ms", 60000) };
	return engine != NULL && sql_engine_parse(engine, &t->engine) ? 0 : ERR_INVALID;
}
