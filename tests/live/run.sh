#!/usr/bin/env bash
# pgrace run on a private server: what it claims is checked against its own history and by plain arithmetic.
source "$(dirname "$0")/../support/lib.sh"

# The main job. The history is recounted here by other means than the program's.
run 0 run --rounds 300 --seed 7 --out "$work/report" --format json
cmp -s "$work/out" "$work/report/result.json" || fail "result.json is not what was printed"
holds "the document" '.format == 1 and .command == "run" and .exit_status == 0 and .complete and .seed == 7'
holds "two cells" '[.cells[].strategy] == ["naive", "trigger"]'
holds "isolation as the server reports it" 'all(.cells[]; .isolation == "read committed")'
holds "the control raced" '.cells[0] | .expect == "race" and .verdict == "race" and .duplicates > 0'
holds "the trigger held" '.cells[1] | .expect == "safe" and .verdict == "none-seen" and .duplicates == 0'
holds "a bound for nothing seen, none for a race" '.cells[1].upper_bound > 0 and .cells[0].upper_bound == null'
holds "rows agree with the history in kind" \
  '.cells[0].replies_doubled > 0 and .cells[1].replies_doubled == 0'
holds "every claim ends in one outcome" 'all(.cells[]; .rounds == 300 and ([.outcomes.claim[]] | add) == 300 * 8)'
holds "with the trigger one agent wins and the rest lose" \
  '.cells[1].outcomes.claim | .ok == 300 and .refused + .rejected == 300 * 7 and .rejected > 0 and .failed == 0'
holds "a rejection names field and message" '.cells[1].rejection == {sqlstate: "23514", field: "texter_id",
  constraint: "conversation_texter_assignment_constraint", message: "This conversation is already checked out"}'
holds "without it nothing is rejected" '.cells[0] | .outcomes.claim.rejected == 0 and .rejection == null'
holds "owners reply and release" \
  'all(.cells[]; .outcomes.claim.ok == .outcomes.reply.ok and .outcomes.reply.ok == .outcomes.release.ok)'
holds "everyone was served" 'all(.cells[]; .served == 8)'
holds "durability is said" '.settings.durable == false and (.environment.server_settings | contains("fsync=off"))'
holds "the witness shows two agents told yes" \
  '.cells[0].witness | ([.steps[] | select(.outcome == "ok") | .agent] | unique | length) == 2'
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
same "the rows say the same where each owner answers" "$(value '.cells[0].replies_doubled')" "$(recount naive)"
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
says out "The customer got two answers."
says out "This conversation is already checked out"
! grep -q $'\033' "$work/out" || fail "escape sequences although standard output is no terminal"
! grep -vE '^pgrace|SELECT|UPDATE' "$work/out" | grep -E '^.{81,}' || fail "lines of more than 80 characters"
run 0 run --help
run 0 --help
run 0 --version
no_leftovers
