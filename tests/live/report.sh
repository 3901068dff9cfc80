#!/usr/bin/env bash
# pgrace report: what a run has left says the same once more, in every form; older results can be read; what is no result
# is named; a history goes to other checkers.
source "$(dirname "$0")/../support/lib.sh"
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY
cd "$work"
documents=$PGR_SOURCE_DIR/tests/documents/0.1-first
html=yes
"$PGRACE" report --format html "$documents/run.json" >/dev/null 2>&1 || html=no

# is_xml FILE: where there is something to ask
is_xml() {
  if command -v xmllint >/dev/null; then xmllint --noout "$1" || fail "$1 is no XML"; fi
}

# A run: its text and its document are those that the command itself printed and left.
run 0 run claim --rounds 60 --seed 7 --out claim
cp out claim.txt
run 0 report claim
cmp -s out claim.txt || fail "report says other than run: $(diff out claim.txt | head -5)"
run 0 report claim/result.json
cmp -s out claim.txt || fail "the file says other than its folder"
run 0 report - <claim/result.json
cmp -s out claim.txt || fail "standard input says other than the file"
run 0 report claim --quiet
tail -n +3 claim.txt | cmp -s out - || fail "--quiet leaves out other than the header"
run 0 report claim --format json
cmp -s out claim/result.json || fail "--format json does not pass the document through"

# same_files FOLDER: what the command itself has left is what report makes of its document
same_files() {
  local pair
  run 0 report "$1" --format json --out "remade-$1"
  for pair in junit:junit.xml markdown:summary.md trace:trace.json json:result.json; do
    run 0 report "$1" --format "${pair%%:*}"
    cmp -s out "$1/${pair#*:}" || fail "$1: --format ${pair%%:*} says other than ${pair#*:}"
    cmp -s out "remade-$1/${pair#*:}" || fail "$1: --out says other than --format ${pair%%:*}"
  done
}
same_files claim
run 0 explore claim --strategy naive,trigger --seed 7 --out explored
same_files explored
run 0 bench claim --duration 500ms --warmup 0s --repetitions 2 --seed 7 --out bench
cp out bench.txt
same_files bench
run 0 report bench
cmp -s out bench.txt || fail "report says other than bench: $(diff out bench.txt | head -5)"

# The page of a run also shows the declared triggers that its strategies install: the gallery's, and those on disk.
on_page() { tr -d '\n' <"$1" | grep -o '<script[^>]*id="documents">.*' | sed 's/^[^>]*>//; s/<\/script>.*//' | jq -c "$2"; }
guards='[.[] | select(.command == "schema") | .triggers[] | [.name, .error.shown, .versions[0].number, .versions[0].migrations]]'
if [ $html = yes ]; then
  constraint=conversation_texter_assignment_constraint
  same 'triggers on the page' "$(on_page claim/report.html "$guards")" \
    "[[\"$constraint\",\"This conversation is already checked out\",1,null]]"
  run 0 run counter --rounds 20 --out counter
  same 'triggers where there are none' "$(on_page counter/report.html "$guards")" '[]'
  mkdir mine
  cp -r "$PGR_SOURCE_DIR/schema" mine/
  mkdir -p mine/races
  cp -r "$PGR_SOURCE_DIR/scenarios/claim" mine/races/
  sed -i 's/This conversation is already checked out/Too late/' mine/schema/triggers/$constraint/trigger.yaml
  run 0 run ./mine/races/claim --rounds 20 --out theirs
  same 'triggers on disk' "$(on_page theirs/report.html "$guards")" "[[\"$constraint\",\"Too late\",1,null]]"
  rm mine/schema/triggers/$constraint/trigger.yaml # then nothing is known of it
  run 0 run ./mine/races/claim --rounds 20 --out theirs
  same 'a trigger without declaration' "$(on_page theirs/report.html "$guards")" '[]'
fi

# Every form.
run 0 report claim --format junit
is_xml out
says out '<testsuite'
run 0 report claim --format tap
same "the plan" "$(grep -c '^1\.\.2$' out)" 1
same "its version" "$(head -1 out)" "TAP version 14"
run 0 report claim --format markdown
says out trigger
run 0 report claim --format github
same "annotations of what is as expected" "$(grep -c '^::error' out || true)" 0
run 0 report claim --format trace
holds "a trace has events" '.traceEvents | length > 0'
if [ $html = yes ]; then
  run 0 report claim --format html
  grep -qi '<html' out || fail "no page"
