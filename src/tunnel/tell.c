/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "twokey/base/text.h"

static const struct {
	const char *name;
	int code;
} faults[] = {
#define FAULT(name, text, code, help) [TUNNEL_FAULT_##name] = { text, ERR_##code },
#include "twokey/tunnel/fault.def"
#undef FAULT
};

static const char *const phases[] = {
#define PHASE(name, text, help) [TUNNEL_##name] = text,
#include "twokey/tunnel/phase.def"
#undef PHASE
};

const char *
tunnel_phase_name(enum tunnel_phase p)
{
	return (unsigned)p < TUNNEL_PHASES ? phases[p] : "bug";
}

const char *
tunnel_fault_name(enum tunnel_fault f)
{
	return (unsigned)f < TUNNEL_FAULTS ? faults[f].name : "bug";
}

int
fault_code(enum tunnel_fault f)
{
	return faults[f].code;
}

void
tell_safe(const char *s, char *out, size_t n)
{
	struct buf b;

	buf_init(&b, 8 * 1024);
	text_safe(&b, s, strnlen(s, 512), TEXT_ONE_LINE);
	snprintf(out, n, "%s", buf_str(&b));
	buf_fini(&b);
}

static void
say(const struct tunnel *t, const struct tunnel_state *s)
{
	if (t->plan.watch.state != NULL)
		t->plan.watch.state(t->plan.watch.ctx, s);
}

void
tell(struct hop *h, enum tunnel_phase phase)
{
	h->said.phase = phase;
	h->said.in = h->wire.in_bytes;
	h->said.out = h->wire.out_bytes;
	h->said.forwards = h->tunnel->nforwards;
	say(h->tunnel, &h->said);
}

static struct tunnel_state
endpoint_state(const struct tunnel *t, enum tunnel_phase phase, enum tunnel_fault fault)
{
	return (struct tunnel_state){ .hop = t->plan.nhops, .name = "endpoint", .phase = phase, .fault = fault, .ms = -1,
		.forwards = t->nforwards };
}

int
tell_fault(struct tunnel *t, struct hop *h, enum tunnel_fault fault, const char *fmt, ...)
{
	enum tunnel_phase phase = h != NULL && h->open ? TUNNEL_LOST : TUNNEL_FAILED;
	struct tunnel_state s = endpoint_state(t, phase, fault);
	va_list ap;
	int n;

	if (t->fault != TUNNEL_FAULT_NONE)
		return t->err.code;
	t->fault = fault;
	t->fault_hop = h != NULL ? h->index : t->plan.nhops;
	t->err = (struct err){ .code = faults[fault].code };
	n = h != NULL ? snprintf(t->err.text, sizeof t->err.text, "hop %.60s: ", h->plan->name) : 0;
	va_start(ap, fmt);
	vsnprintf(t->err.text + n, sizeof t->err.text - (size_t)n, fmt, ap);
	va_end(ap);
	s.err = t->err;
	if (h == NULL) {
		say(t, &s);
		return t->err.code;
	}
	h->said.fault = fault;
	h->said.err = t->err;
	tell(h, phase);
	return t->err.code;
}

void
tell_endpoint(struct tunnel *t, enum tunnel_phase phase, double ms)
{
	struct tunnel_state s = endpoint_state(t, phase, TUNNEL_FAULT_NONE);

	s.ms = ms;
	say(t, &s);
}

int
tell_refused(struct tunnel *t, enum tunnel_fault fault, const char *fmt, ...)
{
	struct tunnel_state s = endpoint_state(t, TUNNEL_REFUSED, fault);
	va_list ap;

	s.err.code = faults[fault].code;
	va_start(ap, fmt);
	vsnprintf(s.err.text, sizeof s.err.text, fmt, ap);
	va_end(ap);
	say(t, &s);
	return s.err.code;
}
