# keys and signatures by the real ssh-keygen; the security key is loaded by ssh-sk-helper, so it has no sanitizers
if HAVE_CMOCKA
check_LIBRARIES += tests/lib/libkeys.a
tests_lib_libkeys_a_SOURCES = tests/lib/keys.c tests/lib/keys.h
tests_lib_libkeys_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_lib_libkeys_a_CFLAGS = $(UNIT_CFLAGS)
KEYS_TEST_LIBS = tests/lib/libkeys.a
tests/lib/sk.so: tests/lib/sk.c
	$(AM_V_CC)$(MKDIR_P) tests/lib && $(CC) -std=c17 -O1 -Wall -Wextra $(CRYPTO_CFLAGS) -fPIC -shared -o $@ \
		$(top_srcdir)/tests/lib/sk.c $(CRYPTO_LIBS)
check_DATA = tests/lib/sk.so
CLEANFILES += tests/lib/sk.so
EXTRA_DIST += tests/lib/sk.c
endif
