include tests/integration/broker.mk
TESTS += tests/integration/demo.sh
EXTRA_DIST += tests/integration/lib.sh tests/integration/demo.sh
