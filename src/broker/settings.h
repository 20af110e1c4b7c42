/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a server reads text, from db to session: both classify by the same settings. */
#ifndef TWOKEY_BROKER_SETTINGS_H
#define TWOKEY_BROKER_SETTINGS_H

#include <jansson.h>

#include "twokey/sql/facts.h"

/* What differs from the engine's defaults, and the version; the caller drops it. */
json_t	*settings_make(const struct sql_settings *s);
/* The same back, into all but the engine and the catalogue. */
void	settings_read(const json_t *v, struct sql_settings *s);

#endif
