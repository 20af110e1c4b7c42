# long tests first: with two jobs the short ones fill the gaps
include tests/integration/local.mk
include tests/tty/local.mk
# every unit test: one binary, one cmocka group (cmocka 1.1.5 prints a plan per group)
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
if HAVE_CMOCKA
include tests/unit/base.mk
include tests/lib/keys.mk
include tests/unit/sql.mk
include tests/unit/transcript.mk
include tests/unit/ticket.mk
include tests/unit/gate.mk
include tests/unit/db.mk
include tests/unit/tunnel.mk
include tests/unit/broker.mk
include tests/unit/console.mk
include tests/unit/main.mk
endif
include tests/golden/local.mk
include tests/fuzz/local.mk
TESTS += tests/tools/floors.sh tests/tools/headers.sh tests/tools/budget.sh tests/tools/words.sh \
	tests/tools/commands.sh tests/tools/keys.sh tests/tools/protocol.sh tests/tools/documents.sh
EXTRA_DIST += tests/tools/tap.sh tests/tools/limit.sh tests/tools/tapskip.sh tests/tools/floors.except \
	tests/tools/budget.except tests/tools/fresh.sh tests/tools/check.sh \
	tests/tools/floors.sh tests/tools/headers.sh tests/tools/budget.sh tests/tools/words.sh \
	tests/tools/commands.sh tests/tools/keys.sh tests/tools/protocol.sh tests/tools/documents.sh
