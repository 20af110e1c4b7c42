TUNNEL_UNIT_TESTS = tests/unit/tunnel_known.t
check_PROGRAMS += $(TUNNEL_UNIT_TESTS)
TESTS += $(TUNNEL_UNIT_TESTS)
tests_unit_tunnel_known_t_SOURCES = tests/unit/tunnel_known.c
tests_unit_tunnel_known_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_tunnel_known_t_LDADD = $(TUNNEL_LIBS) $(CMOCKA_LIBS)
