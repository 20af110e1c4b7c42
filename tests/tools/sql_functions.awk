# SPDX-License-Identifier: GPL-3.0-or-later
# Joins a catalogue ("NAME VOLATILITIES" per line) with what is known about effects.
# usage: awk -v engine=postgres -v from="PostgreSQL 15.15" -f sql_functions.awk EFFECTS MORE CATALOGUE > fn_ENGINE.gperf
function effect_of(name,    p)
{
	if (name in effect)
		return effect[name]
	for (p in pattern)
		if (index(name, p) == 1)
			return pattern[p]
	return ""
}
FNR == 1 { file++ }
/^#/ || NF == 0 { next }
file == 1 && $1 ~ /\*$/ { pattern[substr($1, 1, length($1) - 1)] = $2; next }
file == 1 { effect[$1] = $2; all[$1] = $2; next }
file == 2 { if (!($1 in all)) all[$1] = NF > 1 ? $2 : "harmless"; next }
{
	e = effect_of($1)
	if (e == "" && $2 ~ /v/) {
		print "volatile, not listed: " $1 > "/dev/stderr"
		e = "call"
	}
	all[$1] = e == "" ? "harmless" : e
}
END {
	print "%language=ANSI-C\n%readonly-tables\n%compare-strncmp\n%struct-type\n%pic\n%define string-pool-name fn_pool_" engine
	print "%define lookup-function-name fn_find_" engine "\n%define hash-function-name fn_hash_" engine
	print "%define initializer-suffix ,FN_HARMLESS\n%define word-array-name fn_words_" engine
	print "/* Made by tests/tools/sql_functions.sh from " from "; do not edit. */"
	print "%{\n#include \"config.h\"\n#include \"sql/fn.h\"\n\n#include <string.h>\n%}"
	print "struct fn_row;\n%%"
	for (name in all)
		print name ", FN_" toupper(all[name]) | "LC_ALL=C sort"
}
