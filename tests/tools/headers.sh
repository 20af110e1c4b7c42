#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every header, public and private, compiles alone and twice, and has the licence and a guard of its own name.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
cd "$top_srcdir" || exit 99
cflags=$(pkg-config --cflags jansson libcrypto libutf8proc yaml-0.1 sqlite3 libpq libmariadb libssh libevent_core ncursesw readline)

compiles() {
	# shellcheck disable=SC2086
	printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
	    $CC -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -fsyntax-only \
	    $cflags -Iinclude -Isrc -I. -x c -
}
for h in include/twokey/*/*.h src/*/*.h; do
	[ -e "$h" ] || continue
	name=${h#include/}
	check "$name compiles alone" compiles "$name"
done
guards=$(for h in include/twokey/*/*.h src/*/*.h; do
	[ -e "$h" ] || continue
	want=$(echo "${h#include/}" | sed 's/^src\//twokey\//' | tr 'a-z/.-' 'A-Z___')
	case $h in src/*) prefix='(TWOKEY_)?(SRC_)?' ;; *) prefix=TWOKEY_ ;; esac
	grep -qE "^#ifndef $prefix${want#TWOKEY_}\$" "$h" &&
	    grep -qE "^#define $prefix${want#TWOKEY_}\$" "$h" || echo "$h: the guard should be $want"
	grep -q '"config.h"' "$h" && echo "$h includes config.h"
done)
empty "headers have guards of their own name and leave config.h to the .c files" "$guards"
# A prototype has a comment over it, or one over its group (lines without a blank one between).
bare_prototypes() {
	awk '
	FNR == 1 { comment = decl = deep = 0 }
	decl == 0 && /^[ \t]*$/ { comment = 0; next }
	/^\/\* [a-z_]+\.c(, [a-z_]+\.c)* \*\/$/ { next }	# where it is, not what
	/^\/\*/ { comment = 1 }
	/^[ \t]*(\/?\*|#)/ { next }
	decl == 0 && /^[a-z]/ { decl = 1; first = FNR; text = "" }
	decl {
		line = $0
		gsub(/\/\*.*/, "", line)
		text = text " " line
		deep += gsub(/[{]/, "{", line) - gsub(/[}]/, "}", line)
		if (deep == 0 && line ~ /[;}][ \t]*$/) {
			if (!comment && text !~ /[{]/ && text !~ /typedef|^ extern const struct/ && text ~ /[)] *;[ \t]*$/)
				print FILENAME ":" first ":" text
			decl = 0
		}
	}' "$@"
}
empty "every prototype of a header has a comment" "$(bare_prototypes include/twokey/*/*.h src/*/*.h)"
licence=$(for f in $(find src include tests bench -name '*.[ch]' -o -name '*.def' | xargs grep -L 'code produced by gperf'); do
	head -1 "$f" | grep -q '^/\* SPDX-License-Identifier: GPL-3.0-or-later \*/$' || echo "$f"
done)
empty "every C file names its licence in the first line" "$licence"
late=$(for f in $(grep -L 'code produced by gperf' src/*/*.c); do
	[ "$(sed -n 's/^#include[ \t]*//p' "$f" | head -1)" = '"config.h"' ] || echo "$f"
done)
empty "every C file includes config.h first" "$late"
finish
