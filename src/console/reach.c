/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "reach.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/excess.h"
#include "twokey/console/model.h"

enum { MINUTE_MS = 60000, LAG_WARN_MS = 10000 };

void
reach_count(struct buf *out, int64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n);

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
			buf_putc(out, ' ');
		buf_putc(out, digits[i]);
	}
}

void
reach_bytes(struct buf *out, int64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 1024 && u + 1 < sizeof units / sizeof units[0]; u++)
		v /= 1024;
	buf_putf(out, u == 0 || v >= 10 || v == (double)(int64_t)v ? "%.0f %s" : "%.1f %s", v, units[u]);
}

void
reach_span(struct buf *out, int64_t ms)
{
	if (ms < 1000)
		buf_putf(out, "%" PRId64 " ms", ms);
	else if (ms % MINUTE_MS == 0)
		buf_putf(out, "%" PRId64 " min", ms / MINUTE_MS);
	else if (ms % 1000 == 0 || ms > MINUTE_MS)
		buf_putf(out, "%" PRId64 " s", ms / 1000);
	else
		buf_putf(out, "%.1f s", (double)ms / 1000);
}

void
reach_server(const struct model_header *h, struct buf *out)
{
	static const char *const ends[] = { " (", " on ", "," };
	bool bare = h->version[0] >= '0' && h->version[0] <= '9';
	size_t n = strlen(h->version);

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		const char *end = strstr(h->version, ends[i]);

		if (end != NULL && end > h->version && (size_t)(end - h->version) < n)
			n = (size_t)(end - h->version);
	}
	buf_putf(out, "%s%s%.*s", bare ? h->engine : "", bare ? " " : "", (int)n, h->version);
}

static bool
is_file(const struct model_header *h)
{
	return strcmp(h->engine, "sqlite") == 0;
}

enum screen_look
reach_standing(const struct model_header *h, struct buf *out)
{
	if (h->standing[0] == '\0' || is_file(h))
		return SCREEN_PLAIN;
	if (strcmp(h->standing, "replica") != 0) {
		buf_puts(out, strcmp(h->standing, "primary") == 0 ? "primary" : "primary or replica: not known");
		return strcmp(h->standing, "primary") == 0 ? SCREEN_PLAIN : SCREEN_WARN;
	}
	buf_puts(out, "replica, ");
	if (h->lag_ms < 0) {
		buf_puts(out, "how far behind is not known");
		return SCREEN_WARN;
	}
	reach_span(out, h->lag_ms);
	buf_puts(out, " behind");
	return h->lag_ms >= LAG_WARN_MS ? SCREEN_WARN : SCREEN_PLAIN;
}

enum screen_look
reach_encryption(const struct model_header *h, struct buf *out)
{
	if (h->standing[0] == '\0' || is_file(h))
		return SCREEN_PLAIN;	/* nothing was said about it */
	if (h->encrypted)
		buf_puts(out, "encrypted");
	else if ((h->found | h->shown | h->accepted | h->refused) & UINT64_C(1) << EXCESS_CLEAR_TEXT) {
		buf_puts(out, "NOT ENCRYPTED, leaves this host");
		return SCREEN_BAD;
	} else {
		buf_puts(out, h->nhops > 0 ? "encrypted by the tunnel" : "stays on this host");
	}
	return SCREEN_PLAIN;
}

static void
limit(struct buf *out, const char *word, int64_t n, void (*put)(struct buf *out, int64_t n), const char *unit)
{
	if (n <= 0)
		return;
	if (buf_len(out) > 0)
		buf_puts(out, ", ");
	buf_puts(out, word);
	put(out, n);
	buf_puts(out, unit);
}

void
reach_limits(const struct model_header *h, struct buf *out)
{
	if (!h->connected)
		return;
	limit(out, "statement ", h->limits.statement_ms, reach_span, "");
	limit(out, "lock ", h->limits.lock_ms, reach_span, "");
	limit(out, "", h->limits.rows, reach_count, " rows");
	limit(out, "", h->limits.bytes, reach_bytes, "");
}

enum screen_look
reach_limits_short(const struct model_header *h, struct buf *out)
{
	if (!h->connected)
		return SCREEN_PLAIN;
	limit(out, "", h->limits.statement_ms, reach_span, "");
	limit(out, "lock ", h->limits.lock_ms, reach_span, "");
	limit(out, "", h->limits.rows, reach_count, " rows");
	return SCREEN_PLAIN;
}

void
reach_kinds(uint64_t set, struct buf *out)
{
	const char *comma = "";

	for (int x = 0; x < EXCESSES; x++) {
		if (!(set & UINT64_C(1) << x))
			continue;
		buf_putf(out, "%s%s", comma, excess_name((enum excess)x));
		comma = ", ";
	}
}

static void
kinds(const char *word, uint64_t set, struct buf *out)
{
	if (set == 0)
		return;
	buf_putf(out, "%s%s: ", buf_len(out) > 0 ? "  " : "", word);
	reach_kinds(set, out);
}

enum screen_look
reach_account(const struct model_header *h, struct buf *out)
{
	kinds("refused", h->refused, out);
	kinds("accepted", h->accepted, out);
	kinds("shown", h->shown, out);
	if (h->other_excess)
		buf_puts(out, buf_len(out) > 0 ? "  and kinds of a newer version" : "kinds of a newer version");
	return h->refused != 0 ? SCREEN_BAD : SCREEN_WARN;
}

enum screen_look
reach_hop_look(const struct model_hop *h)
{
	if (strcmp(h->state, "open") == 0)
		return SCREEN_GOOD;
	if (strcmp(h->state, "lost") == 0 || strcmp(h->state, "failed") == 0)
		return SCREEN_BAD;
	return strcmp(h->state, "closed") == 0 ? SCREEN_DIM : SCREEN_WARN;
}

void
reach_hop(const struct model_hop *h, struct buf *out)
{
	buf_puts(out, h->state[0] != '\0' ? h->state : "not said");
	if (h->code[0] != '\0')
		buf_putf(out, " (%s)", h->code);
	else if (h->ms >= 0)
		buf_putf(out, " %.1f ms", h->ms);
}

/* A hop that was spoken of, not the endpoint behind the last one. */
static bool
is_hop(const struct model_hop *h)
{
	return h->name[0] != '\0' && strcmp(h->name, "endpoint") != 0;
}

enum screen_look
reach_tunnel(const struct model_header *h, struct buf *out)
{
	const struct model_hop *worst = NULL;
	double ms = -1;

	for (size_t i = 0; i < h->nhops; i++) {
		const struct model_hop *hop = &h->hops[i];

		if (!is_hop(hop))
			continue;
		ms = hop->ms;	/* of the last hop: a round trip through all of them */
		if (worst == NULL || (reach_hop_look(worst) != SCREEN_BAD && reach_hop_look(hop) != SCREEN_GOOD))
			worst = hop;
	}
	if (worst == NULL)
		return SCREEN_PLAIN;
	buf_puts(out, "tunnel ");
	if (reach_hop_look(worst) == SCREEN_GOOD) {
		buf_puts(out, "open");
		if (ms >= 0)
			buf_putf(out, " %.1f ms", ms);
		return SCREEN_PLAIN;
	}
	buf_putf(out, "%s ", worst->name);
	reach_hop(worst, out);
	return reach_hop_look(worst);
}
