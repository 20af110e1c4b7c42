#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Bulk through a tunnel against ssh -L: both directions, on loopback and with 20 ms there and back, the same
# cipher, in turn, medians. CIPHER, ROUNDS, MIB, MIB_LATE change what is done.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
cipher=${CIPHER:-chacha20-poly1305@openssh.com}
rounds=${ROUNDS:-5}
bench=$top_builddir/bench
if [ ! -x /usr/sbin/sshd ]; then
	echo "tunnel: no sshd is installed here" >&2
	exit 77
fi
dir=$(mktemp -d)
pids=
cleanup() {
	for p in $pids; do
		kill "$p" 2>/dev/null
	done
	exec 9>&- 8>&-
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# sshd is run by an ordinary login, who may also log in to it
drop=
user=$(id -un)
if [ "$(id -u)" = 0 ]; then
	user=${TWOKEY_TEST_USER:-postgres}
	drop="setpriv --reuid $user --regid $(id -g "$user") --clear-groups"
fi
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null ||
	    echo $((20000 + RANDOM))
}
# wait_port PORT: until somebody answers there
wait_port() {
	local i
	for i in $(seq 300); do
		(: </dev/tcp/127.0.0.1/"$1") 2>/dev/null && return 0
		sleep 0.05
	done
	echo "tunnel: nobody answers at $1" >&2
	cat "$dir"/*.log >&2
	exit 1
}
# first_line FILE: waits for it
first_line() {
	local i
	for i in $(seq 300); do
		[ -s "$1" ] && { head -1 "$1"; return 0; }
		sleep 0.05
	done
	exit 1
}

ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/id"
port=$(free_port)
cat > "$dir/config" <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/id.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
Ciphers $cipher
EOF
chmod 755 "$dir"
[ -z "$drop" ] || chown "$user" "$dir/host"
$drop /usr/sbin/sshd -D -e -f "$dir/config" 2> "$dir/sshd.log" &
pids="$pids $!"
wait_port "$port"
"$bench/tunnel" end > "$dir/end" &
pids="$pids $!"
end=$(first_line "$dir/end")
"$bench/delay" "$port" 10 > "$dir/delay" &
pids="$pids $!"
late=$(first_line "$dir/delay")

mkfifo "$dir/hold8" "$dir/hold9"
# tunnels SSHPORT FD: starts ours and theirs; ports in $ours and $theirs
tunnels() {
	eval "exec $2<>$dir/hold$2"
	"$bench/tunnel" serve "$1" "$user" "$dir/id" "$(cut -d' ' -f1,2 "$dir/host.pub")" "$end" \
	    < "$dir/hold$2" > "$dir/ours$2" 2> "$dir/ours.log" &
	pids="$pids $!"
	ours=$(first_line "$dir/ours$2")
	theirs=$(free_port)
	ssh -F none -N -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes -o LogLevel=ERROR \
	    -c "$cipher" -i "$dir/id" -p "$1" -L "127.0.0.1:$theirs:127.0.0.1:$end" "$user@127.0.0.1" 2> "$dir/theirs.log" &
	pids="$pids $!"
	wait_port "$theirs"
	wait_port "$ours"
}
# compare WHAT WAY MIB
compare() {
	local i
	: > "$dir/a"
	: > "$dir/b"
	"$bench/tunnel" measure "$ours" "$2" $(($3 / 4)) > /dev/null
	"$bench/tunnel" measure "$theirs" "$2" $(($3 / 4)) > /dev/null
	for i in $(seq "$rounds"); do
		"$bench/tunnel" measure "$ours" "$2" "$3" >> "$dir/a" || exit 1
		"$bench/tunnel" measure "$theirs" "$2" "$3" >> "$dir/b" || exit 1
	done
	paste <(sort -n "$dir/a") <(sort -n "$dir/b") | awk -v what="$1" -v mib="$3" '
		{ a[NR] = $1; b[NR] = $2 }
		END { m = int((NR + 1) / 2)
			printf "%-22s twokey %7.1f MiB/s   ssh -L %7.1f MiB/s   ratio %.2f\n", what, mib / a[m], mib / b[m], b[m] / a[m] }'
}

echo "tunnel: libssh $(pkg-config --modversion libssh 2>/dev/null), $(ssh -V 2>&1), $cipher, medians of $rounds in turn"
tunnels "$port" 8
compare "loopback, down" d "${MIB:-1024}"
compare "loopback, up" u "${MIB:-1024}"
tunnels "$late" 9
compare "20 ms, down" d "${MIB_LATE:-256}"
compare "20 ms, up" u "${MIB_LATE:-256}"
