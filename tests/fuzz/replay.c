/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds files, and every file of folders, to a fuzz target: the corpus is replayed by any compiler. TAP on stdout. */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "twokey/base/buf.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"

#include "fuzz.h"

enum { REPLAY_MAX = 64 * 1024 * 1024 };
static unsigned ran;

static void
replay_file(const char *path)
{
	struct buf b;
	struct err e;
	uint8_t *copy;

	buf_init(&b, REPLAY_MAX);
	if (io_read_file(path, REPLAY_MAX, &b, &e) != 0) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	/* an exact allocation: a byte read past the end is seen by the sanitizer */
	copy = must_alloc(buf_len(&b) + (buf_len(&b) == 0));
	if (buf_len(&b) > 0)
		memcpy(copy, buf_data(&b), buf_len(&b));
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(copy, buf_len(&b));
	free(copy);
	buf_fini(&b);
	printf("ok %u - %s\n", ++ran, path);
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	n = scandir(path, &names, visible, alphasort);
	if (n < 0) {
		printf("Bail out! %s: cannot be read\n", path);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		struct buf b;

		buf_init(&b, 8192);
		buf_putf(&b, "%s/%s", path, names[i]->d_name);
		replay(buf_str(&b));
		buf_fini(&b);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("1..%u\n", ran);
	return ran == 0;
}
