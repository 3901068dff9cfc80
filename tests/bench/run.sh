#!/usr/bin/env bash
# Prints the figures pgrace promises, as measured here and now; asserts none of them. tests/bench/run.sh [REPETITIONS]
# PGR_BINARY_DIR: a release build elsewhere than in build/release.
# Absolute times depend on the machine and on who shares it: each table alternates what it compares, gives medians of
# REPETITIONS (default 5), and stands beside pgbench on the same server, which knows what the machine can do.
set -euo pipefail
repetitions=${1:-5}
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGR_BINARY_DIR=${PGR_BINARY_DIR:-$PGR_SOURCE_DIR/build/release}
PGRACE=$PGR_BINARY_DIR/pgrace
cmake --build "$PGR_BINARY_DIR" --target pgrace bench_verify >/dev/null
source "$PGR_SOURCE_DIR/tests/support/lib.sh"

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# race ARGUMENTS…: its result in $work/out. An inconclusive verdict (one strategy alone) is none of our business here.
race() { "$PGRACE" run -q --format json "$@" >"$work/out" 2>"$work/err" || [ $? = 2 ] || fail "pgrace run $*"; }
note() { value "$2" >>"$work/$1"; }
got() { median <"$work/$1"; }

race --rounds 20 # makes the cached initdb copy
cpu_time() { awk '/^cpu / { for (i = 2; i <= 9; i++) all += $i; print all, $9 }' /proc/stat; }
cpu_before=$(cpu_time)
printf 'machine: %s processors, PostgreSQL %s, load %s\n' "$(nproc)" "$(value .environment.server_version)" \
  "$(cut -d' ' -f1 /proc/loadavg)"

printf '\nduplicates in a hundred rounds, one contest at a time, no gap (promised: naive at least 90, trigger 0)\n'
for _ in $(seq "$repetitions"); do
  for agents in 2 8 32; do
    race --agents $agents
    note naive$agents '.cells[0] | 100 * .duplicates / .rounds'
    note trigger$agents '.cells[1] | 100 * .duplicates / .rounds'
    note losers$agents '.cells[1].outcomes.claim | 100 * (.refused + .rejected) / (add - .ok)'
  done
done
printf '%8s %30s %10s %30s\n' agents 'naive (lowest to highest)' trigger 'losers refused or rejected'
for agents in 2 8 32; do
  printf '%8d %12.1f (%5.1f to %5.1f) %10.1f %28.1f %%\n' $agents "$(got naive$agents)" \
    "$(sort -g "$work/naive$agents" | head -1)" "$(sort -g "$work/naive$agents" | tail -1)" \
    "$(got trigger$agents)" "$(got losers$agents)"
done

printf '\n8 agents, naive (promised: 2,000 rounds/s; median start skew below 100 µs)\n'
for _ in $(seq "$repetitions"); do
  for contenders in 8 2; do
    race --strategy naive --contenders $contenders --duration 2s
    note rounds$contenders '.cells[0].rounds_per_s'
    note statements$contenders '.cells[0].statements_per_s'
    note skew$contenders '.cells[0].start_skew_ns.p50 / 1000'
  done
done
printf '%28s %12s %14s %16s\n' contest rounds/s statements/s 'start skew p50'
printf '%28s %12.0f %14.0f %13.0f µs\n' '8 agents, 1 at a time' "$(got rounds8)" "$(got statements8)" "$(got skew8)" \
  '2 agents, 4 at a time' "$(got rounds2)" "$(got statements2)" "$(got skew2)"

if pgbench=$(command -v pgbench || ls "$bindir/pgbench" 2>/dev/null); then
  printf '\nthe driver beside pgbench: the same statements on the same server, 8 connections, 1 thread, rows not shared\n'
  start_server bench
  boss -c 'CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint)' \
    -c 'INSERT INTO conversations SELECT generate_series(1, 100000)' \
    -c 'CREATE TABLE replies (conversation_id bigint NOT NULL REFERENCES conversations, texter_id bigint NOT NULL)'
  cat >"$work/claim.sql" <<'SQL'
\set id random(1, 100000)
SELECT texter_id IS NULL AS free FROM conversations WHERE id = :id \gset
UPDATE conversations SET texter_id = :client_id WHERE id = :id;
INSERT INTO replies (conversation_id, texter_id) VALUES (:id, :client_id);
UPDATE conversations SET texter_id = NULL WHERE id = :id AND texter_id = :client_id;
SQL
  uri="postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"
  for _ in $(seq "$repetitions"); do
    PGPASSWORD=master-key "$pgbench" -n -M prepared -c 8 -j 1 -T 2 -f "$work/claim.sql" -h "$server_dir" \
      -p $server_port -U boss postgres 2>/dev/null | awk '/^tps/ { print 4 * $3 }' >>"$work/pgbench"
    race --dsn "$uri" --strategy naive --contenders 2 --threads 1 --duration 2s
    note pgrace '.cells[0].statements_per_s'
  done
  awk -v a="$(got pgrace)" -v b="$(got pgbench)" \
    'BEGIN { printf "%28s %.0f statements/s\n%28s %.0f statements/s\n%28s %.2f\n", "pgrace", a, "pgbench", b, "ratio", a / b }'
fi

printf '\nfrom the command to the first round, initdb copy cached (promised: below 250 ms)\n'
for _ in $(seq $((repetitions * 2 + 1))); do
  race --strategy naive --rounds 20
  note startup '.environment.startup_ns / 1e6'
done
printf '%28s %.0f ms, slowest of %d: %.0f ms\n' median "$(got startup)" "$(wc -l <"$work/startup")" \
  "$(sort -g "$work/startup" | tail -1)"

printf "\n10,000 agents over 64 connections (promised: below 300 MB of pgrace's own memory, all served)\n"
"$PGRACE" run -q --format json --strategy naive --agents 10000 --contenders 8 --connections 64 --rounds 20000 \
  >"$work/out" 2>"$work/err" &
pid=$! peak=0
while now=$(awk '/VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null) && [ -n "$now" ]; do
  peak=$now
  sleep 0.05
done
wait $pid || fail "pgrace run --agents 10000"
printf '%28s %.0f MB\n%28s %s of %s\n' peak "$(awk "BEGIN { print $peak / 1024 }")" served \
  "$(value '.cells[0].served')" "$(value '.settings.agents')"

printf '\nverifying a history of 10,000,000 operations (promised: below 5 s)\n'
for agents in 8 10000; do
  "$PGR_BINARY_DIR/tests/bench/bench_verify" 10000000 $agents | sed 's/^/  /'
done

# On a virtual machine: what others took from it meanwhile. An idle processor that wakes late lets one agent finish
# before another's first statement arrives.
echo "$cpu_before $(cpu_time)" | awk '{ printf "\nprocessor time stolen by other machines on this host: %.1f %%\n",
                                        100 * ($4 - $2) / ($3 - $1) }'
