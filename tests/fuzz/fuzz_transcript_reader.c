/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader on any bytes as a file: every event it counts can be had, its lines are lines of the file. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "twokey/base/err.h"
#include "twokey/base/io.h"
#include "twokey/base/must.h"
#include "twokey/transcript/reader.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct transcript_reader *r;
	struct err e;
	char path[64];
	size_t total = 0;
	int fd = memfd_create("transcript", MFD_CLOEXEC);

	must(fd >= 0 && io_write_all(fd, data, n, &e) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = transcript_reader_open(path, &e);
	must(r != NULL);
	for (uint64_t i = transcript_events(r); i >= 1; i--) {
		size_t lines = transcript_event_lines(r, i), len = 0;

		must(lines > 0);
		for (size_t k = 0; k < lines; k++) {
			const char *line = transcript_event_line(r, i, k, &len);

			must(line != NULL && (len == 0 || memchr(line, '\n', len) == NULL));
			total += len + 1;
		}
	}
	must(total <= n && transcript_event_lines(r, transcript_events(r) + 1) == 0);
	transcript_reader_close(r);
	close(fd);
	return 0;
}
