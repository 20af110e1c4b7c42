#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The floors of the house: each archive links with the lower ones alone, includes only them, exports nothing
# that can change, and twokey itself is linked with no database, loop or configuration library.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
echo 'int main(void) { return 0; }' > "$tmp/m.c"
floors='base sql transcript ticket gate db tunnel broker console'

# floor: the floors below it that it sees
below() {
	case $1 in
	base) ;;
	sql|transcript|ticket|tunnel) echo base ;;
	gate) echo ticket sql base ;;
	db) echo sql base ;;
	broker) echo db tunnel gate ticket transcript sql base ;;
	console) echo transcript sql base ;;
	esac
}
# floor: the libraries of its own (pkg-config), those of lower floors come with them
libraries() {
	case $1 in
	base) echo jansson libcrypto libutf8proc ;;
	ticket) echo yaml-0.1 ;;
	db) echo sqlite3 libpq libmariadb ;;
	tunnel) echo libssh ;;
	broker) echo libevent_core ;;
	console) echo ncursesw readline ;;
	esac
}
# header of a library: the only floors that may include it
owners() {
	case $1 in
	openssl/*|utf8proc.h) echo base ;;
	yaml.h) echo ticket ;;
	sqlite3.h|libpq-fe.h|libpq/*|mysql.h|mysqld_error.h|errmsg.h|ma_pvio.h) echo db ;;
	libssh/*) echo tunnel ;;
	event2/*|event.h) echo broker ;;
	*curses.h|ncurses*|panel.h|term.h|readline/*) echo console ;;
	*) echo any ;;
	esac
}
archive() {
	echo "$top_builddir/src/$1/lib$1.a"
}

links_alone() {
	local floor=$1 archives='' libs="$(libraries "$1")" low
	for low in $(below "$floor"); do
		archives="$archives $(archive "$low")"
		libs="$libs $(libraries "$low")"
	done
	# shellcheck disable=SC2086
	$CC $SAN_FLAGS "$tmp/m.c" -o "$tmp/m" -Wl,--whole-archive "$(archive "$floor")" \
	    -Wl,--no-whole-archive $archives $(pkg-config --libs $libs) -lpthread
}

# mutable objects that others could reach; read-only tables with pointers live in .data.rel.ro
exported_objects() {
	nm -g -f sysv --defined-only "$(archive "$1")" 2>/dev/null | awk -F'|' '
		NF >= 7 { gsub(/ /, "", $1); gsub(/ /, "", $7)
			if ($1 ~ /^__/) next
			if ($7 ~ /^\.(data|bss|tdata|tbss)/ && $7 !~ /^\.data\.rel\.ro/ || $7 ~ /COM/)
				print $1 }' |
	    grep -v -x -F -f <(sed 's/[ \t]*#.*//; /^$/d' "$top_srcdir/tests/tools/floors.except")
}

# names of the C library: a function of ours with one of them would take its place in every program
library_names() {
	local lib
	for lib in libc.so.6 libm.so.6; do
		nm -D --defined-only "$($CC -print-file-name=$lib)" 2>/dev/null
	done | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u
}
library_names > "$tmp/library"
taken_names() {
	nm -g --defined-only "$(archive "$1")" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TW]/ { print $3 }' |
	    sort -u | comm -12 - "$tmp/library"
}

# file: "LINE:what" of each include
includes() {
	sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*\).*/\1/p' "$1"
}
# Prints what a file of a floor includes and must not. $2: its folder name, $3: floors it may see
bad_includes() {
	local file=$1 self=$2 may=" $2 $3 " inc name floor own
	includes "$file" | while read -r inc; do
		name=${inc#?}
		case $inc in
		\"config.h) ;;
		\"twokey/*)
			floor=${name#twokey/}; floor=${floor%%/*}
			[ -e "$top_srcdir/include/$name" ] || echo "$file: $name does not exist"
			case $may in *" $floor "*) ;; *) echo "$file includes $name" ;; esac
			case $self:$name in
			console:twokey/transcript/writer.h) echo "$file includes $name (readers only)" ;;
			esac ;;
		\"*)
			[ -e "$(dirname "$file")/$name" ] || [ "${name%%/*}" = "$self" ] || echo "$file includes $name, which is not in its folder" ;;
		\<*)
			own=$(owners "$name")
			case $own: in any:|"$self":) ;;
			*) case $self:$file:$own in
				main:*/demo_shop.c:db|main:*/twokeyd.c:db) ;;
				*) echo "$file includes <$name>, which belongs to $own" ;;
				esac ;;
			esac ;;
		esac
	done
}
files_of() {
	ls "$top_srcdir"/src/"$1"/*.[ch] "$top_srcdir"/src/"$1"/*.def "$top_srcdir"/include/twokey/"$1"/*.h \
	    "$top_srcdir"/include/twokey/"$1"/*.def 2>/dev/null
}

for floor in $floors; do
	check "$floor links with the lower floors and its own libraries alone" links_alone "$floor"
	empty "$floor exports no object that can change" "$(exported_objects "$floor")"
	empty "$floor takes no name of the C library" "$(taken_names "$floor")"
	empty "$floor includes only what it may see" \
	    "$(for f in $(files_of "$floor"); do bad_includes "$f" "$floor" "$(below "$floor")"; done)"
done
empty "main: the programs include only what they may see" \
    "$(for f in $(files_of main); do
	case $f in
	*/twokeyd*.c) bad_includes "$f" main "base broker ticket transcript db gate sql" ;;
	*) bad_includes "$f" main "base sql transcript console" ;;
	esac
    done)"
empty "twokey is linked with no database, loop or configuration library" \
    "$(readelf -d "$top_builddir/twokey" | grep NEEDED | grep -E 'libpq|libmariadb|sqlite|libevent|yaml|libssh')"
empty "there is no umbrella header" \
    "$(ls "$top_srcdir"/include/twokey/*.h 2>/dev/null
	for h in "$top_srcdir"/include/twokey/*/*.h "$top_srcdir"/src/*/*.h; do
		[ -e "$h" ] || continue
		$CC -fpreprocessed -dD -E -P "$h" 2>/dev/null | grep -v '^[ \t]*#' | grep -q '[a-z]' || echo "$h only includes others"
	done)"
finish
