#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The demonstration from start to end, as a person sees it: a read, a write that is allowed and committed, a change set that
# is held and not kept, the transcript verified, shown and replayed. README shows its screens. Nothing is left running.
. "${top_srcdir:?}/tests/integration/lib.sh"
setup
mkdir "$dir/home"
export HOME=$dir/home
unset XDG_RUNTIME_DIR
if ! command -v tmux >/dev/null; then
	skip "the demonstration" "tmux is not installed"
	finish
fi
outers=0
# A tmux server that stands for the person's terminal; the one before is over.
another_outer() {
	[ $outers = 0 ] || $outer kill-server
	outers=$((outers + 1))
	outer="tmux -u -S $dir/outer$outers.sock -f /dev/null"
}
another_outer
inner="tmux -u -S $dir/demo/tmux.sock"
driver=demo:0.0

screen() { $inner capture-pane -p -t "$1"; }
shows() { screen "$1" | grep -qE -- "$2"; }
# see PANE PATTERN WHAT; without it there is no sense in going on
see() {
	if wait_until shows "$1" "$2"; then
		pass "$3"
	else
		fail "$3"
		screen "$1" | note
		last_words | note
		finish
	fi
}
# A ";" at the end would be tmux's own.
type_in() { $inner send-keys -t "$1" -l "${2/%;/\\;}" && $inner send-keys -t "$1" Enter; }
press() { $inner send-keys -t "$1" "$2"; }
teardown_demo() {
	$inner kill-server
	$outer kill-server
	teardown
} 2>/dev/null
trap teardown_demo EXIT

# start COLS ROWS [ARGUMENT...]
start() {
	local cols=$1 rows=$2
	shift 2
	rm -rf "$dir/demo"
	$outer new-session -d -x "$cols" -y "$rows" -s outer -- sh -c '"$@"; echo "exit $?"; exec cat' outer \
	    "$twokey" demo --dir "$dir/demo" "$@"
}
# What the demo printed at its end.
last_words() { $outer capture-pane -p -J -S - -t outer; }
ended() { last_words | grep -q '^exit'; }
closes() { ended || { press $driver Enter; false; }; }
processes() { pgrep -af "$dir/demo" | grep -v /outer; }

# Lines of a screen without what differs each time: digits, widths, rules
plain() {
	sed -E 's/[0-9]+/0/g; s/-{3,}/--/g; s/[[:blank:]]+/ /g; s/^ //; s/ $//; s/0{1,}( 0{1,})+/0/g; /^$/d; /^--/d'
}
# readme_shows N PANE WHAT: screen N of README is that of the pane, as far as it is shown there
readme_shows() {
	screen "$2" | plain > "$dir/screen"
	awk -v n="$1" '/^    / { if (!on) at++; on = 1; if (at == n) print substr($0, 5); next } NF { on = 0 }' \
	    <(sed '1,/^What it looks like/d' "$top_srcdir/README") | plain > "$dir/readme"
	check "README has $3" test -s "$dir/readme"
	empty "$3 looks as README shows it" "$(grep -vxF -f "$dir/screen" "$dir/readme")"
}

start 161 48
see $driver 'shop=>' "the driver's console comes up"
see demo:0.1 'CONFIRMER anna' "the second seat's console comes up beside it"
see $driver 'not verified' "the screen says that the two people are not verified"

type_in $driver "select id, status, total from orders where status = 'new' limit 5;"
see $driver '22\.19' "a read runs at once"
type_in $driver "update orders set status = 'paid' where id = 17;"
see $driver 'rows' "a write asks for the rows that are meant"
type_in $driver "= 1"
see $driver '[Rr]eason|why' "and for a reason"
type_in $driver "the bank's message was lost, comment 17"
see demo:0.1 'REQUEST [0-9]+ WAITING' "the second seat hears of it"
press demo:0.1 F5
see demo:0.1 'orders_audit' "the sheet names the trigger that writes too"
see demo:0.1 'To allow it, type' "after its minimum time the sheet asks for what is typed"
see $driver 'last line shown' "the driver sees that it is read"
readme_shows 1 $driver "the driver's screen"
readme_shows 2 demo:0.1 "the sheet"
type_in demo:0.1 "orders 1"
see $driver 'COMMITTED|committed' "the write is committed"
check "the database holds it" test "$(sqlite3 "$dir/demo/shop.db" 'select status from orders where id = 17')" = paid
check "the trigger wrote its log" test "$(sqlite3 "$dir/demo/shop.db" 'select count(*) from orders_log')" = 1

