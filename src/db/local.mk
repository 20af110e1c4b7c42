noinst_LIBRARIES += %D%/libdb.a
%C%_libdb_a_SOURCES = %D%/allowed.c %D%/audit.c %D%/driver.c %D%/own.c %D%/shown.c %D%/told.c \
	%D%/pg_alone.c %D%/pg_audit.c %D%/pg_commit.c %D%/pg_connect.c %D%/pg_guard.c %D%/pg_info.c %D%/pg_look.c %D%/pg_match.c %D%/pg_own.c \
	%D%/pg_read.c %D%/pg_rows.c %D%/pg_run.c %D%/pg_pooler.c %D%/pg_sheet.c %D%/pg_tell.c \
	%D%/sqlite_open.c %D%/sqlite_own.c %D%/sqlite_read.c %D%/sqlite_run.c %D%/sqlite_sheet.c %D%/sqlite_wall.c %D%/subject.c
%C%_libdb_a_SOURCES += %D%/my_alone.c %D%/my_audit.c %D%/my_grant.c %D%/my_rights.c %D%/my_cancel.c %D%/my_describe.c %D%/my_plan.c %D%/my_weigh.c %D%/my_commit.c %D%/my_connect.c %D%/my_driver.c %D%/my_guard.c %D%/my_info.c \
	%D%/my_look.c %D%/my_match.c %D%/my_own.c %D%/my_place.c %D%/my_prepare.c %D%/my_read.c %D%/my_rows.c %D%/my_run.c \
	%D%/my_sets_off.c %D%/my_sheet.c %D%/my_state.c %D%/my_tell.c %D%/my_warned.c %D%/my_words.c
noinst_HEADERS += %D%/my.h %D%/my_grant.h %D%/my_rights.def %D%/my_rights.h %D%/own_my.def %D%/own_my_describe.def
noinst_HEADERS += include/twokey/db/driver.h include/twokey/db/subject.def \
	%D%/allowed.h %D%/driver.h %D%/own.def %D%/own.h %D%/own_pg_audit.def %D%/pg.h %D%/locks.h %D%/pg_guard_sql.h %D%/pg_hit_sql.h %D%/shown.h %D%/told.h %D%/sqlite.h %D%/sqlite_fn.def
%C%_libdb_a_SOURCES += %D%/name.c %D%/pg_describe.c %D%/pg_plan.c %D%/pg_weigh.c
noinst_HEADERS += %D%/name.h %D%/own_pg_describe.def
%C%_libdb_a_SOURCES += %D%/sqlite_define.c %D%/pg_define.c %D%/pg_outside.c %D%/my_at_once.c %D%/my_define.c
noinst_HEADERS += %D%/own_pg_define.def
%C%_libdb_a_SOURCES += %D%/sqlite_describe.c %D%/sqlite_weigh.c
noinst_HEADERS += %D%/own_sqlite_describe.def
%C%_libdb_a_SOURCES += %D%/pg_notice.c %D%/locks.c %D%/sqlite_locks.c %D%/my_locks.c %D%/pg_locks.c %D%/pg_reset.c %D%/pg_settle.c %D%/pg_sets_off.c
%C%_libdb_a_SOURCES += %D%/effects.c %D%/inexact.c %D%/my_waiting.c %D%/pg_waiting.c
noinst_HEADERS += %D%/effects.h
