/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/run.h"

enum { WITHIN_MS = 30000 };

const char *
test_sk(void)
{
	static char path[1100];
	const char *top = getenv("top_builddir");

	snprintf(path, sizeof path, "%s/tests/lib/sk.so", top != NULL ? top : ".");
	if (path[0] != '/') {
		char here[1024];

		assert_non_null(getcwd(here, sizeof here));
		snprintf(path, sizeof path, "%.900s/tests/lib/sk.so", here);
	}
	assert_int_equal(access(path, R_OK), 0);
	return path;
}

static void
keygen(const char *const *argv, const void *in, size_t n, int sk_flags, struct buf *out)
{
	char provider[1200], flags[40];
	const char *env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", provider, flags, NULL };
	struct run r = { .argv = argv, .env = env, .in = in, .n = n, .out = out, .within_ms = WITHIN_MS };
	struct err e = { .text = "" };
	struct buf said;

	snprintf(provider, sizeof provider, "SSH_SK_PROVIDER=%s", test_sk());
	snprintf(flags, sizeof flags, "TWOKEY_TEST_SK_FLAGS=%d", sk_flags);
	buf_init(&said, 4096);
	r.err = &said;
	if (run_program(&r, &e) != 0 || r.status != 0)
		fail_msg("ssh-keygen: %s %s", e.text, buf_str(&said));
	buf_fini(&said);
}

void
test_key(const char *path, const char *type)
{
	const char *argv[] = { RUN_SSH_KEYGEN, "-q", "-t", type, "-N", "", "-C", "test@example.com", "-f", path, NULL };

	keygen(argv, NULL, 0, 1, NULL);
}

void
test_key_public(const char *path, struct buf *out)
{
	char name[512];
	struct buf line;
	const char *end;
	struct err e;

	snprintf(name, sizeof name, "%s.pub", path);
	buf_init(&line, 8192);
	if (io_read_file(name, 8192, &line, &e) != 0)
		fail_msg("%s", e.text);
	end = strchr(buf_str(&line), ' ');
	assert_non_null(end);
	buf_put(out, buf_str(&line), (size_t)(end - buf_str(&line)) + 1 + strcspn(end + 1, " \n"));
	buf_fini(&line);
}

void
test_key_sign(const char *path, const char *namespace, const void *text, size_t n, int sk_flags, struct buf *out)
{
	const char *argv[] = { RUN_SSH_KEYGEN, "-Y", "sign", "-n", namespace, "-f", path, NULL };

	keygen(argv, text, n, sk_flags, out);
}
