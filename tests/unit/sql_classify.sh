#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# twokey classify: a script, --jsonl, --check and its exit codes.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$(pwd)}"
twokey=$top_builddir/twokey
n=0
bad=0
# is WHAT EXPECTED GOT
is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "not ok $n - $1"
		printf 'expected %s\ngot %s\n' "$2" "$3" | sed 's/^/# /'
	fi
}
if [ ! -x "$twokey" ]; then
	echo "1..0 # SKIP twokey is not built"
	exit 0
fi
classes() {
	sed 's/^{"class":"\([a-z]*\)".*/\1/' | tr '\n' ' '
}
is "every statement of a script has its line" "read write ddl " \
    "$(printf 'select 1; -- x;\nupdate t set a = 1; drop table t' | "$twokey" classify | classes)"
is "a body is one statement, the delimiter of the client is followed" "ddl read " \
    "$(printf 'DELIMITER //\ncreate procedure p() begin delete from t; end//\nselect 1//\n' |
    "$twokey" classify -e mariadb | classes)"
is "offset and length point into the script" '"offset":10,"length":8' \
    "$(printf 'select 1; select 2;' | "$twokey" classify | tail -n 1 | grep -o '"offset":[0-9]*,"length":[0-9]*')"
is "a bad line of --jsonl has its answer too" "ddl unknown read " \
    "$(printf '{"sql":"drop table x","engine":"mysql"}\nbad\n{"sql":""}\n' | "$twokey" classify --jsonl | classes)"
printf 'select 1' | "$twokey" classify --check read > /dev/null
is "nothing exceeds the class" 0 $?
printf 'select 1; delete from t' | "$twokey" classify --check read > /dev/null
is "something exceeds the class" 3 $?
"$twokey" classify -e oracle > /dev/null 2>&1 < /dev/null
is "an unknown engine is a wrong call" 2 $?
"$twokey" classify /nonexistent/file > /dev/null 2>&1
is "a file that is not there is bad input" 2 $?
echo "1..$n"
exit $bad
