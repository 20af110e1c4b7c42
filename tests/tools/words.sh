#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What must not stand in the tree: paths of somebody's machine, keys, notes to self.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/tools/tap.sh"
cd "$top_srcdir" || exit 99
places='src include tests bench doc README ChangeLog bootstrap configure.ac Makefile.am'

# The patterns are written so that this file does not find itself.
find_words() {
	# shellcheck disable=SC2086
	grep -rnIE --include='*.[ch]' --include='*.def' --include='*.sh' --include='*.mk' --include='*.txt' \
	    --include='*.am' --include='*.ac' --include='*.[18]' --include=README --include=ChangeLog \
	    --include=bootstrap "$1" $places
}
empty "no path of somebody's machine" "$(find_words '(^|[^a-zA-Z0-9_.])/(hom[e]|wor[k]|roo[t]|User[s])/[a-z]')"
empty "no private key" "$(find_words 'BEGIN [A-Z ]*PRIVAT[E] KEY|AGE-SECRET-KE[Y]')"
empty "no document that is not in the tree" "$(find_words '(ARCHITECTUR[E]|(ux|probes|field|style)[.]m[d]|probe[s] [0-9])')"
empty "no notes to self" "$(grep -rnwE 'TOD[O]|FIXM[E]|XX[X]|HAC[K]' src include)"
empty "no blank at the end of a line" "$(grep -rnE '[[:blank:]]+$' src include --include='*.[ch]' --include='*.def')"
# rule 8 of doc/approval.txt: what the programs say is neither polite nor legal (what gperf says to compilers is in a release)
empty "no polite and no legal words" "$(grep -rnwiE '"[^"]*\b(please|sorry|kindly|welcome|oops|unfortunately|successfully|are you sure|hereby|disclaimer|liability)\b' \
    src include --include='*.[ch]' --include='*.def' | grep -v ':#error ')"
empty "comments are blocks" "$(grep -rnE '(^|[;{}])[[:blank:]]*//' src include --include='*.[ch]')"
finish
