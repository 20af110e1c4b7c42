# SPDX-License-Identifier: GPL-3.0-or-later
# Turns src/sql/kw.def into the input of gperf.
BEGIN {
	print "%language=ANSI-C\n%readonly-tables\n%compare-strncmp\n%ignore-case\n%struct-type\n%pic\n%define string-pool-name kw_pool"
	print "%define lookup-function-name kw_find\n%define hash-function-name kw_hash"
	print "%define initializer-suffix ,KW_NO,0"
	print "%{\n#include \"config.h\"\n#include \"sql/kw.h\"\n\n#include <string.h>\n%}"
	print "struct kw_row;\n%%"
}
/^KW\(/ {
	sub(/^KW\(/, ""); sub(/\)$/, "")
	split($0, part, /, */)
	print tolower(part[1]) ", KW_" part[1] ", " part[2]
}
