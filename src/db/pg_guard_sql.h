/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the guard's SQL. Whoever edits it: every name has its schema, every literal is quoted, so that it
 * takes the type of the other side and no operator or cast of a user can come in between. */
#ifndef DB_PG_GUARD_SQL_H
#define DB_PG_GUARD_SQL_H

/* Relations: those that the text names, and what is behind partitions, views and policies. */
#define PG_GUARD_REL \
	"WITH RECURSIVE rel(oid) AS (SELECT DISTINCT pg_catalog.to_regclass(CASE WHEN t.s = ''" \
	" THEN pg_catalog.quote_ident(t.n) ELSE pg_catalog.quote_ident(t.s) || '.' || pg_catalog.quote_ident(t.n) END)" \
	"::pg_catalog.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS t(s, n)" \
	" UNION SELECT x.oid FROM rel r CROSS JOIN LATERAL (" \
	"SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid" \
	" UNION ALL SELECT d.refobjid FROM pg_catalog.pg_rewrite w" \
	" JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.relkind = 'v'" \
	" JOIN pg_catalog.pg_depend d ON d.classid = '2618' AND d.objid = w.oid AND d.refclassid = '1259'" \
	" WHERE w.ev_class = r.oid AND w.ev_type = '1'" \
	" UNION ALL SELECT d.refobjid FROM pg_catalog.pg_policy p" \
	" JOIN pg_catalog.pg_depend d ON d.classid = '3256' AND d.objid = p.oid AND d.refclassid = '1259'" \
	" WHERE p.polrelid = r.oid) x WHERE r.oid >= '16384'),"

/* What they are, looked up one by one (OFFSET keeps the planner from reading all of pg_class). */
#define PG_GUARD_KIND \
	" kind(oid, kind, guarded) AS (SELECT r.oid, c.kind, c.guarded FROM rel r CROSS JOIN LATERAL" \
	" (SELECT v.relkind, v.relrowsecurity FROM pg_catalog.pg_class v WHERE v.oid = r.oid OFFSET '0') AS c(kind, guarded)),"

/* Views and policies: what stands in them must be judged too. */
#define PG_GUARD_ITEM \
	" item(class, oid, key) AS (" \
	"SELECT '2618'::pg_catalog.oid, w.oid, 'V' || w.oid::pg_catalog.text || ':' || w.xmin::pg_catalog.text" \
	" FROM kind v JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid AND w.ev_type = '1'" \
	" WHERE v.kind = 'v' AND v.oid >= '16384'" \
	" UNION ALL SELECT '3256'::pg_catalog.oid, p.oid, 'P' || p.oid::pg_catalog.text || ':' || p.xmin::pg_catalog.text" \
	" FROM kind v JOIN pg_catalog.pg_policy p ON p.polrelid = v.oid WHERE v.guarded),"

/* The text as names are looked for in it: "" is one quote of a quoted name; folded as the server folds in an
 * encoding of several bytes, and in one of one byte. */
#define PG_GUARD_SAY \
	" say(t) AS (SELECT pg_catalog.lower(x.t COLLATE \"C\") || ' ' || pg_catalog.lower(x.t)" \
	" FROM (SELECT pg_catalog.replace($7::pg_catalog.text, '\"\"', '\"')) AS x(t)),"

/* Operators that users made, their functions, and those that the planner puts in their place: for NOT, or with the
 * sides changed. */
#define PG_GUARD_SWAPPED(t) \
	" CROSS JOIN LATERAL (SELECT o.oid, o.oprcode::pg_catalog.oid, o.oprcom, o.oprnegate FROM pg_catalog.pg_operator o" \
	" WHERE o.oid IN (" t ".com, " t ".neg) AND o.oid >= '16384' OFFSET '0') AS y(oid, fn, com, neg)"
