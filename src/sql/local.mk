noinst_LIBRARIES += %D%/libsql.a
%C%_libsql_a_SOURCES =
