noinst_LIBRARIES += %D%/libconsole.a
%C%_libconsole_a_SOURCES =
