#!/usr/bin/env bash
# The demo told in the terminal: what is said, step by step, piped and on a terminal (script(1) is one), and how it ends
# when it is not let to its end.
source "$(dirname "$0")/../support/lib.sh"
escape=$'\033'

# line_of TEXT: the number of the first line of the output that has it
line_of() {
  local n
  n=$(grep -nF -m 1 -- "$1" "$work/out" | cut -d: -f1)
  [ -n "$n" ] || fail "the story does not say: $1"
  echo "$n"
}

# in_order TEXT…: each is said, in lines that come one after the other
in_order() {
  local text n last=0
  for text; do
    n=$(awk -v from=$last -v text="$text" 'NR > from && index($0, text) { print NR; exit }' "$work/out")
    [ -n "$n" ] || fail "after line $last the story does not say: $text"
    last=$n
  done
}

# ---- piped: the naive code, then the trigger ----

run 0 demo --terminal
[ ! -s "$work/err" ] || fail "something on standard error"
! grep -q "$escape" "$work/out" || fail "escapes although it is no terminal"
! grep -qn '.\{81\}' "$work/out" || fail "a line is longer than 80 columns"
# Both look, both write, both are told that it is theirs, both answer.
in_order "── naive: check, then update" "Ada and Ben" "     Ada   " \
  "  1  SELECT texter_id IS NULL AS free" "free: t" "  2       " "free: t" \
  "  3  UPDATE conversations" "SET texter_id = 1" "     ✔ Conversation claimed successfully" \
  "  4       " "SET texter_id = 2" "          ✔ Conversation claimed successfully" \
  "  5  INSERT INTO replies" "     → “Yes, until 6 pm. Come by!”" \
  "  6       " "        → “No, it is closed until Monday.”" \
  "On Dana's phone" "│ Is the clinic open today? │" "│ Yes, until 6 pm. Come by! │ Ada" \
  "│ No, it is closed until Monday. │ Ben" "✗ The customer got two answers." \
  "✗ Two agents own conversation 1" "  1. Ada read texter_id of conversation 1 and found it free." \
  "later, before Ada had written, Ben read it too and found it" \
  "  3. Ben's UPDATE took effect after Ada's and replaced her; both had been told" \
  "── trigger: "
# The same code; the second is told, the first gives it back, and the second gets it.
sed -n '/^── trigger/,$p' "$work/out" >"$work/trigger"
mv "$work/trigger" "$work/out"
in_order "  1  SELECT texter_id IS NULL AS free" "  2       " "  3  UPDATE conversations" \
  "     ✔ Conversation claimed successfully" "  4       " "ERROR 23514" "Conversation is already assigned to" \
  "✘ This conversation is already" "│ Yes, until 6 pm. Come by! │ Ada" \
  "✔ The database rejected Ben's claim of conversation 1" "  2. Ada's UPDATE took effect; to Ben's UPDATE" \
  "23514 (check violation)" "conversation_texter_assignment_constraint" "shown “This conversation is already checked out”" \
  "Ada gives it back. Ben claims it once more:" "  6  UPDATE conversations" "✔ Conversation given back" \
  "  7       " "free: t" "  8       " "         ✔ Conversation claimed successfully" \
  "── Your turn" "✗ Two owners with: naive" "✔ One owner with: trigger" "pgrace demo " "pgrace explore claim " "pgrace run "
# Of Ben's rejected claim nothing went to the customer.
ended_phone=$(line_of "✔ The database rejected")
[ "$(head -"$ended_phone" "$work/out" | grep -c "│ Ben$" || true)" = 0 ] || fail "who was rejected has answered"
no_leftovers

# ---- other strategies ----

run 0 demo --terminal --strategy for-update
in_order "  4       " "FOR UPDATE         … waits for Ada" "  6  COMMIT" "… goes on                    free: f" \
  "✘ This conversation is already" "✔ Ben waited for Ada, and was refused" "until" "Ben's SELECT found texter_id taken"

run 0 demo --terminal --strategy transaction,repeatable-read
in_order "… waits for Ada" "… goes on                      1 row" "✗ Two agents own conversation 1" \
  "At READ COMMITTED Ben's UPDATE waited" "── repeatable-read" "… goes on                ERROR 40001" \
  "✔ Ben had to try again" "(serialization failure)" "✗ Two owners with: transaction" "✔ One owner with: repeatable-read"

