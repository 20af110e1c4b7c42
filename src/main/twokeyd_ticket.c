/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokeyd_ticket.h"

#include <stdio.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/ticket/ticket.h"

static json_t *
people_of(const struct ticket *t)
{
	json_t *v = json_array();

	for (size_t i = 0; i < t->npeople; i++)
		json_array_append_new(v, json_pack("{s:s, s:s}", "person", t->people[i].name,
		    "seat", ticket_seat_name(t->people[i].seat)));
	return v;
}

static int
print_line(const struct ticket *t, struct err *e)
{
	char digest[DIGEST_HEX + 1];
	struct buf line;
	json_t *o;
	int ret = 0;

	digest_hex(&t->digest, digest);
	o = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:s, s:s}", "id", t->id, "digest", digest, "target", t->target,
	    "people", people_of(t), "second_key", ticket_second_name(t->second_key), "signed", ticket_signed_name(t->signature),
	    "signed_pin", (int)t->signed_pin, "quorum", ticket_quorum_name(t->quorum),
	    "answer_from", ticket_from_name(t->answer_from));
	buf_init(&line, 16384);
	json_put(&line, o);
	if (printf("%s\n", buf_str(&line)) < 0 || fflush(stdout) != 0)
		ret = err_sys(e, "standard output");
	buf_fini(&line);
	json_decref(o);
	return ret;
}

int
twokeyd_read_ticket(struct err *e)
{
	char text[TICKET_TEXT_MAX + 1];
	size_t n = fread(text, 1, sizeof text, stdin);
	struct ticket *t = NULL;
	int ret;

	if (ferror(stdin))
		return err_sys(e, "standard input");
	if (n > TICKET_TEXT_MAX)
		return err_set(e, ERR_TOO_LARGE, "a ticket has at most %d bytes", TICKET_TEXT_MAX);
	ret = ticket_parse(text, n, "ticket", &t, e);
	if (ret == 0)
		ret = print_line(t, e);
	ticket_free(t);
	return ret;
}