#define PG_GUARD_OP \
	" op(oid, fn, com, neg) AS (SELECT o.oid, o.oprcode::pg_catalog.oid, o.oprcom, o.oprnegate" \
	" FROM pg_catalog.pg_operator o WHERE o.oid >= '16384' AND ((o.oprname = ANY ($4::pg_catalog.name[])" \
	" AND pg_catalog.pg_operator_is_visible(o.oid)) OR o.oid IN (SELECT d.oid FROM item i CROSS JOIN LATERAL (" \
	"SELECT e.refobjid FROM pg_catalog.pg_depend e WHERE e.classid = i.class AND e.objid = i.oid" \
	" AND e.refclassid = '2617' OFFSET '0') AS d(oid)))" \
	" UNION SELECT y.oid, y.fn, y.com, y.neg FROM op t" PG_GUARD_SWAPPED("t") "),"
/* Those in indexes, checks, partition keys and statistics. */
#define PG_GUARD_KEPT \
	" kept(class, obj, fn, com, neg) AS (SELECT d.classid, d.objid, o.oprcode::pg_catalog.oid, o.oprcom, o.oprnegate" \
	" FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid" \
	" WHERE d.refclassid = '2617' AND d.refobjid >= '16384' AND d.classid IN ('1259', '2606', '3381')" \
	" UNION SELECT t.class, t.obj, y.fn, y.com, y.neg FROM kept t" PG_GUARD_SWAPPED("t") "),"

/* Functions that users made and that the planner runs to see what they give for constants, whatever is asked of the
 * table: in its indexes, checks, partition keys and statistics. Those whose first argument is a column, or a function of
 * nothing but a column, are left: VAR stands right behind them. Not when they are in SQL: their text takes their place.
 * The function of an operator runs with values of the table's statistics. quote_literal, quote_nullable and || with any
 * type (1285 to 2004) are SQL that casts to text. */
#define PG_GUARD_ON_COLUMN "(?![^{}]*[{](VAR |RELABELTYPE :arg [{]VAR |FUNCEXPR [^{}]*[{]VAR [^{}]*[}][)]))"
#define PG_GUARD_PLANNED \
	" planned(fn) AS (SELECT p.oid FROM kind r CROSS JOIN LATERAL (" \
	"SELECT COALESCE(i.indexprs::pg_catalog.text, '') || COALESCE(i.indpred::pg_catalog.text, '')" \
	" FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)" \
	" AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = '1259' AND d.objid = i.indexrelid" \
	" AND d.refclassid IN ('1255', '2617'))" \
	" UNION ALL SELECT k.conbin::pg_catalog.text FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid" \
	" AND k.contype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = '2606'" \
	" AND d.objid = k.oid AND d.refclassid IN ('1255', '2617'))" \
	" UNION ALL SELECT k.partexprs::pg_catalog.text FROM pg_catalog.pg_partitioned_table k" \
	" WHERE k.partexprs IS NOT NULL AND (k.partrelid = r.oid OR k.partrelid IN (" \
	"SELECT a.relid::pg_catalog.oid FROM pg_catalog.pg_partition_ancestors(r.oid) a))" \
	" UNION ALL SELECT 'funcid ' || d.refobjid::pg_catalog.text FROM pg_catalog.pg_statistic_ext e" \
	" JOIN pg_catalog.pg_depend d ON d.classid = '3381' AND d.objid = e.oid AND d.refclassid = '1255'" \
	" WHERE e.stxrelid = r.oid OFFSET '0') AS t(tree)" \
	" CROSS JOIN LATERAL (" \
	"SELECT m.f[1], true FROM pg_catalog.regexp_matches(t.tree, 'funcid ([0-9]+)" PG_GUARD_ON_COLUMN "', 'g') AS m(f)" \
	" UNION ALL SELECT m.f[1], false FROM pg_catalog.regexp_matches(t.tree, 'funcid ([0-9]+)', 'g') AS m(f)) AS f(fn, consts)" \
	" JOIN pg_catalog.pg_proc p ON p.oid = f.fn::pg_catalog.oid AND ((p.prolang = '14' AND NOT p.prosecdef" \
	" AND p.proconfig IS NULL) OR (f.consts AND p.provolatile = 'i'))" \
	" WHERE r.oid >= '16384' AND r.kind IN ('r', 'p', 'm') AND p.oid >= '16384'" \
	" UNION ALL SELECT t.fn FROM kept t" \
	" WHERE EXISTS (SELECT FROM kind r WHERE r.oid = t.obj" \
	" OR t.obj IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid" \
	" UNION ALL SELECT k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid" \
	" UNION ALL SELECT e.oid FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = r.oid" \
	" UNION ALL SELECT a.relid::pg_catalog.oid FROM pg_catalog.pg_partition_ancestors(r.oid) a))" \
	" UNION ALL SELECT k.castfunc FROM pg_catalog.pg_cast k WHERE k.oid >= '16384' AND k.castfunc <> '0'" \
	" AND k.casttarget = '25' AND EXISTS (SELECT FROM kind r JOIN pg_catalog.pg_constraint c ON c.conrelid = r.oid" \
	" AND c.contype = 'c' AND c.conbin::pg_catalog.text ~ 'funcid (1285|1290|2003|2004) ')),"

