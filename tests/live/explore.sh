#!/usr/bin/env bash
# pgrace explore and pgrace replay: counts that are known exactly, proofs, witnesses that come back, and what is said when
# something is wrong.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"
# flows TEXT: standard output says it, however it is broken into lines
flows() { tr -s '\n ' '  ' <out | has -F -- "$1" || fail "out does not say: $1"; }

# ---- exact counts ----
# Agents that always send as many statements, whatever they saw: then the orders can be counted by hand.
mkdir padded
cat >padded/padded.yaml <<'EOF'
title: agents claim a row
lesson: Counting.
schema: [t.sql]
seed: INSERT INTO t SELECT i FROM generate_series(:first_key, :last_key) AS i
protocol: simple
operations:
  - name: claim
    script: naive.sql
ownership: {rule: one owner, acquire: claim}
strategies:
  - {name: naive, summary: autocommit, isolation: {read committed: race}}
  - {name: transaction, summary: in a transaction, scripts: {claim: transaction.sql}, isolation: {read committed: race}}
  - {name: locked, summary: with a lock, scripts: {claim: locked.sql}, isolation: {read committed: safe}}
EOF
echo 'CREATE TABLE t (id bigint PRIMARY KEY, owner bigint);' >padded/t.sql
cat >padded/naive.sql <<'EOF'
SELECT owner IS NULL AS free FROM t WHERE id = :key \gset
\if :free
UPDATE t SET owner = :agent WHERE id = :key;
\else
SELECT 1;
\refuse
\endif
EOF
# BEGIN commutes with everything: in one message with the statement after it, so that it is no step of its own.
cat >padded/transaction.sql <<'EOF'
BEGIN \; SELECT owner IS NULL AS free FROM t WHERE id = :key \gset
\if :free
UPDATE t SET owner = :agent WHERE id = :key;
COMMIT;
\else
SELECT 1;
COMMIT;
\refuse
\endif
EOF
sed 's/ \\gset/ FOR UPDATE \\gset/' padded/transaction.sql >padded/locked.sql
counts() { # STRATEGY AGENTS SCHEDULES BROKEN
  run "${5:-0}" explore ./padded --strategy "$1" --agents "$2" --no-reduction --keep-going --limit 100000 --format json
  holds "$1, $2 agents, exhausted" '.cells[0].proof.exhausted and .complete'
  same "schedules of $1, $2 agents" "$(value '.cells[0].schedules')" "$3"
  same "of them broken, $1, $2 agents" "$(value '.cells[0].duplicates')" "$4"
}
counts naive 2 6 4
counts naive 3 90 72
counts transaction 2 14 12
counts locked 2 6 0
counts transaction 3 726 666
counts locked 3 72 0
# Reduced there are fewer, and the same comes of them.
for case in naive:2 naive:3 transaction:2 transaction:3 locked:3; do
  strategy=${case%:*} agents=${case#*:}
  "$PGRACE" explore ./padded -q --strategy $strategy --agents $agents -k --no-reduction --limit 100000 --format json >all.json
  "$PGRACE" explore ./padded -q --strategy $strategy --agents $agents -k --limit 100000 --format json >reduced.json
  "$PGRACE" explore ./padded -q --strategy $strategy --agents $agents -k --limit 100000 --jobs 1 --format json >alone.json
  jq -s -e '(map(.cells[0].proof.digest) | unique | length) == 1 and .[0].cells[0].proof.digest != null and .[1].cells[0].schedules <= .[0].cells[0].schedules and
    (map(.cells[0].duplicates > 0) | unique | length) == 1 and all(.[]; .cells[0].proof.exhausted)' \
    all.json reduced.json alone.json >/dev/null || fail "reduced is not the same: $case"
done

# ---- the claim ----
run 0 explore claim --format json --out report
holds "a race, then a proof" '[.cells[] | .verdict] == ["race", "safe"] and all(.cells[]; .method == "explored")'
holds "found among the first ten schedules" '.cells[0].proof.found_after <= 10'
holds "replayed" '.cells[0].witness | .replayed == 20 and .broke == 20 and (.steps | length) == 4'
holds "one switch that was not forced" '.cells[0].witness.preemptions == 1'
holds "the second owner is where it breaks" '[.cells[0].witness.steps[] | select(.breaks)] | length == 1 and .[0].outcome == "ok"'
holds "the proof says what it rests on" '.cells[1].proof | .proved and .exhausted and (.coverage | test("every interleaving of 2 agents"))'
cmp -s out report/result.json || fail "result.json is not what was printed"
for field in $(jq -r '[paths | map(select(type == "string")) | last // empty] | unique[]' out); do
  case $field in claim | reply | release | ok | refused | rejected) ;; *)
    grep -qF "\`$field\`" "$PGR_SOURCE_DIR/docs/result.md" "$PGR_SOURCE_DIR/docs/witness.md" ||
      fail "neither docs/result.md nor docs/witness.md knows $field" ;;
  esac
