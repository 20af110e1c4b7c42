/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "strict_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twokey/base/digest.h"
#include "twokey/base/json.h"

void
strict_open(const struct test_broker *b, const char *id, const char *lines, struct test_console **ben,
    struct test_console **anna)
{
	char line[200];

	test_ticket_with(b, id, lines);
	*ben = test_console(b, "ben");
	*anna = test_console(b, "anna");
	snprintf(line, sizeof line, "{\"do\":\"open\",\"ticket\":\"%s\"}", id);
	test_ok(*ben, line);
	test_event(*ben, "account", 0);
	snprintf(line, sizeof line, "{\"do\":\"join\",\"ticket\":\"%s\"}", id);
	test_ok(*anna, line);
	test_event(*anna, "account", 0);
}

void
strict_close(const struct test_broker *b, struct test_console *ben, struct test_console *anna)
{
	test_end(b, ben);
	test_console_close(ben);
	test_console_close(anna);
}

const char *
strict_change(const char *sql, const char *object, int minutes)
{
	static char lines[600];
	struct digest d = digest_of(sql, strlen(sql));
	char hex[DIGEST_HEX + 1], taken[CLOCK_TEXT], backup[120] = "";

	digest_hex(&d, hex);
	clock_format(clock_wall_us() - (int64_t)minutes * 60 * 1000000, taken);
	if (minutes >= 0)
		snprintf(backup, sizeof backup, ", backup: nightly dump on backup1, backup_taken: %.19sZ", taken);
	snprintf(lines, sizeof lines, "access: write\\nstage: production\\nbackup_max_hours: 2\\nchanges:\\n"
	    "  - {digest: %s, object: '%s'%s}\\n", hex, object, backup);
	return lines;
}

static json_t *
send_sql(struct test_console *ben, const char *sql, const char *rows)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "do", "sql", "text", sql, "reason", "as agreed");
	char *line;

	if (rows != NULL)
		json_object_set_new(o, "rows", json_string(rows));
	line = json_dumps(o, JSON_COMPACT);
	test_send(ben, "%s", line);
	free(line);
	json_decref(o);
	return test_answer(ben, "sql");
}

const char *
strict_refused(struct test_console *ben, const char *sql, const char *code, const char *words)
{
	json_t *a = send_sql(ben, sql, NULL), *ev;
	const char *why = json_str(a, "why", NULL);

	if (json_bool(a, "ok"))
		fail_msg("%s was not refused", sql);
	ev = test_event_n(ben, json_int(a, "n", 0));
	assert_string_equal(json_str(ev, "ev", NULL), "refused");
	assert_string_equal(json_str(ev, "code", NULL), code);
	if (strstr(why, words) == NULL)
		fail_msg("%s: %s", sql, why);
	return why;
}

int64_t
strict_asked(struct test_console *ben, const char *sql, const char *rows)
{
	json_t *a = send_sql(ben, sql, rows);

	if (!json_bool(a, "ok"))
		fail_msg("%s: %s", sql, json_str(a, "why", NULL));
	return json_int(a, "n", 0);
}

int64_t
strict_allowed(struct test_console *ben, struct test_console *anna, const char *sql, const char *typed)
{
	int64_t n = strict_asked(ben, sql, NULL);
	json_t *a;

	test_event(ben, "sheet", n);
	a = test_allow(anna, n, typed);
	if (!json_bool(a, "ok"))
		fail_msg("%s: %s", sql, json_str(a, "why", NULL));
	return n;
}
