#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The training of the second seat from start to end, with confirmers that are programs: one allows everything, one denies
# everything. Everything of it is its own, and says that it is a training.
. "${top_srcdir:?}/tests/integration/lib.sh"
setup

# train N: begins one in the background, its words in $dir/train.out
train() {
	rm -rf "$dir/demo" "$dir/broker.sock"
	setsid "$twokey" train --requests "$1" --dir "$dir/demo" </dev/null >"$dir/train.out" 2>&1 &
	train=$!
	ln -s demo/broker.sock "$dir/broker.sock"
	wait_until grep -q 'join --broker' "$dir/train.out" || note < "$dir/train.out"
}
# The request that the line names: its digest and the sheet's bind are what a console answers with.
next_request() {
	expect "$1" '"ev":"request"|"ev":"ended"' || return 1
	case $line in *'"ev":"ended"'*) return 1 ;; esac
	of=$(number n)
	digest=$(text digest)
	table=$(text table)
	expect "$1" '"ev":"sheet"' || return 1
	bind=$(text bind)
	count=$(number count)
}
allows() {
	while next_request "$1"; do
		tell "$1" '{"do":"opened","of":'"$of"',"last":true}'
		expect "$1" '"re":"opened"' || return 1
		until tell "$1" '{"do":"allow","of":'"$of"',"digest":"'"$digest"'","bind":"'"$bind"'","typed":"'"$table $count"'"}'
			expect "$1" '"re":"allow"' && case $line in *'"ok":true'*) true ;; *'not sooner'*) false ;; *) note <<<"$line"; return 1 ;; esac
		do sleep 0.3; done
	done
}
denies() {
	while next_request "$1"; do
		tell "$1" '{"do":"deny","of":'"$of"',"reason":"no"}'
	done
}
said() { grep -qE -- "$1" "$dir/train.out"; }

train 3
console first anna join TRAIN-1
check "the session names itself a training" expect first '"ev":"begin".*"target":"training"'
allows first
check "it ends by itself" wait_until gone "$train"
wait "$train"
status=$?
check "what was let through is a failure" test "$status" = 1
check "it says that the wrong one was let through" said 'wrong ones let through: 1 of 1; right ones denied: 0 of 2'
check "and which, what was wrong, and how long it was read" said '#[0-9]+ +allowed +read [0-9.]+ s +WRONG: '
file=$(ls "$dir"/demo/transcripts/*.jsonl)
check "the transcript is sealed and intact" "$twokey" verify "$file"
check "it says that it is a training" grep -q 'TRAINING: a sample database' "$file"
check "and which request was wrong on purpose" grep -qE 'TRAINING: request [0-9]+ was wrong on purpose' "$file"
check "the reader's own numbers are in it" grep -qE 'answers: +anna: 3 allowed, 0 denied, median reading time' <("$twokey" show "$file")
check "no target but its own" test "$(grep -c '^ *- name:' "$dir/demo/twokeyd.yaml")" = 3

train 18
console second anna join TRAIN-1
denies second
check "the long one ends too" wait_until gone "$train"
wait "$train"
status=$?
check "who lets nothing through succeeds" test "$status" = 0
check "a third was wrong; denying everything is told as well" said 'wrong ones let through: 0 of 6; right ones denied: 12 of 12'
check "none of them was read" said 'denied +read - '
empty "nothing is left running" "$(pgrep -af "$dir/demo")"

check "fewer than three are a usage error" test "$("$twokey" train --requests 2 >/dev/null 2>&1; echo $?)" = 2
check "a database of one's own is none" test "$("$twokey" train --dsn postgresql:///x >/dev/null 2>&1; echo $?)" = 2
finish