/* Functions that are called by name, operator or view. value.name calls one of one argument as if it were a field: of
 * a row, or of a value of any type ($8, of those $9; $10: by any name in the text). A row may be the only one of VARIADIC, or
 * pass through a cast that needs no function. Built-in ones that are volatile can be called so too. */
#define PG_GUARD_FIELD \
	"p.pronargs >= '1' AND (p.pronargs - p.pronargdefaults) <= '1' AND (p.oid >= '16384'" \
	" OR (p.provolatile = 'v' AND p.prokind = 'f' AND p.proargtypes[0] <> '2281'))" \
	" AND pg_catalog.pg_function_is_visible(p.oid)"
#define PG_GUARD_NAMED \
	" named(fn) AS (" \
	"SELECT d.refobjid FROM item i JOIN pg_catalog.pg_depend d ON d.classid = i.class AND d.objid = i.oid" \
	" AND d.refclassid = '1255'" \
	" UNION ALL SELECT t.fn FROM op t" \
	" UNION ALL SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($3::pg_catalog.name[])" \
	" AND p.oid >= '16384' AND pg_catalog.pg_function_is_visible(p.oid)" \
	" UNION ALL SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($8::pg_catalog.name[])" \
	" AND " PG_GUARD_FIELD " AND (p.proname = ANY ($9::pg_catalog.name[]) OR p.provariadic <> '0'" \
	" OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = p.proargtypes[0]" \
	" AND (t.typtype IN ('c', 'd') OR t.oid IN ('2249', '2276', '2283', '2776', '5077', '5079')))" \
	" OR EXISTS (SELECT FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s" \
	" ON s.oid = k.castsource AND s.typtype IN ('c', 'd') WHERE k.oid >= '16384' AND k.casttarget = p.proargtypes[0]))" \
	" UNION ALL SELECT p.oid FROM pg_catalog.pg_proc p WHERE $10::pg_catalog.bool AND " PG_GUARD_FIELD \
	" AND (pg_catalog.strpos((SELECT s.t FROM say s), pg_catalog.lower(p.proname::pg_catalog.text COLLATE \"C\")) > '0'" \
	" OR pg_catalog.strpos((SELECT s.t FROM say s), 'u&') > '0')),"

/* A function that may run: of C or built in, not volatile, no aggregate, and none of those that read values of a
 * type or rows of a table that their arguments tell. Those of extensions that run SQL (crosstab) give sets. */
#define PG_GUARD_TRUSTED(p) \
	"(" p ".prolang IN ('12', '13') AND " p ".provolatile <> 'v' AND " p ".prokind <> 'a'" \
	" AND NOT (" p ".prolang = '13' AND " p ".proretset)" \
	" AND NOT (" p ".proname = ANY ('{domain_in,array_in,record_in,range_in,multirange_in,pg_input_is_valid," \
	"pg_input_error_info,query_to_xml,query_to_xmlschema,query_to_xml_and_xmlschema,table_to_xml,table_to_xmlschema," \
	"table_to_xml_and_xmlschema,schema_to_xml,schema_to_xmlschema,schema_to_xml_and_xmlschema,database_to_xml," \
	"database_to_xmlschema,database_to_xml_and_xmlschema,cursor_to_xml,cursor_to_xmlschema,ts_stat,ts_rewrite}'" \
	"::pg_catalog.name[])))"

