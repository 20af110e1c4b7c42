/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a write reaches, as a part of a WITH RECURSIVE: the table, its partitions, what stands behind a view, and the
 * tables of its foreign keys with their whole chain. Literals are quoted as in pg_guard_sql.h. */
#ifndef DB_PG_HIT_SQL_H
#define DB_PG_HIT_SQL_H

/* hit(oid, bit, own). first: a SELECT of one row with own '2'; bit: of pg_trigger.tgtype, what happens to the relation;
 * own '1': written by the statement itself through a view, '0': in consequence. A view with a trigger of its own does not
 * write what stands behind it. columns: those that are set, '{}' for any. */
#define PG_HIT(first, columns) \
	" hit(oid, bit, own) AS (" first " UNION" \
	" SELECT x.oid, x.bit, x.own FROM hit h CROSS JOIN LATERAL (" \
	"SELECT i.inhrelid AS oid, h.bit, '0'::pg_catalog.int4 AS own FROM pg_catalog.pg_inherits i WHERE i.inhparent = h.oid" \
	" UNION ALL SELECT k.child, k.bit, '0' FROM (SELECT k.conrelid AS child," \
	" CASE WHEN h.bit = '32' THEN '32' WHEN (h.bit & '8') <> '0' AND k.confdeltype = 'c' THEN '8' ELSE '0' END::pg_catalog.int4" \
	" | CASE WHEN ((h.bit & '8') <> '0' AND k.confdeltype IN ('n', 'd')) OR ((h.bit & '16') <> '0' AND k.confupdtype IN ('c', 'n', 'd')" \
	" AND (h.own <> '2' OR " columns "::pg_catalog.name[] = '{}' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a" \
	" WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey) AND a.attname = ANY (" columns "::pg_catalog.name[]))))" \
	" THEN '16' ELSE '0' END::pg_catalog.int4 AS bit" \
	" FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = h.oid) k WHERE k.bit <> '0'" \
	" UNION ALL SELECT d.refobjid, h.bit, CASE WHEN h.own = '0' THEN '0' ELSE '1' END::pg_catalog.int4" \
	" FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class v ON v.oid = w.ev_class" \
	" AND v.relkind = 'v' JOIN pg_catalog.pg_depend d ON d.classid = '2618' AND d.objid = w.oid AND d.refclassid = '1259'" \
	" AND d.refobjid <> w.ev_class JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'v', 'f')" \
	" WHERE w.ev_class = h.oid AND w.ev_type = '1' AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = h.oid" \
	" AND (g.tgtype::pg_catalog.int4 & '64') <> '0' AND (g.tgtype::pg_catalog.int4 & h.bit) <> '0')" \
	") x)"

#endif
