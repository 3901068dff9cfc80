#!/usr/bin/env bash
# pgrace run on a private server: what it claims is checked against its own history and by plain arithmetic.
source "$(dirname "$0")/../support/lib.sh"

# The main job. The history is recounted here by other means than the program's.
run 0 run --rounds 300 --seed 7 --out "$work/report" --format json
cmp -s "$work/out" "$work/report/result.json" || fail "result.json is not what was printed"
holds "the document" '.format == 1 and .command == "run" and .exit_status == 0 and .complete and .seed == 7'
holds "two cells" '[.cells[].strategy] == ["naive", "trigger"]'
holds "the first level a strategy lists" 'all(.cells[]; .isolation == "read committed")'
holds "the control raced" '.cells[0] | .expect == "race" and .verdict == "race" and .duplicates > 0'
holds "the trigger held" '.cells[1] | .expect == "safe" and .verdict == "none-seen" and .duplicates == 0'
holds "a bound for nothing seen, none for a race" '.cells[1].upper_bound > 0 and .cells[0].upper_bound == null'
holds "both rules were asked, of the history and of the rows" \
  'all(.cells[]; [.rules[] | {rule, by}] == [{rule: "one owner a conversation", by: "history"},
    {rule: "one answer a conversation", by: "rows"}])'
holds "rows agree with the history in kind" \
  'all(.cells[0].rules[]; .broken > 0) and all(.cells[1].rules[]; .broken == 0)'
holds "every claim ends in one outcome" 'all(.cells[]; .rounds == 300 and ([.outcomes.claim[]] | add) == 300 * 8)'
holds "with the trigger one agent wins and the rest lose" \
  '.cells[1].outcomes.claim | .ok == 300 and .refused + .rejected == 300 * 7 and .rejected > 0 and .failed == 0'
holds "a rejection names field and message, and is counted" '.cells[1] | .outcomes.claim.rejected as $n |
  .rejections == [{sqlstate: "23514", field: "texter_id", constraint: "conversation_texter_assignment_constraint",
    message: "This conversation is already checked out", count: $n}]'
holds "without it nothing is rejected" '.cells[0] | .outcomes.claim.rejected == 0 and .rejections == []'
holds "owners reply and release" \
  'all(.cells[]; .outcomes.claim.ok == .outcomes.reply.ok and .outcomes.reply.ok == .outcomes.release.ok)'
holds "everyone was served" 'all(.cells[]; .served == 8)'
holds "durability is said" '.settings.durable == false and (.environment.server_settings | contains("fsync=off"))'
holds "the witness shows two agents told yes" \
  '.cells[0].witness | .rule == "one owner a conversation" and .key == .round and
    ([.steps[] | select(.outcome == "ok") | .agent] | unique | length) == 2 and
    (.second_owner as $second | .steps[-1].agent == $second)'
holds "quantiles are ordered" \
  'all(.cells[].latency_ns[][]; .p50 <= .p95 and .p95 <= .p99 and .p99 <= .max and .p50 > 0)'

history=$work/report/history.csv
same "operations in the history" "$(($(wc -l <"$history") - 1))" \
  "$(value '[.cells[].outcomes[][]] | add')"
column() { head -1 "$history" | tr ',' '\n' | grep -nx "$1" | cut -d: -f1; }
recount() {
  awk -F, -v s="$(column strategy)" -v r="$(column round)" -v o="$(column operation)" -v c="$(column outcome)" -v want="$1" '
    $s == want && $o == "claim" && $c == "ok" { owners[$r]++ }
    END { for (round in owners) n += owners[round] > 1; print n + 0 }' "$history"
}
same "naive rounds with two owners" "$(recount naive)" "$(value '.cells[0].duplicates')"
same "trigger rounds with two owners" "$(recount trigger)" 0
same "the rows say the same where each owner answers" "$(value '.cells[0].rules[1].broken')" "$(recount naive)"
same "rules broken, together and apart" "$(value '.cells[0].duplicates')" "$(value '.cells[0].rules[0].broken')"
same "the level of every operation" "$(tail -n +2 "$history" | cut -d, -f"$(column isolation)" | sort -u)" "read committed"

# docs/result.md describes what is written, all of it.
for field in $(jq -r '[paths | map(select(type == "string")) | last // empty] | unique[]' "$work/out"); do
  case $field in claim | reply | release | ok | refused | rejected) ;; *)
    grep -qF "\`$field\`" "$PGR_SOURCE_DIR/docs/result.md" || fail "docs/result.md does not know $field" ;;
  esac
done
no_leftovers

# Strategies at all their levels: a cell each, a strategy's together; what they share is reset in between.
run 0 run --strategy trigger,naive --isolation all --rounds 60 --seed 7 --out "$work/matrix" --format json
holds "a cell a level, in the order asked for" '[.cells[] | "\(.strategy) \(.isolation)"] ==
  [("trigger", "naive") as $s | ("read committed", "repeatable read", "serializable") | "\($s) \(.)"]'
