# the programs: wiring only; twokey never links a database, a gate or the broker
bin_PROGRAMS += twokey
twokey_SOURCES = %D%/twokey.c %D%/cmd.c %D%/cmd_help.c %D%/cmd_version.c %D%/cmd_absent.c
twokey_LDADD = $(CONSOLE_LIBS)
noinst_HEADERS += %D%/cmd.def %D%/cmd.h
