noinst_LIBRARIES += %D%/libsql.a
%C%_libsql_a_SOURCES = %D%/class.c %D%/facts.c %D%/redact.c
noinst_HEADERS += include/twokey/sql/class.def include/twokey/sql/class.h include/twokey/sql/danger.def \
	include/twokey/sql/derive.h include/twokey/sql/facts.h include/twokey/sql/redact.h \
	include/twokey/sql/split.h
