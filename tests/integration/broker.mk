# real servers that tests start
if HAVE_CMOCKA
check_LIBRARIES += tests/lib/libserver.a
tests_lib_libserver_a_SOURCES = tests/lib/server.c tests/lib/server.h tests/lib/pg.c tests/lib/pg.h \
	tests/lib/cert.c tests/lib/cert.h tests/lib/pgbouncer.c tests/lib/pgbouncer.h \
	tests/lib/mariadb.c tests/lib/mariadb.h
tests_lib_libserver_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_lib_libserver_a_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
SERVER_TEST_LIBS = tests/lib/libserver.a
check_PROGRAMS += tests/integration/derive_mariadb.t
TESTS += tests/integration/derive_mariadb.t
tests_integration_derive_mariadb_t_SOURCES = tests/integration/derive_mariadb.c tests/lib/derive_cases.h
tests_integration_derive_mariadb_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_derive_mariadb_t_CFLAGS = $(UNIT_CFLAGS) $(MARIADB_CFLAGS)
tests_integration_derive_mariadb_t_LDADD = $(SERVER_TEST_LIBS) $(SQL_LIBS) $(PQ_LIBS) $(MARIADB_LIBS) $(CMOCKA_LIBS)
endif

# the real broker with scripted consoles
if HAVE_CMOCKA
check_LIBRARIES += tests/lib/libbrokertest.a
tests_lib_libbrokertest_a_SOURCES = tests/lib/broker.c tests/lib/broker.h tests/lib/console.c
tests_lib_libbrokertest_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_lib_libbrokertest_a_CFLAGS = $(UNIT_CFLAGS)
BROKER_TEST_LIBS = tests/lib/libbrokertest.a $(BROKER_LIBS) $(CMOCKA_LIBS)
BROKER_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
BROKER_TESTS = tests/integration/session.t tests/integration/bad_input.t tests/integration/kill.t \
	tests/integration/full.t tests/integration/system_mode.t tests/integration/postgres.t tests/integration/attack.t tests/integration/hold.t tests/integration/connect.t tests/integration/signed.t tests/integration/signed_verify.t tests/integration/strict.t tests/integration/ddl.t tests/integration/strict_db.t
check_PROGRAMS += $(BROKER_TESTS)
TESTS += $(BROKER_TESTS)
SIGNED_WORLD = tests/integration/signed_world.c tests/integration/signed_world.h
tests_integration_signed_verify_t_SOURCES = tests/integration/signed_verify.c $(SIGNED_WORLD)
tests_integration_signed_verify_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_signed_verify_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_signed_verify_t_LDADD = $(KEYS_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_signed_t_SOURCES = tests/integration/signed.c $(SIGNED_WORLD)
tests_integration_signed_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_signed_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_signed_t_LDADD = $(KEYS_TEST_LIBS) $(BROKER_TEST_LIBS)
# a second person is there, or is not
check_PROGRAMS += tests/integration/presence.t
TESTS += tests/integration/presence.t
tests_integration_presence_t_SOURCES = tests/integration/presence.c $(SIGNED_WORLD)
tests_integration_presence_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_presence_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_presence_t_LDADD = $(KEYS_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_strict_db_t_SOURCES = tests/integration/strict_db.c
tests_integration_strict_db_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_strict_db_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_strict_db_t_LDADD = $(BROKER_TEST_LIBS)
STRICT_WORLD = tests/integration/strict_world.c tests/integration/strict_world.h
tests_integration_ddl_t_SOURCES = tests/integration/ddl.c $(STRICT_WORLD)
tests_integration_ddl_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_ddl_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_ddl_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS) $(PQ_LIBS)
check_PROGRAMS += tests/integration/pace.t
TESTS += tests/integration/pace.t
tests_integration_pace_t_SOURCES = tests/integration/pace.c $(STRICT_WORLD)
tests_integration_pace_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_pace_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_pace_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_strict_t_SOURCES = tests/integration/strict.c $(STRICT_WORLD)
tests_integration_strict_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_strict_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_strict_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_session_t_SOURCES = tests/integration/session.c
tests_integration_session_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_session_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_session_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_hold_t_SOURCES = tests/integration/hold.c
tests_integration_hold_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_hold_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_hold_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_bad_input_t_SOURCES = tests/integration/bad_input.c
tests_integration_bad_input_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_bad_input_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_bad_input_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_kill_t_SOURCES = tests/integration/kill.c
tests_integration_kill_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_kill_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_kill_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_full_t_SOURCES = tests/integration/full.c
tests_integration_full_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_full_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_full_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_attack_t_SOURCES = tests/integration/attack.c
tests_integration_attack_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_system_mode_t_SOURCES = tests/integration/system_mode.c
tests_integration_system_mode_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_system_mode_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_system_mode_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_connect_t_SOURCES = tests/integration/connect.c
tests_integration_connect_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_connect_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_connect_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_postgres_t_SOURCES = tests/integration/postgres.c
tests_integration_postgres_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_postgres_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_postgres_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
# attacks on ways and on what is asked at connect
check_PROGRAMS += tests/integration/attack3.t tests/integration/attack_way.t
TESTS += tests/integration/attack3.t tests/integration/attack_way.t
tests_integration_attack3_t_SOURCES = tests/integration/attack3.c
tests_integration_attack3_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack3_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack3_t_LDADD = $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
tests_integration_attack_way_t_SOURCES = tests/integration/attack_way.c
tests_integration_attack_way_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_way_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_way_t_LDADD = tests/lib/libtunneltest.a $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
# what became of a change that nobody saw end
check_PROGRAMS += tests/integration/settle.t
TESTS += tests/integration/settle.t
tests_integration_settle_t_SOURCES = tests/integration/settle.c
tests_integration_settle_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_settle_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_settle_t_LDADD = $(BROKER_TEST_LIBS)
# a role among others that are not what they should be
check_PROGRAMS += tests/integration/attack_laws.t tests/integration/attack_laws2.t tests/integration/attack_tickets.t
TESTS += tests/integration/attack_laws.t tests/integration/attack_laws2.t tests/integration/attack_tickets.t
tests_integration_attack_laws_t_SOURCES = tests/integration/attack_laws.c
tests_integration_attack_laws_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_laws_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_laws_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_attack_laws2_t_SOURCES = tests/integration/attack_laws2.c
tests_integration_attack_laws2_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_laws2_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_laws2_t_LDADD = $(BROKER_TEST_LIBS)
tests_integration_attack_tickets_t_SOURCES = tests/integration/attack_tickets.c
tests_integration_attack_tickets_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_tickets_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_tickets_t_LDADD = $(BROKER_TEST_LIBS)
check_PROGRAMS += tests/integration/attack_db.t
TESTS += tests/integration/attack_db.t
tests_integration_attack_db_t_SOURCES = tests/integration/attack_db.c
tests_integration_attack_db_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_db_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_db_t_LDADD = $(BROKER_TEST_LIBS)
check_PROGRAMS += tests/integration/attack_roles.t
TESTS += tests/integration/attack_roles.t
tests_integration_attack_roles_t_SOURCES = tests/integration/attack_roles.c
tests_integration_attack_roles_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_attack_roles_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_attack_roles_t_LDADD = $(BROKER_TEST_LIBS)
endif
