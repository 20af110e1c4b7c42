#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# verify.sh FILE: the verdict on a transcript (doc/transcript.txt) by awk and sha256sum alone; 0 only when sealed and intact
LC_ALL=C; export LC_ALL; tmp=$(mktemp) || exit 2; trap 'rm -f "$tmp"' EXIT; lf=$(tail -c 1 "$1" | wc -l)
tr -d '\000' < "$1" | cmp -s - "$1" || { echo "broken: it holds zero bytes, or it cannot be read"; exit 1; }
if [ "$lf" -eq 0 ]; then sed '$d' "$1"; else cat "$1"; fi | awk -v tmp="$tmp" -v lf="$lf" -F '"' '
function sha(s,  cmd, r) { cmd = "sha256sum > " tmp; printf "%s", s | cmd; close(cmd); getline r < tmp; close(tmp); return substr(r, 1, 64) }
function bad(why) { print "broken at event " n + 1 " (line " NR "): " why; verdict = 1; exit 1 }
BEGIN { n = 0; head = sprintf("%064d", 0) } sealed { bad("something stands behind the seal") }
/^[{]"s":"[0-9a-f]+","of":[0-9]+,"k":"[a-z0-9._-]+"[,}]/ && /}$/ && length($4) == 64 && $7 == ":" n + 1 "," { had[++nb] = $10 " " sha($0) " " length($0); nr[nb] = NR; next }
!/^[{]"n":[0-9]+,"t":"[0-9T:.Z-]+","ms":[0-9]+,"prev":"[0-9a-f]+","ev":"[a-z0-9._-]+"[,}]/ || $3 != ":" n + 1 "," { bad("not the line that is expected here") }
$12 != head { bad("it does not follow from the event before it") }
{	b = match($0, /,"b":\[[{]"k":[^][]*\]}$/) ? split(substr($0, RSTART), r, "\"") : 0; at = 1
	for (i = 6; i < b; i += 10) if (at <= nb && had[at] == r[i] " " r[i + 4] " " substr(r[i + 7], 2) + 0) at++; else missing++
	if (at <= nb) { NR = nr[at]; bad("a body is not one that the event names") }; nb = 0; head = sha($0);
	if ($16 == "seal") { sealed = 1; sum = sha(substr($0, 1, length($0) - 74)) "\"}"
		if ($20 != $12 || substr($23, 2) + 0 != n || sum != substr($0, length($0) - 65)) bad("the seal was changed") }
	n++ }
END { if (!verdict && sealed && !lf && ++NR) bad("something stands behind the seal"); if (verdict) exit 1
	print (sealed ? "sealed and intact: " : "intact, not sealed: ends at event ") n ", bodies missing: " missing + 0; exit !sealed }'
