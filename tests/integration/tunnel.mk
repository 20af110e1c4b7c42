# the tunnel against real sshds
if HAVE_CMOCKA
check_LIBRARIES += tests/lib/libtunneltest.a
tests_lib_libtunneltest_a_SOURCES = tests/lib/sshd.c tests/lib/sshd.h tests/integration/tunnel_world.c \
	tests/integration/tunnel_world.h
tests_lib_libtunneltest_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_lib_libtunneltest_a_CFLAGS = $(UNIT_CFLAGS)
TUNNEL_TEST_LIBS = tests/lib/libtunneltest.a $(SERVER_TEST_LIBS) $(TUNNEL_LIBS) $(CMOCKA_LIBS) -lpthread
TUNNEL_TESTS = tests/integration/tunnel_open.t tests/integration/tunnel_flow.t tests/integration/tunnel_fault.t
check_PROGRAMS += $(TUNNEL_TESTS)
TESTS += $(TUNNEL_TESTS)
tests_integration_tunnel_open_t_SOURCES = tests/integration/tunnel_open.c
tests_integration_tunnel_open_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_tunnel_open_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_tunnel_open_t_LDADD = $(TUNNEL_TEST_LIBS)
tests_integration_tunnel_flow_t_SOURCES = tests/integration/tunnel_flow.c
tests_integration_tunnel_flow_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_tunnel_flow_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_tunnel_flow_t_LDADD = $(TUNNEL_TEST_LIBS)
tests_integration_tunnel_fault_t_SOURCES = tests/integration/tunnel_fault.c
tests_integration_tunnel_fault_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_integration_tunnel_fault_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_tunnel_fault_t_LDADD = $(TUNNEL_TEST_LIBS)
# whole sessions through them
check_PROGRAMS += tests/integration/way.t
TESTS += tests/integration/way.t
tests_integration_way_t_SOURCES = tests/integration/way.c
tests_integration_way_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_way_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_way_t_LDADD = tests/lib/libtunneltest.a $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
# the same as root, with users of their own for the roles
check_PROGRAMS += tests/integration/system_way.t
TESTS += tests/integration/system_way.t
tests_integration_system_way_t_SOURCES = tests/integration/system_way.c tests/integration/system_world.c \
	tests/integration/system_world.h
tests_integration_system_way_t_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
tests_integration_system_way_t_CFLAGS = $(UNIT_CFLAGS)
tests_integration_system_way_t_LDADD = tests/lib/libtunneltest.a $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS)
endif
