#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A read there and back: through console, session, recorder and db, against psql on the same private PostgreSQL, in turn.
# Then the same through SSH: with the tunnel of the session against psql through ssh -L and the same sshd. Last, what the
# idle session's processes keep for themselves.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
rounds=${ROUNDS:-1000}
cipher=${CIPHER:-chacha20-poly1305@openssh.com}
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

# measure WHAT LINES SQL SOCKET-FOLDER: in a session of its own
sessions=0
measure() {
	sessions=$((sessions + 1))
	ticket BENCH-$sessions write || exit 1
	printf '%s (%s rounds each, in turn)\n' "$1" "$rounds"
	"$top_builddir/bench/roundtrip" "$rounds" "$2" "$3" \
	    -- psql -X -q -A -t -h "$4" -U twokey -d shop \
	    -- "$twokey" open --json --broker "$dir/broker.sock" --as ben BENCH-$sessions
}
# both WHAT SOCKET-FOLDER
both() {
	broker_start || { cat "$dir/broker.log" >&2; exit 1; }
	measure "select 1, $1" 1 "select 1" "$2"
	measure "1 row by primary key, $1" 1 "select id, status, total from orders where id = 4711" "$2"
	measure "10 rows by primary key, $1" 10 "select id, status, total from orders where id between 100 and 109" "$2"
}
# KiB that a process alone has
private() {
	awk '/^Private_/ { n += $2 } END { print n + 0 }' "/proc/$1/smaps_rollup"
}
# memory WHAT: of the processes of a session that waits
memory() {
	local pid all=0
	sessions=$((sessions + 1))
	ticket BENCH-$sessions write || exit 1
	console idle$sessions ben open BENCH-$sessions
	expect idle$sessions '"ev":"connected"' || exit 1
	tell idle$sessions '{"do":"sql","text":"select id, status, total from orders where id = 4711"}'
	expect idle$sessions '"ev":"done"' || exit 1
	printf 'idle session, %s: private memory, KiB:' "$1"
	for pid in $(cat "/proc/$broker_pid/task/$broker_pid/children"); do
		role=$(tr '\0' '\n' < "/proc/$pid/cmdline" | sed -n 3p)
		[ "$role" = front ] && continue
		printf ' %s %s' "$role" "$(private "$pid")"
		all=$((all + $(private "$pid")))
	done
	printf ', together %s (must be below %s)\n' "$all" $((24 * 1024))
	tell idle$sessions '{"do":"end"}'
	expect idle$sessions '"ev":"seal"' || exit 1
}

config "$(target_postgres)" "quota: 1GiB"
both "Unix socket" "$dir/pg"
memory "Unix socket"
broker_stop
if ! sshd_start "Ciphers $cipher"; then
	echo "roundtrip: no sshd is installed here" >&2
	exit 77
fi
mkdir -m 700 "$dir/forward"
ssh_socket "$dir/forward/.s.PGSQL.5432" "$dir/pg/.s.PGSQL.5432" || { cat "$dir/ssh.log" >&2; exit 1; }
config "$(target_way)" "quota: 1GiB"
both "one hop of SSH, psql through ssh -L" "$dir/forward"
memory "one hop of SSH"
