/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ssh-keygen on the person's terminal. It reads a passphrase from the terminal only when its text is a file, so text and
 * signature stand in a folder of this login for as long as it takes. */
#include "config.h"

#include "sign.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/json.h"
#include "twokey/base/run.h"
#include "twokey/base/sshkey.h"
#include "twokey/base/text.h"
#include "twokey/console/model.h"
#include "twokey/transcript/answer.h"

#include "live.h"

enum { LIST_MAX = 256 * 1024, AGENT_WITHIN_MS = 5000, INTERRUPTED = 130 };

struct signer {
	const json_t *keys;	/* fingerprints that the broker knows, NULL: none */
	bool hardware;		/* only a security key will do */
	char dir[64];
	char key[PATH_MAX];	/* what -f gets, "" none yet */
};

static bool
is_registered(const struct signer *s, const char *line, size_t n)
{
	struct sshkey key;
	const json_t *v;
	size_t i;

	if (!sshkey_parse(line, n, &key) || (s->hardware && !sshkey_is_hardware(key.type)))
		return false;
	json_array_foreach(s->keys, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), key.fingerprint) == 0)
			return true;
	return false;
}

/* ~/.ssh/NAME.pub: ssh-keygen asks the agent for its private half, else reads NAME. */
static void
look_in_home(struct signer *s)
{
	const char *home = getenv("HOME");
	char pattern[PATH_MAX];
	glob_t found = { 0 };

	if (home == NULL || snprintf(pattern, sizeof pattern, "%s/.ssh/*.pub", home) >= (int)sizeof pattern ||
	    glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc && s->key[0] == '\0'; i++) {
		struct buf line;
		size_t n;

		buf_init(&line, 64 * 1024);
		if (io_read_file(found.gl_pathv[i], 64 * 1024, &line, NULL) == 0) {
			n = strcspn(buf_str(&line), "\r\n");
			if (is_registered(s, buf_str(&line), n))
				snprintf(s->key, sizeof s->key, "%s", found.gl_pathv[i]);
		}
		buf_fini(&line);
	}
	globfree(&found);
}

/* A key that only the agent has: its public half becomes a file, which is all that ssh-keygen needs. */
static void
look_in_agent(struct signer *s)
{
	static const char *const argv[] = { "ssh-add", "-L", NULL };
	struct buf list;
	struct run r = { .argv = argv, .out = &list, .within_ms = AGENT_WITHIN_MS };
	const char *line;
	size_t n;

	buf_init(&list, LIST_MAX);
	if (run_program(&r, NULL) == 0 && r.status == 0)
		for (; s->key[0] == '\0' && io_line(&list, &line, &n); buf_consume(&list, n + 1)) {
			char path[PATH_MAX];

			if (!is_registered(s, line, n))
				continue;
			snprintf(path, sizeof path, "%s/key.pub", s->dir);
			if (io_write_file(path, 0600, line, n + 1, NULL) == 0)
				memcpy(s->key, path, sizeof path);
		}
	buf_fini(&list);
}

static bool
find_key(struct signer *s, char *why, size_t max)
{
	const char *named = getenv("TWOKEY_KEY");

	if (named != NULL && named[0] != '\0') {
		snprintf(s->key, sizeof s->key, "%s", named);
		return true;
	}
	if (s->keys == NULL) {
		snprintf(why, max, "the broker knows no key of yours; have your public key registered there (keys)");
		return false;
	}
	look_in_home(s);
	if (s->key[0] == '\0')
		look_in_agent(s);
	if (s->key[0] != '\0')
		return true;
	snprintf(why, max, "no %s that the broker knows of you (%s ...) is in ~/.ssh or the agent; name its file with TWOKEY_KEY",
	    s->hardware ? "security key" : "key", json_is_string(json_array_get(s->keys, 0)) ?
	    json_string_value(json_array_get(s->keys, 0)) : "?");
	return false;
}

/* On the terminal itself: its questions are the person's to answer. */
static int
run_keygen(const struct signer *s, const char *file)
{
	const char *argv[] = { "ssh-keygen", "-Y", "sign", "-n", TRANSCRIPT_ANSWER_NAMESPACE, "-f", s->key, file, NULL };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0)
		return 127;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
sign_file(struct live *lv, const struct signer *s, const char *file, char *why, size_t max)
{
	struct buf name;
	int status;

	buf_init(&name, 2 * PATH_MAX);
	text_safe(&name, s->key, strlen(s->key), TEXT_ONE_LINE);
	screen_leave(lv->screen);
	printf("\ntwokey: your answer is signed with %s\nWhat ssh-keygen asks for now (passphrase, PIN, touch) goes to it alone.\n"
	    "Ctrl-C stops it, and nothing is allowed.\n", buf_str(&name));
	fflush(stdout);
	status = run_keygen(s, file);
	screen_return(lv->screen);
	buf_fini(&name);
	if (status == 127)
		snprintf(why, max, "ssh-keygen cannot be run here; install OpenSSH's client");
	else if (status == INTERRUPTED || status == 128 + SIGINT)
		snprintf(why, max, "it was stopped");
	else if (status != 0)
		snprintf(why, max, "ssh-keygen did not sign with %.200s (status %d)", s->key, status);
	return status == 0;
}

static void
remove_all(const struct signer *s)
{
	static const char *const names[] = { "text", "text.sig", "key.pub" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
		unlink(path);
	}
	rmdir(s->dir);
}

bool
sign_by_keygen(struct live *lv, const char *text, size_t n, struct buf *signature, char *why, size_t max)
{
	const struct model_entry *begin = model_entry_of(lv->model, 1);
	const char *wish = begin != NULL ? json_str(begin->event, "signed", NULL) : NULL;
	struct signer s = { .keys = sign_keys(lv->model, lv->seat.person), .hardware = wish != NULL && strcmp(wish, "hardware") == 0,
	    .dir = "/tmp/twokey-sign-XXXXXX" };
	char file[PATH_MAX], result[PATH_MAX];
	struct err e = { .text = "" };
	bool ok = false;

	if (mkdtemp(s.dir) == NULL) {
		snprintf(why, max, "no folder could be made in /tmp: %s", strerror(errno));
		return false;
	}
	snprintf(file, sizeof file, "%s/text", s.dir);
	snprintf(result, sizeof result, "%s/text.sig", s.dir);
	if (find_key(&s, why, max)) {
		if (io_write_file(file, 0600, text, n, &e) != 0)
			snprintf(why, max, "%.300s", e.text);
		else if (sign_file(lv, &s, file, why, max)) {
			ok = io_read_file(result, TRANSCRIPT_SIGNATURE_MAX, signature, &e) == 0;
			if (!ok)
				snprintf(why, max, "%.300s", e.text);
		}
	}
	remove_all(&s);
	return ok;
}
