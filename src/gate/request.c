/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second key: what must be so before a request is allowed. */
#include "config.h"

#include "twokey/gate/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gate/typed.h"
#include "twokey/base/err.h"
#include "twokey/base/text.h"

enum {
	SECONDS_MAX = 24 * 60 * 60,
	LINES_AT_ONCE = 4,		/* read within GATE_SECONDS_MIN */
	MS_PER_LINE = 250,
	WAIT_MAX_MS = 30 * 1000
};

static bool
name_fits(const char *name)
{
	return name != NULL && name[0] != '\0' && strlen(name) < GATE_NAME_MAX;
}

/* The time a span of seconds from now ends; nothing is open for more than a day. */
static int64_t
ends(int64_t now_ms, int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	return now_ms > INT64_MAX - seconds * 1000 ? INT64_MAX : now_ms + seconds * 1000;
}

void
gate_request_init(struct gate_request *r, uint64_t n, const char *by, const struct digest *digest,
    size_t lines, int64_t now_ms, int64_t seconds)
{
	memset(r, 0, sizeof *r);
	r->n = n;
	r->state = GATE_STATE_CLASSIFIED;
	r->digest = *digest;
	r->lines = lines;
	r->asked_ms = now_ms;
	r->until_ms = ends(now_ms, seconds);
	gate_step(&r->state, name_fits(by) ? GATE_INPUT_ASK : GATE_INPUT_REFUSE);
	if (r->state == GATE_STATE_ASKING)
		snprintf(r->by, sizeof r->by, "%s", by);
}

static int
check_asking(const struct gate_request *r, struct err *e)
{
	if (r->state == GATE_STATE_ASKING)
		return 0;
	return err_set(e, ERR_STATE, "request %" PRIu64 " does not wait for the second key; it is %s", r->n,
	    gate_state_name(r->state));
}

/* The key can be turned: the first time, or to keep what is held. */
static int
check_waits(const struct gate_request *r, struct err *e)
{
	return r->state == GATE_STATE_HOLD ? 0 : check_asking(r, e);
}

/* What is typed must be something that a person can type. */
static int
check_table(const struct gate_request *r, struct err *e)
{
	size_t n = strnlen(r->table, sizeof r->table);

	if (n == 0)
		return err_set(e, ERR_DENIED, "it does not say which one table it changes, so there is nothing to type that "
		    "allows it; write it as a change of one table");
	if (n >= sizeof r->table - 1 || text_marks(r->table, n) > 0 || strpbrk(r->table, "\n\t") != NULL ||
	    r->table[0] == ' ' || r->table[n - 1] == ' ')
		return err_set(e, ERR_DENIED, "the table's name is too long or holds characters that cannot be typed");
	return 0;
}

int
gate_request_sheet(struct gate_request *r, const struct digest *bind, bool count_known, uint64_t count, struct err *e)
{
	struct gate_bound bound = r->bound;
	int ret = check_asking(r, e);

	if (ret != 0)
		return ret;
	if (r->sheet)
		return err_set(e, ERR_STATE, "request %" PRIu64 " has its sheet already", r->n);
	if (check_table(r, e) != 0)
		return ERR_DENIED;
	if (r->act[0] != '\0')
		bound = (struct gate_bound){ .given = true, .op = GATE_OP_EQUAL, .rows = count };
	if (!bound.given && !count_known)
		return err_set(e, ERR_DENIED, "how many rows it touches is not known before it runs; say the most it may touch, "
		    "as rows <= 10");
	if (!bound.given)
		bound = (struct gate_bound){ .given = true, .op = GATE_OP_EQUAL, .rows = count };
	if (count_known && !gate_bound_holds(&bound, count))
		return err_set(e, ERR_DENIED, "it matches %" PRIu64 " rows now and you said %s %" PRIu64, count,
		    bound.op == GATE_OP_AT_MOST ? "<=" : "=", bound.rows);
	r->sheet = true;
	r->bind = *bind;
	r->count_known = count_known;
	r->count = count_known ? count : 0;
	r->bound = bound;
	return 0;
}

