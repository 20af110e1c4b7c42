check_PROGRAMS += tests/fuzz/fuzz_transcript_verify tests/fuzz/fuzz_transcript_reader
FUZZ_TARGETS += transcript_verify transcript_reader
tests_fuzz_fuzz_transcript_verify_SOURCES = tests/fuzz/fuzz_transcript_verify.c $(FUZZ_MAIN)
tests_fuzz_fuzz_transcript_verify_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_transcript_verify_LDADD = $(TRANSCRIPT_LIBS)
tests_fuzz_fuzz_transcript_reader_SOURCES = tests/fuzz/fuzz_transcript_reader.c $(FUZZ_MAIN)
tests_fuzz_fuzz_transcript_reader_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_transcript_reader_LDADD = $(TRANSCRIPT_LIBS)
