# Fuzz targets are ordinary programs: always built; `make check` replays tests/fuzz/corpus/NAME through
# tests/fuzz/fuzz_NAME. With --enable-fuzzing they are libFuzzer programs. A target's .mk says:
#	check_PROGRAMS += tests/fuzz/fuzz_NAME
#	FUZZ_TARGETS += NAME
#	tests_fuzz_fuzz_NAME_SOURCES = tests/fuzz/NAME.c $(FUZZ_MAIN)
#	tests_fuzz_fuzz_NAME_LDFLAGS = $(FUZZ_LINK)
#	tests_fuzz_fuzz_NAME_LDADD = $(SQL_LIBS)
FUZZ_TARGETS =
if FUZZING
FUZZ_MAIN = tests/fuzz/fuzz.h
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/replay.c tests/fuzz/fuzz.h
FUZZ_LINK = $(AM_LDFLAGS)
endif
include tests/fuzz/sql.mk
include tests/fuzz/transcript.mk
include tests/fuzz/ticket.mk
include tests/fuzz/tunnel.mk
TESTS += tests/fuzz/corpus.sh
EXTRA_DIST += tests/fuzz/corpus.sh tests/fuzz/replay.c tests/fuzz/corpus

# make fuzz FUZZ_SECONDS=60: every target for that long (needs --enable-fuzzing)
FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz: $(check_PROGRAMS)
	@for t in $(FUZZ_TARGETS); do \
		mkdir -p tests/fuzz/found/$$t && \
		./tests/fuzz/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=tests/fuzz/found/ \
			tests/fuzz/found/$$t $(srcdir)/tests/fuzz/corpus/$$t || exit 1; \
	done
