/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is signed, from the events alone: the console does not take the broker's word for it. */
#include "config.h"

#include "sign.h"

#include <stdint.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/console/model.h"
#include "twokey/transcript/answer.h"

#include "set_parts.h"

/* The fields of event 1. */
static const json_t *
begin_of(const struct model *m)
{
	const struct model_entry *en = model_entry_of(m, 1);

	return en != NULL && en->n == 1 && en->state == TRANSCRIPT_EVENT_BEGIN ? en->event : NULL;
}

static const json_t *
connected_of(const struct model *m)
{
	for (size_t i = 0; i < model_entries(m); i++)
		if (model_entry(m, i)->kind == MODEL_STATE && model_entry(m, i)->state == TRANSCRIPT_EVENT_CONNECTED)
			return model_entry(m, i)->event;
	return NULL;
}

const json_t *
sign_keys(const struct model *m, const char *person)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(begin_of(m), "people"), i, v) {
		const char *name = json_str(v, "person", NULL);
		const json_t *keys = json_object_get(v, "keys");

		if (name != NULL && strcmp(name, person) == 0 && json_array_size(keys) > 0)
			return keys;
	}
	return NULL;
}

bool
sign_wanted(const struct model *m, const char *person)
{
	const char *wish = json_str(begin_of(m), "signed", NULL);

	return sign_keys(m, person) != NULL || (wish != NULL && strcmp(wish, "no") != 0);
}

static bool
digest_of_field(const json_t *o, const char *key, struct digest *out)
{
	size_t n;
	const char *hex = json_str(o, key, &n);

	return hex != NULL && digest_parse(hex, n, out);
}

static bool
fill_digests(const json_t *begin, const struct model_entry *en, struct transcript_answer *a)
{
	return digest_of_field(begin, "digest", &a->ticket_digest) && digest_of_field(en->event, "digest", &a->statement) &&
	    digest_of_field(model_is_held(en) ? en->hold.event : en->sheet, "bind", &a->bind) &&
	    digest_of_field(en->sheet, "keys", &a->keys);
}

/* What was said to be the bound, else what the sheet counted; of what is held, what it did. */
static bool
fill_rows(const struct model_entry *en, struct transcript_answer *a)
{
	int64_t rows = en->op[0] != '\0' ? en->rows_wanted : en->count;

	a->rows.at_most = strcmp(en->op, "<=") == 0;
	if (model_is_held(en)) {
		rows = en->hold.affected;
		a->rows.at_most = false;
	} else if (model_is_set(en) && !set_total(en, &a->rows.at_most, &rows)) {
		return false;
	}
	a->rows.rows = (uint64_t)rows;
	return rows >= 0;
}

bool
sign_text(const struct model *m, const struct model_entry *en, const char *person, const char *typed, struct buf *out)
{
	const json_t *begin = begin_of(m), *connected = connected_of(m);
	struct transcript_answer a = { .request = en->n, .answer = model_is_held(en) ? "keep" : "allow", .person = person, .typed = typed,
	    .session = json_str(begin, "session", NULL), .ticket = json_str(begin, "ticket", NULL),
	    .target = json_str(begin, "target", NULL), .identity = json_str(connected, "identity", NULL),
	    .database = json_str(connected, "database", NULL), .role = json_str(connected, "role", NULL),
	    .until = en->signing.until, .nonce = en->signing.nonce, .head = { en->signing.n, en->signing.head } };

	if (connected == NULL || en->signing.n == 0 || strcmp(en->signing.by, person) != 0 || !fill_digests(begin, en, &a) ||
	    !fill_rows(en, &a))
		return false;
	transcript_answer_put(out, &a);
	return !buf_over(out);
}
