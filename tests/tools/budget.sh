#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sizes that keep the code readable: files of at most 600 lines, functions of at most 60.
# budget.except: "path" or "path:function", then the reason.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
cd "$top_srcdir" || exit 99
file_max=600
function_max=60
except=tests/tools/budget.except
# what gperf made is nobody's to read
files=$(find src include tests bench -name '*.[ch]' | sort | xargs grep -L 'code produced by gperf')

excused() {
	sed '/^#/d' "$except" | awk -v k="$1" '$1 == k && NF > 1 { found = 1 } END { exit !found }'
}
long_files() {
	for f in $files; do
		n=$(wc -l < "$f")
		[ "$n" -le $file_max ] || excused "$f" || echo "$f has $n lines, $file_max are allowed"
	done
}
long_functions() {
	# shellcheck disable=SC2086
	ctags --fields=+ne --kinds-C=f --language-force=C -f - $files | awk -F'\t' -v max=$function_max '
		!/^!/ { line = end = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) line = substr($i, 6)
				if ($i ~ /^end:/) end = substr($i, 5)
			}
			if (end - line + 1 > max) print $2 ":" $1, end - line + 1 }' |
	while read -r what n; do
		excused "$what" || echo "$what has $n lines, $function_max are allowed"
	done
}
stale() {
	sed '/^#/d;/^$/d' "$except" | while read -r what reason; do
		[ -e "${what%%:*}" ] || echo "$what is excused and not there"
		[ -n "$reason" ] || echo "$what is excused without a reason"
	done
}
empty "no file has more than $file_max lines" "$(long_files)"
if ctags --version 2>/dev/null | grep -q 'Universal Ctags'; then
	empty "no function has more than $function_max lines" "$(long_functions)"
else
	skip "no function has more than $function_max lines" "universal-ctags is not installed"
fi
empty "every exception has a reason and is still there" "$(stale)"
finish