/* The bound of one part as it will be held to; false when none can be had or the count is outside. */
static bool
part_bound(const struct gate_bound *given, int64_t count, struct gate_bound *out)
{
	*out = given->given || count < 0 ? *given : (struct gate_bound){ true, GATE_OP_EQUAL, (uint64_t)count };
	return out->given && (count < 0 || gate_bound_holds(out, (uint64_t)count));
}

int
gate_request_sheets(struct gate_request *r, const struct digest *bind, const int64_t *counts, size_t n, struct err *e)
{
	struct gate_bound all = { .given = true };
	uint64_t total = 0;
	bool known = true;

	if (n != r->nparts)
		return err_set(e, ERR_DENIED, "the sheet is of %zu statements and the request of %zu", n, r->nparts);
	for (size_t i = 0; i < n; i++) {
		struct gate_bound b;

		if (!part_bound(&r->parts[i], counts[i], &b))
			return err_set(e, ERR_DENIED, "statement %zu matches another number of rows now than was said, or it is not "
			    "known how many: say the most it may touch, as rows <= 10", i + 1);
		if (b.op == GATE_OP_AT_MOST)
			all.op = GATE_OP_AT_MOST;
		if (b.rows > INT64_MAX / GATE_PARTS_MAX)
			return err_set(e, ERR_DENIED, "the bound of statement %zu is no number of rows", i + 1);
		all.rows += b.rows;
		known = known && counts[i] >= 0;
		total += counts[i] >= 0 ? (uint64_t)counts[i] : 0;
	}
	r->bound = all;
	return gate_request_sheet(r, bind, known, total, e);
}

int
gate_request_held(struct gate_request *r, const struct digest *bind, uint64_t rows, int64_t now_ms, int64_t seconds,
    struct err *e)
{
	if (!gate_step(&r->state, GATE_INPUT_HOLD))
		return err_set(e, ERR_STATE, "request %" PRIu64 " does not run", r->n);
	r->held = true;
	r->bind = *bind;
	r->bound = (struct gate_bound){ true, GATE_OP_EQUAL, rows };
	r->lines = 1;		/* the statement was read; what is new is short */
	r->nopened = 0;
	r->turned[0] = '\0';
	r->signings = 0;
	r->signer[0] = '\0';
	r->asked_ms = now_ms;
	r->until_ms = ends(now_ms, seconds);
	return 0;
}

static struct gate_opened *
opened_by(struct gate_request *r, const char *by)
{
	for (size_t i = 0; i < r->nopened; i++)
		if (strcmp(r->opened[i].by, by) == 0)
			return &r->opened[i];
	return NULL;
}

/* Somebody else than the driver speaks of a request that waits and is not over. */
static int
check_second(const struct gate_request *r, const char *by, int64_t now_ms, struct err *e)
{
	int ret = check_waits(r, e);

	if (ret != 0)
		return ret;
	if (gate_request_expired(r, now_ms))
		return err_set(e, ERR_STATE, "the time of request %" PRIu64 " is over", r->n);
	if (!name_fits(by))
		return err_set(e, ERR_DENIED, "the second key belongs to a named person");
	if (strcmp(by, r->by) == 0)
		return err_set(e, ERR_DENIED, "%s asked for it: the second key belongs to another person", by);
	return 0;
}

int
gate_request_opened(struct gate_request *r, const char *by, bool last, int64_t now_ms, struct err *e)
{
	struct gate_opened *o;
	int ret = check_second(r, by, now_ms, e);

	if (ret != 0)
		return ret;
	if (!r->sheet)
		return err_set(e, ERR_STATE, "request %" PRIu64 " has no sheet yet; wait for it", r->n);
	o = opened_by(r, by);
	if (o == NULL && r->nopened == sizeof r->opened / sizeof r->opened[0])
		return err_set(e, ERR_STATE, "request %" PRIu64 " is open on %zu screens already", r->n, r->nopened);
	if (o == NULL) {
		o = &r->opened[r->nopened++];
		snprintf(o->by, sizeof o->by, "%s", by);
		o->at_ms = now_ms;
		o->last_ms = 0;
	}
	/* opened again, or shown for too long: reading begins anew */
	if (!last || now_ms < o->at_ms || now_ms - o->at_ms > (int64_t)GATE_ANSWER_WITHIN_S * 1000) {
		o->at_ms = now_ms;
		o->last_ms = 0;
	}
	if (last && o->last_ms == 0)
		o->last_ms = now_ms;
	return 0;
}

