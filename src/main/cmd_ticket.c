/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey ticket new | show | accept. */
#include "config.h"

#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/console/link.h"

#include "seat_args.h"

enum { TICKET_FILE_MAX = 256 << 10, TYPED = 8 };

/* Text of the broker or a file on standard output, rendered safe. */
static void
print_safe(const char *s, size_t n)
{
	struct buf b;

	buf_init(&b, 16 << 20);
	text_safe(&b, s, n, TEXT_LINES);
	fwrite(buf_data(&b), 1, buf_len(&b), stdout);
	buf_fini(&b);
}

static void
print_field(const json_t *re, const char *label, const char *key)
{
	size_t n;
	const char *s = json_str(re, key, &n);

	if (s == NULL || n == 0)
		return;
	printf("%-12s ", label);
	print_safe(s, n);
	putchar('\n');
}

/* Any error is one of the file that was named. */
static int
read_ticket(const char *path, struct buf *text, struct err *e)
{
	int ret = io_read_file(path, TICKET_FILE_MAX, text, e);

	if (ret == 0 && !text_is_utf8(buf_data(text), buf_len(text)))
		ret = err_set(e, ERR_CONFIG, "%s is not UTF-8 text", path);
	if (ret == ERR_NOT_FOUND)
		return err_set(e, ERR_CONFIG, "there is no file %s; name the file of a ticket", path);
	if (ret != 0)
		e->code = ERR_CONFIG;
	return ret;
}

static int
ticket_new(struct link *l, const struct seat_args *a, const struct buf *text, struct err *e)
{
	json_t *o = json_object(), *re;

	json_object_set_new(o, "text", json_stringn(buf_data(text), buf_len(text)));
	re = link_ask(l, "ticket-new", o, e);
	if (re == NULL)
		return err_prefix(e, e->code, "%s", a->from);
	print_field(re, "ticket", "ticket");
	print_field(re, "digest", "digest");
	printf("It has no force yet: another person than its drivers accepts it with: twokey ticket accept ");
	print_safe(json_str(re, "ticket", NULL) != NULL ? json_str(re, "ticket", NULL) : "TICKET",
	    json_str(re, "ticket", NULL) != NULL ? strlen(json_str(re, "ticket", NULL)) : 6);
	putchar('\n');
	json_decref(re);
	return 0;
}

static json_t *
fetch(struct link *l, const char *id, struct err *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "ticket", json_string(id));
	return link_ask(l, "ticket-show", o, e);
}

/* The text as it is kept, and everything about it. */
static void
print_ticket(const json_t *re)
{
	size_t n;
	const char *s = json_str(re, "text", &n);

	if (s != NULL)
		print_safe(s, n);
	if (s != NULL && n > 0 && s[n - 1] != '\n')
		putchar('\n');
	puts("--");
	print_field(re, "digest", "digest");
	print_field(re, "made by", "made_by");
	print_field(re, "made", "made");
	print_field(re, "accepted by", "accepted_by");
	print_field(re, "accepted", "accepted");
	printf("%-12s %s\n", "in force", json_bool(re, "force") ? "yes" : "no");
	print_field(re, "because", "why");
}

static int
ticket_show(struct link *l, const char *id, struct err *e)
{
	json_t *re = fetch(l, id, e);

	if (re == NULL)
		return e->code;
	print_ticket(re);
	json_decref(re);
	return 0;
}

/* The digest is of the text that was shown: the console counts it itself, whatever the broker says. */
static int
check_digest(const json_t *re, char hex[DIGEST_HEX + 1], struct err *e)
{
	size_t n, len;
	const char *text = json_str(re, "text", &n), *said = json_str(re, "digest", &len);
	struct digest d;

	if (text == NULL || said == NULL)
		return err_set(e, ERR_INVALID, "the broker sent no text or no digest");
	d = digest_of(text, n);
	digest_hex(&d, hex);
	if (len != DIGEST_HEX || memcmp(said, hex, DIGEST_HEX) != 0)
		return err_set(e, ERR_BROKEN, "the digest that the broker names is not that of the text "
		    "that it shows; do not accept it, and tell the broker's owner");
	return 0;
}

