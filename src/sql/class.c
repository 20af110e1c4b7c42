/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/class.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct word {
	const char *name;
	const char *help;
};

static const struct word classes[] = {
#define CLASS(name, text, help) [SQL_CLASS_##name] = { text, help },
#include "twokey/sql/class.def"
#undef CLASS
};

static const struct word dangers[] = {
#define DANGER(name, text, help) [SQL_DANGER_##name] = { text, help },
#include "twokey/sql/danger.def"
#undef DANGER
};

static const struct word engines[] = {
	[SQL_POSTGRES] = { "postgres", "PostgreSQL" },
	[SQL_MARIADB] = { "mariadb", "MariaDB" },
	[SQL_MYSQL] = { "mysql", "MySQL" },
	[SQL_SQLITE] = { "sqlite", "SQLite" },
};

static const char *
word_name(const struct word *words, size_t n, size_t i)
{
	return i < n ? words[i].name : "unknown";
}

static bool
word_find(const struct word *words, size_t n, const char *name, size_t *found)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].name, name) == 0) {
			*found = i;
			return true;
		}
	return false;
}

const char *
sql_class_name(enum sql_class c)
{
	return word_name(classes, COUNT(classes), (size_t)c);
}

const char *
sql_class_help(enum sql_class c)
{
	return (size_t)c < COUNT(classes) ? classes[c].help : classes[SQL_CLASS_UNKNOWN].help;
}

const char *
sql_danger_name(enum sql_danger d)
{
	return word_name(dangers, COUNT(dangers), (size_t)d);
}

const char *
sql_danger_help(enum sql_danger d)
{
	return (size_t)d < COUNT(dangers) ? dangers[d].help : "";
}

const char *
sql_engine_name(enum sql_engine e)
{
	return word_name(engines, COUNT(engines), (size_t)e);
}

bool
sql_class_parse(const char *name, enum sql_class *c)
{
	size_t i;

	*c = SQL_CLASS_UNKNOWN;
	if (!word_find(classes, COUNT(classes), name, &i))
		return false;
	*c = (enum sql_class)i;
	return true;
}

bool
sql_danger_parse(const char *name, enum sql_danger *d)
{
	size_t i;

	if (!word_find(dangers, COUNT(dangers), name, &i))
		return false;
	*d = (enum sql_danger)i;
	return true;
}

bool
sql_engine_parse(const char *name, enum sql_engine *e)
{
	size_t i;

	if (!word_find(engines, COUNT(engines), name, &i))
		return false;
	*e = (enum sql_engine)i;
	return true;
}
