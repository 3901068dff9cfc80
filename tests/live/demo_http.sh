#!/usr/bin/env bash
# The demo by HTTP: all that a page can ask for and what anybody else may try, many who watch, a database that dies, an end
# in the midst of it. The other end is demo_http.mjs.
source "$(dirname "$0")/../support/lib.sh"
command -v node >/dev/null || skip "no node"

# demo ARGUMENTS…: starts it and sets `link` to the address that it prints.
demo() {
  : >"$work/out"
  background demo "$@"
  for _ in $(seq 600); do
    link=$(grep -o -m 1 'http://[^ ]*' "$work/out" || true)
    [ -z "$link" ] || return 0
    if ! kill -0 "$pid" 2>/dev/null; then
      grep -q 'built without its pages' "$work/err" && skip "built without pages"
      fail "pgrace demo ended early"
    fi
    sleep 0.05
  done
  fail "no address"
}

# plays PART [ARGUMENT]
plays() {
  node "$(dirname "$0")/demo_http.mjs" "$1" "$link" "${2:-}" || fail "$1"
}

# Ctrl-C: that is how it ends.
quits() {
  kill -INT "$pid"
  ended
  same "exit status after Ctrl-C" $status 0
  no_leftovers
}

# silent: nothing went wrong that was not asked for
silent() { [ ! -s "$work/err" ] || fail "something on standard error"; }

demo --gap 4s # two clicks and a third are made in it
plays whole "$work/result.json"
quits
silent
"$PGRACE" report --format text "$work/result.json" >"$work/out" || [ $? -le 2 ] || fail "its result is no result"
says out naive

demo --gap 400ms --order ABBA
plays strategies
quits
silent

demo --gap 20ms
plays bad
quits
silent

demo --gap 20ms
plays many
quits
silent

demo --gap 20ms
plays lost "$pid"
quits
says out "The database is back"

# While they watch, and agents are at work.
demo --gap 400ms
plays watching "$work/watching" &
player=$!
for _ in $(seq 600); do
  [ ! -e "$work/watching" ] || break
  kill -0 "$player" 2>/dev/null || fail "nobody watched"
  sleep 0.05
done
quits
silent
wait "$player" || fail "watching"
