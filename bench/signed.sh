#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From a signed answer to the statement that goes to the database (SQLite, loopback).
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$(pwd)}"
export top_srcdir top_builddir
if [ ! -x "$top_builddir/bench/signed" ]; then
	echo "signed: the tests' library (cmocka) is not there" >&2
	exit 77
fi
"$top_builddir/bench/signed" > /dev/null
