# every unit test: one binary, one cmocka group (cmocka 1.1.5 prints a plan per group)
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
if HAVE_CMOCKA
include tests/unit/base.mk
include tests/unit/sql.mk
include tests/unit/transcript.mk
include tests/unit/ticket.mk
include tests/unit/gate.mk
include tests/unit/db.mk
include tests/unit/broker.mk
include tests/unit/console.mk
endif
include tests/golden/local.mk
include tests/integration/local.mk
include tests/tty/local.mk
include tests/fuzz/local.mk
EXTRA_DIST += %D%/tools/tapskip.sh
