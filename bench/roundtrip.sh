#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A read there and back: through console, session, recorder and db, against psql on the same private PostgreSQL, in turn.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
rounds=${ROUNDS:-1000}
. "$top_srcdir/tests/integration/lib.sh"
setup
if ! pg_start; then
	echo "roundtrip: no PostgreSQL server is installed here" >&2
	exit 77
fi
pg_sql postgres "create role twokey login" && pg_sql postgres "create database shop" &&
    pg_sql shop "create table orders (id int primary key, status text, total numeric);
	insert into orders select n, 'new', n * 1.5 from generate_series(1, 5000) n;
	grant select, insert, update, delete on orders to twokey; analyze orders" || exit 1
config "$(target_postgres)" "quota: 1GiB"
broker_start || { cat "$dir/broker.log" >&2; exit 1; }
ticket BENCH-1 write || exit 1

# measure WHAT LINES SQL
measure() {
	printf '%s (%s rounds each, in turn)\n' "$1" "$rounds"
	"$top_builddir/bench/roundtrip" "$rounds" "$2" "$3" \
	    -- psql -X -q -A -t -h "$dir/pg" -U twokey -d shop \
	    -- "$twokey" open --json --broker "$dir/broker.sock" --as ben "${4:-BENCH-1}"
}
measure "select 1" 1 "select 1"
ticket BENCH-2 write
measure "10 rows by primary key" 10 "select id, status, total from orders where id between 100 and 109" BENCH-2
