#!/usr/bin/env bash
# What exploring promises, as measured here and now; asserts none of it. tests/bench/explore.sh [REPETITIONS]
# PGRACE: a release build elsewhere than build/release/pgrace. PGR_ISOLATIONTESTER: PostgreSQL's isolationtester, built.
# Absolute times depend on the machine and on who shares it: what is compared runs in turns, with the same statements in
# the same orders on servers of the same version and settings; figures are medians of REPETITIONS (default 5).
set -euo pipefail
repetitions=${1:-5}
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGRACE=${PGRACE:-$PGR_SOURCE_DIR/build/release/pgrace}
missing() {
  echo "tests/bench/explore.sh: $*" >&2
  exit 1
}
[ -x "$PGRACE" ] || missing "$PGRACE is missing: cmake --preset release && cmake --build --preset release, or set PGRACE"
isolationtester=${PGR_ISOLATIONTESTER:-$(pg_config --pkglibdir 2>/dev/null || true)/pgxs/src/test/isolation/isolationtester}
[ -x "$isolationtester" ] ||
  missing "$isolationtester is missing: it comes with PostgreSQL's server headers, or set PGR_ISOLATIONTESTER"
PGRACE=$(realpath "$PGRACE") isolationtester=$(realpath "$isolationtester")
for tool in jq psql; do command -v $tool >/dev/null || missing "$tool is missing"; done
# Where pgrace puts its server, too.
if [ -w /dev/shm ] && [ "$(df --output=avail -BM /dev/shm | tail -1 | tr -dc 0-9)" -ge 2048 ]; then export TMPDIR=/dev/shm; fi
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
note() { echo "$2" >>"note.$1"; }
got() { median <"note.$1"; }
ratio() { awk "BEGIN { printf \"%.${3:-1}f\", $1 / $2 }"; }
# explore ARGUMENTS…: its result in out; what it finds is none of our business here
explore() { "$PGRACE" explore -q --format json "$@" >out 2>err || [ $? -le 2 ] || fail "pgrace explore $*"; }

# ---- the same orders for both ----

# scenario NAME FILE: agents that run the script, in every order; nothing is wrong with any of them
scenario() {
  mkdir "$1"
  cat >"$1/$1.yaml" <<YAML
title: agents write to a row
lesson: Measuring.
schema: [t.sql]
seed: INSERT INTO t SELECT i FROM generate_series(:first_key, :last_key) AS i
operations: [{name: claim, script: steps.sql}]
ownership: {rule: one owner, acquire: claim}
strategies: [{name: steps, summary: as they are, isolation: {read committed: race}}]
YAML
  echo 'CREATE TABLE t (id bigint PRIMARY KEY, owner bigint);' >"$1/t.sql"
  cat >"$1/steps.sql"
}

# orders AGENTS STEPS: every order that can happen, one a line. STEPS is a letter a step: L takes the lock and waits for
# whoever has it, C gives it up, anything else neither waits nor lets go.
orders() {
  awk -v agents="$1" -v steps="$2" '
    function walk(at, holder, queue, path,   a, k, kind) {
      kind = 0
      for (a = 1; a <= agents; a++) {
        k = substr(at, a, 1)
        if (k == length(steps) || index(queue, a)) continue
        kind = 1
        go(a, k, substr(steps, k + 1, 1), substr(at, 1, a - 1) (k + 1) substr(at, a + 1), holder, queue,
           path " s" a "_" k)
      }
      if (!kind) print substr(path, 2)
    }
    function go(a, k, kind, at, holder, queue, path) {
      if (kind == "L" && holder) { queue = queue a }
      else if (kind == "L") { holder = a }
      else if (kind == "C" && holder == a) { holder = substr(queue, 1, 1); queue = substr(queue, 2) }
      walk(at, holder, queue, path)
    }
    BEGIN { start = ""; for (i = 1; i <= agents; i++) start = start 0; walk(start, "", "", "") }'
}

