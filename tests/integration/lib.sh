# SPDX-License-Identifier: GPL-3.0-or-later
# Integration tests: the real broker on a socket in a folder of the test, consoles that speak --json, servers of its
# own. Everything waits by a condition with a deadline. . "$top_srcdir/tests/integration/lib.sh"; setup
. "${top_srcdir:?}/tests/tools/tap.sh"
twokey=$top_builddir/twokey
twokeyd=$top_builddir/twokeyd
wait_s=${WAIT_S:-60}		# a deadline, not a duration: sanitized builds on a busy machine are slow

# Makes $dir and sees to it that nothing is left behind.
setup() {
	dir=$(mktemp -d /tmp/tk.XXXXXX) || exit 99
	chmod 711 "$dir"
	mkdir -m 700 "$dir/tickets" "$dir/transcripts" "$dir/run"
	broker_pid=
	pg_pid=
	ssh_pids=
	consoles=
	trap teardown EXIT
	trap 'exit 99' HUP INT TERM
}
teardown() {
	local name pid
	for name in $consoles; do
		eval "pid=\$pid_$name"
		kill "$pid" 2>/dev/null
	done
	broker_stop
	ssh_stop
	pg_stop
	if [ "$tap_bad" -gt 0 ]; then
		for f in "$dir"/*.log "$dir"/*.out "$dir"/*.err; do
			[ -s "$f" ] && { note "== $f"; tail -n 30 "$f" | cut -c1-300 | note; }
		done
	fi
	[ "${KEEP:-0}" = 1 ] && note "kept: $dir" || rm -rf "$dir"
}

# wait_until COMMAND...: runs it until it succeeds; fails after the deadline.
wait_until() {
	local until=$((SECONDS + wait_s))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || { note "waited ${wait_s} s for: $*"; return 1; }
		sleep 0.05
	done
}
gone() {
	! kill -0 "$1" 2>/dev/null
}

# The login this test runs as.
login() {
	id -un
}
# target_sqlite FILE / target_postgres: the target "shop" of the configuration
target_sqlite() {
	printf 'targets:\n  - { name: shop, engine: sqlite, stage: production, file: "%s" }\n' "$1"
}
target_postgres() {
	printf 'targets:\n  - { name: shop, engine: postgres, stage: production, socket: "%s", database: %s, user: %s }\n' \
	    "$dir/pg" "${1:-shop}" "${2:-twokey}"
}
# config TARGET-TEXT [LINE...]: $dir/twokeyd.yaml with ben, anna and kim; --as picks the person (a demo's broker)
config() {
	{
		printf 'socket: %s/broker.sock\nstore: %s/tickets\ntranscripts: %s/transcripts\nrun: %s/run\n' \
		    "$dir" "$dir" "$dir" "$dir"
		printf 'people:\n'
		printf '  - { name: ben, side: firm, logins: [%s], seats: [driver, watcher] }\n' "$(login)"
		printf '  - { name: anna, side: customer, logins: [anna-nobodys-login], seats: [confirmer, watcher], may_answer: json }\n'
		printf '  - { name: kim, side: firm, logins: [kim-nobodys-login], seats: [watcher] }\n'
		printf '%s\n' "$@"
	} > "$dir/twokeyd.yaml"
}
shop() {
	"$twokeyd" --make-demo "$1"
}

# broker_start [ARGUMENT...]: returns when it accepts; its stderr is $dir/broker.log
broker_start() {
	"$twokeyd" --private --demo --config "$dir/twokeyd.yaml" "$@" >"$dir/broker.out" 2>>"$dir/broker.log" &
	broker_pid=$!
	wait_until broker_spoke || return 1
	grep -q '^ready' "$dir/broker.out"
}
broker_spoke() {
	grep -q '^ready' "$dir/broker.out" || gone "$broker_pid"
}
broker_stop() {
	[ -n "$broker_pid" ] || return 0
	kill "$broker_pid" 2>/dev/null
	wait_until gone "$broker_pid" || kill -9 "$broker_pid"
	wait "$broker_pid" 2>/dev/null
	broker_pid=
}

# ticket ID ACCESS [LINE...]: brought by ben, accepted by anna
ticket() {
	local id=$1 access=$2 digest
	shift 2
	{
		printf 'id: %s\ntarget: shop\naccess: %s\nstage: production\napprover: anna\nsecond_key: customer\n' "$id" "$access"
		printf 'people:\n  - { name: ben, seat: driver }\n  - { name: anna, seat: confirmer }\n  - { name: kim, seat: watcher }\n'
		printf 'expires: %s\n' "$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)"
		printf '%s\n' "$@"
	} > "$dir/$id.yaml"
	as ben ticket new --from "$dir/$id.yaml" >"$dir/ticket.out" 2>&1 || { note < "$dir/ticket.out"; return 1; }
	digest=$(sha256sum < "$dir/$id.yaml" | cut -d' ' -f1)
	as anna ticket accept --digest "$digest" "$id" >"$dir/ticket.out" 2>&1 || { note < "$dir/ticket.out"; return 1; }
}
# as PERSON COMMAND ARGUMENTS...
as() {
	local person=$1 command=$2
	shift 2
	"$twokey" "$command" --broker "$dir/broker.sock" --as "$person" "$@"
}

# console NAME PERSON open|join WHAT...: a console with --json; requests by tell, lines are in $dir/NAME.out
console() {
	local name=$1 person=$2
	shift 2
	mkfifo "$dir/$name.in"
	as "$person" "$1" --json "${@:2}" <"$dir/$name.in" >"$dir/$name.out" 2>"$dir/$name.err" &
	eval "pid_$name=$!"
	eval "exec {fd_$name}>\"$dir/$name.in\""
	eval "seen_$name=0"
	consoles="$consoles $name"
}
# tell NAME REQUEST-LINE
tell() {
	eval "printf '%s\n' \"\$2\" >&\$fd_$1"
}
# expect NAME PATTERN: the next line (after the last one expected) that matches the ERE is in $line
expect() {
	local seen hit
	eval "seen=\$seen_$1"
	if ! wait_until has_line "$1" "$seen" "$2"; then
		line=
		return 1
	fi
	hit=$(tail -n +$((seen + 1)) "$dir/$1.out" | grep -nE -m1 -- "$2")
	line=${hit#*:}
	eval "seen_$1=$((seen + ${hit%%:*}))"
}
has_line() {
	tail -n +$(($2 + 1)) "$dir/$1.out" | grep -qE -m1 -- "$3"
}
# never NAME PATTERN: no line so far matches
never() {
	! grep -qE -- "$2" "$dir/$1.out"
}
# number KEY: of the JSON member in $line; text KEY: of a string without escapes
number() {
	printf '%s\n' "$line" | sed -n "s/.*\"$1\":\(-\{0,1\}[0-9][0-9]*\).*/\1/p"
}
text() {
	printf '%s\n' "$line" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}