void
gate_request_closed(struct gate_request *r, const char *by)
{
	struct gate_opened *o = opened_by(r, by);

	if (o != NULL)
		*o = r->opened[--r->nopened];
	if (strcmp(r->signer, by) == 0)
		r->signer[0] = '\0';
}

int64_t
gate_wait_ms(const struct gate_request *r)
{
	int64_t wait = (int64_t)GATE_SECONDS_MIN * 1000;
	size_t more = r->lines > LINES_AT_ONCE ? r->lines - LINES_AT_ONCE : 0;

	if (more > (size_t)(WAIT_MAX_MS - wait) / MS_PER_LINE)
		return WAIT_MAX_MS;
	return wait + (int64_t)more * MS_PER_LINE;
}

/* He has it open, has seen its end, long enough and not too long ago. */
static int
check_read(struct gate_request *r, const char *by, int64_t now_ms, struct err *e)
{
	const struct gate_opened *o = opened_by(r, by);
	int64_t wait = gate_wait_ms(r);

	if (o == NULL)
		return err_set(e, ERR_DENIED, "%s has not opened request %" PRIu64 "; open it and read it first", by, r->n);
	if (o->last_ms == 0)
		return err_set(e, ERR_DENIED, "the last line of request %" PRIu64 " was not on the screen of %s yet", r->n, by);
	if (now_ms < o->at_ms || now_ms < o->last_ms || now_ms - o->at_ms < wait)
		return err_set(e, ERR_DENIED, "it can be allowed %" PRId64 " seconds after it was opened, not sooner",
		    (wait + 999) / 1000);
	if (now_ms - o->at_ms > (int64_t)GATE_ANSWER_WITHIN_S * 1000)
		return err_set(e, ERR_DENIED, "it was opened more than %d minutes ago; open it again",
		    GATE_ANSWER_WITHIN_S / 60);
	return 0;
}

static int
check_key(const struct gate_request *r, const struct gate_key *key, struct err *e)
{
	char shown[sizeof r->table + 64];

	if (key->digest == NULL || !digest_equal(key->digest, &r->digest))
		return err_set(e, ERR_DENIED, "the answer is about another statement than request %" PRIu64, r->n);
	if (key->bind == NULL || !digest_equal(key->bind, &r->bind))
		return err_set(e, ERR_DENIED, "the answer is about another sheet than that of request %" PRIu64, r->n);
	gate_request_expected(r, r->all_rows, shown, sizeof shown);
	if (key->typed == NULL || shown[0] == '\0' || !typed_matches(r, key->typed))
		return err_set(e, ERR_DENIED, "that is not what the sheet of request %" PRIu64 " asks for; type its table (or act and object) "
		    "and its number as the sheet has them", r->n);
	return 0;
}

bool
gate_request_needs_two(const struct gate_request *r)
{
	return r->both_sides && r->turned[0] == '\0';
}

/* Of two keys, the second is another person's, of the other side. */
static int
check_pair(const struct gate_request *r, const struct gate_key *key, struct err *e)
{
	if (!r->both_sides)
		return 0;
	if ((unsigned)key->side >= TICKET_SIDES)
		return err_set(e, ERR_DENIED, "it takes a key of each side, and the side of %s is not known", key->by);
	if (r->turned[0] == '\0')
		return 0;
	if (strcmp(r->turned, key->by) == 0 || key->side == r->turned_side)
		return err_set(e, ERR_DENIED, "1 of 2 keys of request %" PRIu64 " is turned, by %s; the other is the %s's", r->n, r->turned,
		    ticket_side_name(r->turned_side == TICKET_SIDE_FIRM ? TICKET_SIDE_CUSTOMER : TICKET_SIDE_FIRM));
	return 0;
}

