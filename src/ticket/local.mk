noinst_LIBRARIES += %D%/libticket.a
%C%_libticket_a_SOURCES = %D%/change.c %D%/config.c %D%/config_check.c %D%/doc.c %D%/identity.c %D%/schema.c %D%/schema_value.c \
	%D%/state.c %D%/store.c %D%/ticket.c %D%/ticket_check.c %D%/words.c \
	%D%/config_target.c %D%/config_way.c
noinst_HEADERS += include/twokey/ticket/config.h include/twokey/ticket/identity.h include/twokey/ticket/store.h \
	include/twokey/ticket/ticket.h include/twokey/ticket/words.h \
	%D%/change.h %D%/config_check.h %D%/doc.h %D%/schema.def %D%/schema.h %D%/state.h %D%/wordlist.h
dist_doc_DATA += doc/config.txt
