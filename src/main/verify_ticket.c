/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey reads no configuration language (tests/tools/floors.sh): the broker's own reader of tickets does, as a program. */
#include "config.h"

#include "verify_ticket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/run.h"

#include "programs.h"

enum { WITHIN_MS = 20000, LINE_MAX_OUT = 16384, SAID_MAX = 4096 };

static const char *
word(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL ? s : otherwise;
}

static void
take(const json_t *o, const char *pin, struct ticket_terms *out)
{
	const char *wish = word(o, "signed", "no");

	*out = (struct ticket_terms){ .asks = strcmp(wish, "no") != 0, .hardware = strcmp(wish, "hardware") == 0,
	    .pin = json_bool(o, pin), .two_keys = strcmp(word(o, "quorum", "1"), "1") != 0,
	    .other_host = strcmp(word(o, "answer_from", "anywhere"), "anywhere") != 0 };
	snprintf(out->second, sizeof out->second, "%s", word(o, "second_key", "any"));
}

void
ticket_terms_said(const json_t *begin, struct ticket_terms *out)
{
	take(begin, "pin", out);
}

/* That word of one of the people; "" when he is not named, or more than once. */
static const char *
word_of(const json_t *o, const char *person, const char *key)
{
	const char *is = "", *name;
	unsigned times = 0;
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(o, "people"), i, v) {
		name = json_str(v, "person", NULL);
		if (name == NULL || person == NULL || strcmp(name, person) != 0)
			continue;
		is = word(v, key, "");
		times++;
	}
	return times == 1 ? is : "";
}

const char *
ticket_terms_turns(const json_t *begin, const struct ticket_terms *t, const char *driver, const char *person)
{
	const char *side = word_of(begin, person, "side");

	if (driver == NULL || person == NULL || strcmp(driver, person) == 0 ||
	    strcmp(word_of(begin, driver, "seat"), "driver") != 0 || strcmp(word_of(begin, person, "seat"), "confirmer") != 0)
		return "it takes a driver of the ticket who asks, and another person, a confirmer, who answers";
	if (strcmp(t->second, "any") == 0)
		return NULL;
	if (strcmp(t->second, "other-side") == 0 ? strcmp(side, word_of(begin, driver, "side")) == 0 : strcmp(side, t->second) != 0)
		return "the ticket asks for a person of another side";
	return NULL;
}

/* The line of twokeyd --read-ticket; NULL and *e. */
static json_t *
ask_reader(const char *text, size_t n, struct err *e)
{
	char *self, *twokeyd;
	const char *argv[] = { NULL, "--read-ticket", NULL };
	struct buf out, said;
	struct run r = { .argv = argv, .in = text, .n = n, .out = &out, .err = &said, .within_ms = WITHIN_MS };
	json_t *o = NULL;

	if (programs_find(&self, &twokeyd, e) != 0)
		return NULL;
	argv[0] = twokeyd;
	buf_init(&out, LINE_MAX_OUT);
	buf_init(&said, SAID_MAX);
	if (run_program(&r, e) != 0)
		(void)err_prefix(e, e->code, "the ticket cannot be read (twokeyd --read-ticket)");
	else if (r.status != 0)
		(void)err_set(e, ERR_INVALID, "the ticket cannot be read (twokeyd --read-ticket): %.200s",
		    buf_len(&said) > 0 ? buf_str(&said) : "it says nothing");
	else
		o = json_line_parse(buf_data(&out), strcspn(buf_str(&out), "\n"), e);
	buf_fini(&out);
	buf_fini(&said);
	free(self);
	free(twokeyd);
	return o;
}

/* Both say the same under these keys. */
static int
same_word(const json_t *begin, const char *said, const json_t *ticket, const char *key, const char *otherwise, struct err *e)
{
	const char *a = word(begin, said, otherwise), *b = word(ticket, key, "");

	if (strcmp(a, b) == 0)
		return 0;
	return err_set(e, ERR_BROKEN, "the event says %s: %.80s, and the ticket in it %.80s; the ticket counts", key, a, b);
}

/* Whose seat is whose is in the ticket; the sides are in the broker's configuration. */
static int
same_seats(const json_t *begin, const json_t *ticket, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(begin, "people"), i, v) {
		const char *name = word(v, "person", ""), *seat = word_of(ticket, name, "seat");

		if (seat[0] == '\0' || strcmp(seat, word_of(begin, name, "seat")) != 0)
			return err_set(e, ERR_BROKEN, "the event says another seat for %.80s than the ticket in it", name);
	}
	return 0;
}

static int
compare(const json_t *begin, const json_t *ticket, struct err *e)
{
	if (same_seats(begin, ticket, e) != 0)
		return e->code;
	if (same_word(begin, "ticket", ticket, "id", "", e) != 0 || same_word(begin, "target", ticket, "target", "", e) != 0 ||
	    same_word(begin, "signed", ticket, "signed", "no", e) != 0 ||
	    same_word(begin, "quorum", ticket, "quorum", "1", e) != 0 ||
	    same_word(begin, "answer_from", ticket, "answer_from", "anywhere", e) != 0)
		return e->code;
	if (json_bool(begin, "pin") != json_bool(ticket, "signed_pin"))
		return err_set(e, ERR_BROKEN, "the event says signed_pin: %s, and the ticket in it another thing; the ticket counts",
		    json_bool(begin, "pin") ? "yes" : "no");
	return 0;
}

int
ticket_terms_read(const json_t *begin, const char *text, size_t n, struct ticket_terms *out, struct err *e)
{
	struct digest said, is = digest_of(text, n);
	json_t *ticket;
	const char *hex;
	size_t len;
	int ret;

	ticket_terms_said(begin, out);
	hex = json_str(begin, "digest", &len);
	if (hex == NULL || !digest_parse(hex, len, &said) || !digest_equal(&said, &is))
		return err_set(e, ERR_BROKEN, "the ticket in it is not the one whose digest the event names");
	ticket = ask_reader(text, n, e);
	if (ticket == NULL)
		return e->code;
	take(ticket, "signed_pin", out);
	ret = compare(begin, ticket, e);
	json_decref(ticket);
	return ret;
}
