noinst_LIBRARIES += %D%/libtunnel.a
%C%_libtunnel_a_SOURCES = %D%/auth.c %D%/check.c %D%/command.c %D%/dial.c %D%/forward.c %D%/hop.c %D%/hostkey.c %D%/known.c \
	%D%/loop.c %D%/open.c %D%/peer.c %D%/serve.c %D%/tell.c
noinst_HEADERS += include/twokey/tunnel/command.h include/twokey/tunnel/fault.def include/twokey/tunnel/phase.def include/twokey/tunnel/tunnel.h \
	%D%/core.h %D%/known.h
