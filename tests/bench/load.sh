#!/usr/bin/env bash
# What pgrace bench promises, as measured here and now; asserts none of it. tests/bench/load.sh [REPETITIONS] [PART …]
# Parts: steady pipeline connect verify memory trigger (default: all but memory, which runs for ten minutes).
# PGRACE: a release build elsewhere than build/release/pgrace. Needs pgbench of the server's version, jq, psql.
#
# pgbench stands beside it: the same scripts, on one server, in turns; figures are medians of REPETITIONS (default 5) of the
# ratios of neighbours. Both are measured in steady state: a window that begins when every connection stands and has
# prepared and run its statements for two seconds (pgbench's by its own progress lines and the processor time of its
# process in between; pgrace's is its warm-up).
set -euo pipefail
repetitions=${1:-5}
shift || true
parts=" ${*:-steady pipeline connect verify trigger} "
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGRACE=${PGRACE:-$PGR_SOURCE_DIR/build/release/pgrace}
missing() {
  echo "tests/bench/load.sh: $*" >&2
  exit 1
}
[ -x "$PGRACE" ] || missing "$PGRACE is missing: cmake --preset release && cmake --build --preset release, or set PGRACE"
PGRACE=$(realpath "$PGRACE")
for tool in jq psql; do command -v $tool >/dev/null || missing "$tool is missing"; done
if [ -w /dev/shm ] && [ "$(df --output=avail -BM /dev/shm | tail -1 | tr -dc 0-9)" -ge 2048 ]; then export TMPDIR=/dev/shm; fi
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
pgbench=$bindir/pgbench
[ -x "$pgbench" ] || pgbench=$(command -v pgbench) || missing "pgbench is missing"
cd "$work"
ulimit -n "$(ulimit -Hn)"

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
note() { echo "$2" >>"note.$1"; }
got() { median <"note.$1"; }
ratio() { awk "BEGIN { printf \"%.3f\", $1 / $2 }"; }
wanted() { [[ $parts == *" $1 "* ]]; }

start_server load -c max_connections=1100 -c shared_buffers=128MB -c synchronous_commit=off -c full_page_writes=off \
  -c update_process_title=off -c jit=off -c checkpoint_timeout=1h -c max_wal_size=4GB
echo 'local all all trust' >"$server_dir/data/pg_hba.conf" # a password costs both sides' connecting alike, and much
boss -c 'SELECT pg_reload_conf()' >/dev/null
boss -c 'CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint)' \
  -c 'INSERT INTO conversations SELECT generate_series(1, 10000)' -c 'VACUUM ANALYZE conversations'
uri="postgresql://boss@/postgres?host=$server_dir&port=$server_port"

# Claim and release by a conditional UPDATE each: two transactions of one statement.
cat >claim.sql <<'SQL'
\set id random(1, 10000)
UPDATE conversations SET texter_id = :client_id WHERE id = :id AND texter_id IS NULL;
UPDATE conversations SET texter_id = NULL WHERE id = :id AND texter_id = :client_id;
SQL
{ sed -n 1p claim.sql; echo '\startpipeline'; sed 1d claim.sql; echo '\endpipeline'; } >pipelined.sql

# ticks PID: its processor time so far, in seconds
ticks() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"; }

# theirs CLIENTS SCRIPT: pgbench's tps and µs of its processor time a transaction, in $tps and $cpu
theirs() {
  local line second=0 from=2 upto=7 cpu_from=0 cpu_upto=0 pid
  : >tps.theirs
  mkfifo progress
  "$pgbench" -n -M prepared -c "$1" -j 1 -T $((upto + 1 + $1 / 300)) -P 1 -f "$2" -h "$server_dir" -p $server_port -U boss \
    postgres >pgbench.out 2>progress &
  pid=$!
  while read -r line; do
    case $line in progress:*) ;; *) continue ;; esac
    second=$((second + 1))
    if [ $second = $from ]; then cpu_from=$(ticks $pid); fi
    if [ $second -gt $from ] && [ $second -le $upto ]; then awk '{ print $4 }' <<<"$line" >>tps.theirs; fi
    if [ $second = $upto ]; then cpu_upto=$(ticks $pid); fi
  done <progress
  rm progress
  wait $pid || fail "pgbench: $(tail -3 pgbench.out)"
  tps=$(awk '{ s += $1 } END { print s / NR }' tps.theirs)
  cpu=$(awk "BEGIN { print ($cpu_upto - $cpu_from) * 1e6 / ($tps * ($upto - $from)) }")
}

# ours CLIENTS SCRIPT [ARGUMENT…]: the same of pgrace; its result in out
ours() {
  local clients=$1 script=$2
  shift 2
  "$PGRACE" bench -q --format json -f "$script" --dsn "$uri" --use-database -M prepared -c "$clients" -j 1 -T 5 \
    --warmup 2s --no-sample "$@" >out 2>err || fail "pgrace bench $script"
  tps=$(value '.cells[0].figures.tps.value')
  cpu=$(value '.cells[0].figures["client.cpu_per_transaction"].value / 1000')
}

printf 'machine: %s processors, PostgreSQL %s, load %s, medians of %s\n' "$(nproc)" \
  "$(boss -c 'SHOW server_version' | cut -d' ' -f1)" "$(cut -d' ' -f1 /proc/loadavg)" "$repetitions"