/* On a terminal: who accepts has the text before him and types the first eight characters of its digest. */
static int
ask_digest(const char *hex, struct err *e)
{
	char line[128];
	size_t n;

	printf("To accept it, type the first %d characters of the digest, then Enter.\n"
	    "Anything else accepts nothing.\naccept> ", TYPED);
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) == NULL)
		return err_set(e, ERR_DENIED, "nothing was typed: not accepted");
	n = strcspn(line, "\r\n");
	if (n != TYPED || memcmp(line, hex, TYPED) != 0)
		return err_set(e, ERR_DENIED, "that is not the beginning of the digest: not accepted");
	return 0;
}

static int
send_accept(struct link *l, const char *id, const char *hex, struct err *e)
{
	json_t *o = json_object(), *re;

	json_object_set_new(o, "ticket", json_string(id));
	json_object_set_new(o, "digest", json_string(hex));
	re = link_ask(l, "ticket-accept", o, e);
	if (re == NULL)
		return e->code;
	printf("accepted: ");
	print_safe(id, strlen(id));
	printf(" %s\n", hex);
	json_decref(re);
	return 0;
}

static int
ticket_accept(struct link *l, const struct seat_args *a, const char *id, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	json_t *re;
	int ret;

	if (a->digest != NULL)
		return send_accept(l, id, a->digest, e);
	if (!isatty(STDIN_FILENO))
		return err_set(e, ERR_INVALID, "standard input is no terminal: name what was read with --digest HEX");
	re = fetch(l, id, e);
	if (re == NULL)
		return e->code;
	print_ticket(re);
	ret = check_digest(re, hex, e);
	if (ret == 0)
		ret = ask_digest(hex, e);
	json_decref(re);
	return ret == 0 ? send_accept(l, id, hex, e) : ret;
}

static int
run(struct link *l, const struct seat_args *a, const struct buf *text, struct err *e)
{
	if (strcmp(a->words[0], "new") == 0)
		return ticket_new(l, a, text, e);
	if (strcmp(a->words[0], "show") == 0)
		return ticket_show(l, a->words[1], e);
	return ticket_accept(l, a, a->words[1], e);
}

/* What is missing in the call, or NULL. */
static const char *
missing(const struct seat_args *a)
{
	const char *what = a->words[0];
	bool is_new = what != NULL && strcmp(what, "new") == 0, is_accept = what != NULL && strcmp(what, "accept") == 0;

	if (what == NULL || (!is_new && !is_accept && strcmp(what, "show") != 0))
		return "say what to do with a ticket: new, show or accept";
	if (a->digest != NULL && !is_accept)
		return "--digest belongs to accept";
	if (a->from != NULL && !is_new)
		return "--from belongs to new";
	if (is_new)
		return a->from == NULL ? "new needs --from FILE" : a->words[1] != NULL ? "new takes no id: it stands in the file" : NULL;
	return a->words[1] == NULL ? "name the ticket by its id" : NULL;
}

static int
ask_broker(const struct seat_args *a, const struct buf *text)
{
	struct err e;
	struct link *l = seat_connect(&a->wish, false, &e);
	int ret;

	if (l == NULL)
		return cmd_fail(&e);
	ret = run(l, a, text, &e);
	link_close(l);
	return ret == 0 ? CMD_OK : cmd_fail(&e);
}

int
cmd_ticket(int argc, char **argv)
{
	struct seat_args a;
	struct buf text;
	struct err e;
	int ret = seat_args_parse(&a, SEAT_ARGS_FROM | SEAT_ARGS_DIGEST, argc, argv);

	if (ret != 0)
		return ret;
	if (missing(&a) != NULL)
		return cmd_usage("ticket", "%s", missing(&a));
	buf_init(&text, TICKET_FILE_MAX);
	if (a.from != NULL && read_ticket(a.from, &text, &e) != 0)
		ret = cmd_fail(&e);
	else
		ret = ask_broker(&a, &text);
	buf_fini(&text);
	return ret;
}
