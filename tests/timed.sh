#!/bin/sh
# timed.sh NAME COMMAND …: runs the command, then says how long it took.
# With TOGETHER set, where others run beside it, its output comes in one piece at the end: what was skipped and
# the last line, or all of it where it failed.
name=$1
shift
began=$(date +%s)
if [ -n "$TOGETHER" ]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "$@" >"$log" 2>&1
    code=$?
    shown=$(if [ $code -eq 0 ]; then sed -n -e '/^SKIPPED/p' -e '$p' "$log"; else cat "$log"; fi)
    printf '%s\n%s: %d s\n' "$shown" "$name" $(($(date +%s) - began))
else
    "$@"
    code=$?
    echo "$name: $(($(date +%s) - began)) s"
fi
exit $code