holds "each was raced, and is as expected" 'all(.cells[]; .rounds == 60 and .complete and .as_expected and .contested > 0)'
holds "each began with fresh rows" 'all(.cells[]; ([.outcomes.claim[]] | add) == 60 * 8)'
for level in "read committed" "repeatable read" serializable; do
  same "operations of both at $level" "$(grep -c ",$level," "$work/matrix/history.csv")" \
    "$(value "[.cells[] | select(.isolation == \"$level\") | .outcomes[][], .retries[]] | add")"
done
run 0 run --strategy naive,trigger --isolation repeatable-read,serializable --rounds 30
says out "repeatable read     serializable"
! grep -q "NOT expected\| !\$" "$work/out" || fail "something is not as expected"
# At SERIALIZABLE a claim fails and is tried again; without tries the same error is a failure, shown with its place.
run 0 run --strategy naive,serializable --rounds 60 --out "$work/retries" --format json
holds "each at its own level" '[.cells[].isolation] == ["read committed", "serializable"]'
holds "retries" '.cells[1] | .retries.claim > 0 and .outcomes.claim.failed == 0 and .verdict == "none-seen"'
same "tries in the history" "$(grep -c ',retried,40001,' "$work/retries/history.csv")" "$(value '[.cells[].retries[]] | add')"
run 1 run --strategy naive,serializable --rounds 60 --max-tries 1 --format json
holds "failed operations break the verdict" '.cells[1] | .verdict == "error" and .outcomes.claim.failed > 0 and
  .retries.claim == 0 and (.why | contains("failed"))'
holds "the error is shown, with its place" '.cells[1].errors[0] | .sqlstate == "40001" and .operation == "claim" and
  (.message | contains("could not serialize") and contains("(after 1 try)")) and .file == "scenarios/claim/claim-in-transaction.sql" and .line > 1 and
  .count > 0'
run 1 run --strategy naive,serializable --rounds 60 --max-tries 1
says out "in claim, scenarios/claim/claim-in-transaction.sql:"

# By every protocol.
for protocol in simple extended prepared; do
  run 0 run --protocol $protocol --rounds 60 --format json
  holds "$protocol" '.settings.protocol == "'$protocol'" and .cells[0].duplicates > 0 and .cells[1].duplicates == 0'
done
run 0 run -M simple --rounds 30 --format json
holds "-M" '.settings.protocol == "simple"'

# A scenario without an owner: the rows alone say what broke, and two agents of a broken round tell how.
run 0 run overdraft --rounds 60 --format json
holds "a rule of the rows" '.cells[0] | [.rules[].by] == ["rows"] and .duplicates == .rules[0].broken and .duplicates > 0'
holds "its witness has no owner" '.cells[0].witness | .rule == "no account below zero" and .second_owner == null and
  ([.steps[].agent] | unique | length) == 2'
run 0 run overdraft --rounds 60
says out "broke the rule “no account below zero”"
says out "The account was overdrawn."
# One with room for several.
capacity=$(sed -n 's/^ *capacity: *//p' "$PGR_SOURCE_DIR/scenarios/stock/stock.yaml")
[ "$capacity" -gt 1 ] || fail "stock is sold to one customer only"
run 0 run stock --rounds 60 --format json
holds "so many may own a product, one more may not" '(.cells[0] | .duplicates > 0) and
  all(.cells[] | select(.expect == "safe"); .verdict == "none-seen" and .outcomes.buy.ok == '"$capacity"' * 60)'
run 0 run stock --rounds 60
says out "How more than $capacity agents got product"
says out "one too many"

# A scenario of one's own, by folder, by file, and from beside it; its scripts take -D.
mkdir "$work/mine"
cat >"$work/mine/mine.yaml" <<'YAML'
title: agents wait
lesson: test
schema: [tables.sql]
key: {first: 11, last: 40}
variables: {pause: 4, word: x}
operations: [{name: wait, script: wait.sql}]
invariants: [{rule: "everyone waits, :contenders at once", sql: SELECT key FROM waits GROUP BY key HAVING count(*) <> :contenders}]
strategies: [{name: only, summary: waits, isolation: {repeatable read: unsaid, read committed: unsaid}}]
YAML
echo 'CREATE TABLE waits (key bigint, word text);' >"$work/mine/tables.sql"
printf '%s\n' '\sleep :pause ms' "INSERT INTO waits VALUES (:key, :word);" >"$work/mine/wait.sql"
for name in "$work/mine" "$work/mine/" "$work/mine/mine.yaml"; do
  run 2 run "$name" --rounds 10 -D pause=4 -Dword=x=y --format json
  holds "a scenario of one's own" '.cells[0] | .scenario == "mine" and .strategy == "only" and .isolation == "repeatable read" and
    .rounds == 10 and .outcomes.wait.ok == 80 and .duplicates == 0 and .verdict == "inconclusive"'
done
(cd "$work" && run 2 run mine --rounds 10 -D pause=1 -D word=z --format json) || exit 1
holds "the level it lists first" '.cells[0].isolation == "repeatable read"'
run 2 run "$work/mine" --rounds 30 -D pause=4 -D word=x --out "$work/waits" --format json
holds "the last key is the last round" '.cells[0].rounds == 30 and .complete'
same "keys" "$(tail -n +2 "$work/waits/history.csv" | cut -d, -f3 | sort -nu | tr '\n' ' ')" "$(seq -s ' ' 11 40) "
awk -F, 'NR > 1 && $11 - $9 < 4000000 { exit 1 }' "$work/waits/history.csv" || fail "a pause of 4 ms (-D) took less"
# By time it may come to its last key: then it says so, and is incomplete.
run 2 run "$work/mine" --duration 20s -D pause=0 -D word=x --format json
holds "keys used up" '.complete == false and .interrupted == false and .cells[0].rounds == 30 and
  (.note | contains("Every key"))'
no_leftovers

# Some of many agents contend, over a pool; ten agents do not divide by four, and all are served all the same.
run 0 run --agents 10 --contenders 4 --connections 3 --threads 2 --rounds 120 --seed 5 --out "$work/a" --format json
holds "claims" 'all(.cells[]; ([.outcomes.claim[]] | add) == 120 * 4)'
holds "all agents were served" 'all(.cells[]; .served == 10)'
holds "waiting for a connection is recorded" 'all(.cells[]; .pool_wait_ns.max > 0 and .pool_wait_ns.count > 0)'
run 0 run --agents 10 --contenders 4 --connections 3 --threads 2 --rounds 120 --seed 5 --out "$work/b" --format json
history=$work/a/history.csv
contenders() {
  awk -F, -v s="$(column strategy)" -v r="$(column round)" -v a="$(column agent)" -v o="$(column operation)" \
    '$o == "claim" { print $s, $r, $a }' "$1" | sort
}
contenders "$work/a/history.csv" >"$work/a.contenders"
contenders "$work/b/history.csv" >"$work/b.contenders"
cmp -s "$work/a.contenders" "$work/b.contenders" || fail "the same seed drew other contenders"
run 0 run --agents 10 --contenders 4 --connections 3 --threads 2 --rounds 120 --seed 6 --out "$work/b" --format json
contenders "$work/b/history.csv" >"$work/b.contenders"
! cmp -s "$work/a.contenders" "$work/b.contenders" || fail "another seed drew the same contenders"

# Think time between check and use is part of the claim.
run 0 run --agents 2 --rounds 20 --gap 3ms --format json
holds "the gap passes" 'all(.cells[]; .latency_ns.claim.ok.p50 >= 3000000)'

# By time.
run 0 run --duration 300ms --format json
holds "rounds by time" '.settings.rounds == null and all(.cells[]; .rounds > 0 and .elapsed_ns >= 300000000)'

# Durability turned on: on a disk, and the server says so.
TMPDIR=/var/tmp run 0 run --durable --rounds 40 --format json
holds "durable" '.settings.durable and .environment.in_memory == false and
  (.environment.server_settings | contains("fsync=on") and contains("synchronous_commit=on") and
    contains("full_page_writes=on"))'
run 0 run --durable --rounds 20
says out "private PostgreSQL"
! grep -q "not durable" "$work/out" || fail "a durable run says that it is not"

# Nothing seen proves nothing without a control that raced.
run 2 run --strategy trigger --rounds 20 --format json
holds "inconclusive" '.exit_status == 2 and .cells[0].verdict == "inconclusive" and .cells[0].why != null'
# One connection for statement after statement still races; one agent after the other cannot: the control did not race.
run 0 run --agents 4 --connections 1 --rounds 30 --format json

# Many agents on few connections.
run 0 run --agents 2000 --connections 16 --rounds 2 --strategy naive --format json
holds "everyone gets a turn" '.cells[0].served == 2000'

# What a person sees.
run 0 run --rounds 50 --seed 3
says out "private PostgreSQL"
says out "not durable"
says out "seed 3"
says out "race, as expected"
says out "none seen, as expected"
says out "second owner"
says out "naive broke: one owner a conversation ("
says out "The customer got two answers."
says out "This conversation is already checked out"
! grep -q $'\033' "$work/out" || fail "escape sequences although standard output is no terminal"
! grep -vE 'SELECT|UPDATE| broke: ' "$work/out" | grep -E '^.{81,}' || fail "lines of more than 80 characters"
run 0 run --strategy all --isolation all --rounds 20
says out "RACE"
! grep -vE 'SELECT|UPDATE| broke: ' "$work/out" | grep -E '^.{81,}' || fail "lines of more than 80 characters in a matrix"
run 0 run --help
run 0 --help
run 0 help run
says out "Usage: pgrace run"
run 0 --version
no_leftovers
