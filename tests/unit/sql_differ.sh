#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds and runs the comparison with libpg_query, where that is installed and the corpus is there.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$(pwd)}"
corpus=$top_srcdir/../shared/corpus/postgres.jsonl
if [ ! -r "$corpus" ]; then
	echo "1..0 # SKIP no corpus at ../shared/corpus"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086
if ! ${CC:-cc} ${SAN_FLAGS-} -O1 -I"$top_srcdir/include" -o "$work/differ" "$top_srcdir/tests/unit/sql_differ.c" \
    "$top_builddir/src/sql/libsql.a" "$top_builddir/src/base/libbase.a" -lpg_query -ljansson -lcrypto -lutf8proc \
    -lm -lpthread 2> "$work/log"; then
	echo "1..0 # SKIP libpg_query is not installed (libpg-query-dev)"
	exit 0
fi
ASAN_OPTIONS=detect_leaks=0 "$work/differ" "$corpus"
