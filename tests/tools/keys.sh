#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The section on keys of twokey(1) is the table of keys. `tests/tools/keys.sh --print` prints what belongs there.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
table=$top_srcdir/src/console/keys.def
man=$top_srcdir/doc/twokey.1

# KEY(ACTION, key, ctrl, "label", "word", where, "short", "help") as items of mdoc
expected() {
	sed -n 's/^KEY(//p' "$table" | awk '
	function after(n) {	# the n-th quoted text of the line, backslashes for roff
		gsub(/\\\\/, "\\e", q[n])
		return q[n]
	}
	{
		split("", q)
		line = $0
		n = 0
		while (match(line, /"[^"]*"/)) {
			q[++n] = substr(line, RSTART + 1, RLENGTH - 2)
			if (n == 2)
				rest = substr(line, RSTART + RLENGTH)
			line = substr(line, RSTART + RLENGTH)
		}
		match(rest, /[DWSHOV][DWSHOV|]*/)
		where = substr(rest, RSTART, RLENGTH)
		gsub(/D/, "driver", where)
		gsub(/W/, "confirmer", where)
		gsub(/S/, "sheet", where)
		gsub(/H/, "effect", where)
		gsub(/O/, "answered sheet", where)
		gsub(/V/, "watcher", where)
		gsub(/\|/, ", ", where)
		sub(/^\^/, "Ctrl-", q[1])
		word = after(2)
		printf ".It %s%s\n", q[1], word == "" ? "" : (q[1] == "" ? "" : " , ") "Ic \\e" word
		printf "%s\n.Pq %s\n", after(4), where
	}'
}
in_man() {
	sed -n '/^\.Sh KEYS/,/^\.Sh ENVIRONMENT/p' "$man" | sed -n '/^\.Bl/,/^\.El/p' | sed '1d;/^\.El/,$d'
}
if [ "$1" = --print ]; then
	expected
	exit
fi
rows=$(grep -c '^KEY(' "$table")
check "every row of the table is read" test "$(expected | grep -c '^\.It ')" = "$rows"
check "twokey(1) has the keys of the table, in its order" diff <(expected) <(in_man)
finish
