/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "settings.h"

#include <stddef.h>

#include "twokey/base/json.h"

static const struct {
	const char *name;
	size_t at;
} flags[] = {
	{ "scs_off", offsetof(struct sql_settings, scs_off) },
	{ "ansi_quotes", offsetof(struct sql_settings, ansi_quotes) },
	{ "no_backslash_escapes", offsetof(struct sql_settings, no_backslash_escapes) },
	{ "ignore_space", offsetof(struct sql_settings, ignore_space) },
	{ "half_letters", offsetof(struct sql_settings, half_letters) },
};
enum { FLAGS = sizeof flags / sizeof flags[0] };

json_t *
settings_make(const struct sql_settings *s)
{
	json_t *v = json_pack("{s:I}", "version", (json_int_t)s->version);

	for (size_t i = 0; i < FLAGS; i++)
		if (*(const bool *)((const char *)s + flags[i].at))
			json_object_set_new(v, flags[i].name, json_true());
	return v;
}

void
settings_read(const json_t *v, struct sql_settings *s)
{
	s->version = (unsigned)json_int(v, "version", 0);
	for (size_t i = 0; i < FLAGS; i++)
		*(bool *)((char *)s + flags[i].at) = json_bool(v, flags[i].name);
}
