/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "transcript_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>
/* cmocka wants those above first */
#include <cmocka.h>

#include "twokey/base/io.h"
#include "twokey/base/json.h"

static char folder[256];
static int64_t tick;

void
make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/twokey-transcript-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(folder));
}

const char *
make_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

void
make_remove(void)
{
	DIR *d = opendir(folder);
	struct dirent *f;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (f->d_name[0] != '.')
			unlink(make_path(f->d_name));
	if (d != NULL)
		closedir(d);
	rmdir(folder);
}

struct transcript_when
make_when(void)
{
	tick += 7;
	return (struct transcript_when){ 1780927392000000 + tick * 1000, 5000 + tick };
}

struct transcript_writer *
make_writer(const char *name, uint64_t quota)
{
	struct transcript_writer *w;
	struct err e = { 0 };

	unlink(make_path(name));
	w = transcript_writer_create(make_path(name), quota, &e);
	if (w == NULL)
		fail_msg("%s", e.text);
	return w;
}

int
make_append(struct transcript_writer *w, const char *event, const char *body, struct err *e)
{
	struct transcript_body b = { body, body != NULL ? strlen(body) : 0 };
	json_t *ev = json_loads(event, JSON_REJECT_DUPLICATES, NULL);
	enum transcript_event_kind kind;
	struct transcript_place place;
	const char *name;
	size_t n;
	int ret;

	assert_non_null(ev);
	name = json_str(ev, "ev", &n);
	assert_true(transcript_event_parse(name, n, &kind));
	ret = transcript_append(w, make_when(), kind, ev, &b, body != NULL, &place, e);
	json_decref(ev);
	return ret;
}

void
make_session(struct transcript_writer *w)
{
	static const char *const events[][2] = {
		{ "{\"ev\":\"begin\",\"v\":1,\"session\":\"s-1\",\"ticket\":\"MFX-1234\"}", "{\"k\":\"ticket\",\"text\":\"id: MFX-1234\"}" },
		{ "{\"ev\":\"joined\",\"by\":\"anna\",\"seat\":\"confirmer\"}", NULL },
		{ "{\"ev\":\"read\",\"by\":\"ben\",\"class\":\"read\"}", "{\"k\":\"sql\",\"text\":\"SELECT name FROM customers\"}" },
		{ "{\"ev\":\"rows\",\"of\":3,\"part\":1,\"rows\":2}", "{\"k\":\"rows\",\"rows\":[[\"Ann \\u00e9\"],[null]]}" },
		{ "{\"ev\":\"done\",\"of\":3,\"rows\":2,\"took\":1}", NULL },
		{ "{\"ev\":\"request\",\"by\":\"ben\",\"class\":\"write\",\"tables\":[\"orders\"]}",
		  "{\"k\":\"sql\",\"text\":\"UPDATE orders SET state = 'paid' WHERE id = 7\"}" },
		{ "{\"ev\":\"denied\",\"of\":6,\"by\":\"anna\"}", "{\"k\":\"reason\",\"text\":\"not this one\"}" },
	};
	struct err e;

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (make_append(w, events[i][0], events[i][1], &e) != 0)
			fail_msg("%s", e.text);
}

void
make_read(const char *name, struct buf *b)
{
	struct err e;

	buf_init(b, MAKE_QUOTA);
	assert_int_equal(io_read_file(make_path(name), MAKE_QUOTA, b, &e), 0);
}

void
make_write(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(make_path(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

struct transcript_report
make_verify(const char *name)
{
	struct transcript_report r;
	struct err e = { 0 };

	if (transcript_verify_file(make_path(name), &r, &e) != 0)
		fail_msg("%s", e.text);
	return r;
}

struct transcript_report
make_verify_bytes(const char *p, size_t n)
{
	struct transcript_verifier *v = transcript_verifier_create();
	struct transcript_report r;
	const char *lf;

	while ((lf = n > 0 ? memchr(p, '\n', n) : NULL) != NULL) {
		(void)transcript_verify_line(v, p, (size_t)(lf - p));
		n -= (size_t)(lf + 1 - p);
		p = lf + 1;
	}
	transcript_verify_report(v, n, &r);
	transcript_verifier_free(v);
	return r;
}
