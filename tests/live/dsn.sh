#!/usr/bin/env bash
# A server of the user's: one database of our own comes and goes, nothing else is touched, no password is shown.
source "$(dirname "$0")/../support/lib.sh"
command -v psql >/dev/null || skip "psql is not installed"

start_server given -c max_connections=30 -c superuser_reserved_connections=3
boss -c "CREATE ROLE tester LOGIN CREATEDB PASSWORD 's3cr3t-w0rd'; CREATE ROLE nobody_special LOGIN PASSWORD 's3cr3t-w0rd'"
uri="postgresql://tester:s3cr3t-w0rd@/postgres?host=$server_dir&port=$server_port"

databases() { boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace%'"; }
clean() {
  same "databases left behind" "$(databases)" 0
  ! grep -rqF s3cr3t-w0rd "$work/out" "$work/err" "$work"/report* 2>/dev/null || fail "the password is shown"
}
untouched="SELECT string_agg(datname || oid, ',' ORDER BY oid) FROM pg_database"
databases_before=$(boss -c "$untouched")

run 0 run --dsn "$uri" --rounds 100 --out "$work/report" --format json
holds "raced on it" '.environment.server == "given" and .cells[0].verdict == "race" and .cells[1].verdict == "none-seen"'
holds "says where, without the password" '.environment.target | contains("tester")'
clean
same "the other databases" "$(boss -c "$untouched")" "$databases_before"

# The SQL of docs/history.md counts what the program counted.
sed -n '/^```sql$/,/^```$/{/^```/!p}' "$PGR_SOURCE_DIR/docs/history.md" | sed 's/^CREATE TABLE/CREATE TEMP TABLE/' >"$work/count.sql"
grep -q rounds_with_two_owners "$work/count.sql" || fail "docs/history.md has no query"
same "two owners, counted in SQL" "$(cd "$work/report" && boss -f "$work/count.sql")" \
  "naive|read committed|$(value '.cells[0].duplicates')"

# From libpq's environment, and with a password from PGPASSWORD.
PGHOST=$server_dir PGPORT=$server_port PGUSER=tester PGPASSWORD=s3cr3t-w0rd PGDATABASE=postgres run 0 run --dsn '' --rounds 50
says out "your PostgreSQL"
clean

# Wrong password, no permission, not enough connections.
run 5 run --dsn "postgresql://tester:s3cr3t-w0rd-not@/postgres?host=$server_dir&port=$server_port"
one_line_error
says err "password authentication failed"
clean
run 5 run --dsn "postgresql://nobody_special:s3cr3t-w0rd@/postgres?host=$server_dir&port=$server_port"
one_line_error
says err "permission denied to create database"
says err "ALTER ROLE nobody_special CREATEDB"
clean
run 5 run --dsn "$uri" --agents 40 --connections 40
one_line_error
says err "use --connections"
clean

# The level is the cell's, whatever the connection string or the role would have it be.
run 0 run --dsn "$uri&options=-c%20default_transaction_isolation%3Dserializable" --strategy naive,transaction --rounds 60 \
  --format json
holds "read committed, without retries" 'all(.cells[]; .isolation == "read committed" and .verdict == "race" and
  ([.retries[]] | add) == 0)'
run 0 run --dsn "$uri" --strategy naive,serializable --rounds 60 --out "$work/report2" --format json
holds "retries under serializable" '.cells[1] | .isolation == "serializable" and .retries.claim > 0 and .outcomes.claim.failed == 0'
same "tries in the history" "$(grep -c ',retried,' "$work/report2/history.csv")" "$(value '[.cells[].retries[]] | add')"
clean

# Each strategy has a database of its own, one after the other; those of its levels share it. The server's log knows.
boss -c "ALTER SYSTEM SET log_statement = 'ddl'" -c 'SELECT pg_reload_conf()' >/dev/null
logged=$(wc -l <"$server_dir/log")
run 0 run --dsn "$uri" --strategy all --isolation read-committed,serializable --rounds 20 --format json
clean
same "the other databases" "$(boss -c "$untouched")" "$databases_before"
strategies=$(value '[.cells[].strategy] | unique | length')
[ "$strategies" -ge 5 ] || fail "few strategies: $strategies"
tail -n "+$((logged + 1))" "$server_dir/log" | grep -oE 'statement: (CREATE|DROP) DATABASE' | cut -d' ' -f2 >"$work/databases"
same "databases created" "$(grep -c CREATE "$work/databases")" "$strategies"
same "one at a time, each dropped before the next" "$(uniq -c "$work/databases" | awk '{ print $1 }' | sort -u)" 1
boss -c 'ALTER SYSTEM RESET log_statement' -c 'SELECT pg_reload_conf()' >/dev/null

