#!/usr/bin/env bash
# What a person at a terminal sees, and what NO_COLOR, CI and --quiet make of it. script(1) is the terminal.
source "$(dirname "$0")/../support/lib.sh"
command -v script >/dev/null || skip "script (of bsdutils or util-linux) is not installed"

script -qec true /dev/null >/dev/null 2>&1 </dev/null || skip "no pseudo-terminal can be had here"

# on_terminal ARGUMENTS…: output as the terminal got it in $work/out
on_terminal() {
  status=0
  TERM=xterm script -qefc "$PGRACE $*" "$work/out" >/dev/null </dev/null || status=$?
  same "exit status on a terminal" $status 0
}
escape=$'\033'

unset CI NO_COLOR
on_terminal run --duration 400ms
grep -q "${escape}\\[32m" "$work/out" || fail "no colour on a terminal"
grep -q $'\r' "$work/out" || fail "the progress line is not drawn over itself"
says out "too many owners in"
# What is left standing after the last carriage return of each line is the report alone.
! sed "s/.*\r\(.\)/\1/; s/${escape}\\[[0-9;]*[A-Za-z]//g" "$work/out" | has " left" || fail "the progress line was not wiped"

NO_COLOR=1 on_terminal run --duration 400ms
! grep -q "${escape}\\[3" "$work/out" || fail "colour although NO_COLOR is set"

CI=true on_terminal run --duration 1500ms
[ "$(grep -c "too many owners in" "$work/out")" -ge 1 ] || fail "no plain progress lines under CI"
! grep -q "${escape}\\[K" "$work/out" || fail "the line is drawn over under CI"

on_terminal run -q --rounds 20
! grep -q "seed" "$work/out" || fail "a header although --quiet"
! grep -q " left" "$work/out" || fail "progress although --quiet"

# Not a terminal: plain lines on standard error, the report alone on standard output.
run 0 run --duration 1500ms
grep -q "^naive, read committed .*too many owners in" "$work/err" || fail "no plain progress lines"
! grep -q "$escape" "$work/err" || fail "escapes on standard error although it is no terminal"
no_leftovers
