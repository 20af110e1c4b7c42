/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Beside the rows: which other process has a lock of the file, and how large the table is. The engine's own descriptors
 * are asked: closing one of ours would drop the locks that the engine has. */
#include "config.h"

#include "sqlite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "locks.h"

/* The format of the file fixes where locks stand; in the file beside it (WAL) the engine's source does. */
enum { PENDING = 0x40000000, RESERVED = PENDING + 1, SHARED_FIRST = PENDING + 2, SHARED_SIZE = 510, WAL_WRITE = 120,
	WAL_RECOVER = 122 };
enum { DESCRIPTORS = 256, SIZE_MAX_BYTES = 64 * 1024 * 1024 };

/* A descriptor of this process for a file, -1 when it has none. */
static int
descriptor_of(const struct stat *file)
{
	for (int fd = 3; fd < DESCRIPTORS; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino)
			return fd;
	}
	return -1;
}

/* Another process that has a lock there which such a one of ours would meet; 0 none, -1 not told. */
static pid_t
holder_of(int fd, short type, off_t at, off_t n)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = n };

	if (fcntl(fd, F_GETLK, &l) != 0)
		return -1;
	return l.l_type == F_UNLCK ? 0 : l.l_pid > 0 ? l.l_pid : -1;
}

static void
read_name(pid_t pid, char out[64])
{
	char path[40];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, 63);
		(void)close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void
tell(struct db_sheet *s, pid_t pid, const char *mode, bool blocks)
{
	char number[24], name[64] = "", user[32] = "", path[40];
	struct stat st;
	struct db_holder h = { .backend = "another process", .on = "the file", .mode = mode, .age_s = -1, .rows = -1,
	    .blocks = blocks };

	if (pid == 0)
		return;
	if (pid > 0) {
		snprintf(number, sizeof number, "process %ld", (long)pid);
		h.backend = number;
		read_name(pid, name);
		h.application = name[0] != '\0' ? name : NULL;
		snprintf(path, sizeof path, "/proc/%ld", (long)pid);
		if (stat(path, &st) == 0) {
			snprintf(user, sizeof user, "uid %lu", (unsigned long)st.st_uid);
			h.user = user;
		}
	}
	db_holder_add(s, &h);
}

/* Only the strongest lock is told: who writes has the weaker ones too. */
static void
look_at_file(struct db_sheet *s, int fd)
{
	static const struct {
		const char *mode;
		short type;
		off_t at, n;
		bool blocks;
	} places[] = {
		{ "EXCLUSIVE", F_RDLCK, SHARED_FIRST, SHARED_SIZE, true },
		{ "PENDING", F_RDLCK, PENDING, 1, true },
		{ "RESERVED", F_WRLCK, RESERVED, 1, true },
		{ "SHARED", F_WRLCK, SHARED_FIRST, SHARED_SIZE, false },
	};

	for (size_t i = 0; i < sizeof places / sizeof *places && s->holders == 0; i++)
		tell(s, holder_of(fd, places[i].type, places[i].at, places[i].n), places[i].mode, places[i].blocks);
	db_takes_add(s, "RESERVED, then EXCLUSIVE", "the file", false);
}

static void
look_at_wal(struct db_sheet *s, int fd)
{
	tell(s, holder_of(fd, F_WRLCK, WAL_WRITE, 1), "WRITE", true);
	if (s->holders == 0)
		tell(s, holder_of(fd, F_WRLCK, WAL_RECOVER, 1), "RECOVER", true);
	db_takes_add(s, "WRITE", "the file", false);
}

/* Descriptors of this process for the file, and for the one beside it (WAL); -1: none. */
static int
descriptors(struct db_conn *c, int *beside)
{
	struct stat file = { .st_dev = c->dev, .st_ino = c->ino }, wal;
	char path[4096];

	*beside = -1;
	if (snprintf(path, sizeof path, "%s-shm", c->path) < (int)sizeof path && stat(path, &wal) == 0)
		*beside = descriptor_of(&wal);
	return descriptor_of(&file);
}

void
sqlite_in_the_way(struct db_conn *c, char *out, size_t size)
{
	int beside, fd = descriptors(c, &beside);
	pid_t pid = 0;
	char name[64];

	out[0] = '\0';
	if (beside >= 0)
		pid = holder_of(beside, F_WRLCK, WAL_WRITE, 1);
	else if (fd >= 0 && (pid = holder_of(fd, F_WRLCK, PENDING, 2)) == 0)	/* and RESERVED behind it */
		pid = holder_of(fd, F_WRLCK, SHARED_FIRST, SHARED_SIZE);
	if (pid <= 0)
		return;
	read_name(pid, name);
	snprintf(out, size, name[0] != '\0' ? "process %ld (%s)" : "process %ld", (long)pid, name);
}

static void
look_at_locks(struct db_conn *c, struct db_sheet *s)
{
	int beside, fd = descriptors(c, &beside);

	if (fd < 0) {
		db_note(&s->note, "locks of other processes could not be looked at");
		return;
	}
	s->sight = "all";
	if (beside >= 0)
		look_at_wal(s, beside);
	else
		look_at_file(s, fd);
}

/* A number of one of our own statements about the table; -1 when there is none. */
static int64_t
number(struct db_conn *c, enum own_id id, const char *table, struct db_sheet *s)
{
	sqlite3_stmt *st = sqlite_own(c, c->ro, id, &s->own, NULL);
	int64_t v = -1;

	if (st != NULL && sqlite3_bind_parameter_count(st) > 0)
		sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
	if (st != NULL && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* As ANALYZE left it. */
static int64_t
rows_of(struct db_conn *c, const char *table, struct db_sheet *s)
{
	sqlite3_stmt *st = number(c, OWN_SQLITE_HAS_STAT, table, s) > 0 ? sqlite_own(c, c->ro, OWN_SQLITE_STAT, &s->own, NULL) : NULL;
	int64_t rows = -1;

	while (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
		const char *of = (const char *)sqlite3_column_text(st, 0), *stat = (const char *)sqlite3_column_text(st, 2);

		if (of != NULL && stat != NULL && sqlite3_stricmp(of, table) == 0)
			rows = strtoll(stat, NULL, 10);
	}
	sqlite3_finalize(st);
	return rows;
}

static bool
is_virtual(struct db_conn *c, const char *table, struct db_sheet *s)
{
	sqlite3_stmt *st = sqlite_own(c, c->ro, OWN_SQLITE_TABLE, &s->own, NULL);
	bool is = false;

	if (st != NULL)
		sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
	if (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		is = strcmp(sqlite_cell(st, 0).p, "virtual") == 0;
	sqlite3_finalize(st);
	return is;
}

void
sqlite_locks(struct db_conn *c, const struct sql_facts *f, const struct sql_table *table, struct db_sheet *sheet)
{
	char name[1024];
	const char *rollback = "yes";

	if (table != NULL && table->name.n < sizeof name) {
		snprintf(name, sizeof name, "%.*s", (int)table->name.n, table->name.p);
		sheet->table_rows = rows_of(c, name, sheet);
		if (number(c, OWN_SQLITE_SIZE, name, sheet) <= SIZE_MAX_BYTES)
			sheet->table_bytes = number(c, OWN_SQLITE_BYTES, name, sheet);
		if (is_virtual(c, name, sheet))
			rollback = "unknown";
	}
	db_rollback_is(sheet, f, rollback);
	look_at_locks(c, sheet);
}
