#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# doc/protocol.txt and the broker's tables name the same requests, the same members and the same seats.
. "${top_srcdir:?}/tests/tools/tap.sh"
doc=$top_srcdir/doc/protocol.txt
broker=$top_srcdir/src/broker

# "name member member ..." of the tables, members sorted
table() {
	sed -n 's/^MSG("\([a-z-]*\)",[^"]*"[DCW]*",[^"]*"[SRPAE]*",[^"]*"\([^"]*\)".*/\1 \2/p' "$broker/msg.def"
	sed -n 's/^REQ("\([a-z-]*\)",[^"]*"\([^"]*\)".*/\1 \2/p' "$broker/front.def"
}
# the same of the examples in the documents
examples() {
	grep -oh '{"do":"[^}]*}' "$doc" "$top_srcdir/doc/twokey.1" | sed 's/"ticket":"[^"]*"|//g; s/"session":"[^"]*"|/"session":"",/g' |
	    sed 's/^{"do":"\([a-z-]*\)"/\1 /; s/"\([a-z_]*\)":[^,}]*/\1/g; s/[,{}]/ /g'
}
normal() {
	while read -r name rest; do
		printf '%s' "$name"
		for m in $rest; do echo "${m%%:*}"; done | sort -u | grep -v '^id$' | while read -r m; do printf ' %s' "$m"; done
		echo
	done | sort -u
}
named() { cut -d' ' -f1 | sort -u; }

empty "every request of the tables is in the document" "$(comm -23 <(table | named) <(examples | named))"
empty "every request of the document is in the tables" "$(comm -13 <(table | named) <(examples | named))"
# a member that an example shows must be taken by its table
empty "the document shows no member that is refused" "$(examples | normal | while read -r name members; do
	for m in $members; do
		table | normal | grep -qE "^$name( .*)? $m( |\$)" || echo "$name: $m"
	done
done)"
# seats: "  D    {"do":"sql"" and "   CW  {"do":"pause"" in the document
empty "the document gives each request the seats of the table" "$(
	grep -E '^  ?[ D][ C][ CW]*.*\{"do":' "$doc" | sed -n 's/^ *\([DCW]\{1,3\}\) *{"do":"\([a-z-]*\)".*/\2 \1/p' | sort -u |
	while read -r name seats; do
		want=$(sed -n "s/^MSG(\"$name\",[^\"]*\"\([DCW]*\)\".*/\1/p" "$broker/msg.def")
		[ "$want" = "$seats" ] || echo "$name: the document says $seats, the table $want"
	done)"
finish
