# programs on a pty, read with libvterm
EXTRA_DIST += %D%/term.h
if HAVE_CMOCKA
if HAVE_VTERM
TTY_TEST_CFLAGS = $(UNIT_CFLAGS) $(VTERM_CFLAGS)
TTY_TEST_LIBS = $(CMOCKA_LIBS) $(VTERM_LIBS) -lutil
check_PROGRAMS += %D%/tiny
%C%_tiny_SOURCES = %D%/tiny.c
%C%_tiny_LDADD = $(CONSOLE_LIBS)
check_PROGRAMS += %D%/screen.t
TESTS += %D%/screen.t
%C%_screen_t_SOURCES = %D%/screen.c %D%/term.c
%C%_screen_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_screen_t_LDADD = $(BASE_LIBS) $(TTY_TEST_LIBS)
endif
endif
