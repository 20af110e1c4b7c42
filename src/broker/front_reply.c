/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdint.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "front.h"

static void
send_object(struct visitor *v, json_t *o)
{
	struct buf out;

	buf_init(&out, 4 * 1024 * 1024);
	json_put(&out, o);
	buf_putc(&out, '\n');
	json_decref(o);
	channel_send(v->channel, buf_data(&out), buf_len(&out));
	buf_fini(&out);
	if (channel_backlog(v->channel) > 0)
		channel_hold(v->channel, true);	/* heard again when it has read its answers */
}

void
front_answer(struct visitor *v, const char *re, const json_t *id, bool ok, json_t *fields)
{
	json_t *o = json_pack("{s:s}", "re", re);

	if (id != NULL)
		json_object_set(o, "id", (json_t *)(uintptr_t)id);
	json_object_set_new(o, "ok", json_boolean(ok));
	if (fields != NULL)
		json_object_update(o, fields);
	json_decref(fields);
	send_object(v, o);
}

void
front_refuse(struct visitor *v, const char *re, const json_t *id, int code, const char *why)
{
	front_answer(v, re, id, false, json_pack("{s:s, s:s}", "code", err_name(code), "why", why));
}

void
front_bye(struct visitor *v, const char *code, const char *why)
{
	send_object(v, json_pack("{s:s, s:s, s:s}", "re", "bye", "code", code, "why", why));
	v->closing = true;
}
