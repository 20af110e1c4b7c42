check_PROGRAMS += tests/unit/base_text.t tests/unit/base_values.t
TESTS += tests/unit/base_text.t tests/unit/base_values.t
tests_unit_base_text_t_SOURCES = tests/unit/base_text.c
tests_unit_base_text_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_text_t_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_values_t_SOURCES = tests/unit/base_values.c
tests_unit_base_values_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_values_t_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
