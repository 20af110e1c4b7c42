/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classes, dangers and engines: the words that every floor above speaks. */
#ifndef TWOKEY_SQL_CLASS_H
#define TWOKEY_SQL_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_class {
#define CLASS(name, text, help) SQL_CLASS_##name,
#include "twokey/sql/class.def"
#undef CLASS
	SQL_CLASSES
};

enum sql_danger {
#define DANGER(name, text, help) SQL_DANGER_##name,
#include "twokey/sql/danger.def"
#undef DANGER
	SQL_DANGERS
};
/* The bit of a danger in a set of dangers (uint64_t). */
#define SQL_DANGER_BIT(danger) (UINT64_C(1) << (danger))

enum sql_engine { SQL_POSTGRES, SQL_MARIADB, SQL_MYSQL, SQL_SQLITE, SQL_ENGINES };

/* Wire names ("read", "no-where", "postgres"); never NULL for a valid value. */
const char *sql_class_name(enum sql_class c);
const char *sql_class_help(enum sql_class c);
const char *sql_danger_name(enum sql_danger d);
const char *sql_danger_help(enum sql_danger d);
const char *sql_engine_name(enum sql_engine e);
/* The value for a wire name; false when there is none (the worst class is left in *c). */
bool	sql_class_parse(const char *name, enum sql_class *c);
bool	sql_danger_parse(const char *name, enum sql_danger *d);
bool	sql_engine_parse(const char *name, enum sql_engine *e);

#endif
