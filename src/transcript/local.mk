noinst_LIBRARIES += %D%/libtranscript.a
%C%_libtranscript_a_SOURCES =
