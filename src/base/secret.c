/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "twokey/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { SECRET_MAX = 16384, PAGE = 4096 };

/* Pages of its own: never in a core file, never swapped where the limit allows. */
struct secret {
	char *page;
	size_t len;
	size_t size;
};

static const struct {
	const char *what;
	size_t max;
	mode_t forbidden;
	bool cut;
} files[] = {
	[SECRET_PASSWORD] = { "password file", 4095, 077, true },
	[SECRET_KEY] = { "key file", SECRET_MAX - 1, 077, false },
	[SECRET_CREDENTIAL] = { "credential", 4095, 07, true },
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
	s->size = (n / PAGE + 1) * PAGE;
	s->page = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(s->page != MAP_FAILED);
	(void)madvise(s->page, s->size, MADV_DONTDUMP);
	(void)mlock(s->page, s->size);
	memcpy(s->page, p, n);
	s->len = n;
	return s;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	secret_wipe(s->page, s->size);
	munmap(s->page, s->size);
	free(s);
}

/* The rights of an open file. */
static int
check_file(enum secret_file kind, const char *path, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & files[kind].forbidden) != 0)
		return err_set(e, ERR_CONFIG, "%s: the %s must be a file of mode 0600", path, files[kind].what);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_CONFIG, "%s: the %s belongs to user %u; it must be of user %u, who reads it, or root", path,
		    files[kind].what, (unsigned)st.st_uid, (unsigned)geteuid());
	return 0;
}

/* All bytes of a file, and one more than may be. Less than 0: errno. */
static ssize_t
read_all(int fd, char *text, size_t max)
{
	size_t n = 0;
	ssize_t r;

	while (n <= max && (r = read(fd, text + n, max + 1 - n)) != 0) {
		if (r < 0 && errno != EINTR)
			return -1;
		n += r > 0 ? (size_t)r : 0;
	}
	return (ssize_t)n;
}

struct secret *
secret_read_as(enum secret_file kind, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[SECRET_MAX];
	struct secret *s = NULL;
	ssize_t n;

	if (fd < 0) {
		err_sys(e, "opening the %s %s", files[kind].what, path);
		return NULL;
	}
	if (check_file(kind, path, fd, e) != 0) {
		close(fd);
		return NULL;
	}
	n = read_all(fd, text, files[kind].max);
	if (n < 0)
		err_sys(e, "reading the %s %s", files[kind].what, path);
	else if ((size_t)n > files[kind].max)
		err_set(e, ERR_CONFIG, "%s: more than %zu bytes", path, files[kind].max);
	else
		s = secret_create(text, (size_t)n - (files[kind].cut && n > 0 && text[n - 1] == '\n'));
	secret_wipe(text, sizeof text);
	close(fd);
	return s;
}

struct secret *
secret_read(const char *path, struct err *e)
{
	return secret_read_as(SECRET_PASSWORD, path, e);
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