fi
run 0 report claim --verbose
says out 'race, as expected'

# Files: those of one, and those of several together.
run 0 report claim --out again
cmp -s claim/result.json again/result.json || fail "--out does not leave the document as it was"
[ ! -e again/history.csv ] || fail "a report has made up a history"
is_xml again/junit.xml
jq -e '.traceEvents' again/trace.json >/dev/null || fail "trace.json is none"
[ -s again/summary.md ] || fail "no summary"
[ $html = no ] || [ -s again/report.html ] || fail "no page in --out"
run 0 report claim "$documents/run-stock.json" "$documents/bench.json" "$documents/explore.json" --format junit --out all
is_xml out
same "suites" "$(grep -c '<testsuite ' out)" 4
cmp -s out all/junit.xml || fail "--out says other than standard output"
[ ! -e all/result.json ] || fail "several documents have become one"
run 0 report claim "$documents/bench.json"
same "headers" "$(grep -c '^pgrace ' out)" 2
says out 'How two agents got'
# Its own folder: nothing is lost.
cp -r claim own
run 0 report own --out own
cmp -s claim/history.csv own/history.csv || fail "a report into its own folder has changed the history"
cmp -s claim/result.json own/result.json || fail "a report into its own folder has changed the result"

# On GitHub.
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/step.md run 0 report claim --format tap
same "the format is still what was asked for" "$(head -1 out)" "TAP version 14"
[ -s step.md ] || fail "no summary of the step"
cp step.md before.md
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/step.md run 0 report claim --quiet
cmp -s <(cat before.md before.md) step.md || fail "a summary is appended"
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/nowhere/step.md run 5 report claim --format tap
says err "cannot append to GITHUB_STEP_SUMMARY $work/nowhere/step.md: No such file or directory"
jq '.exit_status = 1 | .cells[1].verdict = "race" | .cells[1].as_expected = false | .cells[1].duplicates = 3' \
  claim/result.json >broken.json
GITHUB_ACTIONS=true run 1 report broken.json --format tap
says err '::error'
says out 'not ok'
GITHUB_ACTIONS=true run 1 report broken.json --format github
says out '::error'
[ ! -s err ] || fail "annotations are told twice"

# The command that repeats it: as a shell takes it, with the seed, and never with a connection string.
run 0 run --rounds=60 --format json --out "it's here"
same "the command again" "$(value .repeat)" \
  "pgrace run --rounds=60 --format json --out 'it'\\''s here' --seed $(value .seed)"
seed=$(value .seed)
pgrace() { "$PGRACE" "$@"; }
eval "$(value .repeat)" >repeated.json
same "the seed, repeated" "$(jq .seed repeated.json)" "$seed"
for dsn in '--dsn postgresql://me:open-sesame@127.0.0.1:1/x' '--dsn=host=127.0.0.1 port=1 password=open-sesame'; do
  if [ "${dsn#--dsn=}" = "$dsn" ]; then set -- --dsn "${dsn#--dsn }"; else set -- "$dsn"; fi
  run 5 run --rounds 20 --format json "$@"
  ! grep -q open-sesame out err || fail "a password is shown"
  value .repeat | has 'pgrace run --rounds 20 --format json --dsn[ =]… --seed' || fail "not repeated: $(value .repeat)"
  cp out failed.json
  run 5 report failed.json
  says out 'not run'
  says out 'It ended with an error: cannot connect'
done

# The exit status is the document's, of several the worst.
for status in 0 1 2 3 4 5; do
  jq ".exit_status = $status" claim/result.json >status-$status.json
  run $status report status-$status.json -q
done
run 5 report status-{0,1,2,3,4,5}.json --format tap
run 4 report status-{0,1,2,3,4}.json --format tap
run 1 report status-{0,2,3,1}.json --format tap
run 3 report status-{0,2,3}.json --format tap
run 2 report status-{0,2}.json --format tap

