/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "twokey/sql/derive.h"

#include "twokey/base/buf.h"
#include "twokey/base/err.h"

int
sql_derive(const struct sql_settings *set, const char *sql, size_t n,
    const struct sql_derive_want *want, struct buf *out, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "nothing can be derived yet");
}
