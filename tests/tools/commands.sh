#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The table of subcommands, the program and its manual page say the same.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
twokey=$top_builddir/twokey
man=$top_srcdir/doc/twokey.1
names=$(sed -n 's/^CMD([a-z]*,[ \t]*"\([a-z]*\)".*/\1/p' "$top_srcdir/src/main/cmd.def")

exits() {
	local want=$1 got
	shift
	"$@" </dev/null
	got=$?
	[ "$got" = "$want" ] || { echo "exit $got, not $want"; return 1; }
}
[ -n "$names" ] && pass "the table has rows" || fail "the table has rows"
for name in $names; do
	file=$top_srcdir/src/main/cmd_$name.c
	check "$name has a file of its own" test -f "$file"
	check "$name is in twokey(1)" grep -q "^\.It Cm $name\b" "$man"
	check "help lists $name" grep -q "^  $name " <("$twokey" help)
	check "help $name gives its usage" grep -q "^usage: twokey $name" <("$twokey" help "$name")
	check "$name --help gives the same" cmp <("$twokey" help "$name") <("$twokey" "$name" --help)
done
empty "twokey(1) names no other subcommand" "$(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$man" |
    grep -v -x -F "$names")"
# options of a row of the table, and of the items of a command in twokey(1); --broker and --as are told once, in OPTIONS
in_table() {
	sed -n "s/^CMD([a-z]*,[ \t]*\"$1\",[ \t]*\"\(.*\)\",\$/\1/p" "$top_srcdir/src/main/cmd.def" |
	    grep -oE '(^|[[ ])-[-a-z]+' | tr -d '[ ' | grep -vx -e --broker -e --as | sort -u
}
in_page() {
	sed -n "/^\.It Cm $1\b/{s/\bFl -/Fl --/g;s/Fl --\([a-z]\b\)/Fl -\1/g;p}" "$man" | sed 's/Fl \([a-z]\)/Fl -\1/g' |
	    grep -oE 'Fl -[-a-z]+' | sed 's/^Fl //' | grep -vx -e --broker -e --as | sort -u
}
# words of a call that is complete, to which something wrong is added
call_of() {
	case $1 in
	ticket) echo ticket show T ;;
	target) echo target check T ;;
	settle) echo settle -m why S committed ;;
	open|join|replay|show|classify|help) echo "$1" help ;;
	*) echo "$1" ;;
	esac
}
for name in $names; do
	check "twokey(1) and the table give $name the same options" diff <(in_table "$name") <(in_page "$name")
	read -ra call <<< "$(call_of "$name")"
	if [ "$name" != version ] && [ "$name" != help ]; then
		check "$name with an unknown option is a usage error" exits 2 "$twokey" "${call[@]}" --frobnicate
		check "$name names the unknown option" grep -q -e --frobnicate <("$twokey" "${call[@]}" --frobnicate 2>&1)
	fi
	[ "$name" = verify ] && continue	# takes any number of files
	check "$name with an argument too many is a usage error" exits 2 "$twokey" "${call[@]}" superfluous </dev/null
	[ "$name" = version ] || [ "$name" = help ] ||
	    check "$name names what is too much" grep -q superfluous <("$twokey" "${call[@]}" superfluous 2>&1 </dev/null)
	for option in $(in_table "$name" | grep -vx -e --json -e --jsonl -e --watch -e --private -e --no-tmux); do
		call=("$name")
		[ "$name" = target ] && call=(target check)
		check "$name $option without its value says so" grep -q -e "$option needs a value" <("$twokey" "${call[@]}" "$option" 2>&1)
	done
done
for name in verify show classify; do
	check "$name of a file that is not there is a usage error" exits 2 "$twokey" "$name" /nowhere/x
	check "$name of a folder is a usage error" exits 2 "$twokey" "$name" /
	check "$name names the file that is not there" grep -q /nowhere/x <("$twokey" "$name" /nowhere/x 2>&1)
done
check "a ticket that is not there is named before a broker is looked for" grep -q /nowhere/x \
    <("$twokey" ticket new --from /nowhere/x 2>&1)
