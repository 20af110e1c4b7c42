# random changes: what was shown is what happened
if HAVE_CMOCKA
CHANGE_TESTS = tests/integration/change_sqlite.t tests/integration/change_pg.t tests/integration/change_mariadb.t
check_PROGRAMS += $(CHANGE_TESTS)
TESTS += $(CHANGE_TESTS)
CHANGE_FILES = tests/integration/change.c tests/integration/change.h tests/integration/change_make.c \
	tests/integration/change_write.c tests/integration/change_state.c tests/integration/change_judge.c \
	tests/unit/db_bench.c tests/unit/db_bench.h
CHANGE_LIBS = $(SERVER_TEST_LIBS) $(DB_LIBS) $(CMOCKA_LIBS)
tests_integration_change_sqlite_t_SOURCES = tests/integration/change_sqlite.c $(CHANGE_FILES)
tests_integration_change_sqlite_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_change_sqlite_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_change_sqlite_t_LDADD = $(CHANGE_LIBS)
tests_integration_change_pg_t_SOURCES = tests/integration/change_pg.c $(CHANGE_FILES)
tests_integration_change_pg_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_change_pg_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_change_pg_t_LDADD = $(CHANGE_LIBS)
tests_integration_change_mariadb_t_SOURCES = tests/integration/change_mariadb.c $(CHANGE_FILES)
tests_integration_change_mariadb_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_change_mariadb_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_change_mariadb_t_LDADD = $(CHANGE_LIBS)
endif
