# the programs: wiring only; twokey never links a database, a gate or the broker
bin_PROGRAMS += twokey
twokey_SOURCES = %D%/twokey.c %D%/cmd.c %D%/cmd_help.c %D%/cmd_version.c %D%/cmd_classify.c \
	%D%/cmd_demo.c %D%/cmd_train.c %D%/demo_dsn.c %D%/demo_files.c %D%/demo_prepare.c %D%/demo_run.c %D%/demo_show.c \
	%D%/cmd_join.c %D%/cmd_lobby.c %D%/cmd_open.c %D%/cmd_replay.c %D%/cmd_settle.c %D%/cmd_show.c %D%/cmd_target.c %D%/cmd_ticket.c %D%/cmd_verify.c \
	%D%/train_drive.c %D%/train_script.c %D%/programs.c %D%/seat_args.c %D%/verify_signed.c %D%/verify_steps.c %D%/verify_ticket.c
twokey_LDADD = $(CONSOLE_LIBS)
sbin_PROGRAMS += twokeyd
twokeyd_SOURCES = %D%/twokeyd.c %D%/twokeyd_ticket.c %D%/demo_shop.c
twokeyd_LDADD = $(BROKER_LIBS)
noinst_HEADERS += %D%/cmd.def %D%/cmd.h %D%/demo.h %D%/demo_shop.h %D%/programs.h %D%/train.h %D%/seat_args.h %D%/twokeyd_ticket.h %D%/verify_signed.h %D%/verify_steps.h %D%/verify_ticket.h
