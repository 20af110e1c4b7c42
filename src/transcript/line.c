/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/transcript/line.h"

#include <string.h>

#include "transcript/scan.h"
#include "twokey/transcript/limit.h"

/* The name of a member that stands at a fixed place: n t ms prev ev b. */
static bool
is_fixed(const char *p, size_t n)
{
	switch (n) {
	case 1:
		return *p == 'n' || *p == 't' || *p == 'b';
	case 2:
		return memcmp(p, "ms", 2) == 0 || memcmp(p, "ev", 2) == 0;
	case 4:
		return memcmp(p, "prev", 4) == 0;
	default:
		return false;
	}
}

/* "2026-06-08T14:03:12.123456Z" by its form. */
static bool
time_text(struct scan *sc, const char **t)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

	*t = sc->s + sc->at;
	if (sc->n - sc->at < sizeof form - 1)
		return false;
	for (size_t i = 0; i < sizeof form - 1; i++) {
		char c = sc->s[sc->at++];

		if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
			return false;
	}
	return true;
}

/* The members behind "ev", up to the end of the line. */
static bool
fields(struct scan *sc, struct transcript_line *out)
{
	const char *p;
	size_t n;

	while (SCAN_LIT(sc, ",")) {
		if (!scan_string(sc, &p, &n) || !SCAN_LIT(sc, ":"))
			return false;
		if (is_fixed(p, n)) {
			/* b is the last one; transcript_body_next looks into it */
			if (*p != 'b' || n != 1 || sc->n - sc->at < 3 || sc->s[sc->at] != '[' ||
			    memcmp(sc->s + sc->n - 2, "]}", 2) != 0)
				return false;
			out->b = sc->s + sc->at;
			out->b_len = sc->n - 1 - sc->at;
			return true;
		}
		if (!scan_value(sc))
			return false;
	}
	return SCAN_LIT(sc, "}") && sc->at == sc->n;
}

static bool
event(struct scan *sc, struct transcript_line *out)
{
	const char *name;
	uint64_t ms;
	size_t n;

	if (!scan_uint(sc, &out->n) || out->n == 0 || !SCAN_LIT(sc, ",\"t\":\"") || !time_text(sc, &out->t) ||
	    !SCAN_LIT(sc, "\",\"ms\":") || !scan_uint(sc, &ms) || !SCAN_LIT(sc, ",\"prev\":\"") ||
	    !scan_digest(sc, &out->prev) || !SCAN_LIT(sc, "\",\"ev\":\"") || !scan_name(sc, &name, &n) ||
	    !SCAN_LIT(sc, "\"") || !fields(sc, out))
		return false;
	out->ms = (int64_t)ms;
	out->known = transcript_event_parse(name, n, &out->kind);
	return true;
}

/* Only the front: what is behind is bound by the digest of the whole line. */
static bool
body(struct scan *sc, struct transcript_line *out)
{
	struct digest salt;

	return scan_digest(sc, &salt) && SCAN_LIT(sc, "\",\"of\":") && scan_uint(sc, &out->n) && out->n > 0 &&
	    SCAN_LIT(sc, ",\"k\":\"") && scan_name(sc, &out->k, &out->k_len) && SCAN_LIT(sc, "\"") &&
	    sc->at < sc->n && (sc->s[sc->at] == ',' || (sc->s[sc->at] == '}' && sc->at + 1 == sc->n)) &&
	    sc->s[sc->n - 1] == '}';
}

void
transcript_line_scan(const char *line, size_t len, struct transcript_line *out)
{
	struct scan sc = { line, len, 0 };

	*out = (struct transcript_line){ .type = TRANSCRIPT_LINE_BAD };
	if (SCAN_LIT(&sc, "{\"s\":\"")) {
		if (len <= TRANSCRIPT_LINE_MAX && body(&sc, out))
			out->type = TRANSCRIPT_LINE_BODY;
	} else if (SCAN_LIT(&sc, "{\"n\":")) {
		if (len <= TRANSCRIPT_EVENT_MAX && event(&sc, out))
			out->type = TRANSCRIPT_LINE_EVENT;
	}
}

bool
transcript_body_next(const struct transcript_line *event_line, size_t *at,
    struct transcript_body_ref *ref, bool *bad)
{
	struct scan sc = { event_line->b, event_line->b_len, *at };

	*bad = false;
	if (event_line->b == NULL || (*at == sc.n && *at > 0))
		return false;
	*bad = true;
	if (*at > sc.n || (*at == 0 && !SCAN_LIT(&sc, "[")))
		return false;
	if (!SCAN_LIT(&sc, "{\"k\":\"") || !scan_name(&sc, &ref->k, &ref->k_len) ||
	    !SCAN_LIT(&sc, "\",\"sha\":\"") || !scan_digest(&sc, &ref->sha) || !SCAN_LIT(&sc, "\",\"len\":") ||
	    !scan_uint(&sc, &ref->len) || !SCAN_LIT(&sc, "}"))
		return false;
	if (!SCAN_LIT(&sc, ",") && !(SCAN_LIT(&sc, "]") && sc.at == sc.n))
		return false;
	if (sc.at == sc.n && sc.s[sc.n - 1] != ']')
		return false;
	*at = sc.at;
	*bad = false;
	return true;
}
