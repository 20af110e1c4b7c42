check_PROGRAMS += tests/unit/broker_permit.t
TESTS += tests/unit/broker_permit.t
tests_unit_broker_permit_t_SOURCES = tests/unit/broker_permit.c
tests_unit_broker_permit_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_broker_permit_t_LDADD = $(BROKER_LIBS) $(CMOCKA_LIBS)
