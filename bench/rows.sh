#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A large SELECT: through db, recorder, session and console, recorded in full, against psql -At with FETCH_COUNT=1000 on
# the same private PostgreSQL, in turn. ROWS and ROUNDS make it smaller. The broker runs without limits on rows.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
rounds=${ROUNDS:-3}
rows=${ROWS:-10000000}
. "$top_srcdir/tests/integration/lib.sh"
setup
if ! pg_start; then
	echo "rows: no PostgreSQL server is installed here" >&2
	exit 77
fi
pg_sql postgres "create role twokey login" && pg_sql postgres "create database shop" &&
    pg_sql shop "create unlogged table orders (id int, status text, total numeric, changed timestamptz);
	insert into orders select n, 'status ' || n % 7, n * 1.5, timestamptz '2026-01-01 00:00:00Z' + n * interval '1 s'
	from generate_series(1, $rows) n; grant select on orders to twokey" &&
    pg_sql shop "vacuum (analyze) orders" || exit 1
config "$(target_postgres | sed 's/ }$/, statement_timeout: 3600, table_limit: 1TiB }/')" "quota: 1TiB" "max_rows: 100000000" "max_bytes: 1TiB"
broker_start || { cat "$dir/broker.log" >&2; exit 1; }
ticket BENCH-1 read || exit 1
sql="select id, status, total, changed from orders"
printf '%s rows of 4 columns, recorded in full (%s rounds each, in turn)\n' "$rows" "$rounds"
"$top_builddir/bench/rows" "$rounds" "$rows" "$sql" "$broker_pid" \
    -- psql -X -q -A -t -v FETCH_COUNT=1000 -h "$dir/pg" -U twokey -d shop -c "$sql" \
    -- "$twokey" open --json --broker "$dir/broker.sock" --as ben BENCH-1
