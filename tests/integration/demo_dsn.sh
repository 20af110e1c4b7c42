#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The demonstration on the person's own PostgreSQL, without a terminal: a password that stands in no process list, a read,
# the end with standard input.
. "${top_srcdir:?}/tests/integration/lib.sh"
setup
if ! pg_start; then
	skip "the demonstration on PostgreSQL" "no server is installed"
	finish
fi
pg_sql postgres "create role kim login password 'not-in-ps'"
pg_sql postgres "create database shop owner kim"
mkfifo "$dir/stdin"
setsid "$twokey" demo --no-tmux --dir "$dir/demo" --dsn "postgresql://kim:not-in-ps@/shop?host=$dir/pg" \
    <"$dir/stdin" >"$dir/demo.out" 2>&1 &
demo=$!
exec {hold}>"$dir/stdin"
check "it comes up" wait_until grep -q 'demo ends' "$dir/demo.out"
check "it says that the command line showed the password" grep -q 'leave it out next time' "$dir/demo.out"
empty "no process shows it any more" "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep '[k]im:not-in-ps')"
check "its file is private" test "$(stat -c %a "$dir/demo/password")" = 600
ln -s demo/broker.sock "$dir/broker.sock"
console driver ben open DEMO-1
check "the session is connected" expect driver '"ev":"connected"'
tell driver '{"do":"sql","text":"select 40+2;"}'
check "a read runs" expect driver '"rows":\[\["42"\]\]'
tell driver '{"do":"end"}'
check "the session ends sealed" expect driver '"ev":"seal"'
exec {hold}>&-
check "the demonstration ends with its standard input" wait_until gone "$demo"
check "the password's file is gone" test ! -e "$dir/demo/password"
empty "the transcript does not hold it" "$(grep -l not-in-ps "$dir"/demo/transcripts/* "$dir/demo/twokeyd.yaml" "$dir/demo/broker.log")"
check "the transcript is sealed and intact" "$twokey" verify "$dir"/demo/transcripts/*.jsonl
finish