done
[ ! -e report/history.csv ] || fail "an empty history"

run 0 explore claim --strategy naive
flows "claim / naive / read committed, 2 agents: race, as expected."
flows "replayed 20 of 20"
says out "✗ one owner a conversation"
says out "Again: pgrace replay pgrace-witness-claim-naive.json"
run 1 replay pgrace-witness-claim-naive.json
says out "the race is there: broke “one owner a conversation” 20 of 20 times."
says out "✗ one owner a conversation"
run 1 replay report/pgrace-witness-claim-naive.json --times 3 -q
same "quiet is one line" "$(wc -l <out)" 1
# The same schedule under the trigger: the second UPDATE fails, so its statements still fit, and the race is gone.
sed 's/"strategy": "naive"/"strategy": "trigger"/' pgrace-witness-claim-naive.json >trigger.json
run 0 replay trigger.json
says out "the race is gone"
# Scripts that changed: said where.
sed 's/"strategy": "naive"/"strategy": "for-update"/' pgrace-witness-claim-naive.json >changed.json
run 2 replay changed.json
says out "step 1: agent"
says out "and is about to send BEGIN (claim-for-update.sql:1)"
run 4 replay nowhere.json
one_line_error
echo '{"format": 1, "kind": "pgrace-witness", "agents": 1000}' >bad.json
run 4 replay bad.json
one_line_error

# A bound, a limit: what is said is what was run, and it is no proof.
run 2 explore claim --strategy trigger --bound 0 --format json
holds "bound" '.cells[0] | .verdict == "inconclusive" and (.proof.coverage | test("at most 0 preemptions")) and .proof.proved == false'
run 2 explore claim --strategy serializable --isolation serializable --agents 3 --limit 60 --seed 5 --format json
holds "limit" '.cells[0] | .verdict == "inconclusive" and .schedules == 60 and .proof.random > 0 and (.why | test("seed 5"))'
run 2 explore claim --strategy serializable --isolation serializable --agents 3 --time 300ms --format json
holds "time" '.cells[0] | .verdict == "inconclusive" and .proof.proved == false'

