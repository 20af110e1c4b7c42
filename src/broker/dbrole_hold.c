/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hold: the change ran, its transaction is open, and COMMIT waits for the key again. Nothing but an event kept over
 * just this effect keeps it; a no, the loss of a person, the clock, or others who wait for its locks take it back. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"

#include "dbrole.h"
#include "fault.h"

enum { LOOK_MS = 1000 };	/* how often it is looked for who waits */

enum {
#define WHY(name, text, sentence) WHY_##name,
#include "hold.def"
#undef WHY
	WHYS
};

static const char *const whys[] = {
#define WHY(name, text, sentence) text,
#include "hold.def"
#undef WHY
};

static const char *const sentences[] = {
#define WHY(name, text, sentence) sentence,
#include "hold.def"
#undef WHY
};

struct hold {
	struct dbrole *d;
	struct db_pending *q;
	struct db_held *h;
	unsigned why;		/* bits of WHY */
	struct digest bind;
	int64_t end_ms;
	bool watched;		/* who waits can be seen */
	int64_t waited_ms;	/* since when somebody waits, 0: nobody */
	struct buf note;
};

static unsigned
reasons(const struct db_pending *q, const struct db_held *h)
{
	unsigned why = 0;

	if (q->nparts > 1)
		why |= 1u << WHY_SET;
	if (q->hold_always)
		why |= 1u << WHY_TICKET;
	if (h->moved)
		why |= 1u << WHY_MOVED;
	if (q->inexact || h->unseen[0] != '\0')
		why |= 1u << WHY_COUNT;
	return why;
}

static bool
take_back(struct db_held *h, const char *code, const char *text)
{
	snprintf(h->code, sizeof h->code, "%s", code);
	snprintf(h->text, sizeof h->text, "%s", text);
	return false;
}

/* Of what the key is turned for: what was allowed, and what became of it. */
static struct digest
bind_of(const struct hold *k)
{
	struct digest_sum *sum = digest_begin();
	char line[64];

	digest_add_part(sum, "twokey held 1", 13);
	digest_add_part(sum, k->q->bind.b, sizeof k->q->bind.b);
	snprintf(line, sizeof line, "%u %" PRIu64, k->why, k->h->affected);
	digest_add_part(sum, line, strlen(line));
	for (size_t i = 0; i < k->h->nparts; i++) {
		snprintf(line, sizeof line, "%" PRIu64, k->h->parts[i].touched);
		digest_add_part(sum, line, strlen(line));
		/* which rows it matched then and matches now, as the note says it */
		digest_add_part(sum, k->h->parts[i].differs, k->h->parts[i].moved ? strlen(k->h->parts[i].differs) : 0);
	}
	digest_add_part(sum, k->h->effects, strlen(k->h->effects));
	digest_add_part(sum, k->h->unseen, strlen(k->h->unseen));
	return digest_end(sum);
}

static void
add(struct buf *note, const char *text)
{
	if (buf_len(note) > 0)
		buf_putc(note, '\n');
	buf_puts(note, text);
}

/* False when the transaction that is held is gone, or others have waited too long. */
static bool
look(struct hold *k)
{
	struct db_waiting w = { .n = 0 };
	int64_t now = clock_mono_ms();
	struct err e = { .text = "" };
	char text[sizeof k->h->text];
	int ret = 0;

	if (!k->watched)
		return true;
	ret = k->d->driver->waiting(k->d->conn, &w, &e);
	if (ret == ERR_DATABASE)
		return take_back(k->h, "lost", "the connection was lost while the change was held: the server takes it back");
	if (ret != 0) {
		k->watched = false;
		add(&k->note, e.text);
		return true;
	}
	if (w.n == 0)
		k->waited_ms = 0;
	else if (k->waited_ms == 0)
		k->waited_ms = now;
	if (k->waited_ms == 0 || now - k->waited_ms < k->d->hold_waiters_ms)
		return true;
	snprintf(text, sizeof text, "%u waited for its locks for more than %" PRId64 " s, the first is %.150s", w.n,
	    k->d->hold_waiters_ms / 1000, w.who);
	return take_back(k->h, "waiters", text);
}

/* Which rows it was shown for, and which it ran on. */
static void
add_moved(struct hold *k)
{
	char text[sizeof k->h->parts->differs + 80];

	for (size_t i = 0; i < k->h->nparts; i++) {
		if (!k->h->parts[i].moved)
			continue;
		if (k->h->nparts > 1)
			snprintf(text, sizeof text, "statement %zu matches other rows: %s", i + 1, k->h->parts[i].differs);
		else
			snprintf(text, sizeof text, "it matches other rows: %s", k->h->parts[i].differs);
		add(&k->note, text);
	}
}