if wanted steady; then
  printf '\nsteady state: claim and release, prepared, 1 thread, all percentiles kept (promised: 1.0, none below 0.97; 1.05)\n'
  printf '%8s %12s %12s %7s %16s %16s %7s\n' clients pgbench/s pgrace/s ratio 'pgbench µs/tx' 'pgrace µs/tx' ratio
  for clients in 16 128 1000; do
    for _ in $(seq "$repetitions"); do
      theirs $clients claim.sql
      their_tps=$tps their_cpu=$cpu
      ours $clients claim.sql
      note "theirs$clients" "$their_tps"
      note "ours$clients" "$tps"
      note "tps$clients" "$(ratio "$tps" "$their_tps")"
      note "their_cpu$clients" "$their_cpu"
      note "our_cpu$clients" "$cpu"
      note "cpu$clients" "$(ratio "$cpu" "$their_cpu")"
    done
    printf '%8d %12.0f %12.0f %7.3f %16.2f %16.2f %7.3f\n' $clients "$(got theirs$clients)" "$(got ours$clients)" \
      "$(got tps$clients)" "$(got their_cpu$clients)" "$(got our_cpu$clients)" "$(got cpu$clients)"
  done
fi

if wanted pipeline; then
  printf '\nthe same in a pipeline, beside pgbench without (promised: 1.3)\n'
  for clients in 16 128; do
    for _ in $(seq "$repetitions"); do
      theirs $clients claim.sql
      their_tps=$tps
      ours $clients pipelined.sql
      note "pipeline$clients" "$(ratio "$tps" "$their_tps")"
    done
    printf '%8d %7.3f\n' $clients "$(got pipeline$clients)"
  done
fi

if wanted connect; then
  printf '\n1,000 connections: pgbench opens them, pgrace opens and prepares (promised: 0.6)\n'
  for _ in $(seq "$repetitions"); do
    "$pgbench" -n -M prepared -c 1000 -j 1 -t 1 -f claim.sql -h "$server_dir" -p $server_port -U boss postgres \
      >pgbench.out 2>err || fail pgbench
    theirs=$(awk '/^initial connection time/ { print $5 }' pgbench.out)
    "$PGRACE" bench -q --format json -f claim.sql --dsn "$uri" --use-database -M prepared -c 1000 -j 1 -t 1 >out 2>err ||
      fail 'pgrace bench'
    ours=$(value '.cells[0].figures.connect.value / 1e6')
    note connect.theirs "$theirs"
    note connect.ours "$ours"
    note connect "$(ratio "$ours" "$theirs")"
  done
  printf '%8s %.0f ms, %.0f ms, ratio %.2f\n' '' "$(got connect.theirs)" "$(got connect.ours)" "$(got connect)"
fi

# scenario ARGUMENT…: the claim by a conditional UPDATE, on a server of pgrace's own
scenario() {
  "$PGRACE" bench claim -q --format json --strategy conditional-update --repetitions 1 "$@" >out 2>err ||
    fail "pgrace bench claim $*"
}

if wanted verify; then
  printf '\nverification on beside off, 64 clients, 100 keys (promised: at most 10 %% below)\n'
  for _ in $(seq "$repetitions"); do
    scenario -c 64 -T 5 --no-verify
    off=$(value '.cells[0].figures.tps.value')
    scenario -c 64 -T 5
    note verify "$(ratio "$(value '.cells[0].figures.tps.value')" "$off")"
  done
  printf '%8s tps %.3f\n' '' "$(got verify)"
fi

if wanted memory; then
  printf '\nten minutes with verification, 64 clients\n'
  "$PGRACE" bench claim -q --format json --strategy conditional-update --repetitions 1 -c 64 -T 600 >out 2>err &
  pid=$!
  for minute in 1 5 9; do
    while [ "$(ps -o etimes= -p $pid | tr -d ' ')" -lt $((minute * 60)) ]; do sleep 1; done
    printf '%8s minute %d: %.1f MB\n' '' $minute "$(awk '/VmRSS/ { print $2 / 1024 }' /proc/$pid/status)"
  done
  wait $pid || fail 'pgrace bench for ten minutes'
  printf '%8s %s transactions, %s duplicates\n' '' "$(value '.cells[0].figures.transactions.value')" \
    "$(value '.cells[0].duplicates')"
fi

if wanted trigger; then
  printf '\nthe trigger, 1,000 clients, 100 keys\n'
  scenario --strategy trigger -c 1000 -T 5
  printf '%8s %s transactions, %s rejected with p99 %.1f ms, %s errors, %s duplicates\n' '' \
    "$(value '.cells[0].figures.transactions.value')" "$(value '.cells[0].outcomes.claim.rejected')" \
    "$(value '.cells[0].figures["claim.rejected.p99"].value / 1e6')" "$(value '.cells[0].figures.errors.value')" \
    "$(value '.cells[0].duplicates')"
  boss -c 'CREATE TABLE claimed (id bigint PRIMARY KEY, texter_id bigint)' \
    -c 'INSERT INTO claimed SELECT generate_series(1, 100)' \
    -c "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
          IF OLD.texter_id IS NOT NULL AND NEW.texter_id IS NOT NULL THEN RAISE EXCEPTION 'taken'; END IF;
          RETURN NEW; END \$\$" \
    -c 'CREATE TRIGGER keep BEFORE UPDATE ON claimed FOR EACH ROW EXECUTE FUNCTION keep()'
  sed 's/conversations/claimed/; s/10000/100/; s/ AND texter_id IS NULL//' claim.sql >trigger.sql
  status=0
  "$pgbench" -n -M prepared -c 1000 -j 1 -T 5 -f trigger.sql -h "$server_dir" -p $server_port -U boss postgres \
    >pgbench.out 2>err || status=$?
  printf '%8s pgbench: %s of 1,000 clients aborted, exit status %s\n' '' "$(grep -c 'aborted' err || true)" $status
fi
