/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ssh-keygen -Y verify, with what it needs in anonymous files: nothing of it is ever written to a disk. */
#include "config.h"

#include "twokey/transcript/sshsig.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/run.h"

enum { FD_SIGNATURE = 3, FD_SIGNERS = 4, CALL = 16 };

/* "-Overify-time=20260608140312Z": of the event, not of today. */
static void
put_time(char *out, size_t size, int64_t at_us)
{
	time_t s = (time_t)(at_us / 1000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(out, size, "-Overify-time=%Y%m%d%H%M%SZ", &tm);
}

static int
run(const struct sshsig_wish *w, const char *text, size_t n, int signature, int signers, struct err *e)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", NULL };
	char at[40], list[32], sig[32];
	const char *argv[CALL] = { RUN_SSH_KEYGEN, "-Y", "verify", "-I", w->signer, "-n", w->namespace, "-s", sig, "-f",
	    w->signers != NULL ? w->signers : list };
	struct run r = { .argv = argv, .env = env, .in = text, .n = n, .fds = { signature, signers > 0 ? signers : 0 },
	    .within_ms = w->within_ms };

	snprintf(sig, sizeof sig, "/proc/self/fd/%d", FD_SIGNATURE);
	snprintf(list, sizeof list, "/proc/self/fd/%d", FD_SIGNERS);
	if (w->at_us != 0) {
		put_time(at, sizeof at, w->at_us);
		argv[11] = at;
	}
	if (run_program(&r, e) != 0)
		return ERR_SYSTEM;
	if (r.status != 0)
		return err_set(e, ERR_DENIED, "the signature is not one of %s over this text in the namespace %s", w->signer,
		    w->namespace);
	return 0;
}

int
sshsig_verify(const struct sshsig_wish *w, const char *text, size_t n, const char *signature, size_t len,
    struct sshsig *out, struct err *e)
{
	struct sshsig says;
	int sig, list = 0, ret = sshsig_parse(signature, len, &says, e);

	if (ret != 0)
		return ret;
	if (strcmp(says.namespace, w->namespace) != 0)
		return err_set(e, ERR_DENIED, "the signature is for another use (namespace)");
	sig = run_file(signature, len, e);
	if (sig < 0)
		return ERR_SYSTEM;
	if (w->signers == NULL)
		list = run_file(w->lines, strlen(w->lines), e);
	ret = list < 0 ? ERR_SYSTEM : run(w, text, n, sig, list, e);
	close(sig);
	if (list > 0)
		close(list);
	if (ret == 0 && out != NULL)
		*out = says;
	return ret;
}