# spec SCENARIO AGENTS ORDERS: for isolationtester
spec() {
  local agent step line
  echo 'setup { UPDATE t SET owner = NULL WHERE id = 1; }'
  for agent in $(seq "$2"); do
    echo "session s$agent"
    step=0
    while read -r line; do
      line=${line//:agent/$agent}
      echo "step s${agent}_$step { ${line//:key/1} }"
      step=$((step + 1))
    done <"$1/steps.sql"
  done
  sed 's/^/permutation /' "$3"
}

# tester SPEC: runs it, permutations a second in $rate. When a row is updated that two wait for, chance decides who gets it,
# isolationtester's order may be one that does not happen then, and it cancels a step: that run does not count.
tester() {
  local begin end tries
  for tries in {1..20}; do
    begin=$(date +%s%N)
    PGISOLATIONTIMEOUT=2 "$isolationtester" \
      "host=$server_dir port=$server_port user=boss password=master-key dbname=postgres" <"$1" >out 2>err || continue
    end=$(date +%s%N)
    ! grep -qE 'ERROR|invalid|cancel|timed out' out err || continue
    same "permutations of $1" "$(grep -c '^starting permutation' out)" "$(grep -c '^permutation' "$1")"
    rate=$(ratio "$(grep -c '^permutation' "$1")" "($((end - begin)) / 1e9)" 3)
    return
  done
  fail "isolationtester, $1, $tries times"
}

# compare ROW SCENARIO AGENTS STEPS EVERY [LIMIT]: schedules a second, in turns. isolationtester runs one order in EVERY.
compare() {
  local all
  orders "$3" "$4" >orders.all
  awk "NR % $5 == 0" orders.all >orders.some
  spec "$2" "$3" orders.some >some.spec
  all=$(wc -l <orders.all)
  for _ in $(seq "$repetitions"); do
    explore ./"$2" --agents "$3" --no-reduction -k --jobs 1 --limit "${6:-1000000}"
    [ -n "${6:-}" ] || same "schedules of $1" "$(value '.cells[0].schedules')" "$all"
    note "$1.ours" "$(value '.cells[0] | .schedules * 1e9 / .elapsed_ns')"
    tester some.spec
    note "$1.theirs" "$rate"
  done
  printf '%-46s %8d %14.0f %10.0f %8s %8s\n' "$1" "$all" "$(got "$1.theirs")" "$(got "$1.ours")" \
    "$(ratio "$(got "$1.ours")" "$(got "$1.theirs")")" "$target"
}

explore claim --strategy trigger # makes the cached initdb copy
ours=$(value '.environment.server_version')
[ "$("$bindir/postgres" --version | tr -dc '0-9.' | cut -d. -f1)" = "${ours%%.*}" ] ||
  missing "pgrace uses PostgreSQL $ours, $bindir has $("$bindir/postgres" --version)"
printf 'machine: %s processors, PostgreSQL %s, load %s, medians of %s\n' "$(nproc)" "$ours" \
  "$(cut -d' ' -f1 /proc/loadavg)" "$repetitions"
start_server bench -c shared_buffers=128MB -c huge_pages=off -c jit=off -c full_page_writes=off -c wal_init_zero=off \
  -c wal_level=minimal -c max_wal_senders=0 -c checkpoint_timeout=1h -c max_wal_size=1GB -c autovacuum=off \
  -c update_process_title=off -c log_min_error_statement=panic
echo 'local all all trust' >"$server_dir/data/pg_hba.conf" # no passwords there either: connecting counts
boss -c 'SELECT pg_reload_conf()' >/dev/null
boss -c 'CREATE TABLE t (id bigint PRIMARY KEY, owner bigint)' -c 'INSERT INTO t VALUES (1)'

transaction='BEGIN;
SELECT owner FROM t WHERE id = :key FOR UPDATE;
UPDATE t SET owner = :agent WHERE id = :key;
COMMIT;'
autocommit='SELECT owner FROM t WHERE id = :key;
UPDATE t SET owner = :agent WHERE id = :key;'
scenario once <<<"$transaction"
scenario twice <<<"$transaction
$transaction"
scenario pair <<<"$autocommit"
scenario pairs <<<"$autocommit
$autocommit"
scenario unlocked <<<"${transaction// FOR UPDATE/}"

printf '\nschedules a second, one worker, every order run, connecting included\n'
printf '%-46s %8s %14s %10s %8s %8s\n' '' orders isolationtester pgrace ratio promised
target=25
compare 'FOR UPDATE, 3 agents, 4 steps each' once 3 BLUC 40
compare 'FOR UPDATE, 2 agents, 4 steps twice' twice 2 BLUCBLUC 40
target=2.5
compare 'nothing blocks, 2 agents, 2 steps twice' pairs 2 SUSU 1
compare 'nothing blocks, 3 agents, 2 steps each' pair 3 SU 1
compare 'nothing blocks, 3 agents, 2 steps twice' pairs 3 SUSU 60 2000

# ---- two workers ----

for _ in $(seq "$repetitions"); do
  for jobs in 1 2; do
    explore ./unlocked --agents 3 --no-reduction -k --jobs $jobs --limit 10000
    note jobs$jobs "$(value '.cells[0] | .schedules * 1e9 / .elapsed_ns')"
  done
done
printf '\ntwo workers beside one, 3 agents in transactions, 10,000 schedules (promised: 1.5)\n'
printf '%46s %.0f and %.0f schedules/s, ratio %s\n' '' "$(got jobs2)" "$(got jobs1)" "$(ratio "$(got jobs2)" "$(got jobs1)" 2)"

# ---- the claim ----

for _ in $(seq "$repetitions"); do
  explore claim --strategy trigger
  note proof "$(value '.cells[0].elapsed_ns / 1e6')"
  value '.cells[0] | "\(.verdict), \(.schedules) schedules"' >proof
  explore ./unlocked --no-reduction -k
  note orders "$(value '.cells[0].elapsed_ns / 1e6')"
  value '.cells[0].schedules' >orders
  explore claim --strategy naive
  note found "$(value '.cells[0].proof.found_after')"
  note witness "$(value '.cells[0].elapsed_ns / 1e6')"
done
printf '\nthe claim, 2 agents, connecting included\n'
printf '%46s %.0f ms: %s (promised: below 200 ms)\n' 'trigger, to its proof' "$(got proof)" "$(cat proof)"
printf '%46s %.0f ms: all %s (promised: below 100 ms)\n' 'in transactions, every order' "$(got orders)" "$(cat orders)"
printf '%46s %.0f ms, schedule %s (promised: within 10 schedules)\n' 'naive, to its witness' "$(got witness)" "$(got found)"

# ---- the gallery ----

printf '\nthe gallery, every strategy at every level, 2 workers\n'
# gallery ARGUMENTS…: the cells of all its scenarios, in $work/cells; how long it took, in seconds
gallery() {
  local begin folder
  begin=$(date +%s%N)
  : >cells
  for folder in "$PGR_SOURCE_DIR"/scenarios/*/; do
    explore "$(basename "$folder")" --strategy all --isolation all --jobs 2 "$@"
    jq -c '.cells[]' out >>cells
  done
  seconds=$(ratio $(($(date +%s%N) - begin)) 1000000000)
}
gallery
printf '%46s %s s (promised: below 180 s)\n' 'proofs and witnesses' "$seconds"
printf '%46s %s of %s\n' 'cells as expected' "$(jq -s 'map(select(.as_expected)) | length' cells)" "$(wc -l <cells)"
jq -r 'select(.as_expected | not) | "not as expected: \(.scenario), \(.strategy), \(.isolation): \(.verdict), \(.why)"' cells
gallery -k
reduced=$(jq -s 'map(.schedules) | add' cells)
printf '%46s %s s, %s schedules\n' 'all schedules, reduced' "$seconds" "$reduced"
gallery -k --no-reduction
printf '%46s %s s, %s schedules: %s times as many\n' 'not reduced' "$seconds" "$(jq -s 'map(.schedules) | add' cells)" \
  "$(ratio "$(jq -s 'map(.schedules) | add' cells)" "$reduced")"
printf '%46s %s of %s\n' 'of those exhausted' "$(jq -s 'map(select(.proof.exhausted)) | length' cells)" "$(wc -l <cells)"