race_in_background() { # ARGUMENTS…: returns once it races
  background run --dsn "$uri" "$@"
  racing
}

# Interrupted at moments spread over the start: a database that was being created is dropped too.
for delay in 0.005 0.01 0.02 0.03 0.05 0.08 0.15; do
  background run --dsn "$uri" --duration 60s --format json
  sleep $delay
  kill -TERM "$pid" # not INT, which a job in the background ignores at the very first
  ended
  [ $status = 2 ] || [ $status = 143 ] || fail "exit status $status after an early SIGTERM"
  clean
done

# Interrupted: the database is dropped all the same.
race_in_background --duration 60s --format json
same "its database while it runs" "$(databases)" 1
kill -INT "$pid"
ended
same "exit status" $status 2
clean

# Interrupted in the middle of several strategies: a later one is under way, and the first one's figures are whole.
race_in_background --strategy naive,trigger,conditional-update,for-update --duration 2500ms --format json
for _ in $(seq 400); do
  grep -q ': trigger, ' "$work/err" && break
  kill -0 "$pid" 2>/dev/null || fail "pgrace ended early"
  sleep 0.05
done
same "its database while it runs" "$(databases)" 1
kill -INT "$pid"
ended
same "exit status" $status 2
holds "the strategies before it are complete, it is not, those after did not run" \
  '[.cells[] | "\(.complete) \(.rounds > 0)"] == ["true true", "false true", "false false", "false false"]'
clean
# And at moments spread over the changes from one to the next.
for delay in 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1; do
  background run --dsn "$uri" --strategy all --isolation all --rounds 5 --format json
  sleep $delay
  kill -INT "$pid" 2>/dev/null || true
  ended
  [ $status = 2 ] || [ $status = 0 ] || fail "exit status $status when interrupted between strategies"
  clean
done

# One backend dies: its statement may have happened, and the race goes on over a new connection.
race_in_background --strategy naive --duration 4s --format json
for _ in 1 2 3; do
  boss -c "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
           WHERE datname LIKE 'pgrace%' AND query LIKE '%texter_id%' LIMIT 2) victims" >/dev/null
  sleep 0.3
done
ended
same "exit status" $status 0
holds "lost statements are unknown, not failed" \
  '.cells[0] | ([.outcomes[].unknown] | add) > 0 and ([.outcomes[].failed] | add) == 0 and .complete'
clean

# A lock held by somebody else: Ctrl-C does not wait for it.
race_in_background --strategy naive --duration 60s --format json
database=$(boss -c "SELECT datname FROM pg_database WHERE datname LIKE 'pgrace%'")
PGPASSWORD=s3cr3t-w0rd psql -X -q -h "$server_dir" -p $server_port -U tester -d "$database" \
  -c "BEGIN; LOCK TABLE conversations; SELECT pg_sleep(30)" >/dev/null 2>&1 &
for _ in $(seq 200); do
  [ "$(boss -d "$database" -c "SELECT count(*) FROM pg_locks
    WHERE relation = 'conversations'::regclass AND mode = 'AccessExclusiveLock' AND granted")" = 1 ] && break
  sleep 0.05
done
sleep 0.2 # for the agents to run into it
kill -INT "$pid"
ended
same "exit status with a stuck statement" $status 2
holds "what was in flight is unknown" '([.cells[0].outcomes[].unknown] | add) > 0'
clean

# The server dies under it.
race_in_background --duration 60s
kill -QUIT "$server_pid"
ended
server_pid=
same "exit status" $status 5
grep -q '^pgrace: ' "$work/err" || fail "no word about the server's death"
! grep -qF s3cr3t-w0rd "$work/err" || fail "the password is shown"
says err "drop it by hand"
