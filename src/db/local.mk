noinst_LIBRARIES += %D%/libdb.a
%C%_libdb_a_SOURCES = %D%/driver.c %D%/own.c \
	%D%/sqlite_open.c %D%/sqlite_own.c %D%/sqlite_read.c %D%/sqlite_run.c %D%/sqlite_sheet.c %D%/sqlite_wall.c
noinst_HEADERS += include/twokey/db/driver.h \
	%D%/driver.h %D%/own.def %D%/own.h %D%/sqlite.h %D%/sqlite_fn.def
