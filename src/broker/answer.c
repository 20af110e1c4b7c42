/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "answer.h"

#include <string.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"
#include "twokey/base/text.h"
#include "twokey/sql/class.h"

json_t *
answer_make(const char *re, const json_t *id, bool ok, json_t *fields)
{
	json_t *o = json_pack("{s:s}", "re", re);

	must(o != NULL);
	if (id != NULL)
		json_object_set(o, "id", (json_t *)(uintptr_t)id);
	json_object_set_new(o, "ok", json_boolean(ok));
	if (fields != NULL)
		json_object_update(o, fields);
	json_decref(fields);
	return o;
}

json_t *
answer_refuse(const char *re, const json_t *id, int code, const char *why)
{
	/* a sentence may quote a file or server; one that is no UTF-8 is replaced by what the code means */
	if (!text_is_utf8(why, strlen(why)))
		why = err_help(code);
	return answer_make(re, id, false, json_pack("{s:s, s:s}", "code", err_name(code), "why", why));
}

json_t *
answer_bye(const char *code, const char *why)
{
	return json_pack("{s:s, s:s, s:s}", "re", "bye", "code", code, "why", why);
}

json_t *
answer_dangers(uint64_t dangers)
{
	json_t *v = json_array();

	for (int i = 0; i < SQL_DANGERS; i++)
		if (dangers & SQL_DANGER_BIT(i))
			json_array_append_new(v, json_string(sql_danger_name((enum sql_danger)i)));
	return v;
}