/* The check of a domain: its key in the list of what is cleared, and the functions in its tree m(f). pg_depend does
 * not tell which built-in ones are in it. */
#define PG_GUARD_CHECK_KEY "'D' || k.oid::pg_catalog.text || ':' || k.xmin::pg_catalog.text"
#define PG_GUARD_CHECK_CALLS \
	"pg_catalog.regexp_matches(k.conbin::pg_catalog.text, 'funcid ([0-9]+)', 'g') AS m(f)"

/* Functions behind casts, checks and ranges, and the types on which they would run. What calls for a cast that is
 * only explicit has one of the words in it: the functions of json look for such casts by themselves, quote_literal and ||
 * cast to text. Views, policies and checks of domains may hold those words too. */
#define PG_GUARD_HIDDEN \
	" hidden(fn, a, b) AS (" \
	"SELECT k.castfunc, k.castsource, k.casttarget FROM pg_catalog.pg_cast k" \
	" WHERE k.oid >= '16384' AND k.castfunc <> '0' AND (k.castcontext <> 'e' OR $5::pg_catalog.bool" \
	" OR EXISTS (SELECT FROM item) OR EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.contypid >= '16384')" \
	" OR EXISTS (SELECT FROM pg_catalog.unnest('{::,cast,json,u&,||,quote_}'::pg_catalog.text[]) AS w(w)" \
	" WHERE pg_catalog.strpos((SELECT s.t FROM say s), w.w) > '0'))" \
	" UNION ALL SELECT m.f[1]::pg_catalog.oid, k.contypid, k.contypid FROM pg_catalog.pg_constraint k CROSS JOIN LATERAL" \
	" " PG_GUARD_CHECK_CALLS " WHERE k.contypid >= '16384' AND NOT (" PG_GUARD_CHECK_KEY " = ANY ($6::pg_catalog.text[]))" \
	" UNION ALL SELECT t.fn, k.contypid, k.contypid FROM kept t JOIN pg_catalog.pg_constraint k ON k.oid = t.obj" \
	" AND t.class = '2606' AND k.contypid >= '16384'" \
	" UNION ALL SELECT f.fn, r.rngtypid, r.rngtypid FROM pg_catalog.pg_range r CROSS JOIN LATERAL" \
	" (VALUES (r.rngsubdiff::pg_catalog.oid), (r.rngcanonical::pg_catalog.oid)) AS f(fn) WHERE r.rngtypid >= '16384'),"

/* User-made types that can occur: of columns, of functions, named in the text; and what those consist of, arrays of
 * them, the multirange of a range, what they are cast to without a function, what a check casts to. */