static bool
tell(struct hold *k)
{
	char bind[DIGEST_HEX + 1], until[CLOCK_TEXT];
	json_t *why = json_array(), *counts = json_array(), *ev;
	struct packet_body b;
	int ret;

	for (int i = 0; i < WHYS; i++)
		if (k->why & 1u << i)
			json_array_append_new(why, json_string(whys[i]));
	for (size_t i = 0; i < k->h->nparts; i++)
		json_array_append_new(counts, json_integer((json_int_t)k->h->parts[i].touched));
	digest_hex(&k->bind, bind);
	clock_format(clock_wall_us() + (k->end_ms - clock_mono_ms()) * 1000, until);	/* the first look may have taken seconds */
	ev = json_pack("{s:s, s:I, s:o, s:I, s:o, s:o, s:s, s:s}", "ev", "held", "of", (json_int_t)k->q->n, "why", why,
	    "affected", (json_int_t)k->h->affected, "counts", counts, "effects", dbrole_effects(k->h->effects, strlen(k->h->effects)),
	    "bind", bind, "until", until);
	add_moved(k);
	packet_text_body(&b, "note", buf_data(&k->note), buf_len(&k->note));
	ret = dbrole_send(ev, &b, 1);
	packet_bodies_free(&b, 1);
	return ret == 0;
}

/* The key over just this: bytes, effect, time, signature. */
static bool
keeps(const struct hold *k, const struct packet *p)
{
	struct db_answer want = { "keep", k->bind, false, k->h->affected };
	int64_t until_us;

	return dbrole_answer_ok(k->d, k->q, &want, p, &until_us) && clock_wall_us() <= until_us;
}

/* The first of two keys, where the ticket asks for both again. */
static void
first_key(const struct hold *k, const struct packet *p)
{
	struct db_answer want = { "keep", k->bind, false, k->h->affected };

	dbrole_turned(k->d, k->q, &want, p);
}

/* 1: kept; 0: taken back; -1: it says nothing. */
static int
decide(struct hold *k, const struct packet *p)
{
	const char *name = json_str(json_object_get(p->head, "event"), "ev", NULL);

	if (name != NULL && strcmp(name, "kept") == 0)
		return keeps(k, p) ? 1 : -1;
	if (name != NULL && strcmp(name, "turned") == 0) {
		first_key(k, p);
		return -1;
	}
	if (name != NULL && strcmp(name, "denied") == 0)
		(void)take_back(k->h, "denied", "the second person did not keep it");
	else if (name != NULL && strcmp(name, "withdrawn") == 0)
		(void)take_back(k->h, "withdrawn", "the driver took it back");
	else	/* void; and whatever else is said of a request that runs */
		(void)take_back(k->h, "void", "what it needs to be kept is not there any more");
	return 0;
}

static bool
wait(struct hold *k)
{
	for (;;) {
		int64_t now = clock_mono_ms();
		struct db_job *job;
		int is = -1;

		if (now >= k->end_ms)
			return take_back(k->h, "expired", "nobody kept it in time");
		if (!look(k))
			return false;
		job = dbrole_next_about(k->d, k->q->n, now + LOOK_MS < k->end_ms ? now + LOOK_MS : k->end_ms);
		if (job != NULL) {
			is = decide(k, &job->p);
			packet_clear(&job->p);
			free(job);
		}
		if (is != 0 && dbrole_stopped(k->d, k->q->n))	/* nothing is sent yet: it outweighs a key that came with it */
			return take_back(k->h, "cancelled", "cancelled while it was held");
		if (is >= 0)
			return is == 1;
	}
}

bool
dbrole_hold(struct dbrole *d, struct db_pending *q, struct db_held *h)
{
	struct hold k = { .d = d, .q = q, .h = h, .why = reasons(q, h), .watched = d->driver->waiting != NULL,
	    .end_ms = clock_mono_ms() + d->hold_ms };
	bool kept;

	if (k.why == 0)
		return true;
	buf_init(&k.note, 4096);
	for (int i = 0; i < WHYS; i++)
		if (k.why & 1u << i)
			add(&k.note, sentences[i]);
	if (q->unseen)
		add(&k.note, "the server does not tell what triggers and foreign keys changed besides: the effects are those of the tables"
		    " written");
	if (h->unseen[0] != '\0')
		add(&k.note, h->unseen);
	k.bind = bind_of(&k);
	q->turned[0] = '\0';	/* that key was for the sheet */
	fault_point("db.before-held");
	kept = look(&k) && (tell(&k) || take_back(h, "refused", "it could not be put on record that it is held")) && wait(&k);
	buf_fini(&k.note);
	return kept;
}
