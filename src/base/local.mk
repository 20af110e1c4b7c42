noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = %D%/buf.c %D%/cap.c %D%/clock.c %D%/digest.c %D%/err.c %D%/excess.c %D%/hmac.c %D%/io.c \
	%D%/json.c %D%/log.c %D%/must.c %D%/secret.c %D%/run.c %D%/sshkey.c %D%/text.c %D%/sealed.c %D%/sealed_crypt.c
noinst_HEADERS += include/twokey/base/buf.h include/twokey/base/cap.def include/twokey/base/cap.h include/twokey/base/clock.h \
	include/twokey/base/digest.h include/twokey/base/err.def include/twokey/base/err.h include/twokey/base/excess.def include/twokey/base/excess.h \
	include/twokey/base/hmac.h include/twokey/base/io.h include/twokey/base/json.h include/twokey/base/log.h \
	include/twokey/base/must.h include/twokey/base/run.h include/twokey/base/secret.h include/twokey/base/sshkey.h include/twokey/base/text.h include/twokey/base/sealed.h %D%/sealed_crypt.h
