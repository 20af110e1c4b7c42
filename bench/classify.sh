#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The classifier against libpg_query on the PostgreSQL corpus, one core, in turn.
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
corpus=$top_srcdir/../shared/corpus/postgres.jsonl
if [ ! -r "$corpus" ]; then
	echo "classify: no corpus at $corpus" >&2
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! ${CC:-cc} -O2 -I"$top_srcdir/include" -o "$work/classify" "$top_srcdir/bench/classify.c" \
    "$top_builddir/src/sql/libsql.a" "$top_builddir/src/base/libbase.a" -lpg_query -ljansson -lcrypto -lutf8proc -lm -lpthread 2> "$work/log"; then
	echo "classify: cannot be built (libpg-query-dev?):" >&2
	head -3 "$work/log" >&2
	exit 0
fi
"$work/classify" "$corpus"
