/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Beside the rows: how large the table is, whether the engine takes it back, and whose locks it meets. */
#include "config.h"

#include "sheet_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/json.h"
#include "twokey/console/model.h"

#include "lay.h"
#include "reach.h"

enum { WHO_ROOM = 4096, SHOWN = 8 };

void
sheet_size(const struct model_entry *e, char out[96])
{
	struct buf b;

	out[0] = '\0';
	if (model_only_reads(e) || (e->table_rows < 0 && e->table_bytes < 0))
		return;
	buf_init(&b, 96);
	buf_puts(&b, "   (");
	if (e->table_rows >= 0)
		buf_putf(&b, "about %" PRId64 " rows%s", e->table_rows, e->table_bytes >= 0 ? ", " : "");
	if (e->table_bytes >= 0)
		reach_bytes(&b, e->table_bytes);
	buf_putc(&b, ')');
	snprintf(out, 96, "%s", buf_str(&b));
	buf_fini(&b);
}

static const struct {
	const char *code;
	enum screen_look look;
	const char *words;
} rollbacks[] = {
	{ "yes", SCREEN_PLAIN, "  ok  it can be rolled back until it is committed" },
	{ "statement", SCREEN_WARN, "  !!  it cannot be rolled back: a statement of this kind stays at once" },
	{ "engine", SCREEN_WARN, "  !!  it cannot be rolled back: the engine of the table keeps a change at once" },
	{ "triggers", SCREEN_WARN, "  !!  it can be rolled back, but for what triggers write into tables without transactions" },
	{ "foreign", SCREEN_WARN, "  !!  not known whether it can be rolled back: the rows are at another server" },
};

void
sheet_rollback(struct lay *l, const struct model_entry *e)
{
	const char *code = json_str(e->sheet, "rollback", NULL);

	if (code == NULL)
		return;		/* of a version that did not tell */
	for (size_t i = 0; i < sizeof rollbacks / sizeof *rollbacks; i++)
		if (strcmp(rollbacks[i].code, code) == 0) {
			lay_line(l, rollbacks[i].look, "%s", rollbacks[i].words);
			return;
		}
	lay_line(l, SCREEN_WARN, "  !!  not known whether it can be rolled back");
}

static void
lay_takes(struct lay *l, const struct model_entry *e)
{
	const json_t *takes = json_object_get(e->sheet, "takes"), *v;
	struct buf b;
	size_t i;

	if (json_array_size(takes) == 0)
		return;
	buf_init(&b, 64 * 1024);
	json_array_foreach(takes, i, v)
		if (json_is_string(v) && sheet_is_first(takes, i))
			buf_putf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(v));
	lay_line(l, SCREEN_PLAIN, "      takes %s%s", buf_str(&b), strcmp(e->class, "write") == 0 &&
	    strstr(buf_str(&b), " on the file") == NULL ? ", and every row that it changes" : "");
	buf_fini(&b);
}

static void
put_age(struct buf *b, int64_t s)
{
	if (s >= 2 * 86400)
		buf_putf(b, " for %" PRId64 " days", s / 86400);
	else if (s >= 2 * 3600)
		buf_putf(b, " for %" PRId64 " h", s / 3600);
	else if (s >= 120)
		buf_putf(b, " for %" PRId64 " min", s / 60);
	else if (s >= 0)
		buf_putf(b, " for %" PRId64 " s", s);
}

static const char *
word(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_str(o, key, NULL);

	return s != NULL && s[0] != '\0' ? s : otherwise;
}

/* "4711 (anna, psql)" */
static void
put_who(struct buf *b, const json_t *h)
{
	const char *user = word(h, "user", NULL), *application = word(h, "application", NULL);

	buf_puts(b, word(h, "backend", word(h, "state", "somebody")));
	if (user != NULL || application != NULL)
		buf_putf(b, " (%s%s%s)", user != NULL ? user : "", user != NULL && application != NULL ? ", " : "",
		    application != NULL ? application : "");
}

static void
put_what(struct buf *b, const json_t *h)
{
	const char *mode = word(h, "mode", "a lock"), *on = word(h, "on", NULL);
	int64_t rows = json_int(h, "rows", -1);

	if (json_bool(h, "blocks")) {
		buf_putf(b, json_bool(h, "waits") ? " waits for %s" : " has %s", mode);
		if (on != NULL)
			buf_putf(b, " on %s", on);
	} else if (strcmp(mode, "SHARED") == 0) {
		buf_puts(b, " reads it: COMMIT would wait for its end");
	} else if (rows > 0) {
		buf_putf(b, " has %" PRId64 " row%s locked, ", rows, rows == 1 ? "" : "s");
		buf_putf(b, on != NULL ? "perhaps of %s" : "of which table is not told", on);
	} else {
		buf_putf(b, " may have rows of %s locked", on != NULL ? on : "it");
	}
}

static void
lay_holder(struct lay *l, const json_t *h)
{
	const char *sql = word(h, "sql", NULL), *state = word(h, "state", NULL);
	bool blocks = json_bool(h, "blocks");
	struct buf b;

	buf_init(&b, WHO_ROOM);
	put_who(&b, h);
	put_what(&b, h);
	put_age(&b, json_int(h, "age", -1));
	if (state != NULL)
		buf_putf(&b, ", %s", state);
	lay_line(l, blocks ? SCREEN_BAD : SCREEN_WARN, "  !!  %s%s", buf_str(&b), blocks ? ": it would wait" : "");
	buf_fini(&b);
	if (sql != NULL)
		lay_text(l, SCREEN_DIM, "        runs or ran: ", "          ", sql, strlen(sql), LAY_EXACT);
}

void
sheet_locks(struct lay *l, const struct model_entry *e)
{
	const char *sight = json_str(e->sheet, "sight", NULL);
	const json_t *holders = json_object_get(e->locks, "holders"), *h;
	int64_t n = json_int(e->sheet, "holders", -1), told = 0;
	size_t i;

	if (sight == NULL)
		return;		/* of a version that did not look */
	lay_takes(l, e);
	json_array_foreach(holders, i, h)
		if (json_is_object(h) && told < SHOWN) {
			lay_holder(l, h);
			told++;
		}
	if (n > told)
		lay_line(l, SCREEN_WARN, told == 0 ? "  !!  locks of others on it: %" PRId64 "; whose is not in this copy" :
		    "  !!  locks of others on it beside these: %" PRId64, n - told);
	if (strcmp(sight, "none") == 0)
		lay_line(l, SCREEN_WARN, "  !!  whose locks it meets is not seen by this account");
	else if (strcmp(sight, "part") == 0)
		lay_line(l, SCREEN_WARN, "  !!  of others and their locks this account sees only a part");
	else if (n == 0)
		lay_line(l, SCREEN_PLAIN, "  ok  nobody else has a lock that it would meet");
}
