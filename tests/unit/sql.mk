check_PROGRAMS += tests/unit/sql_corpus.t
TESTS += tests/unit/sql_corpus.t
tests_unit_sql_corpus_t_SOURCES = tests/unit/sql_corpus.c
tests_unit_sql_corpus_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_sql_corpus_t_LDADD = $(SQL_LIBS) $(CMOCKA_LIBS)
EXTRA_DIST += tests/golden/sql/adversarial.jsonl
