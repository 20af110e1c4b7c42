noinst_LIBRARIES += %D%/libgate.a
%C%_libgate_a_SOURCES = %D%/change.c %D%/differ.c %D%/excess.c %D%/pace.c %D%/request.c %D%/second.c %D%/state.c %D%/typed.c %D%/verdict.c
noinst_HEADERS += include/twokey/gate/change.h include/twokey/gate/excess.h include/twokey/gate/gate.def include/twokey/gate/pace.h include/twokey/gate/request.h include/twokey/gate/verdict.h \
	%D%/differ.h %D%/excess.def %D%/typed.h %D%/verdict.def
dist_doc_DATA += doc/accounts.txt