# Every strategy: the story ends, and is explained.
run 0 demo --terminal --strategy all
same "stories explained" "$(grep -c '^  3\. ' "$work/out")" "$(grep -c '^── [a-z]' "$work/out")"
[ "$(grep -c '^── [a-z]' "$work/out")" -ge 13 ] || fail "not all strategies were told"

# A heading too long for a line goes on in the next, between two words.
says out "── exclusion: claims are kept when they end, and a constraint allows one open"
says out "   claim a conversation ─"

# Whose statement goes next can be said; who is done is passed over.
run 0 demo --terminal --strategy naive --order BAAB
in_order "  1       " "  2  SELECT" "  3  UPDATE" "  4       "
same "who looked first" "$(grep -c '  1\. Ben read texter_id of conversation 1 and found it free.' "$work/out")" 1
# One after the other the naive code does not race: the control says nothing then.
run 2 demo --terminal --strategy naive --order AAABBB
says out "✔ One after the other"
says out "✔ One owner with: naive"

# ---- on a terminal ----

if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
  printf '%s\n' '#!/bin/sh' "for i in \$(seq 200); do grep -q '^all of it' $work/out && break; sleep 0.05; done" >"$work/stay"
  chmod +x "$work/stay"
  # on_terminal COLUMNS ARGUMENTS…: the shell on the terminal stays until all was written down: script(1) gives up what
  # the kernel has not passed on when its child ends.
  on_terminal() {
    local columns=$1 status=0
    shift
    TERM=xterm script -qefc "stty cols $columns; $PGRACE $*; status=\$?; echo all of\ it; $work/stay; exit \$status" \
      "$work/out" >/dev/null </dev/null || status=$?
    same "exit status on a terminal" $status 0
    grep -q '^all of it' "$work/out" || fail "the terminal's output was cut off"
    sed -i 's/\r$//' "$work/out"
  }
  on_terminal 140 demo --terminal --pace 0
  grep -q "${escape}\\[31mERROR 23514" "$work/out" || fail "no colour on a terminal"
  says out "✗ Two agents own conversation 1"
  # Wide: a statement is one line; narrow: as for 80 columns.
  grep -q "UPDATE conversations SET texter_id = 1 WHERE id = 1" "$work/out" || fail "the columns do not use the width"
  NO_COLOR=1 on_terminal 140 demo --terminal --pace 0
  ! grep -q "$escape" "$work/out" || fail "escapes although NO_COLOR is set"
  says out "✘ This conversation is already checked out"
  NO_COLOR=1 on_terminal 40 demo --terminal --pace 0
  says out "     ✔ Conversation claimed successfully"
  ! grep '^[^S]' "$work/out" | has '.\{81\}' || fail "a line is longer than 80 columns on a narrow terminal"
else
  echo "no pseudo-terminal can be had here: its part of the test is left out"
fi

# ---- not let to its end ----

# telling TEXT: waits until the demo in $pid has come to that
telling() {
  for _ in $(seq 600); do
    grep -q "$1" "$work/out" && return
    kill -0 "$pid" 2>/dev/null || fail "pgrace ended early"
    sleep 0.05
  done
  fail "no story"
}

for signal in INT TERM; do
  background demo --terminal --pace 60s
  telling "Two agents share an inbox"
  kill -$signal $pid
  ended
  same "exit status after SIG$signal" $status 2
  same "what it says then" "$(cat "$work/err")" "pgrace: interrupted"
  no_leftovers
done

# Ctrl-C between two statements: both agents are in the midst of something.
background demo --terminal --strategy for-update --pace 300ms
telling "waits for Ada"
kill -INT $pid
ended
same "exit status while somebody waits for a lock" $status 2
no_leftovers

# The server dies: one line says so.
background demo --terminal --pace 400ms
telling "  1  SELECT"
kill -KILL "$(pgrep -P $pid -x postgres)"
ended
same "exit status when the private server dies" $status 5
same "lines of the error" "$(grep -c '^pgrace: ' "$work/err")" 1
no_leftovers

# Nowhere to write to.
status=0
"$PGRACE" demo --terminal >/dev/full 2>"$work/err" || status=$?
same "exit status with a full disk" $status 5
says err "pgrace: cannot write the story to standard output: No space left on device"
no_leftovers
status=0
"$PGRACE" demo --terminal 2>"$work/err" | head -3 >"$work/out" || true
same "lines when the reader goes away" "$(wc -l <"$work/err")" 1
says err "cannot write the story to standard output"
no_leftovers

# ---- on a server of the user's ----

start_server given
run 0 demo --terminal --dsn "postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"
says out "✔ One owner with: trigger"
same "databases left behind" "$(boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace%'")" 0
