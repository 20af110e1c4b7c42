/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two roles that answer one question each and end. verify: is this signature one of that person over this text? Hostile
 * bytes of a console are parsed here and in ssh-keygen, without network and files. seal: signs the end of a transcript
 * and hands it to the anchor; it reads nothing but what the recorder wrote. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/must.h"
#include "twokey/base/run.h"
#include "twokey/ticket/words.h"
#include "twokey/transcript/answer.h"
#include "twokey/transcript/sshsig.h"

#include "confine.h"
#include "fault.h"
#include "oneshot.h"
#include "role.h"

enum { QUESTION_MAX = 512 * 1024, LINES_MAX = 64 * 1024 };

/* The recorder's question, NULL when it went away. */
static json_t *
question(void)
{
	struct buf in;
	const char *line;
	json_t *o = NULL;
	size_t n;

	buf_init(&in, QUESTION_MAX);
	while (!io_line(&in, &line, &n) && io_fill(ONESHOT_FD, &in) == IO_GOT_DATA)
		;
	if (io_line(&in, &line, &n))
		o = json_line_parse(line, n, NULL);
	buf_fini(&in);
	return o;
}

static void
answer(json_t *o)
{
	struct buf out;

	must(o != NULL);
	buf_init(&out, QUESTION_MAX);
	json_put(&out, o);
	buf_putc(&out, '\n');
	(void)io_write_all(ONESHOT_FD, buf_data(&out), buf_len(&out), NULL);
	buf_fini(&out);
	json_decref(o);
}

/* "anna namespaces="answer@twokey" TYPE BASE64" for each of the person's keys. */
static void
put_signers(struct buf *out, const char *person, const json_t *keys)
{
	const json_t *v;
	struct sshkey key;
	size_t i;

	json_array_foreach(keys, i, v)
		if (json_is_string(v) && sshkey_parse(json_string_value(v), json_string_length(v), &key))
			buf_putf(out, "%s namespaces=\"" TRANSCRIPT_ANSWER_NAMESPACE "\" %.*s\n", person, (int)key.len,
			    json_string_value(v));
}

/* What the ticket asks beyond a good signature. */
static int
check_wish(const struct sshsig *s, enum ticket_signed wish, bool pin, struct err *e)
{
	if (wish != TICKET_SIGNED_HARDWARE)
		return 0;
	if (!s->hardware)
		return err_set(e, ERR_DENIED, "the ticket asks for a security key and %s is the key of a file or agent; sign with the "
		    "security key", s->key.fingerprint);
	if (!s->touch)
		return err_set(e, ERR_DENIED, "the security key says that nobody touched it, and the ticket asks for that; make its key "
		    "without no-touch-required");
	if (pin && !s->pin)
		return err_set(e, ERR_DENIED, "the security key did not ask for its PIN, and the ticket asks for that; make its key with "
		    "verify-required");
	return 0;
}

static int
judge(const json_t *init, const json_t *q, struct sshsig *s, struct err *e)
{
	const char *person = json_str(init, "person", NULL), *text, *signature, *word = json_str(q, "signed", NULL);
	enum ticket_signed wish = TICKET_SIGNED_HARDWARE;
	struct sshsig_wish w = { .signer = person, .namespace = TRANSCRIPT_ANSWER_NAMESPACE, .within_ms = ONESHOT_WITHIN_MS };
	struct buf lines;
	size_t n, len;
	int ret;

	text = json_str(q, "text", &n);
	signature = json_str(q, "signature", &len);
	if (person == NULL || text == NULL || signature == NULL || word == NULL || !ticket_signed_parse(word, &wish))
		return err_set(e, ERR_INVALID, "an answer that is signed carries text and signature");
	buf_init(&lines, LINES_MAX);
	put_signers(&lines, person, json_object_get(init, "keys"));
	w.lines = buf_str(&lines);
	ret = sshsig_verify(&w, text, n, signature, len, s, e);
	buf_fini(&lines);
	return ret == 0 ? check_wish(s, wish, json_bool(q, "pin"), e) : ret;
}

int
verifyrole_main(json_t *init)
{
	json_t *q, *o;
	struct sshsig s;
	struct err e;

	alarm(2 * ONESHOT_WITHIN_MS / 1000);
	confine_to_programs();
	q = question();
	fault_point("verify.asked");
	if (q == NULL)
		return 1;
	if (judge(init, q, &s, &e) != 0) {
		o = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_name(e.code), "why", e.text);
	} else {
		o = json_pack("{s:b, s:s, s:s}", "ok", 1, "key", s.key.fingerprint, "type", s.key.type);
		if (s.hardware)
			must(json_object_set_new(o, "touch", json_boolean(s.touch)) == 0 &&
			    json_object_set_new(o, "pin", json_boolean(s.pin)) == 0);
	}
	answer(o);
	json_decref(q);
	json_decref(init);
	return 0;
}

/* The signature of the broker's key over text, appended to out. */
static int
sign(const char *key, const char *text, size_t n, struct buf *out, struct err *e)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
	const char *argv[] = { RUN_SSH_KEYGEN, "-Y", "sign", "-n", TRANSCRIPT_SEAL_NAMESPACE, "-f", key, NULL };
	struct run r = { .argv = argv, .env = env, .in = text, .n = n, .out = out, .within_ms = ONESHOT_WITHIN_MS };
	struct sshsig s;

	if (run_program(&r, e) != 0)
		return ERR_SYSTEM;
	if (r.status != 0 || buf_over(out))
		return err_set(e, ERR_SYSTEM, "seal_key did not sign; is it a private key without passphrase, of mode 0600?");
	return sshsig_parse(buf_data(out), buf_len(out), &s, e);
}

static const char *
anchor(const json_t *words, const char *text, size_t n)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
	const char *argv[ONESHOT_WORDS_MAX + 1] = { NULL };
	struct run r = { .argv = argv, .env = env, .in = text, .n = n, .within_ms = ONESHOT_WITHIN_MS };
	struct err e;

	for (size_t i = 0; i < json_array_size(words) && i < ONESHOT_WORDS_MAX; i++)
		argv[i] = json_string_value(json_array_get(words, i));
	return run_program(&r, &e) == 0 && r.status == 0 ? "done" : "failed";
}

int
sealrole_main(json_t *init)
{
	const char *key = json_str(init, "key", NULL), *text;
	const json_t *words = json_object_get(init, "anchor");
	json_t *q, *o = json_object();
	struct buf sig;
	struct err e;
	size_t n;

	alarm(3 * ONESHOT_WITHIN_MS / 1000);
	q = question();
	text = q != NULL ? json_str(q, "text", &n) : NULL;
	if (text == NULL)
		return 1;
	buf_init(&sig, TRANSCRIPT_SIGNATURE_MAX);
	if (key != NULL && sign(key, text, n, &sig, &e) == 0)
		must(json_object_set_new(o, "sig", json_stringn(buf_data(&sig), buf_len(&sig))) == 0);
	else if (key != NULL)
		must(json_object_set_new(o, "why", json_string(e.text)) == 0);
	if (json_array_size(words) > 0)
		must(json_object_set_new(o, "anchor", json_string(anchor(words, text, n))) == 0);
	answer(o);
	buf_fini(&sig);
	json_decref(q);
	json_decref(init);
	return 0;
}
