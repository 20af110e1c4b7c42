noinst_LIBRARIES += %D%/libbroker.a
%C%_libbroker_a_SOURCES =
