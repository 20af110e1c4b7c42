#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the documents name is there: files, tests, fields, codes; their examples are read by the programs.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
top_srcdir=$(cd "$top_srcdir" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$top_srcdir" || exit 99
find src include tests doc bench -type f > "$tmp/files"
ls README ChangeLog COPYING bootstrap >> "$tmp/files"
sed 's|.*/||' "$tmp/files" | sort -u > "$tmp/names"

# Files that a document names, with their folder or without; * stands for a part of a name.
missing_files() {
	grep -oE '[A-Za-z0-9_./*-]*[A-Za-z0-9_*]\.(c|h|def|sh|txt|mk)\b' "$1" | sed 's|^\./||' | sort -u | while read -r name; do
		pattern=$(printf '%s' "$name" | sed 's/[.]/\\./g; s/[*]/[^\/]*/g')
		case $name in
		*/*) grep -qE "^(include/twokey/|src/|doc/)?$pattern\$" "$tmp/files" ;;
		*) grep -qE "^$pattern\$" "$tmp/names" ;;
		esac || echo "$1: $name"
	done
	grep -oE '\b(src|tests|doc|bench)/[a-z_]+\b' "$1" | sort -u | while read -r name; do
		[ -e "$name" ] || compgen -G "$name*" > /dev/null || echo "$1: $name"
	done
}
# "FILE.c (a_test, another_test_...)": each is a test of that file.
missing_tests() {
	tr -s '\n ' '  ' < "$1" | grep -oE '[a-z0-9_]+\.c \([^)]*\)' | while read -r file names; do
		for test in $(printf '%s\n' "$names" | grep -oE '\b[a-z0-9]+(_[a-z0-9]+)+(_\.\.\.)?'); do
			found=$(find tests -name "$file")
			[ -n "$found" ] || continue	# a source: its functions are looked for below
			# shellcheck disable=SC2086
			grep -qE "^${test%...}$([ "${test%...}" = "$test" ] && echo '\(')" $found || echo "$1: $file has no $test"
		done
	done
}
# Every name with an underscore is one of the code, the tests or the configuration; words in quotes are what is typed.
missing_names() {
	sed 's/"[^"]*"//g' "$1" | grep -oE '\b[a-z0-9]+(_[a-z0-9]+)+\b(_\.\.\.)?' | sort -u |
	    grep -vx -e orders_old -e server_reset_query | while read -r name; do	# a table of an example, a key of pgbouncer
		grep -rqE "\b${name%...}" src include tests || echo "$1: $name"
	done
}
for doc in README doc/*.txt doc/*.[18]; do
	empty "$doc names files that are there" "$(missing_files "$doc")"
	empty "$doc names things that are there" "$(missing_names "$doc")"
	empty "$doc names tests that are there" "$(missing_tests "$doc")"
done
empty "README says where every document is" "$(for doc in doc/*.txt doc/*.[18]; do grep -q "$doc" README || echo "$doc"; done)"
# rules and laws: all of them, each with a test
empty "approval.txt has twenty-seven rules, each with a test" "$(for i in $(seq 27); do
	awk -v i="$i" '$1 == i && /^ ?[0-9]/ { on = found = 1; next } /^ ?[0-9]+  / { on = 0 } on && /tests\// { tested = 1 }
		END { exit !(found && tested) }' doc/approval.txt || echo "rule $i"
done)"
empty "laws.txt has ten laws, each with a test" "$(for i in $(seq 10); do
	awk -v i="$i" '$1 == i && /^ ?[0-9]/ { on = found = 1; next } /^ ?[0-9]+  / { on = 0 } on && /tests\// { tested = 1 }
		END { exit !(found && tested) }' doc/laws.txt || echo "law $i"
done)"

# transcript.txt: the lists of events (checked against the table by tests/unit/transcript_line.c) use what is described
listed() {
	sed -n "s/^      $1: //p" doc/transcript.txt | tr ' ' '\n' | grep -vx none | sort -u
}
sed -n '/^Fields$/,/^Bodies$/p' doc/transcript.txt > "$tmp/fields"
sed -n '/^Bodies$/,/^Codes$/p' doc/transcript.txt > "$tmp/bodies"
for what in fields bodies; do
	names=$(grep -E '^  [a-z_]+(, [a-z_]+)*( |$)' "$tmp/$what" | grep -oE '^  [a-z_]+(, [a-z_]+)*' | tr -d ' ' | tr ',' '\n' | sort -u)
	empty "transcript.txt describes all $what of events" "$(comm -23 <(listed $what) <(echo "$names"))"
	empty "transcript.txt describes no other $what" "$(comm -13 <(listed $what) <(echo "$names"))"
done
# protocol.txt: codes of refusals
check "protocol.txt lists the codes of refusals" diff \
    <(sed -n '1,3d; s/^ERR([A-Z_]*,[ \t]*"\([^"]*\)",[ \t]*[A-Z]*,[ \t]*"\([^"]*\)").*/\1 \2/p' include/twokey/base/err.def) \
    <(sed -n '/^Codes of refusals/,/^Before a session/p' doc/protocol.txt | sed -n 's/^  \([a-z-]*\)  */\1 /p')

empty "protocol.txt shows every state of a statement" "$(
    sed -n 's/^GATE_STATE([A-Z]*,[ \t]*"\([a-z ]*\)".*/\1/p' include/twokey/gate/gate.def | while read -r state; do
	sed -n '/^What becomes of a statement$/,/^What it is at first/p' doc/protocol.txt | grep -qE "(-> |[|] |    )$state( |\$)" || echo "$state"
    done)"

# numbers that the documents tell are those of the code: NAME FACTOR document words with # in the place of the number
while read -r name factor doc words; do
	value=$(grep -rhoE "\b$name = [0-9* ]+" src include | head -1 | sed 's/.*= //')
	text=$(tr -s '\n ' '  ' < "doc/$doc")
	want=${words/\#/$((${value:-0} / factor))}
	check "$doc: $want" test -n "$value" -a "${text#*"$want"}" != "$text"
done <<'END'
SESSION_TALK_BURST 1 protocol.txt at most # messages at once
SESSION_TALK_PER_S 1 protocol.txt and # a second after that
SESSION_REQUESTS_MAX 1 protocol.txt At most # requests wait at one time
GATE_SIGN_WITHIN_S 1 protocol.txt and sent within # seconds
GATE_SIGNINGS_MAX 1 protocol.txt can be begun to be signed # times
GATE_PARTS_MAX 1 protocol.txt At most # statements
GATE_SECONDS_MIN 1 protocol.txt not sooner than # s after it was opened
MS_PER_LINE 1 protocol.txt # ms more for each line over four
WAIT_MAX_MS 1000 protocol.txt at most # s, and not later
GATE_ANSWER_WITHIN_S 60 protocol.txt than # minutes after it
GATE_RUN_WITHIN_S 1 processes.txt within # seconds by a clock that nobody sets
GATE_LINES_MAX 1 config.txt more than # lines of 80 columns
LIVE_HERE_MS 1000 protocol.txt sent at most every # s
CREDENTIAL_WITHIN_MS 1000 config.txt its first line within # seconds
TRANSCRIPT_EVENT_MAX 1 transcript.txt event line #
TRANSCRIPT_BODY_MAX 1 transcript.txt body # bytes
TRANSCRIPT_LINE_MAX 1 transcript.txt the whole line at most
TRANSCRIPT_BODIES_MAX 1 transcript.txt bodies # of one event
TUNNEL_HOPS_MAX 1 config.txt list of up to # mappings
END

# words of small tables that transcript.txt writes out
while read -r table macro; do
	empty "transcript.txt has the words of $table" "$(sed -n "s/^$macro([A-Z_]*,[ \t]*\"\([a-z-]*\)\".*/\1/p" "include/twokey/$table" |
	    while read -r word; do
		sed -n '/^Fields$/,/^Version history$/p' doc/transcript.txt | grep -qE "(^|[ :,(])$word([ ,;:.)]|\$)" || echo "$word"
	    done)"
done <<'END'
base/cap.def CAP
sql/class.def CLASS
tunnel/phase.def PHASE
db/subject.def DB_SUBJECT
END
empty "transcript.txt has the reasons of a hold" "$(sed -n 's/^WHY([A-Z]*,[ \t]*"\([a-z]*\)".*/\1/p' src/broker/hold.def |
    while read -r word; do grep -qE "why .*of held:.*\b$word\b" doc/transcript.txt || echo "$word"; done)"

empty "twokeyd(8) has every key of the configuration" "$(
    sed -n '/^twokeyd.yaml$/,/^$/s/^  \([a-z_]*\)\( .*\|$\)/\1/p' doc/config.txt | grep . | while read -r key; do
	sed -n '/^\.Sh CONFIGURATION/,/^\.Sh ENV/p' doc/twokeyd.8 | grep -qE "^\.It Cm (.* , )?$key( , .*)?\$" || echo "$key"
    done)"

