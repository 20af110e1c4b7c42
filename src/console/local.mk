noinst_LIBRARIES += %D%/libconsole.a
%C%_libconsole_a_SOURCES =
%C%_libconsole_a_SOURCES += %D%/feeder.c
%C%_libconsole_a_SOURCES += %D%/screen.c
%C%_libconsole_a_SOURCES += %D%/screen_term.c
noinst_HEADERS += include/twokey/console/screen.h
noinst_HEADERS += %D%/feeder.h
noinst_HEADERS += %D%/screen_grid.h
