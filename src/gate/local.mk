noinst_LIBRARIES += %D%/libgate.a
%C%_libgate_a_SOURCES =
