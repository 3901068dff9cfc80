#!/usr/bin/env bash
# What a trigger costs a row, as measured here and now; asserts nothing. tests/bench/trigger.sh [REPETITIONS] [ROWS]
# One table each without a trigger, with the article's, and with the one that pgrace schema new makes of the same rule. One
# UPDATE of all ROWS (default 200,000) a measurement, inside the server, in turns; figures are medians of REPETITIONS
# (default 7) of the ratios of neighbours: the time over what the table without a trigger took, and what is left of it. Promised: the generated one costs no
# more than the article's, and less where the column is not touched. Then what a rejection costs, logged or not, and how
# long `up` takes where everything is applied (promised: under 50 ms).
# PGRACE: a release build elsewhere than build/release/pgrace.
set -euo pipefail
repetitions=${1:-7} rows=${2:-200000}
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGRACE=$(realpath "${PGRACE:-$PGR_SOURCE_DIR/build/release/pgrace}")
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
start_server trigger -c shared_buffers=512MB -c autovacuum=off -c max_wal_size=8GB -c jit=off -c synchronous_commit=off
echo 'local all all trust' >"$server_dir/data/pg_hba.conf" # the server connects to itself, to log to a table
sql() { PGOPTIONS=--client-min-messages=warning boss -qAt -v ON_ERROR_STOP=1 "$@"; }
sql -c 'SELECT pg_reload_conf()' >/dev/null
uri="postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"

# The three tables, each in a schema of its own, which the search path chooses.
cp -r "$PGR_SOURCE_DIR/schema" article
mkdir -p generated
cp article/0001_inbox.*.sql generated/
for log in none server table; do
  cp -r generated "generated-$log"
  options=()
  [ $log = none ] || options=(--log $log)
  "$PGRACE" schema new transition --dir "generated-$log" --table conversations --column texter_id \
    --allow 'null->any, any->null, same' --name texter_rule "${options[@]}" --no-scenario >/dev/null
done
for kind in bare article generated to_server to_table; do
  sql -c "CREATE SCHEMA $kind" -c "CREATE TABLE $kind.conversations (id bigint PRIMARY KEY, texter_id bigint, note int DEFAULT 0)"
  case $kind in
  bare) continue ;;
  article) version=article/triggers/conversation_texter_assignment_constraint/v1.sql ;;
  generated) version=generated-none/triggers/texter_rule/v1.sql ;;
  *) version=generated-${kind#to_}/triggers/texter_rule/v1.sql ;;
  esac
  sql -c "SET search_path = $kind, public" -f "$version"
done

# took TABLE UPDATE: milliseconds, by the server's clock
took() {
  sql -c "TRUNCATE $1.conversations" -c "INSERT INTO $1.conversations SELECT n, $3 FROM generate_series(1, $rows) n" \
    -c "VACUUM ANALYZE $1.conversations" >/dev/null
  sql -c "SET search_path = $1" -c "DO \$\$ DECLARE began timestamptz := clock_timestamp(); BEGIN $2;
    CREATE TEMP TABLE took AS SELECT extract(epoch FROM clock_timestamp() - began) * 1000 AS ms; END \$\$" -c 'SELECT ms FROM took'
}
printf 'machine: %s processors, load %s; PostgreSQL %s; %s rows an UPDATE, medians of %s\n' "$(nproc)" \
  "$(cut -d' ' -f1 /proc/loadavg)" "$(sql -c 'SHOW server_version')" "$rows" "$repetitions"
printf '%-28s %12s %12s %12s %14s %14s\n' 'UPDATE' 'none' 'article' 'generated' 'article/none' 'generated/none'
measure() {
  local i
  rm -f ms.* ratio.*
  for i in $(seq "$repetitions"); do
    local bare article generated
    bare=$(took bare "$2" "$3") article=$(took article "$2" "$3") generated=$(took generated "$2" "$3")
    echo "$bare" >>ms.bare; echo "$article" >>ms.article; echo "$generated" >>ms.generated
    awk "BEGIN { print $article / $bare }" >>ratio.article
    awk "BEGIN { print $generated / $bare }" >>ratio.generated
  done
  printf '%-28s %9.0f ms %9.0f ms %9.0f ms %14.3f %14.3f\n' "$1" "$(median <ms.bare)" "$(median <ms.article)" \
    "$(median <ms.generated)" "$(median <ratio.article)" "$(median <ratio.generated)"
}
measure 'another column' 'UPDATE conversations SET note = note + 1' NULL
measure 'NULL to a value' 'UPDATE conversations SET texter_id = id' NULL
measure 'a value to NULL' 'UPDATE conversations SET texter_id = NULL' n
measure 'what is there already' 'UPDATE conversations SET texter_id = texter_id' n

# Rejections, one subtransaction each.
rejected() {
  local count=$2
  sql -c "TRUNCATE $1.conversations" -c "INSERT INTO $1.conversations VALUES (1, 1)" >/dev/null
  sql -c "SET search_path = $1, public" -c "DO \$\$ DECLARE began timestamptz := clock_timestamp(); BEGIN
    FOR i IN 1 .. $count LOOP
      BEGIN UPDATE conversations SET texter_id = 2; RAISE 'let through'; EXCEPTION WHEN check_violation THEN NULL; END;
    END LOOP;
    CREATE TEMP TABLE took AS SELECT extract(epoch FROM clock_timestamp() - began) * 1000000 / $count AS us; END \$\$" \
    -c 'SELECT us FROM took'
}
rm -f us.*
for _ in $(seq "$repetitions"); do
  for kind in article generated to_server; do rejected $kind 5000 >>us.$kind; done
  rejected to_table 200 >>us.to_table
done
printf 'a rejection: article %.1f µs, generated %.1f µs, logged to the server %.1f µs, to a table %.1f µs\n' "$(median <us.article)" \
  "$(median <us.generated)" "$(median <us.to_server)" "$(median <us.to_table)"

sql -c 'CREATE DATABASE inbox' >/dev/null
inbox="postgresql://boss:master-key@/inbox?host=$server_dir&port=$server_port"
"$PGRACE" schema up --dir article --dsn "$inbox" >/dev/null
for _ in $(seq 20); do
  began=$(date +%s%N)
  "$PGRACE" schema up --dir article --dsn "$inbox" >/dev/null
  echo $((($(date +%s%N) - began) / 1000)) >>us.up
done
awk -v us="$(median <us.up)" 'BEGIN { printf "up on a current database: %.1f ms\n", us / 1000 }'
