/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twokey verify: is a transcript what was recorded? Exit 0 only for "sealed and intact". */
#include "config.h"

#include "cmd.h"
#include "verify_signed.h"

#include <stdbool.h>
#include <string.h>

#include "twokey/base/buf.h"
#include "twokey/base/digest.h"
#include "twokey/base/err.h"
#include "twokey/base/json.h"
#include "twokey/base/text.h"
#include "twokey/transcript/verify.h"

struct options {
	bool json;
	bool has_head;
	struct digest head;
	const char *signers;	/* NULL: signatures are not checked */
};

static const char *
verdict_name(enum transcript_verdict v)
{
	switch (v) {
	case TRANSCRIPT_SEALED:
		return "sealed";
	case TRANSCRIPT_OPEN:
		return "open";
	case TRANSCRIPT_BROKEN:
		break;
	}
	return "broken";
}

static json_t *
signed_object(const struct signed_report *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->nfailures; i++) {
		json_t *o = json_pack("{s:I}", "n", (json_int_t)s->failures[i].n);

		json_set_bytes(o, "why", s->failures[i].why, strlen(s->failures[i].why));
		json_array_append_new(list, o);
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:o}", "answers", (json_int_t)s->answers, "good", (json_int_t)s->good,
	    "plain", (json_int_t)s->plain, "failed", (json_int_t)s->failed, "seal", signed_seal_name(s->seal),
	    "ticket", signed_ticket_name(s->ticket), "failures", list);
}

static void
print_signed(const struct signed_report *s)
{
	struct buf b;

	printf("  signatures: %llu of %llu answers signed and good", (unsigned long long)s->good, (unsigned long long)s->answers);
	if (s->plain > 0)
		printf(", %llu not signed and not asked to be", (unsigned long long)s->plain);
	printf("%s; the seal: %s\n", s->failed > 0 ? ", others FAILED" : "", signed_seal_name(s->seal));
	if (s->ticket == SIGNED_TICKET_MISSING)
		printf("  the ticket's text is not in the file (a redacted copy?): what it asks of answers is what event 1 says of it\n");
	buf_init(&b, 65536);
	for (unsigned i = 0; i < s->nfailures; i++) {
		buf_reset(&b);
		text_safe(&b, s->failures[i].why, strlen(s->failures[i].why), TEXT_ONE_LINE);
		printf("  event %llu: %s\n", (unsigned long long)s->failures[i].n, buf_str(&b));
	}
	buf_fini(&b);
}

static void
print_json(const char *path, const struct transcript_report *r, bool other, const char *head, const struct signed_report *s)
{
	json_t *o = json_object();
	struct buf b;

	buf_init(&b, 65536);
	json_set_bytes(o, "file", path, strlen(path));
	json_object_set_new(o, "verdict", json_string(verdict_name(r->verdict)));
	if (other)
		json_object_set_new(o, "other_head", json_true());
	json_object_set_new(o, "n", json_integer((json_int_t)r->n));
	if (r->verdict == TRANSCRIPT_BROKEN)
		json_object_set_new(o, "line", json_integer((json_int_t)r->line));
	json_object_set_new(o, "bodies", json_integer((json_int_t)r->bodies));
	json_object_set_new(o, "missing", json_integer((json_int_t)r->missing));
	json_object_set_new(o, "orphans", json_integer((json_int_t)r->orphans));
	json_object_set_new(o, "torn", json_integer((json_int_t)r->torn));
	json_object_set_new(o, "head", json_string(head));
	json_object_set_new(o, "text", json_string(r->text));
	if (s != NULL)
		json_object_set_new(o, "signatures", signed_object(s));
	json_put(&b, o);
	printf("%s\n", buf_str(&b));
	json_decref(o);
	buf_fini(&b);
}

static void
print_text(const char *path, const struct transcript_report *r, bool other, const char *head)
{
	struct buf b;

	buf_init(&b, 65536);
	text_safe(&b, path, strlen(path), TEXT_ONE_LINE);
	buf_puts(&b, ": ");
	text_safe(&b, r->text, strlen(r->text), TEXT_ONE_LINE);
	printf("%s\n  head %s\n", buf_str(&b), head);
	if (other)
		printf("  this is not the head that was given: another transcript, or one that was rewritten or cut\n");
	buf_fini(&b);
}

static enum cmd_exit
verify(const char *path, const struct options *o)
{
	struct transcript_report r;
	struct signed_report s, *checked = NULL;
	char head[DIGEST_HEX + 1];
	struct err e;
	bool other;

	if (transcript_verify_file(path, &r, &e) != 0) {
		(void)cmd_fail(&e);
		return CMD_USAGE;
	}
	digest_hex(&r.head, head);
	other = o->has_head && !digest_equal(&o->head, &r.head);
	/* what is broken proves nothing about its signatures */
	if (o->signers != NULL && r.verdict != TRANSCRIPT_BROKEN) {
		if (signed_check(path, o->signers, &s, &e) != 0) {
			(void)cmd_fail(&e);
			return CMD_USAGE;
		}
		checked = &s;
	}
	if (o->json)
		print_json(path, &r, other, head, checked);
	else
		print_text(path, &r, other, head);
	if (!o->json && checked != NULL)
		print_signed(checked);
	return r.verdict == TRANSCRIPT_SEALED && !other && (checked == NULL || signed_all_good(checked)) ? CMD_OK : CMD_FAILED;
}

/* The options may stand anywhere; files keep their order in argv[1..]. Negative: the call is wrong, which has been said. */
static int
take_options(int argc, char **argv, struct options *o)
{
	int files = 0;
	bool only_files = false;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i], *hex = NULL;

		if (only_files || a[0] != '-' || a[1] == '\0') {
			argv[1 + files++] = argv[i];
			continue;
		}
		if (strcmp(a, "--") == 0) {
			only_files = true;
		} else if (strcmp(a, "--json") == 0) {
			o->json = true;
		} else if (strncmp(a, "--head=", 7) == 0 || (strcmp(a, "--head") == 0 && i + 1 < argc)) {
			hex = a[6] == '=' ? a + 7 : argv[++i];
			o->has_head = digest_parse(hex, strlen(hex), &o->head);
			if (!o->has_head)
				return -cmd_usage("verify", "--head takes a head as the consoles show it: 64 lower-case hex digits");
		} else if (strncmp(a, "--signers=", 10) == 0 || (strcmp(a, "--signers") == 0 && i + 1 < argc)) {
			o->signers = a[9] == '=' ? a + 10 : argv[++i];
		} else if (strcmp(a, "--head") == 0 || strcmp(a, "--signers") == 0) {
			return -cmd_usage("verify", "%s needs a value", a);
		} else {
			return -cmd_no_option("verify", a);
		}
	}
	return files;
}

int
cmd_verify(int argc, char **argv)
{
	struct options o = { 0 };
	enum cmd_exit worst = CMD_OK;
	int files = take_options(argc, argv, &o);

	if (files < 0)
		return CMD_USAGE;
	if (files == 0)
		return cmd_usage("verify", "name the transcript to verify");
	for (int i = 1; i <= files; i++) {
		enum cmd_exit is = verify(argv[i], &o);

		if (is > worst)
			worst = is;
	}
	return worst;
}
