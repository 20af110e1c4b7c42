check_PROGRAMS += tests/unit/main_dsn.t
TESTS += tests/unit/main_dsn.t
tests_unit_main_dsn_t_SOURCES = tests/unit/main_dsn.c src/main/demo_dsn.c
tests_unit_main_dsn_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_main_dsn_t_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/main_shop.t
TESTS += tests/unit/main_shop.t
tests_unit_main_shop_t_SOURCES = tests/unit/main_shop.c src/main/demo_shop.c
tests_unit_main_shop_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_main_shop_t_LDADD = $(BASE_LIBS) $(SQLITE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/main_cmd.t
TESTS += tests/unit/main_cmd.t
tests_unit_main_cmd_t_SOURCES = tests/unit/main_cmd.c src/main/cmd.c
tests_unit_main_cmd_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_main_cmd_t_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/main_demo.t
TESTS += tests/unit/main_demo.t
tests_unit_main_demo_t_SOURCES = tests/unit/main_demo.c src/main/demo_files.c src/main/demo_dsn.c
tests_unit_main_demo_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_main_demo_t_LDADD = $(TICKET_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/main_turns.t
TESTS += tests/unit/main_turns.t
tests_unit_main_turns_t_SOURCES = tests/unit/main_turns.c src/main/verify_ticket.c src/main/programs.c
tests_unit_main_turns_t_CFLAGS = $(UNIT_CFLAGS)
tests_unit_main_turns_t_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
