# SPDX-License-Identifier: GPL-3.0-or-later
# TAP for shell tests: . "$top_srcdir/tests/tools/tap.sh"; pass, fail, skip, check, then finish.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$(pwd)}"
: "${CC:=cc}"
tap_n=0
tap_bad=0

# Lines that only explain; stdin when there is no argument.
note() {
	if [ $# -gt 0 ]; then printf '%s\n' "$*"; else cat; fi | sed 's/^/# /'
}
pass() {
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s\n' "$tap_n" "$*"
}
fail() {
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1))
	printf 'not ok %d - %s\n' "$tap_n" "$*"
}
# skip NAME REASON; with REQUIRE_SERVERS=1 what is skipped is a failure.
skip() {
	if [ "${REQUIRE_SERVERS:-0}" = 1 ]; then
		fail "$1 (skipped: $2)"
		return
	fi
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
}
# check NAME COMMAND...: passes when the command succeeds; its output is shown when it does not.
check() {
	tap_what=$1
	shift
	if tap_out=$("$@" 2>&1); then
		pass "$tap_what"
	else
		fail "$tap_what"
		printf '%s\n' "$tap_out" | note
	fi
}
# empty NAME TEXT: passes when the text is empty, shows it otherwise.
empty() {
	if [ -z "$2" ]; then
		pass "$1"
	else
		fail "$1"
		printf '%s\n' "$2" | note
	fi
}
finish() {
	printf '1..%d\n' "$tap_n"
	[ "$tap_bad" -eq 0 ]
	exit
}
