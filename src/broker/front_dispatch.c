/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of a visitor: form, then hello, then members, then the handler. */
#include "config.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/json.h"

#include "front.h"
#include "members.h"

enum { MALFORMED_MAX = 3 };

struct row {
	const char *name;
	bool after_hello;
	const char *members;
	void (*handler)(struct request *r);
};

static const struct row rows[] = {
#define REQ(name, hello, members, handler) { name, hello, members, handler },
#include "front.def"
#undef REQ
};

static const struct row *
row_of(const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
dispatch(struct request *r)
{
	const struct row *row = row_of(r->name);
	struct err e;

	if (row == NULL) {
		front_refuse(r->v, r->name, r->id, ERR_UNSUPPORTED,
		    "there is no such request here; in a session there are more (doc/protocol.txt)");
		return;
	}
	r->name = row->name;
	if (row->after_hello != (r->v->person != NULL))
		front_refuse(r->v, r->name, r->id, ERR_STATE, row->after_hello ?
		    "say hello first" : "hello was said already");
	else if (r->v->opening[0] != '\0')
		front_refuse(r->v, r->name, r->id, ERR_STATE, "a session is being started for this console; wait");
	else if (members_check(r->o, row->members, &e) != 0)
		front_refuse(r->v, r->name, r->id, e.code, e.text);
	else
		row->handler(r);
}

void
front_dispatch(struct visitor *v, const char *line, size_t n)
{
	struct request r = { .f = v->f, .v = v };
	struct err e;

	r.o = json_line_parse(line, n, &e);
	r.name = r.o != NULL ? json_str(r.o, "do", NULL) : NULL;
	r.id = r.o != NULL ? json_object_get(r.o, "id") : NULL;
	if (r.name == NULL || !members_id_ok(r.id)) {
		if (++v->malformed >= MALFORMED_MAX)
			front_bye(v, "invalid", "three malformed lines in a row");
		else
			front_refuse(v, "?", NULL, ERR_INVALID, r.o == NULL ? e.text :
			    "a request has a member \"do\", and \"id\" is an integer or a short string");
	} else {
		v->malformed = 0;
		dispatch(&r);
	}
	json_decref(r.o);
}
