TRANSCRIPT_TESTS = tests/unit/transcript_writer.t tests/unit/transcript_verify.t tests/unit/transcript_recover.t \
	tests/unit/transcript_line.t tests/unit/transcript_reader.t tests/unit/transcript_answer.t tests/unit/transcript_sshsig.t
check_PROGRAMS += $(TRANSCRIPT_TESTS)
TESTS += $(TRANSCRIPT_TESTS)
TRANSCRIPT_MAKE = tests/unit/transcript_make.c tests/unit/transcript_make.h
TRANSCRIPT_LDADD = $(TRANSCRIPT_LIBS) $(CMOCKA_LIBS)
tests_unit_transcript_writer_t_SOURCES = tests/unit/transcript_writer.c $(TRANSCRIPT_MAKE)
tests_unit_transcript_writer_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_writer_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_writer_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync -Wl,--wrap=pwrite -Wl,--wrap=pwrite64 \
	-Wl,--wrap=fallocate -Wl,--wrap=fallocate64 -Wl,--wrap=ftruncate -Wl,--wrap=ftruncate64
tests_unit_transcript_verify_t_SOURCES = tests/unit/transcript_verify.c $(TRANSCRIPT_MAKE)
tests_unit_transcript_verify_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_verify_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_recover_t_SOURCES = tests/unit/transcript_recover.c $(TRANSCRIPT_MAKE)
tests_unit_transcript_recover_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_recover_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_line_t_SOURCES = tests/unit/transcript_line.c
tests_unit_transcript_line_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_line_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_reader_t_SOURCES = tests/unit/transcript_reader.c $(TRANSCRIPT_MAKE)
tests_unit_transcript_reader_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_reader_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_answer_t_SOURCES = tests/unit/transcript_answer.c
tests_unit_transcript_answer_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_answer_t_LDADD = $(TRANSCRIPT_LDADD)
tests_unit_transcript_sshsig_t_SOURCES = tests/unit/transcript_sshsig.c
tests_unit_transcript_sshsig_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_transcript_sshsig_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_transcript_sshsig_t_LDADD = $(KEYS_TEST_LIBS) $(TRANSCRIPT_LDADD)
EXTRA_DIST += tests/golden/answer
TESTS += tests/golden/transcript/verify.sh
EXTRA_DIST += tests/golden/transcript bench/verify.sh
