include tests/integration/broker.mk
include tests/integration/tunnel.mk
include tests/integration/oracle.mk
include tests/integration/change.mk
include tests/integration/mariadb.mk
TESTS += tests/integration/demo.sh tests/integration/demo_dsn.sh tests/integration/train.sh
EXTRA_DIST += tests/integration/lib.sh tests/integration/demo.sh tests/integration/demo_dsn.sh tests/integration/train.sh
