#!/usr/bin/env bash
# Stopped in the middle, gently and not: nothing runs on, nothing lies around.
source "$(dirname "$0")/../support/lib.sh"

# Ctrl-C: what ran is reported as incomplete.
for signal in INT TERM HUP; do
  background run --duration 60s --format json --out "$work/out-$signal"
  racing
  kill -$signal $pid
  ended
  same "exit status after SIG$signal" $status 2
  holds "incomplete" '.complete == false and .interrupted and .exit_status == 2 and .cells[0].rounds > 0'
  holds "the rows were asked all the same" '.cells[0] | .rules[1].broken > 0 and .verdict == "race"'
  holds "what did not run says so" \
    '.cells[1] | .rounds == 0 and .complete == false and .as_expected == false and .why == "it was not run" and .rules == []'
  cmp -s "$work/out" "$work/out-$signal/result.json" || fail "result.json is not what was printed"
  no_leftovers
done

# Started to ignore hang-ups, as by nohup, it goes on.
: >"$work/err"
env --ignore-signal=HUP "$PGRACE" run --duration 2s --strategy naive --format json >"$work/out" 2>"$work/err" &
pid=$!
racing
kill -HUP $pid
ended
same "exit status after an ignored SIGHUP" $status 0

# In the start-up, at moments spread over it: whatever was begun is undone. With no cached copy the start is initdb.
for cache in "$XDG_CACHE_HOME" /dev/null/none; do
  for delay in 0 0.01 0.02 0.04 0.07 0.1 0.4; do
    XDG_CACHE_HOME=$cache background run --duration 60s
    sleep $delay
    kill -TERM $pid # not INT, which a job in the background ignores at the very first
    ended
    # A signal before the handler stands ends the process as signals do.
    [ $status = 2 ] || [ $status = 143 ] || fail "exit status $status after an early SIGTERM"
    no_leftovers
  done
done

# The private server dies: one line says so.
background run --duration 60s
racing
postmaster=$(pgrep -P $pid -x postgres)
kill -KILL "$postmaster"
ended
same "exit status when the private server dies" $status 5
says err "pgrace: "
no_leftovers

# SIGKILL: the server dies with pgrace, and the next run clears what is left.
background run --duration 60s
racing
postmaster=$(pgrep -P $pid -x postgres)
folder=$(dirname "$(readlink "/proc/$postmaster/cwd")")
kill -KILL $pid
ended
gone "$postmaster" || fail "the server outlived pgrace"
[ -d "$folder" ] || fail "expected the folder of a killed run to be there still: $folder"
run 0 run --rounds 50
[ ! -e "$folder" ] || fail "the next run did not clear $folder"
no_leftovers
