/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "answer.h"
#include "front.h"

static void
send_object(struct visitor *v, json_t *o)
{
	channel_send_json(v->channel, o, -1);
	if (channel_backlog(v->channel) > 0)
		channel_hold(v->channel, true);	/* heard again when it has read its answers */
}

void
front_answer(struct visitor *v, const char *re, const json_t *id, bool ok, json_t *fields)
{
	send_object(v, answer_make(re, id, ok, fields));
}

void
front_refuse(struct visitor *v, const char *re, const json_t *id, int code, const char *why)
{
	send_object(v, answer_refuse(re, id, code, why));
}

void
front_bye(struct visitor *v, const char *code, const char *why)
{
	send_object(v, answer_bye(code, why));
	v->closing = true;
}
