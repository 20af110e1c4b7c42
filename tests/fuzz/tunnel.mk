check_PROGRAMS += tests/fuzz/fuzz_tunnel_known
FUZZ_TARGETS += tunnel_known
tests_fuzz_fuzz_tunnel_known_SOURCES = tests/fuzz/fuzz_tunnel_known.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tunnel_known_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_tunnel_known_LDADD = $(TUNNEL_LIBS)
