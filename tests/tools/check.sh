#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# check.sh TOP JOBS [SUITE...]: builds and tests the tree in TOP, from a copy of it, in TOP/build-check (under /var/tmp
# when others cannot reach it).
#   sanitized  gcc, address and undefined sanitizers, fault points
#   plain      gcc, hardened, fault points, warnings are errors
#   dist       make distcheck: the tarball builds and is whole (its own tests: those that start no server)
# The last line is "N passed, N failed"; the exit status follows it.
set -u
top=$1
jobs=$2
shift 2
suites=${*:-sanitized plain dist}
work=$top/build-check
# started as root, tests run programs as other users: these must be able to reach them
if [ "$(id -u)" = 0 ] && ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$top/bootstrap"; then
	work=/var/tmp/twokey-check-$$
	trap 'rm -rf "$work"' EXIT
fi
src=$work/src
passed=0
failed=0
skipped=0

say() {
	printf 'check: %s\n' "$*"
}

# What git would take, without what was built in the folder; a tarball has no git.
copy_sources() {
	rm -rf "$work" && mkdir -p "$src" || return
	if git -c safe.directory='*' -C "$top" rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$top" && git -c safe.directory='*' ls-files -z -co --exclude-standard |
		    while IFS= read -r -d '' f; do [ -e "$f" ] && printf '%s\0' "$f"; done |
		    tar -c --null -T - -f -) | tar -x -C "$src" -f -
	else
		tar -c -C "$top" --exclude=./build-check --exclude='./config.*' --exclude=./Makefile --exclude='*.o' \
		    --exclude='*.a' --exclude=.deps --exclude='*.log' --exclude='*.trs' --exclude='*.t' \
		    --exclude=./twokey --exclude=./twokeyd --exclude=./stamp-h1 -f - . | tar -x -C "$src" -f -
	fi
	# tests look for the statements beside their source tree
	[ ! -d "$top/../shared" ] || ln -s "$(cd "$top/../shared" && pwd)" "$work/shared"
	[ -e "$src/configure.ac" ] && (cd "$src" && autoreconf -fi) >"$work/autoreconf.log" 2>&1 ||
	    { tail -n 20 "$work/autoreconf.log"; return 1; }
}

# A step that is no test: counted only when it fails.
step_failed() {
	say "FAILED: $1"
	[ -e "$2" ] && grep -aE 'error|warning|Error|undefined|\*\*\*' "$2" | head -40
	[ -e "$2" ] && tail -n 30 "$2"
	failed=$((failed + 1))
}

# Adds the results of a build folder and shows the logs of what failed.
count() {
	local dir=$1 trs p f s
	while IFS= read -r trs; do
		p=$(grep -cE '^:test-result: *(PASS|XFAIL)' "$trs")
		f=$(grep -cE '^:test-result: *(FAIL|XPASS|ERROR)' "$trs")
		s=$(grep -cE '^:test-result: *SKIP' "$trs")
		passed=$((passed + p))
		failed=$((failed + f))
		skipped=$((skipped + s))
		[ "$s" -gt 0 ] && grep -a '^SKIP: ' "${trs%.trs}.log" | sed 's/^SKIP: /check: skipped: /'
		if [ "$f" -gt 0 ]; then
			say "FAILED: ${trs#"$work"/}"
			grep -aE '^(FAIL|ERROR|XPASS): ' "${trs%.trs}.log" | sed 's/^/    /'
			tail -n 60 "${trs%.trs}.log" | cut -c1-400
		fi
	done < <(find "$dir" -name '*.trs' | sort)
}

# suite NAME TESTS-AT-A-TIME CONFIGURE-ARGUMENTS...
suite() {
	local name=$1 at_once=$2 dir=$work/$1 start=$SECONDS
	shift 2
	say "$name: configure $*"
	mkdir -p "$dir"
	if ! (cd "$dir" && "$src/configure" -q "$@" && make -s -k -j"$jobs") >"$dir/build.log" 2>&1; then
		step_failed "the build of $name" "$dir/build.log"
		return
	fi
	local status=0 before=$failed
	(cd "$dir" && make -s -k -j"$at_once" check) >"$dir/check.log" 2>&1 || status=1
	count "$dir"
	# a test program that does not build leaves no result behind
	[ $status = 0 ] || [ "$failed" -gt "$before" ] || step_failed "make check of $name" "$dir/check.log"
	say "$name took $((SECONDS - start)) s"
}

dist() {
	local dir=$work/dist start=$SECONDS quick
	say "distcheck"
	mkdir -p "$dir"
	(cd "$dir" && "$src/configure" -q) >/dev/null 2>&1
	quick=$(cd "$dir" && printf 'include Makefile\nquick:\n\t@echo $(filter-out tests/integration/%% tests/tty/%% tests/unit/db_pg%% tests/unit/db_my%%,$(TEST_LOGS))\n' |
	    make -s -f - quick)
	if (cd "$dir" && make -s -j"$jobs" distcheck AM_MAKEFLAGS="TEST_LOGS=\"$quick\"") \
	    >"$dir/distcheck.log" 2>&1; then
		passed=$((passed + 1))
	else
		step_failed distcheck "$dir/distcheck.log"
	fi
	say "distcheck took $((SECONDS - start)) s"
}
copy_sources || { say "the sources could not be prepared"; echo "0 passed, 1 failed"; exit 1; }
for s in $suites; do
	case $s in
	sanitized) suite sanitized "$jobs" --enable-sanitizers --enable-werror --enable-faults ;;
	# without sanitizers tests wait, for reading times and servers, as long as they compute
	plain) suite plain $((jobs + 1)) --enable-werror --enable-faults ;;
	dist) dist ;;
	*) say "there is no suite $s"; failed=$((failed + 1)) ;;
	esac
done
[ $((passed + failed)) -gt 0 ] || failed=1
[ "$skipped" -gt 0 ] && say "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
