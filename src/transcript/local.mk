noinst_LIBRARIES += %D%/libtranscript.a
%C%_libtranscript_a_SOURCES = %D%/answer.c %D%/body.c %D%/compose.c %D%/event.c %D%/line.c %D%/reader.c %D%/recover.c \
	%D%/scan.c %D%/sshsig.c %D%/sshsig_verify.c %D%/verify.c %D%/verify_file.c %D%/writer.c %D%/writer_file.c
noinst_HEADERS += include/twokey/transcript/answer.def include/twokey/transcript/answer.h \
	include/twokey/transcript/sshsig.h include/twokey/transcript/event.def include/twokey/transcript/event.h \
	include/twokey/transcript/limit.h include/twokey/transcript/line.h include/twokey/transcript/reader.h \
	include/twokey/transcript/verify.h include/twokey/transcript/writer.h \
	%D%/body.h %D%/chain.h %D%/compose.h %D%/scan.h %D%/writer_file.h
dist_doc_DATA += doc/transcript.txt doc/verify.sh
check_PROGRAMS += bench/transcript_make
bench_transcript_make_SOURCES = bench/transcript_make.c
bench_transcript_make_LDADD = $(TRANSCRIPT_LIBS)