press demo:0.1 Escape
collect() {	# STATEMENT NUMBER
	type_in $driver "$1"
	see $driver 'How many|rows.*[?>]' "change $2 asks for the rows that are meant"
	type_in $driver "= 1"
	type_in $driver "the bank's message was lost, comment 23"
	see $driver "COLLECTED as change $2" "change $2 is collected"
}
type_in $driver "begin;"
see $driver 'shop=[*]>' "the prompt says that changes are collected"
collect "update orders set status = 'paid' where id = 23;" 1
collect "update order_items set price = 0 where order_id = 17;" 2
type_in $driver "commit;"
see $driver 'WHY|[Ww]hy|reason.*[?>]' "COMMIT asks for the reason of both"
type_in $driver "the bank's message was lost, comment 17"
see demo:0.1 'REQUEST [0-9]+ WAITING' "the second seat hears of both as one request"
press demo:0.1 F5
see demo:0.1 'To allow it, type|PgDn' "its sheet asks too"
press demo:0.1 NPage
see demo:0.1 'To allow it, type' "after its last line"
type_in demo:0.1 "orders+order_items 2"
see demo:0.1 'REQUEST [0-9]+ HELD' "what ran is held"
press demo:0.1 F5
see demo:0.1 'To keep it, type' "its real effect is shown"
readme_shows 3 demo:0.1 "the effect of what is held"
press demo:0.1 F7
type_in demo:0.1 "these are other people's orders"
see $driver "other people's orders" "the driver reads why it was denied"
check "the database is as before" test "$(sqlite3 "$dir/demo/shop.db" "select status from orders where id = 23")" = new

type_in $driver '\q'
see $driver 'THE SESSION IS OVER' "the end of the session is shown"
check "the demonstration ends with a key" wait_until closes
file=$(ls "$dir"/demo/transcripts/*.jsonl 2>/dev/null | head -1)
check "it says where the transcript is" grep -qF "$file" <(last_words)
check "it names the commands that verify and replay it" grep -qE 'twokey (verify|replay) ' <(last_words)
check "the transcript is sealed and intact" "$twokey" verify "$file"
check "it tells of the denied request" grep -q '"ev":"denied"' "$file"
check "it says that the people are not verified" grep -q '"unverified":true' "$file"
shown=$("$twokey" show "$file")	# waited for: a substitution may still be ending below
check "show prints it" grep -q "bank's message was lost" <<<"$shown"
empty "nothing is left running" "$(processes)"

# the player, on a terminal of the smallest size
another_outer
$outer new-session -d -x 80 -y 24 -s outer -- "$twokey" replay "$file"
replays() { last_words | grep -qE -- "$1"; }
check "replay plays it" wait_until replays 'REPLAY|DEMO-1'
another_outer

# the smallest terminal, and the end by a signal
start 80 24
see $driver 'shop=>' "the driver's console fits 80 columns and 24 rows"
wait_until shows demo:1 'CONFIRMER anna'
check "the second seat's console is the next window" shows demo:1 'CONFIRMER anna'
kill "$(pgrep -f "^$twokey demo --dir $dir/demo")"
check "the demonstration ends by a signal" wait_until ended
empty "and leaves nothing running" "$(processes)"
check "its transcript is sealed all the same" "$twokey" verify "$dir"/demo/transcripts/*.jsonl
finish
