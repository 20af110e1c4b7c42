#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A large SELECT from MariaDB: through db, recorder, session and console, recorded in full, against mariadb --quick -B on
# the same private server, in turn. ROWS and ROUNDS make it smaller. The broker runs without limits on rows.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
rounds=${ROUNDS:-3}
rows=${ROWS:-10000000}
. "$top_srcdir/tests/integration/lib.sh"
setup
if [ ! -x /usr/sbin/mariadbd ]; then
	echo "rows_mariadb: no MariaDB server is installed here" >&2
	exit 77
fi
my_sql() {
	mariadb --no-defaults -S "$dir/my/sock" -u root -e "$1"
}
# as pg_start and pg_stop do, in the place of those
pg_stop() {
	[ -s "$dir/my/pid" ] && kill "$(cat "$dir/my/pid")" && wait "$pg_pid"
}
my_start() {
	pg_user=nobody
	mkdir -m 755 "$dir/my"
	[ "$(id -u)" = 0 ] && chown "$pg_user" "$dir/my"
	pg_as mariadb-install-db --no-defaults --datadir="$dir/my/data" --auth-root-authentication-method=normal \
	    --skip-test-db --skip-name-resolve >"$dir/install.log" 2>&1 || return 1
	pg_as /usr/sbin/mariadbd --no-defaults --datadir="$dir/my/data" --socket="$dir/my/sock" --pid-file="$dir/my/pid" \
	    --skip-networking --skip-log-bin --innodb-buffer-pool-size=1G --innodb-flush-log-at-trx-commit=0 \
	    >"$dir/mariadb.log" 2>&1 &
	pg_pid=$!
	wait_until my_sql 'select 1'
}
my_start > /dev/null || { cat "$dir/mariadb.log" >&2; exit 1; }
my_sql "create database shop; use shop; create user twokey@localhost password expire interval 30 day;
	create table shop.orders (id int primary key, status varchar(20), total decimal(12,1), changed datetime);
	insert into shop.orders select seq, concat('status ', seq % 7), seq * 1.5, '2026-01-01' + interval seq second
	from seq_1_to_$rows; analyze table shop.orders; grant select, show view on shop.* to twokey@localhost" > /dev/null || exit 1
config "targets:" "  - { name: shop, engine: mariadb, stage: production, socket: \"$dir/my/sock\", database: shop, user: twokey, statement_timeout: 3600 }" \
    "quota: 1TiB" "max_rows: 100000000" "max_bytes: 1TiB"
broker_start || { cat "$dir/broker.log" >&2; exit 1; }
ticket BENCH-1 read || exit 1
sql="select id, status, total, changed from orders"
printf '%s rows of 4 columns of MariaDB, recorded in full (%s rounds each, in turn)\n' "$rows" "$rounds"
"$top_builddir/bench/rows" "$rounds" "$rows" "$sql" "$broker_pid" \
    -- mariadb --no-defaults --quick -B -N -S "$dir/my/sock" -u twokey shop -e "$sql" \
    -- "$twokey" open --json --broker "$dir/broker.sock" --as ben BENCH-1
