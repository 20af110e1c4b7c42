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
check "an absent configuration is named" grep -q '/nowhere/x.yaml' <("$top_builddir/twokeyd" --config /nowhere/x.yaml 2>&1)
check "and is a usage error" exits 2 "$top_builddir/twokeyd" --config /nowhere/x.yaml
finish
