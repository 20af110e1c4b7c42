/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver of a training: a program that speaks as ben. */
#include "config.h"

#include "train.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/console/link.h"
#include "twokey/console/model.h"
#include "twokey/console/seat.h"

#include "demo.h"

enum { STEP_MS = 200, READY_MS = 30000, REST_MS = 1500 };

struct drive {
	struct link *link;
	struct model *model;
	pid_t *second;		/* its console, 0: none that we started */
	bool second_gone;
	int64_t waits_for;	/* id of a request of ours whose answer has not come, 0 none */
	bool refused;
	uint64_t n;		/* what it answered */
	char why[300];
};

static void
take_answer(struct drive *d, const char *line, size_t n)
{
	json_t *o = json_line_parse(line, n, NULL);
	const char *why = o != NULL ? json_str(o, "why", NULL) : NULL;

	if (o != NULL && d->waits_for != 0 && json_int(o, "id", 0) == d->waits_for) {
		d->waits_for = 0;
		d->refused = !json_bool(o, "ok");
		d->n = (uint64_t)json_int(o, "n", 0);
		snprintf(d->why, sizeof d->why, "%s", why != NULL ? why : "");
	}
	json_decref(o);
}

/* Waits a moment and takes what came. False when it is over: link lost, told to end, the second console gone. */
static bool
step(struct drive *d)
{
	struct pollfd p = { .fd = link_fd(d->link), .events = link_events(d->link) };
	enum link_line what;
	const char *line;
	bool up;
	size_t n;

	(void)poll(&p, 1, STEP_MS);
	up = link_pump(d->link);
	while ((what = link_next(d->link, &line, &n)) != LINK_NOTHING) {
		if (what == LINK_TRANSCRIPT)
			(void)model_feed(d->model, line, n);
		else
			take_answer(d, line, n);
	}
	if (*d->second > 0 && waitpid(*d->second, NULL, WNOHANG) == *d->second) {
		*d->second = 0;
		d->second_gone = true;
	}
	return up && demo_signal() == 0 && !d->second_gone;
}

static bool
say(struct drive *d, const char *what, json_t *fields)
{
	d->refused = false;
	d->n = 0;
	d->waits_for = link_send(d->link, what, fields);
	while (d->waits_for != 0)
		if (!step(d))
			return false;
	return !d->refused;
}

static bool
is_here(const struct drive *d)
{
	const struct model_header *h = model_header(d->model);

	for (size_t i = 0; i < h->npeople; i++)
		if (strcmp(h->people[i].name, "anna") == 0)
			return h->people[i].joined;
	return false;
}

static bool
note(struct drive *d, const char *text)
{
	return say(d, "note", json_pack("{s:s}", "text", text));
}

/* Sends it until it is taken: the second person may be away or pause. False when it is over. */
static bool
ask(struct drive *d, struct train_request *r)
{
	for (;;) {
		json_t *o = json_pack("{s:s, s:s}", "text", r->sql, "reason", r->reason);
		int64_t until = clock_mono_ms() + REST_MS;

		if (r->rows[0] != '\0')
			json_object_set_new(o, "rows", json_string(r->rows));
		if (say(d, "sql", o)) {
			r->n = d->n;
			return true;
		}
		if (d->n != 0)
			return true;	/* refused for good, on record: not asked */
		while (clock_mono_ms() < until)
			if (!step(d))
				return false;
	}
}

static bool
wait_answer(struct drive *d, struct train_request *r)
{
	const struct model_reader *reader;
	const struct model_entry *e;

	do {
		if (!step(d))
			return false;
		e = model_entry_of(d->model, r->n);
	} while (e == NULL || e->end == NULL);
	reader = model_reader_of(e, "anna");
	r->verdict = reader != NULL ? reader->verdict : 0;
	r->read_us = r->verdict != 0 ? reader->read_us : -1;
	return true;
}

static bool
wait_ready(struct drive *d)
{
	int64_t until = clock_mono_ms() + READY_MS;

	while (!model_header(d->model)->account)
		if (!step(d) || clock_mono_ms() > until)
			return false;
	return model_header(d->model)->account_ok;
}

static bool
run(struct drive *d, struct train_request *v, size_t n)
{
	if (!note(d, "TRAINING: a sample database that twokey made; some of these requests are wrong on purpose, and at "
	    "the end it is said which"))
		return false;
	while (!is_here(d))
		if (!step(d))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!ask(d, &v[i]) || (v[i].n != 0 && !wait_answer(d, &v[i])))
			return false;
	return true;
}

/* What stays in the transcript: which were wrong. */
static void
finish(struct drive *d, const struct train_request *v, size_t n)
{
	char text[300];

	for (size_t i = 0; i < n; i++) {
		if (v[i].wrong == NULL || v[i].n == 0)
			continue;
		snprintf(text, sizeof text, "TRAINING: request %llu was wrong on purpose: %s", (unsigned long long)v[i].n, v[i].wrong);
		if (!note(d, text))
			break;
	}
	if (!say(d, "end", NULL))
		return;
	while (!model_header(d->model)->sealed && step(d))
		;
}

static int
begin(struct drive *d, const struct demo *demo, pid_t (*start)(const struct demo *d, struct err *e), struct err *e)
{
	pid_t pid;

	if (!wait_ready(d))
		return err_set(e, ERR_UNREACHABLE, "the session of the training did not become ready; see the broker's log in %s",
		    demo->dir);
	pid = start(demo, e);
	if (pid < 0)
		return e->code;
	*d->second = pid;
	return 0;
}

int
train_drive(const struct demo *demo, pid_t (*start)(const struct demo *d, struct err *e), pid_t *second, struct train_request *v,
    size_t n, struct err *e)
{
	char *socket = demo_path(demo, "broker.sock");
	struct seat_wish wish = { .broker = socket, .as = "ben", .ticket = demo_ticket_id(demo), .drive = true };
	struct drive d = { .second = second };
	struct seat seat;
	int rc;

	d.link = seat_connect(&wish, false, e);
	rc = d.link == NULL ? e->code : seat_take(d.link, &wish, &seat, e);
	if (rc == 0) {
		d.model = model_create();
		rc = begin(&d, demo, start, e);
		if (rc == 0) {
			(void)run(&d, v, n);
			d.second_gone = false;	/* the notes and the end all the same */
			finish(&d, v, n);
		}
		model_free(d.model);
	}
	link_close(d.link);
	free(socket);
	return rc;
}