for arguments in 'ticket' 'ticket frobnicate' 'ticket new' 'ticket show' 'ticket show --digest 0 T' 'ticket accept --from f T' \
    'settle S committed' 'settle -m why S' 'settle -m why S perhaps' 'target' 'target frobnicate' 'target check' \
    'classify -e oracle' 'classify --check nothing' 'show --width 3 x' 'verify --head 12 x' 'train --requests 2'; do
	# shellcheck disable=SC2086
	check "\"$arguments\" is a usage error" exits 2 "$twokey" $arguments
done
check "a broker behind another way than a socket is a wrong call" exits 2 "$twokey" lobby --broker ssh://a@example.com
check "replay without a terminal is a wrong call" exits 2 "$twokey" replay "$top_srcdir/tests/golden/transcript/sealed.jsonl"
check "no broker is exit 4" exits 4 "$twokey" lobby --broker /nowhere/sock
check "and its socket is named" grep -q /nowhere/sock <("$twokey" lobby --broker /nowhere/sock 2>&1)
check "twokey(1) lists the exits of the programs" diff \
    <(sed -n 's/^\tCMD_[A-Z]* = \([0-9]\).*/\1/p' "$top_srcdir/src/main/cmd.h") \
    <(sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]\)$/\1/p' "$man")
empty "the manual pages have every variable of the environment that is looked at" "$(
    grep -rhoE '(secure_)?getenv\("[A-Z_]*"' "$top_srcdir/src" | sed 's/.*"\([A-Z_]*\)"/\1/' | sort -u | grep -vx TWOKEY_FAULT |
    while read -r v; do
	grep -qw "$v" "$man" "$top_srcdir/doc/twokeyd.8" || echo "$v"
    done)"
check "ticket new --help gives the usage of ticket" cmp <("$twokey" help ticket) <("$twokey" ticket new --help)
mkfifo "${TMPDIR:-/tmp}/twokey-fifo.$$"
for name in verify show; do
	check "$name of a pipe that nobody writes says so" grep -q 'is no ordinary file' \
	    <(timeout 20 "$twokey" "$name" "${TMPDIR:-/tmp}/twokey-fifo.$$" 2>&1)
done
rm -f "${TMPDIR:-/tmp}/twokey-fifo.$$"
check "a name that is no text is a usage error" exits 2 "$twokey" ticket show $'\xff'
check "and said to be" grep -q 'no text in UTF-8' <("$twokey" join --as $'\xff' X 2>&1)
check "an unknown subcommand is a usage error" exits 2 "$twokey" frobnicate
check "it is named" grep -q '"frobnicate"' <("$twokey" frobnicate 2>&1)
check "its control characters are shown as marks" grep -q '"<1B>\[2J"' <("$twokey" $'\033[2J' 2>&1)
check "help of an unknown subcommand is a usage error" exits 2 "$twokey" help frobnicate
check "an option that nobody has is a usage error" exits 2 "$twokey" --frobnicate
for name in open verify replay show; do
	check "$name without its argument is a usage error" exits 2 "$twokey" "$name"
done
check "version says the version" grep -q '^twokey [0-9]' <("$twokey" version)
check "--version says the same" cmp <("$twokey" version) <("$twokey" --version)

# the broker's options
for option in $("$top_builddir/twokeyd" --help | grep -o -- '--[a-z]*' | sort -u); do
	check "twokeyd(8) has $option" grep -qE -- "Fl ${option#-}\b" "$top_srcdir/doc/twokeyd.8"
done
check "a wrong call of twokeyd is a usage error" exits 2 "$top_builddir/twokeyd" --frobnicate
check "an argument is none of twokeyd" exits 2 "$top_builddir/twokeyd" superfluous
check "and is named" grep -q superfluous <("$top_builddir/twokeyd" superfluous 2>&1)
check "--demo without --private is a usage error" exits 2 "$top_builddir/twokeyd" --demo
check "a folder is no configuration" exits 2 "$top_builddir/twokeyd" --check --config /
check "an absent configuration is named" grep -q '/nowhere/x.yaml' <("$top_builddir/twokeyd" --config /nowhere/x.yaml 2>&1)
check "and is a usage error" exits 2 "$top_builddir/twokeyd" --config /nowhere/x.yaml
finish
