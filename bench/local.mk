# make bench: numbers, never part of make check
EXTRA_PROGRAMS = bench/delay bench/tunnel bench/roundtrip bench/rows bench/write
bench_write_SOURCES = bench/write.c
bench_write_LDADD = $(BASE_LIBS)
bench_roundtrip_SOURCES = bench/roundtrip.c
bench_roundtrip_LDADD = $(BASE_LIBS)
bench_rows_SOURCES = bench/rows.c
bench_rows_LDADD = $(BASE_LIBS)
bench_delay_SOURCES = bench/delay.c
bench_delay_LDADD = -lpthread
bench_tunnel_SOURCES = bench/tunnel.c
bench_tunnel_LDADD = $(TUNNEL_LIBS) -lpthread
if HAVE_CMOCKA
EXTRA_PROGRAMS += bench/signed
bench_signed_SOURCES = bench/signed.c $(SIGNED_WORLD)
bench_signed_CPPFLAGS = $(BROKER_TEST_CPPFLAGS)
bench_signed_CFLAGS = $(UNIT_CFLAGS)
bench_signed_LDADD = $(KEYS_TEST_LIBS) $(BROKER_TEST_LIBS)
CLEANFILES += bench/signed$(EXEEXT)
endif
EXTRA_DIST += bench/signed.sh bench/tunnel.sh bench/roundtrip.sh bench/rows.sh bench/rows_mariadb.sh bench/write.sh
CLEANFILES += bench/delay$(EXEEXT) bench/tunnel$(EXEEXT) bench/roundtrip$(EXEEXT) bench/rows$(EXEEXT) bench/write$(EXEEXT)
.PHONY: bench
bench: all $(EXTRA_PROGRAMS)
	@for b in $(srcdir)/bench/*.sh; do \
		top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' LC_ALL=C.UTF-8 bash $$b || exit 1; \
	done
