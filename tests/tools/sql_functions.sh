#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes src/sql/fn_ENGINE.gperf from the catalogue of a running engine.
#   tests/tools/sql_functions.sh postgres [psql options]
#   tests/tools/sql_functions.sh sqlite
#   tests/tools/sql_functions.sh mariadb|mysql      (names are typed from the manuals: no catalogue lists them)
set -eu
engine=$1
shift
top=$(cd "$(dirname "$0")/../.." && pwd)
from=
list=$(mktemp)
trap 'rm -f "$list"' EXIT
case $engine in
postgres)
	from=$(psql "$@" -At -c "select 'PostgreSQL ' || current_setting('server_version')")
	# what takes or gives "internal" cannot be called from SQL
	psql "$@" -At -F ' ' -c "select proname, string_agg(distinct provolatile::text, '')
		from pg_catalog.pg_proc where pronamespace = 'pg_catalog'::regnamespace
		and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
		and not 'internal'::regtype = any (proargtypes::oid[]) and proname !~ '^binary_upgrade_'
		group by 1 order by 1" > "$list"
	# a type's name is a function that casts
	psql "$@" -At -F ' ' -c "select typname, 'i' from pg_catalog.pg_type where typrelid = 0
		and typnamespace = 'pg_catalog'::regnamespace and typtype <> 'p' and typname !~ '^_'
		and typname not in (select proname from pg_catalog.pg_proc)" >> "$list"
	;;
sqlite)
	from="SQLite $(sqlite3 -batch :memory: 'select sqlite_version()')"
	sqlite3 -batch :memory: "select distinct name || ' i' from pragma_function_list
		where name not like '%>' order by 1" > "$list"
	;;
mariadb|mysql)
	from="the manuals"
	;;
*)
	echo "sql_functions.sh: no engine $engine" >&2
	exit 2
	;;
esac
LC_ALL=C awk -v engine="$engine" -v from="$from" -f "$top/tests/tools/sql_functions.awk" \
	"$top/src/sql/fn_$engine.effects" "$top/src/sql/fn_$engine.more" "$list" \
	> "$top/src/sql/fn_$engine.gperf"
