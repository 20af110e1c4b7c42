noinst_LIBRARIES += %D%/libdb.a
%C%_libdb_a_SOURCES = %D%/audit.c %D%/driver.c %D%/own.c \
	%D%/pg_commit.c %D%/pg_connect.c %D%/pg_guard.c %D%/pg_info.c %D%/pg_look.c %D%/pg_match.c %D%/pg_own.c \
	%D%/pg_read.c %D%/pg_rows.c %D%/pg_run.c %D%/pg_sheet.c \
	%D%/sqlite_open.c %D%/sqlite_own.c %D%/sqlite_read.c %D%/sqlite_run.c %D%/sqlite_sheet.c %D%/sqlite_wall.c %D%/subject.c
noinst_HEADERS += include/twokey/db/driver.h include/twokey/db/subject.def \
	%D%/driver.h %D%/own.def %D%/own.h %D%/pg.h %D%/sqlite.h %D%/sqlite_fn.def
