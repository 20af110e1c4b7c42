#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# bench/verify.sh [MiB] [ROUNDS]: twokey verify against sha256sum on the same file, alternating; medians and their ratio.
# Needs a built twokey in $top_builddir (default: the current folder).
: "${top_builddir:=$(pwd)}"
mib=${1:-256}
rounds=${2:-7}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
[ -x "$top_builddir/bench/transcript_make" ] || make -s -C "$top_builddir" bench/transcript_make || exit 1

make_file() {
	"$top_builddir/bench/transcript_make" "$1" $((mib * 1048576)) "$2" || exit 1
}
seconds() {
	start=$(date +%s%N)
	"$@" > /dev/null || echo "$* failed" >&2
	echo $((($(date +%s%N) - start) / 1000))
}
median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
for shape in small rows; do
	make_file "$tmp/t" $shape
	cat "$tmp/t" > /dev/null
	: > "$tmp/a"
	: > "$tmp/b"
	i=0
	while [ "$i" -lt "$rounds" ]; do
		seconds sha256sum "$tmp/t" >> "$tmp/a"
		seconds "$top_builddir/twokey" verify "$tmp/t" >> "$tmp/b"
		i=$((i + 1))
	done
	a=$(median "$tmp/a")
	b=$(median "$tmp/b")
	echo "$shape: $(wc -c < "$tmp/t") bytes, $(wc -l < "$tmp/t") lines; sha256sum ${a} us, twokey verify ${b} us, ratio $(echo "$a $b" |
	    awk '{ printf "%.2f", $2 / $1 }') (goal <= 1.20)"
	rm "$tmp/t"
done
