/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sheet tells of the table and of others: codes and numbers in the event, who they are in a body. */
#include "config.h"

#include "twokey/base/buf.h"
#include "twokey/base/must.h"

#include "dbrole.h"

static void
set(json_t *ev, const char *key, json_t *v)
{
	must(json_object_set_new(ev, key, v) == 0);
}

void
dbrole_sheet_more(json_t *ev, const struct db_sheet *s)
{
	bool seen = s->sight[0] != 'n';

	set(ev, "sight", json_string(s->sight));
	set(ev, "holders", seen ? json_integer(s->holders) : json_null());
	set(ev, "blocking", seen ? json_integer(s->blocking) : json_null());
	set(ev, "table_bytes", s->table_bytes >= 0 ? json_integer(s->table_bytes) : json_null());
	if (s->estimate >= 0 && s->estimate < 1e15)
		set(ev, "estimate", json_integer((json_int_t)(s->estimate + 0.5)));
	set(ev, "rollback", json_string(s->rollback));
}

void
dbrole_locks_body(const struct db_sheet *s, struct packet_body *b)
{
	struct buf out;

	buf_init(&out, TRANSCRIPT_BODY_MAX);
	buf_puts(&out, "{\"k\":\"locks\",\"holders\":");
	buf_put(&out, buf_data(&s->locks), buf_len(&s->locks));
	buf_putc(&out, '}');
	must(!buf_over(&out));
	b->n = buf_len(&out);
	b->p = buf_take(&out);
	buf_fini(&out);
}
