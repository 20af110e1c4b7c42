#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Replays every folder of tests/fuzz/corpus through its target: one TAP line per folder.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
for target in "$top_builddir"/tests/fuzz/fuzz_*; do
	name=${target##*/fuzz_}
	case $name in *.*|'*') continue ;; esac
	corpus=$top_srcdir/tests/fuzz/corpus/$name
	if "$target" -help=1 2>/dev/null | grep -q libFuzzer; then
		check "corpus of $name" "$target" -runs=0 "$corpus"
	elif out=$("$target" "$corpus" 2>&1); then
		pass "corpus of $name ($(echo "$out" | grep -c '^ok ') inputs)"
	else
		fail "corpus of $name"
		echo "$out" | tail -40 | note
	fi
done
for corpus in "$top_srcdir"/tests/fuzz/corpus/*/; do
	[ -d "$corpus" ] || continue
	name=$(basename "$corpus")
	[ -x "$top_builddir/tests/fuzz/fuzz_$name" ] || fail "corpus/$name has no target fuzz_$name"
done
[ "$tap_n" -gt 0 ] || pass "no target yet"
finish