console_ended() {
	local pid
	eval "pid=\$pid_$1"
	wait_until gone "$pid"
}
# The transcript that was written last.
transcript() {
	ls -t "$dir"/transcripts/* 2>/dev/null | head -1
}

# A PostgreSQL of the test: Unix socket in $dir/pg only, an ordinary user even when we are root.
pg_bin() {
	ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1
}
pg_as() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$pg_user" --regid="$(id -g "$pg_user")" --clear-groups env HOME="$dir/pg" "$@"
	else
		env HOME="$dir/pg" "$@"
	fi
}
# pg_start: false when there is no server here (the caller skips)
pg_start() {
	local bin
	bin=$(pg_bin)
	[ -n "$bin" ] && [ -x "$bin/initdb" ] || return 1
	pg_user=nobody
	id postgres >/dev/null 2>&1 && pg_user=postgres
	mkdir -m 755 "$dir/pg"
	[ "$(id -u)" = 0 ] && chown "$pg_user" "$dir/pg"
	pg_as "$bin/initdb" -D "$dir/pg/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N >"$dir/initdb.log" 2>&1 || return 1
	pg_as "$bin/postgres" -D "$dir/pg/data" -k "$dir/pg" -c listen_addresses= -c fsync=${pg_fsync:-off} -c max_connections=30 \
	    -c logging_collector=off >"$dir/postgres.log" 2>&1 &
	pg_pid=$!
	wait_until pg_sql postgres 'select 1' || return 1
}
pg_sql() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$dir/pg" -U postgres -d "$1" -c "$2"
}
pg_stop() {
	[ -n "${pg_pid:-}" ] || return 0
	pg_as "$(pg_bin)/pg_ctl" -D "$dir/pg/data" -m immediate -w stop >>"$dir/postgres.log" 2>&1
	wait "$pg_pid" 2>/dev/null
	pg_pid=
}

# An sshd of the test on a port of 127.0.0.1: $ssh_port, $ssh_user, keys $dir/ssh/host, $dir/ssh/id.
# sshd_start [LINE...]: false when there is none here
sshd_start() {
	local drop=
	[ -x /usr/sbin/sshd ] || return 1
	mkdir -m 755 "$dir/ssh"
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/ssh/host" && ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/ssh/id" || return 1
	ssh_port=$((20000 + RANDOM))
	ssh_user=$(id -un)
	if [ "$(id -u)" = 0 ]; then
		ssh_user=${TWOKEY_TEST_USER:-postgres}
		drop="setpriv --reuid=$ssh_user --regid=$(id -g "$ssh_user") --clear-groups"
		chown "$ssh_user" "$dir/ssh/host"
	fi
	printf '%s\n' "Port $ssh_port" "ListenAddress 127.0.0.1" "HostKey $dir/ssh/host" "AuthorizedKeysFile $dir/ssh/id.pub" \
	    "StrictModes no" "UsePAM no" "PasswordAuthentication no" "PidFile none" "$@" > "$dir/ssh/config"
	$drop /usr/sbin/sshd -D -e -f "$dir/ssh/config" 2> "$dir/sshd.log" &
	ssh_pids="$ssh_pids $!"
	wait_until ssh_answers
}
ssh_answers() {
	(: <"/dev/tcp/127.0.0.1/$ssh_port") 2>/dev/null
}
# ssh_socket SOCKET REMOTE-SOCKET: ssh -L of OpenSSH through that sshd
ssh_socket() {
	ssh -F none -N -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes -o LogLevel=ERROR \
	    -o ExitOnForwardFailure=yes -i "$dir/ssh/id" -p "$ssh_port" -L "$1:$2" "$ssh_user@127.0.0.1" 2> "$dir/ssh.log" &
	ssh_pids="$! $ssh_pids"
	wait_until test -S "$1"
}
ssh_stop() {
	local pid
	for pid in $ssh_pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	ssh_pids=
}
# target_way: the target "shop" through that sshd to the PostgreSQL of pg_start
target_way() {
	printf 'targets:\n  - name: shop\n    engine: postgres\n    stage: production\n    socket: "%s/pg/.s.PGSQL.5432"\n' "$dir"
	printf '    database: shop\n    user: twokey\n    hops:\n      - { host: 127.0.0.1, port: %s, user: %s, key: "%s/ssh/id", host_key: "%s" }\n' \
	    "$ssh_port" "$ssh_user" "$dir" "$(cut -d' ' -f1,2 "$dir/ssh/host.pub")"
}
