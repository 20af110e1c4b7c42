/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { SECRET_MAX = 4096 };

/* One page of its own: never in a core file, never swapped where the limit allows. */
struct secret {
	char *page;
	size_t len;
};

void
secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

struct secret *
secret_create(const void *p, size_t n)
{
	struct secret *s = must_alloc(sizeof *s);

	must(n < SECRET_MAX);
	s->page = mmap(NULL, SECRET_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(s->page != MAP_FAILED);
	(void)madvise(s->page, SECRET_MAX, MADV_DONTDUMP);
	(void)mlock(s->page, SECRET_MAX);
	memcpy(s->page, p, n);
	s->len = n;
	return s;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	secret_wipe(s->page, SECRET_MAX);
	munmap(s->page, SECRET_MAX);
	free(s);
}

struct secret *
secret_read(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[SECRET_MAX];
	struct secret *s = NULL;
	struct stat st;
	ssize_t r;

	if (fd < 0) {
		err_sys(e, "opening the password file %s", path);
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		err_set(e, ERR_CONFIG, "%s: the password file must be a file of mode 0600", path);
	} else if ((r = read(fd, text, sizeof text)) < 0) {
		err_sys(e, "reading the password file %s", path);
	} else if (r == (ssize_t)sizeof text) {
		err_set(e, ERR_CONFIG, "%s: more than %d bytes", path, SECRET_MAX - 1);
	} else {
		if (r > 0 && text[r - 1] == '\n')
			r--;
		s = secret_create(text, (size_t)r);
	}
	secret_wipe(text, sizeof text);
	close(fd);
	return s;
}

const char *
secret_reveal(const struct secret *s)
{
	return s->page;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}