static int
check_all(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e)
{
	int ret = check_second(r, key->by, now_ms, e);

	if (ret == 0)
		ret = check_pair(r, key, e);
	if (ret == 0 && !r->sheet)
		ret = err_set(e, ERR_STATE, "request %" PRIu64 " has no sheet yet; wait for it", r->n);
	if (ret == 0)
		ret = check_read(r, key->by, now_ms, e);
	return ret == 0 ? check_key(r, key, e) : ret;
}

int
gate_request_signing(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e)
{
	int ret = check_all(r, key, now_ms, e);

	if (ret != 0)
		return ret;
	if (r->signings >= GATE_SIGNINGS_MAX)
		return err_set(e, ERR_DENIED, "a signature of request %" PRIu64 " was begun %d times; deny it, and have it asked for "
		    "anew", r->n, GATE_SIGNINGS_MAX);
	r->signings++;
	snprintf(r->signer, sizeof r->signer, "%s", key->by);
	r->sign_by_ms = ends(now_ms, GATE_SIGN_WITHIN_S);
	if (r->held && r->sign_by_ms > r->until_ms)
		r->sign_by_ms = r->until_ms;	/* others wait for what is locked: that clock goes on */
	else if (r->until_ms < r->sign_by_ms)
		r->until_ms = r->sign_by_ms;
	return 0;
}

int
gate_request_signed(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e)
{
	int ret = check_second(r, key->by, now_ms, e);

	if (ret != 0)
		return ret;
	if (r->signer[0] == '\0' || strcmp(r->signer, key->by) != 0)
		return err_set(e, ERR_STATE, "%s did not begin to sign request %" PRIu64 ", or another one began after him; type what "
		    "allows it first", key->by, r->n);
	r->signer[0] = '\0';
	if (now_ms > r->sign_by_ms)
		return err_set(e, ERR_STATE, "the signature came more than %d seconds after what was typed; type it again",
		    GATE_SIGN_WITHIN_S);
	ret = check_pair(r, key, e);
	return ret == 0 ? check_key(r, key, e) : ret;
}

bool
gate_request_turn(struct gate_request *r, const char *by, enum ticket_side side)
{
	struct gate_key key = { .by = by, .side = side };
	enum gate_state allowed = r->state;

	if (!gate_step(&allowed, GATE_INPUT_ALLOW) || !name_fits(by) || check_pair(r, &key, NULL) != 0)
		return false;
	if (gate_request_needs_two(r)) {
		snprintf(r->turned, sizeof r->turned, "%s", by);
		r->turned_side = side;
		return false;
	}
	r->state = allowed;
	return true;
}

int
gate_request_allow(struct gate_request *r, const struct gate_key *key, int64_t now_ms, struct err *e)
{
	int ret = check_all(r, key, now_ms, e);
	bool first = gate_request_needs_two(r);

	if (ret == 0 && !gate_request_turn(r, key->by, key->side) && !first)
		ret = err_set(e, ERR_STATE, "request %" PRIu64 " cannot be allowed", r->n);
	return ret;
}

bool
gate_request_expired(const struct gate_request *r, int64_t now_ms)
{
	return (r->state == GATE_STATE_ASKING || r->state == GATE_STATE_HOLD) && (now_ms >= r->until_ms || now_ms < r->asked_ms);
}

int
gate_request_asked(struct gate_request *r, int64_t now_ms, int64_t seconds, struct err *e)
{
	int ret = check_asking(r, e);

	if (ret != 0)
		return ret;
	if (gate_request_expired(r, now_ms))
		return err_set(e, ERR_STATE, "the time of request %" PRIu64 " is over", r->n);
	if (r->questions >= GATE_QUESTIONS_MAX)
		return err_set(e, ERR_DENIED, "request %" PRIu64 " was asked about %d times; allow it or deny it", r->n,
		    GATE_QUESTIONS_MAX);
	r->questions++;
	r->until_ms = ends(now_ms, seconds);
	return 0;
}

bool
gate_request_replied(struct gate_request *r, int64_t now_ms, int64_t seconds)
{
	int64_t until = ends(now_ms, seconds);

	if (r->state != GATE_STATE_ASKING || gate_request_expired(r, now_ms) || r->replies >= r->questions)
		return false;
	r->replies = r->questions;
	if (until > r->until_ms)
		r->until_ms = until;
	return true;
}
