/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may become a body line: checked before it is written, so that every reader can read it. */
#include "config.h"

#include "twokey/transcript/writer.h"

#include <string.h>

#include "transcript/body.h"
#include "transcript/scan.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"
#include "twokey/transcript/limit.h"

/* Members that the writer puts in front, or that stand there already. */
static bool
is_taken(const char *p, size_t n)
{
	/* an escape could spell any of them: no name of ours has one */
	return memchr(p, '\\', n) != NULL || (n == 1 && (*p == 'k' || *p == 's')) || (n == 2 && memcmp(p, "of", 2) == 0);
}

bool
body_kind(const char *json, size_t n, const char **k, size_t *k_len)
{
	struct scan sc = { json, n, 0 };

	return SCAN_LIT(&sc, "{\"k\":\"") && scan_name(&sc, k, k_len) && SCAN_LIT(&sc, "\"");
}

int
transcript_body_check(const char *json, size_t n)
{
	struct scan sc = { json, n, 0 };
	const char *p;
	size_t len;

	if (n > TRANSCRIPT_BODY_MAX || !SCAN_LIT(&sc, "{\"k\":\"") || !scan_name(&sc, &p, &len) || !SCAN_LIT(&sc, "\""))
		return ERR_INVALID;
	while (SCAN_LIT(&sc, ","))
		if (!scan_string(&sc, &p, &len) || is_taken(p, len) || !SCAN_LIT(&sc, ":") || !scan_value(&sc))
			return ERR_INVALID;
	if (!SCAN_LIT(&sc, "}") || sc.at != n || !text_is_utf8(json, n))
		return ERR_INVALID;
	return 0;
}
