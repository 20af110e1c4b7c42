# whole sessions on a real MariaDB
if HAVE_CMOCKA
MARIADB_TESTS = tests/integration/mariadb.t tests/integration/mariadb_way.t
check_PROGRAMS += $(MARIADB_TESTS)
TESTS += $(MARIADB_TESTS)
# what a request is bound to, on three engines
check_PROGRAMS += tests/integration/binding.t
TESTS += tests/integration/binding.t
EXTRA_DIST += tests/integration/binding.def
check_PROGRAMS += tests/integration/traps.t
TESTS += tests/integration/traps.t
tests_integration_traps_t_SOURCES = tests/integration/traps.c
tests_integration_traps_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_traps_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_traps_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_binding_t_SOURCES = tests/integration/binding.c
tests_integration_binding_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_binding_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_binding_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_mariadb_t_SOURCES = tests/integration/mariadb.c
tests_integration_mariadb_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_mariadb_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_mariadb_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_mariadb_way_t_SOURCES = tests/integration/mariadb_way.c tests/lib/sshd.c tests/lib/sshd.h
tests_integration_mariadb_way_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_mariadb_way_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_mariadb_way_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
# rehearsals that would leave something behind
check_PROGRAMS += tests/integration/attack_rehearsal.t
TESTS += tests/integration/attack_rehearsal.t
tests_integration_attack_rehearsal_t_SOURCES = tests/integration/attack_rehearsal.c tests/integration/strict_world.c \
	tests/integration/strict_world.h
tests_integration_attack_rehearsal_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_rehearsal_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_attack_rehearsal_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
# every death at every step, on three engines
check_PROGRAMS += tests/integration/crash.t
TESTS += tests/integration/crash.t
tests_integration_crash_t_SOURCES = tests/integration/crash.c tests/integration/crash_world.c tests/integration/crash_world.h \
	tests/integration/crash_server.c tests/lib/relay.c tests/lib/relay.h
tests_integration_crash_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_crash_t_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_crash_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS) $(PQ_LIBS) $(MARIADB_LIBS)
endif