#define PG_GUARD_TYP \
	" typ(oid) AS (SELECT s.oid FROM (" \
	"SELECT x.oid FROM rel r CROSS JOIN LATERAL (SELECT c.reltype FROM pg_catalog.pg_class c WHERE c.oid = r.oid" \
	" UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > '0'" \
	" OFFSET '0') AS x(oid)" \
	" UNION ALL SELECT u.oid FROM named n JOIN pg_catalog.pg_proc p ON p.oid = n.fn CROSS JOIN LATERAL" \
	" pg_catalog.unnest(p.proargtypes::pg_catalog.oid[] || p.proallargtypes || p.prorettype) AS u(oid)" \
	" UNION ALL SELECT d.refobjid FROM item i JOIN pg_catalog.pg_depend d ON d.classid = i.class AND d.objid = i.oid" \
	" AND d.refclassid = '1247'" \
	" UNION ALL SELECT t.oid FROM pg_catalog.pg_type t WHERE t.oid >= '16384' AND (" \
	"pg_catalog.strpos((SELECT s.t FROM say s), pg_catalog.lower(t.typname::pg_catalog.text COLLATE \"C\")) > '0'" \
	" OR pg_catalog.strpos((SELECT s.t FROM say s), 'u&') > '0')) s WHERE s.oid >= '16384'" \
	" UNION SELECT x.oid FROM typ t CROSS JOIN LATERAL (" \
	"SELECT u.oid FROM pg_catalog.pg_type p CROSS JOIN LATERAL" \
	" (VALUES (p.typelem), (p.typarray), (p.typbasetype)) AS u(oid) WHERE p.oid = t.oid" \
	" UNION ALL SELECT a.atttypid FROM pg_catalog.pg_type p JOIN pg_catalog.pg_attribute a" \
	" ON a.attrelid = p.typrelid AND a.attnum > '0' WHERE p.oid = t.oid AND p.typrelid <> '0'" \
	" UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid" \
	" UNION ALL SELECT d.refobjid FROM pg_catalog.pg_depend d WHERE d.classid = '1247' AND d.objid = t.oid" \
	" AND d.refclassid = '1247' AND d.deptype = 'i'" \
	" UNION ALL SELECT d.objid FROM pg_catalog.pg_depend d WHERE d.refclassid = '1247' AND d.refobjid = t.oid" \
	" AND d.classid = '1247' AND d.deptype = 'i'" \
	" UNION ALL SELECT k.casttarget FROM pg_catalog.pg_cast k WHERE k.castsource = t.oid" \
	" UNION ALL SELECT k.castsource FROM pg_catalog.pg_cast k WHERE k.casttarget = t.oid" \
	" UNION ALL SELECT d.refobjid FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_depend d" \
	" ON d.classid = '2606' AND d.objid = k.oid AND d.refclassid = '1247' WHERE k.contypid = t.oid" \
	") x WHERE x.oid >= '16384'),"

/* Columns of catalogues hold values of any type (anyarray): functions of json then look for casts by themselves. */
#define PG_GUARD_ANY_TYPE \
	"(EXISTS (SELECT FROM rel r WHERE r.oid < '16384') OR EXISTS (SELECT FROM item i JOIN pg_catalog.pg_rewrite w" \
	" ON i.class = '2618' AND w.oid = i.oid WHERE w.ev_action::pg_catalog.text ~ ':relid ([0-9]{1,4}|1[0-5][0-9]{3}) ')" \
	" OR EXISTS (SELECT FROM item i JOIN pg_catalog.pg_policy p ON i.class = '3256' AND p.oid = i.oid" \
	" WHERE p.polqual::pg_catalog.text ~ ':relid ([0-9]{1,4}|1[0-5][0-9]{3}) '))"

#define PG_GUARD_REASON(code) \
	" reason(t) AS (SELECT CASE WHEN p.oid >= '16384' THEN 'the user-defined function '" \
	" ELSE 'behind a user-defined type the function ' END" \
	" || p.oid::pg_catalog.regprocedure::pg_catalog.text || ' would run'" \
	" FROM " code " c CROSS JOIN LATERAL (SELECT v.oid FROM pg_catalog.pg_proc v WHERE v.oid = c.fn" \
	" AND NOT " PG_GUARD_TRUSTED("v") " OFFSET '0') AS p(oid)" \
	" UNION ALL SELECT 'the foreign table ' || v.oid::pg_catalog.regclass::pg_catalog.text || ' would be asked'" \
	" FROM kind v WHERE v.kind = 'f')"

/* The answer: an error that says S and why it is stopped, or I and what is to be cleared first; else 0. It ends itself:
 * each language of the server's messages has its own quotes. */
#define PG_GUARD_ANSWER(more) \
	" SELECT COALESCE('twokey:S' || (SELECT pg_catalog.min(r.t) FROM reason r) || pg_catalog.chr('1')," \
	" 'twokey:I' || (SELECT pg_catalog.string_agg(i.key, ',') FROM (SELECT i.key FROM item i" more ") i" \
	" WHERE NOT (i.key = ANY ($6::pg_catalog.text[]))) || pg_catalog.chr('1'), '0')::pg_catalog.int4"

#endif
