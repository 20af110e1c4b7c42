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
check_PROGRAMS += %D%/live.t
TESTS += %D%/live.t
%C%_live_t_SOURCES = %D%/live.c %D%/term.c
%C%_live_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_live_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_live_t_LDADD = $(BROKER_TEST_LIBS) $(TTY_TEST_LIBS)
check_PROGRAMS += %D%/hold.t
TESTS += %D%/hold.t
%C%_hold_t_SOURCES = %D%/hold.c %D%/term.c
%C%_hold_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_hold_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_hold_t_LDADD = $(BROKER_TEST_LIBS) $(TTY_TEST_LIBS)
check_PROGRAMS += %D%/wall.t
TESTS += %D%/wall.t
%C%_wall_t_SOURCES = %D%/wall.c %D%/term.c tests/integration/people_world.c
%C%_wall_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_wall_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_wall_t_LDADD = $(BROKER_TEST_LIBS) $(TTY_TEST_LIBS)
check_PROGRAMS += %D%/sign.t
TESTS += %D%/sign.t
%C%_sign_t_SOURCES = %D%/sign.c %D%/term.c
%C%_sign_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_sign_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_sign_t_LDADD = $(KEYS_TEST_LIBS) $(BROKER_TEST_LIBS) $(TTY_TEST_LIBS)
check_PROGRAMS += %D%/reach.t
TESTS += %D%/reach.t
%C%_reach_t_SOURCES = %D%/reach.c %D%/term.c
%C%_reach_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_reach_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_reach_t_LDADD = tests/lib/libtunneltest.a $(SERVER_TEST_LIBS) $(BROKER_TEST_LIBS) $(TTY_TEST_LIBS)
check_PROGRAMS += %D%/replay.t
TESTS += %D%/replay.t
%C%_replay_t_SOURCES = %D%/replay.c %D%/term.c tests/unit/console_make.c tests/unit/console_make.h
%C%_replay_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
%C%_replay_t_CFLAGS = $(TTY_TEST_CFLAGS)
%C%_replay_t_LDADD = $(CONSOLE_LIBS) $(TTY_TEST_LIBS)
endif
endif
