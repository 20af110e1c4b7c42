noinst_LIBRARIES += %D%/libticket.a
%C%_libticket_a_SOURCES =
