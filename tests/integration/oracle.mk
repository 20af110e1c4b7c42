# what is called a read, run on the real engines
if HAVE_CMOCKA
ORACLE_TESTS = tests/integration/oracle_pg.t tests/integration/oracle_mariadb.t \
	tests/integration/oracle_sqlite.t
check_PROGRAMS += $(ORACLE_TESTS)
TESTS += $(ORACLE_TESTS)
ORACLE_FILES = tests/integration/oracle.c tests/integration/oracle.h tests/integration/oracle_rows.c
ORACLE_LIBS = $(SERVER_TEST_LIBS) $(DB_LIBS) $(CMOCKA_LIBS)
tests_integration_oracle_pg_t_SOURCES = tests/integration/oracle_pg.c $(ORACLE_FILES)
tests_integration_oracle_pg_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_oracle_pg_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_oracle_pg_t_LDADD = $(ORACLE_LIBS)
tests_integration_oracle_mariadb_t_SOURCES = tests/integration/oracle_mariadb.c $(ORACLE_FILES)
tests_integration_oracle_mariadb_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_oracle_mariadb_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_oracle_mariadb_t_LDADD = $(ORACLE_LIBS)
tests_integration_oracle_sqlite_t_SOURCES = tests/integration/oracle_sqlite.c $(ORACLE_FILES)
tests_integration_oracle_sqlite_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_oracle_sqlite_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_oracle_sqlite_t_LDADD = $(ORACLE_LIBS)
endif