# Blocks of a document that are indented by four blanks and begin with a key that only whole files have.
blocks() {
	awk -v dir="$tmp" -v first="$2" '/^    / { if (!on && index($0, "    " first) == 1) { on = 1; file = dir "/block" ++n }
		if (on) print substr($0, 5) > file; next } { on = 0 } END { print n + 0 }' "$1"
}
n=$(blocks doc/config.txt 'socket:')
cp "$tmp/block1" "$tmp/twokeyd.yaml"
check "config.txt has a configuration" test "$n" = 1
check "twokeyd reads the configuration of config.txt" "$top_builddir/twokeyd" --check --config "$tmp/twokeyd.yaml"
n=$(blocks doc/config.txt 'id:')
cp "$tmp/block1" "$tmp/ticket.yaml"
check "config.txt has a ticket" test "$n" = 1
read_ticket() { "$top_builddir/twokeyd" --read-ticket < "$1"; }
check "twokeyd reads the ticket of config.txt" read_ticket "$tmp/ticket.yaml"
# what the other examples add to them
add() {		# document, first line of its last such block, whole file: that file with the block in the place of its key
	key=${2%%:*}
	n=$(blocks "$1" "$2")
	awk -v k="$key:" 'index($0, k) == 1 { off = 1; next } /^[a-z]/ { off = 0 } !off' "$tmp/$3" | cat - "$tmp/block$n"
}
add doc/config.txt 'targets:' twokeyd.yaml > "$tmp/hops.yaml"
check "the way through two servers is another example" grep -q hops: "$tmp/hops.yaml"
check "twokeyd reads the way through two servers" "$top_builddir/twokeyd" --check --config "$tmp/hops.yaml"
for key in 'engine:' 'backup_max_hours:'; do
	add doc/config.txt "$key" ticket.yaml > "$tmp/t.yaml"
	check "twokeyd reads a ticket with the lines of $key" read_ticket "$tmp/t.yaml"
done
add doc/accounts.txt 'accept_excess:' ticket.yaml > "$tmp/t.yaml"
check "twokeyd reads a ticket with what accounts.txt accepts" read_ticket "$tmp/t.yaml"
finish