# Other commands' documents, and those of a version before.
for document in "$documents"/*.json; do
  for format in text junit tap markdown github trace; do
    run 0 report "$document" --format $format
    [ $format != junit ] || is_xml out
  done
  run 0 report "$document" --format json
  cmp -s out "$document" || fail "$document is not passed through"
done
run 0 report "$documents/bench.json" --format openmetrics
same "its end" "$(tail -1 out)" "# EOF"
run 0 report "$documents/explore.json" --verbose
says out 'trigger / read committed, 2 agents: safe'
run 0 report explored
says out 'naive / read committed, 2 agents: race, as expected'
says out 'agent 1'

# Histories.
run 4 report claim --format edn
one_line_error
says err 'choose one of 2 cells with --strategy, --isolation and --gap: naive/read committed; trigger/read committed'
run 0 report claim --format edn --strategy naive
same "an entry a try and end" "$(wc -l <out)" "$((2 * $(grep -c '^naive,' claim/history.csv)))"
run 0 report claim/result.json --format history-json --strategy trigger --isolation 'read committed' --gap 0
holds "entries" "length == $((2 * $(grep -c '^trigger,' claim/history.csv)))"
run 0 report claim/history.csv --format edn --strategy naive
run 4 report claim --format edn --strategy nobody
says err 'there is no such cell, it holds naive/read committed; trigger/read committed'
run 4 report claim --format edn --strategy naive --gap 1ms
run 4 report - --format edn
run 4 report claim claim --format edn
run 4 report claim --format edn --out x
run 5 report "$documents" --format edn
says err "cannot read $documents/history.csv: No such file or directory"

# What is wrong.
run 4 report
one_line_error
says err 'name a result: pgrace report RESULT.json'
run 4 report claim --format jnuit
says err "--format: 'jnuit' is unknown, did you mean 'junit'?"
run 4 report claim --strategy naive
says err '--strategy, --isolation and --gap choose from a history'
run 4 report claim claim --format json
says err '--format json: one result at a time, not 2'
run 4 report claim --format openmetrics
one_line_error
run 5 report nowhere.json
one_line_error
says err 'cannot read nowhere.json: No such file or directory'
run 5 report "$PGR_SOURCE_DIR/docs"
says err 'docs/result.json: No such file or directory'
run 4 report "$PGR_SOURCE_DIR/README.md"
one_line_error
says err 'README.md:1:1: '
echo '{"cells": []}' >other.json
run 4 report other.json
says err 'other.json: this is no result of pgrace, give a result.json of pgrace run, explore, demo or bench'
jq '.cells[0].witness' "$documents/explore.json" >witness.json
run 4 report witness.json
says err 'witness.json: this is a witness, for pgrace replay'
jq '.cells[1].verdict = "fine"' claim/result.json >verdict.json
run 4 report claim verdict.json
one_line_error
says err 'verdict.json: cells[1].verdict: must be "race", "safe", "none-seen", "inconclusive" or "error"'
: >file
run 5 report claim --out file
says err '--out: cannot open the folder file: Not a directory'
if [ -w /dev/full ]; then
  "$PGRACE" report claim >/dev/full 2>err && fail "a full disk is no error"
  says err 'cannot write the report to standard output'
fi
run 0 report --help
[ "$(wc -l <out)" -le 40 ] || fail "--help does not fit a screen"
same "columns of --help" "$(awk 'length > 88' out | wc -l)" 0
no_leftovers

# A result's folder holds nothing of the one before it; what only renders it leaves its history.
run 0 run claim --strategy naive,trigger --rounds 40 --out again
[ -s again/history.csv ] || fail 'no history'
"$PGRACE" report again --out again >/dev/null
[ -s again/history.csv ] || fail 'rendering a result again lost its history'
run 0 explore claim --out again
[ ! -e again/history.csv ] || fail 'the history of another result is left'

# An error of the environment is a result for CI: in the folder, and on GitHub.
run 5 run claim --dsn 'host=/nonexistent' --out broken
same 'errors in JUnit' "$(xmllint --xpath 'string(/testsuites/@errors)' broken/junit.xml)" 2
jq -e '.exit_status == 5 and (.error | length > 0)' broken/result.json >/dev/null || fail 'the result does not say so'
status=0
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/summary "$PGRACE" run claim --dsn 'host=/nonexistent' >out 2>err || status=$?
same 'exit status on GitHub' $status 5
says err '::error '
grep -q nonexistent "$work/summary" || fail 'the summary does not say what failed'
