#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# twokey verify and the independent doc/verify.sh say the same about every golden transcript: what expect.txt says.
: "${top_srcdir:=$(cd "$(dirname "$0")/../../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
golden=$top_srcdir/tests/golden/transcript
twokey=$top_builddir/twokey
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

member() {
	sed -n "s/.*\"$1\":\"\\{0,1\\}\\([a-z0-9]*\\).*/\\1/p"
}
ours() {
	out=$("$twokey" verify --json "$1")
	status=$?
	line=$(echo "$out" | member line)
	missing=-
	[ "$(echo "$out" | member verdict)" = broken ] || missing=$(echo "$out" | member missing)
	echo "$(echo "$out" | member verdict) $(echo "$out" | member n) ${line:--} $missing exit $status"
}
theirs() {
	out=$(sh "$top_srcdir/doc/verify.sh" "$1")
	status=$?
	echo "$out" | sed -n \
	    -e 's/^sealed and intact: \([0-9]*\), bodies missing: \([0-9]*\)$/sealed \1 - \2/p' \
	    -e 's/^intact, not sealed: ends at event \([0-9]*\), bodies missing: \([0-9]*\)$/open \1 - \2/p' \
	    -e 's/^broken at event \([0-9]*\) (line \([0-9]*\)).*/broken \1 \2 -/p' | sed "s/\$/ exit $status/"
}
# The number of lines is part of the promise.
lines=$(wc -l < "$top_srcdir/doc/verify.sh")
if [ "$lines" -le 20 ]; then pass "doc/verify.sh has at most 20 lines"; else fail "doc/verify.sh has $lines lines"; fi

while read -r name verdict n line missing note; do
	case $name in '#'*) continue ;; esac
	want="$verdict $n $line $missing exit $([ "$verdict" = sealed ]; echo $?)"
	for who in ours theirs; do
		got=$($who "$golden/$name.jsonl")
		if [ "$got" = "$want" ]; then
			pass "$name by $who: $verdict"
		else
			fail "$name by $who: wanted $want, got $got"
		fi
	done
done < "$golden/expect.txt"

# --head binds a file that was rewritten whole
head=$("$twokey" verify --json "$golden/sealed.jsonl" | member head)
check "the noted head is accepted" "$twokey" verify --head "$head" "$golden/sealed.jsonl"
"$twokey" verify --head "$head" "$golden/newer.jsonl" > "$tmp/out"
if [ $? -eq 1 ] && grep -q 'not the head' "$tmp/out"; then pass "another head is told, exit 1"; else fail "another head is told"; fi
"$twokey" verify "$golden/sealed.jsonl" "$tmp/no-such-file" > /dev/null 2> "$tmp/err"
if [ $? -eq 2 ] && grep -q 'no-such-file' "$tmp/err"; then pass "a file that is not there: exit 2"; else fail "a file that is not there"; fi
for wrong in '' '--head abc file' '--what file'; do
	# shellcheck disable=SC2086
	"$twokey" verify $wrong > /dev/null 2>&1
	if [ $? -eq 2 ]; then pass "wrong call '$wrong': exit 2"; else fail "wrong call '$wrong'"; fi
done
"$twokey" verify "$tmp" > /dev/null 2>&1
if [ $? -eq 2 ]; then pass "a folder is no transcript: exit 2"; else fail "a folder is no transcript"; fi
echo hello > "$tmp/hello"
"$twokey" verify "$tmp/hello" > "$tmp/out"
if [ $? -eq 1 ] && grep -q 'this is no transcript' "$tmp/out"; then pass "another file is told to be none"
else fail "another file is told to be none"; fi
cp "$golden/sealed.jsonl" "$tmp/$(printf 'evil\033[31m')"
if "$twokey" verify "$tmp"/evil* | grep -q "$(printf '\033')"; then fail "a file's name reaches the terminal raw"
else pass "a file's name never reaches the terminal raw"; fi

# every byte of the small file, one at a time: never sealed again, by the shell verifier too (a sample of it)
size=$(wc -c < "$golden/sealed.jsonl")
at=0
wrong=''
while [ "$at" -lt "$size" ]; do
	{ head -c "$at" "$golden/sealed.jsonl"; printf '#'; tail -c +$((at + 2)) "$golden/sealed.jsonl"; } > "$tmp/t"
	! sh "$top_srcdir/doc/verify.sh" "$tmp/t" > /dev/null || wrong="$wrong $at"
	at=$((at + 97))
done
empty "doc/verify.sh finds every changed byte it was tried on" "$wrong"
finish