# ---- inside one statement ----
run 0 explore insert-not-exists --strategy not-exists
flows "statements split: race, as expected"
says out "✗ one row a setting"
run 1 replay pgrace-witness-insert-not-exists-not-exists.json -q
mkdir whole
cp "$PGR_SOURCE_DIR"/scenarios/insert-not-exists/*.sql whole/
sed '/sampled: rarely/d' "$PGR_SOURCE_DIR/scenarios/insert-not-exists/insert-not-exists.yaml" >whole/whole.yaml
run 1 explore ./whole --strategy not-exists --format json # by statements alone it looks safe, and race was declared
holds "not seen by statements alone" '.cells[0].verdict == "safe" and (.cells[0].as_expected | not)'
run 0 explore ./whole --strategy not-exists --split --format json
holds "split" '.cells[0] | .verdict == "race" and .proof.split and ([.witness.steps[] | select(.yields)] | length) == 2'

# ---- without any rule: what no serial order gives ----
mkdir -p free
sed -e '/^ownership/d' -e 's/read committed: safe/read committed: race/' padded/padded.yaml >free/free.yaml
cp padded/*.sql free/
run 4 run ./free
says err "nothing says what must hold"
run 4 explore ./free --oracle rules
one_line_error
run 0 explore ./free --strategy naive --format json
holds "found by the serial orders alone" '.cells[0] | .verdict == "race" and .witness.oracle == "serial"'
run 1 explore ./free --strategy locked --format json
holds "and not where there is none" '.cells[0] | .verdict == "safe"'
run 1 explore ./free --strategy naive --oracle state --format json # the last owner is one that a serial order gives
holds "the state alone looks like a serial one" '.cells[0].verdict == "safe"'

# ---- what is wrong ----
mkdir slow
sed 's/isolation: {read committed: race}/isolation: {read committed: safe}/' padded/padded.yaml >slow/slow.yaml
cp padded/*.sql slow/
printf 'SELECT pg_sleep(30);\n' >slow/naive.sql
run 2 explore ./slow --strategy naive --step-timeout 200ms --time 2s --format json
holds "a statement that does not return" '.cells[0] | .verdict != "safe" and (.why | test("cancelled|failed"))'
mkdir dice
sed 's/isolation: {read committed: race}/isolation: {read committed: safe}/' padded/padded.yaml >dice/dice.yaml
cp padded/*.sql dice/
# So many eyes that no two throws are alike.
printf 'SELECT FROM generate_series(1, (random() * 100000)::int);\nUPDATE t SET owner = owner WHERE id = :key;\n\\refuse\n' >dice/naive.sql
run 2 explore ./dice --strategy naive --no-reduction --format json
holds "a scenario that is not deterministic" '.cells[0].why | test("not deterministic.*agent [12].s ")'
run 4 explore claim --agents 1
one_line_error
run 4 explore claim --operations clam
one_line_error
says err "did you mean 'claim'?"
run 4 explore claim --oracle serail
says err "did you mean 'serial'?"
run 4 explore nothere
one_line_error

# ---- the matrix by proof, from run ----
run 0 run find-or-create --explore --strategy all --isolation all --format json
holds "every cell by proof" 'all(.cells[]; .method == "explored" and (.verdict == "safe" or .verdict == "race"))'

# ---- pipelines, partitions ----
mkdir pipe
cat >pipe/pipe.yaml <<'EOF'
title: agents add to a row
lesson: Counting.
schema: [t.sql]
seed: INSERT INTO t SELECT i, 0 FROM generate_series(:first_key, :last_key) AS i; INSERT INTO c SELECT i, 1, i FROM generate_series(:first_key, :last_key) AS i
protocol: extended
operations:
  - {name: add, script: add.sql}
invariants:
  - {rule: both count, sql: "SELECT t.id AS key FROM t JOIN pgrace_history h ON h.key = t.id AND h.outcome = 'ok' GROUP BY t.id, t.n HAVING t.n <> count(*)"}
strategies:
  - {name: update, summary: one statement, isolation: {read committed: safe}}
  - {name: naive, summary: read and write, scripts: {add: naive.sql}, isolation: {read committed: race, serializable: race}}
EOF
cat >pipe/t.sql <<'EOF'
CREATE TABLE t (id bigint PRIMARY KEY, n bigint);
CREATE TABLE c (id bigint, part int, t bigint REFERENCES t) PARTITION BY LIST (part);
CREATE TABLE c_1 PARTITION OF c DEFAULT;
EOF
printf '\\startpipeline\nUPDATE t SET n = n + 1 WHERE id = :key;\nINSERT INTO c VALUES (2, 2, :key);\n\\endpipeline\n' >pipe/add.sql
printf 'SELECT n FROM t WHERE id = :key \\gset\n\\set next :n + 1\nUPDATE t SET n = :next WHERE id = :key;\n' >pipe/naive.sql
run 0 explore ./pipe --strategy all --isolation all --format json
holds "a pipeline is a step, and partitions are put back" '[.cells[].verdict] == ["safe", "race", "race"]'

# ---- files that cannot be written, witnesses that cannot show anything ----
run 5 explore claim --strategy naive,for-update --emit-spec nowhere/f.spec --format json
holds "nothing else is lost" '[.cells[].verdict] == ["race", "safe"]'
says err "nowhere/f.spec"
jq '.key = 999' pgrace-witness-claim-naive.json >key.json
run 4 replay key.json
one_line_error
jq '.steps |= [.[] | select(.agent == 1)]' pgrace-witness-claim-naive.json >alone.json
run 4 replay alone.json
one_line_error

# ---- Ctrl-C ----
background explore ./padded --strategy transaction --agents 4 -k --limit 1000000
for _ in $(seq 200); do
  grep -q schedules "$work/err" && break
  sleep 0.1
done
kill -INT "$pid"
ended
same "status of an interrupted exploration" "$status" 2
says out "Interrupted"
background replay pgrace-witness-claim-naive.json --times 100000 -q
sleep 2
kill -INT "$pid"
ended
same "status of an interrupted replay" "$status" 2
says out "interrupted, after it broke"
no_leftovers
