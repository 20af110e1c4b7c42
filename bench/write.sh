#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A change of one row through the whole gate, from the request to committed, against the same by hand in psql (BEGIN, UPDATE,
# COMMIT) on the same private PostgreSQL, in turn. The server syncs its log (fsync on), as the transcript is synced. The
# minimum time of the second person, 2 s each, is waited and not counted: ROUNDS of them take a while.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
rounds=${ROUNDS:-40}
pg_fsync=on
. "$top_srcdir/tests/integration/lib.sh"
setup
if ! pg_start; then
	echo "write: no PostgreSQL server is installed here" >&2
	exit 77
fi
pg_sql postgres "create role twokey login" && pg_sql postgres "create database shop" &&
    pg_sql shop "create table orders (id int primary key, status text, total numeric);
	insert into orders select n, 'new', n * 1.5 from generate_series(1, 5000) n;
	grant select, insert, update, delete on orders to twokey; analyze orders" || exit 1
# nobody reads here, so nobody needs a break
config "$(target_postgres)" "quota: 1GiB" "requests_before_break: 1000"
broker_start || { cat "$dir/broker.log" >&2; exit 1; }
ticket BENCH-1 write || exit 1
echo "a change of one row by primary key, Unix socket ($rounds rounds each, in turn)"
"$top_builddir/bench/write" "$rounds" orders "update orders set total = total + 1 where id = 4711" \
    "select id from orders where id = 4711 order by id;" "$dir/sync.tmp" \
    -- psql -X -q -A -t -h "$dir/pg" -U twokey -d shop \
    -- "$twokey" open --json --broker "$dir/broker.sock" --as ben BENCH-1 \
    -- "$twokey" join --json --broker "$dir/broker.sock" --as anna BENCH-1
