noinst_LIBRARIES += %D%/libsql.a
%C%_libsql_a_SOURCES = %D%/class.c %D%/facts.c %D%/redact.c %D%/lex.c %D%/lex_quote.c %D%/lex_comment.c \
	%D%/call.c %D%/comment.c %D%/catalogue.c %D%/chars.c %D%/cursor.c %D%/derive.c %D%/derive_join.c %D%/derive_judge.c %D%/derive_added.c %D%/derive_take.c %D%/ender.c %D%/normal.c %D%/note.c %D%/secret.c %D%/setting.c %D%/split.c \
	%D%/stmt_object.c %D%/stmt_postgres.c %D%/verb.c %D%/walk.c %D%/walk_from.c %D%/walk_op.c %D%/walk_update.c %D%/walk_word.c \
	%D%/kw_table.c %D%/fn_postgres.c %D%/fn_sqlite.c %D%/fn_mariadb.c %D%/fn_mysql.c \
	%D%/stmt_mysql.c %D%/stmt_mysql_object.c %D%/stmt_mysql_set.c
noinst_HEADERS += include/twokey/sql/catalogue.h include/twokey/sql/class.def include/twokey/sql/class.h include/twokey/sql/comment.h include/twokey/sql/danger.def \
	include/twokey/sql/derive.h include/twokey/sql/facts.h include/twokey/sql/normal.h include/twokey/sql/redact.h \
	include/twokey/sql/split.h \
	%D%/ctx.h %D%/derive_parts.h %D%/fn.h %D%/kw.def %D%/kw.h %D%/lex.h %D%/verb.h %D%/walk.h

# perfect hashes; the C that gperf writes is distributed, so a release needs no gperf
SQL_TABLES = %D%/kw_table.c %D%/fn_postgres.c %D%/fn_sqlite.c %D%/fn_mariadb.c %D%/fn_mysql.c
BUILT_SOURCES += $(SQL_TABLES)
EXTRA_DIST += %D%/fn_mariadb.gperf %D%/fn_mysql.gperf %D%/fn_mariadb.effects %D%/fn_mariadb.more \
	%D%/fn_mysql.effects %D%/fn_mysql.more %D%/fn_postgres.gperf %D%/fn_sqlite.gperf %D%/fn_postgres.effects %D%/fn_postgres.more \
	%D%/fn_sqlite.effects %D%/fn_sqlite.more \
	bench/classify.c bench/classify.sh \
	tests/tools/sql_functions.sh tests/tools/sql_functions.awk tests/tools/sql_keywords.awk

%D%/kw_table.c: %D%/kw.def tests/tools/sql_keywords.awk
	$(AM_V_GEN)$(MKDIR_P) %D% && $(AWK) -f $(srcdir)/tests/tools/sql_keywords.awk $(srcdir)/%D%/kw.def > $@.in \
		&& $(GPERF) $@.in > $@.new && rm -f $@.in && mv $@.new $@
%D%/fn_postgres.c: %D%/fn_postgres.gperf
	$(AM_V_GEN)$(MKDIR_P) %D% && $(GPERF) $(srcdir)/%D%/fn_postgres.gperf > $@.new && mv $@.new $@
%D%/fn_sqlite.c: %D%/fn_sqlite.gperf
	$(AM_V_GEN)$(MKDIR_P) %D% && $(GPERF) $(srcdir)/%D%/fn_sqlite.gperf > $@.new && mv $@.new $@
%D%/fn_mariadb.c: %D%/fn_mariadb.gperf
	$(AM_V_GEN)$(MKDIR_P) %D% && $(GPERF) $(srcdir)/%D%/fn_mariadb.gperf > $@.new && mv $@.new $@
%D%/fn_mysql.c: %D%/fn_mysql.gperf
	$(AM_V_GEN)$(MKDIR_P) %D% && $(GPERF) $(srcdir)/%D%/fn_mysql.gperf > $@.new && mv $@.new $@
