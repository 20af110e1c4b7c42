/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/console/show.h"

#include <inttypes.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/cap.h"
#include "twokey/base/clock.h"
#include "twokey/base/err.h"
#include "twokey/console/log.h"
#include "twokey/console/model.h"

#include "lay.h"
#include "pace.h"
#include "tape.h"

static void
put_line(void *ctx, const struct log_text *t)
{
	fwrite(t->text, 1, t->n, ctx);
	fputc('\n', ctx);
}

static void
show_people(struct lay *l, const struct model_header *h)
{
	for (size_t i = 0; i < h->npeople; i++)
		lay_line(l, SCREEN_PLAIN, "%s  %s, %s (%s)", i == 0 ? "people: " : "        ", h->people[i].name,
		    h->people[i].seat, h->people[i].side);
	if (h->unverified)
		lay_line(l, SCREEN_PLAIN, "          demo: the two people are not verified");
	else if (strcmp(h->broker, "private") == 0)
		lay_line(l, SCREEN_PLAIN, "          private broker: protects against mistakes, not against this login");
}

static void
show_answers(struct lay *l, const struct model *m)
{
	const struct model_header *h = model_header(m);
	const char *title = "answers:";
	struct buf b;

	buf_init(&b, 400);
	for (size_t i = 0; i < h->npeople; i++, buf_reset(&b)) {
		pace_reading(m, h->people[i].name, true, &b);
		if (buf_len(&b) == 0)
			continue;
		lay_line(l, SCREEN_PLAIN, "%-8s  %s: %s", title, h->people[i].name, buf_str(&b));
		title = "";
	}
	buf_fini(&b);
}

static void
show_head(struct lay *l, const struct model *m, const struct transcript_report *r)
{
	const struct model_header *h = model_header(m);
	char begin[CLOCK_TEXT], end[CLOCK_TEXT];

	clock_format(h->begin_us, begin);
	clock_format(h->last_us, end);
	lay_line(l, SCREEN_PLAIN, "ticket:   %s, %s access, %s", h->ticket, h->access, h->stage);
	lay_line(l, SCREEN_PLAIN, "session:  %s, %.19sZ to %.19sZ", h->session, begin, end);
	show_people(l, h);
	lay_line(l, SCREEN_PLAIN, "target:   %s, %s%s%s%s%s%s%s", h->target,
	    h->version[0] <= '9' ? h->engine : "", h->version[0] <= '9' ? " " : "", h->version,
	    h->database[0] != '\0' ? ", " : "", h->database, h->role[0] != '\0' ? ", as " : "", h->role);
	for (unsigned c = 0; h->connected && c < CAPS; c++)
		if (!(h->caps & CAP_BIT(c)))
			lay_line(l, SCREEN_PLAIN, "          no %s: %s", cap_name((enum cap)c), cap_help((enum cap)c));
	lay_line(l, SCREEN_PLAIN, "counts:   reads %u, writes %u, denied %u", h->reads, h->writes, h->denied);
	show_answers(l, m);
	lay_line(l, SCREEN_PLAIN, "verdict:  %s", r->text);
	lay_blank(l);
}

int
show_file(const char *path, int width, FILE *out, struct transcript_report *r, struct err *e)
{
	struct lay l = { width, true, 0, put_line, out };
	char head[DIGEST_HEX + 1];
	const struct model *m;
	struct tape *t;
	int ret = transcript_verify_file(path, r, e);

	if (ret != 0)
		return ret;
	t = tape_open(path, e);
	if (t == NULL)
		return e->code;
	(void)tape_read(t, UINT64_MAX, -1);
	if (tape_events(t) == 0) {
		tape_close(t);
		return err_set(e, ERR_INVALID, "%s holds no event of a transcript; give a file that a broker wrote", path);
	}
	m = tape_full(t);
	show_head(&l, m, r);
	for (size_t i = 0; i < model_entries(m); i++)
		log_entry_lines(m, i, width, LOG_EXPANDED_AUTO, 0, put_line, out);
	digest_hex(&r->head, head);
	lay_blank(&l);
	lay_line(&l, SCREEN_PLAIN, "times are UTC; characters that a terminal would obey are shown as <..>");
	/* the last line, whole: programs look for it */
	lay_line(&(struct lay){ 1000, true, 0, put_line, out }, SCREEN_PLAIN, "%s Head: %s", r->text, head);
	tape_close(t);
	if (fflush(out) != 0 || ferror(out))
		return err_sys(e, "the text could not be written");
	return 0;
}
