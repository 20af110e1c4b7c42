check_PROGRAMS += tests/fuzz/fuzz_sql_lex tests/fuzz/fuzz_sql_classify
FUZZ_TARGETS += sql_lex sql_classify
tests_fuzz_fuzz_sql_lex_SOURCES = tests/fuzz/fuzz_sql_lex.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sql_lex_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sql_lex_LDADD = $(SQL_LIBS)
tests_fuzz_fuzz_sql_classify_SOURCES = tests/fuzz/fuzz_sql_classify.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sql_classify_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sql_classify_LDADD = $(SQL_LIBS)
