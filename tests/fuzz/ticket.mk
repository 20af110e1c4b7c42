check_PROGRAMS += tests/fuzz/fuzz_ticket_yaml
FUZZ_TARGETS += ticket_yaml
tests_fuzz_fuzz_ticket_yaml_SOURCES = tests/fuzz/fuzz_ticket_yaml.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ticket_yaml_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ticket_yaml_LDADD = $(TICKET_LIBS)
