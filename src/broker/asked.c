/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "asked.h"

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"

void
asked_begin(struct asked *a)
{
	a->pair = sealed_pair_create();
	sealed_public(a->pair, a->box);
}

int
asked_open(struct asked *a, const char *session, json_t *answer, const char *what, struct secret **out, struct err *e)
{
	struct buf context;
	size_t n;
	const char *given = json_str(answer, "secret", &n);
	int ret;

	buf_init(&context, 512);
	sealed_context(&context, session, (uint64_t)json_int(answer, "of", 0), what);
	ret = given == NULL ? err_set(e, ERR_CANCELLED, "the %s was not given", what) :
	    sealed_open(a->pair, buf_data(&context), buf_len(&context), given, n, out, e);
	buf_fini(&context);
	json_decref(answer);
	sealed_pair_free(a->pair);
	return ret;
}
