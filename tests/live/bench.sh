#!/usr/bin/env bash
# pgrace bench as a user runs it: scenarios and bare scripts, closed and open loops, thresholds, baselines, files, errors.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"
short=(-q --format json -T 300ms --warmup 100ms --repetitions 2)
# figure CELL NAME: its value
figure() { value ".cells[$1].figures[\"$2\"].value"; }

# ---- a scenario ----
run 0 bench claim "${short[@]}" -c 8 --keys 2 --gap 1ms
holds "the envelope" '.format == 1 and .command == "bench" and .exit_status == 0 and .complete'
holds "two strategies" '[.cells[].strategy] == ["naive", "trigger"] and all(.cells[]; .method == "load" and .clients == 8)'
holds "both did something" 'all(.cells[]; .figures.tps.value > 0 and (.figures.tps.each | length) == 2 and
  .figures["claim.ok.p99"].value >= .figures["claim.ok.p50"].value)'
holds "the control raced" '.cells[0].duplicates > 0 and .cells[0].expect == "race" and .cells[0].story != null'
holds "the trigger held" '.cells[1].duplicates == 0 and .cells[1].outcomes.claim.rejected > 0 and
  .cells[1].figures["claim.rejected.p99"].value > 0 and .cells[1].figures.errors.value == 0'
run 0 bench claim -q -T 300ms --warmup 0ms --repetitions 1 --strategy conditional-update,serializable -c 2,6
says out 'conditional-update'
says out 'serializable'
grep -q 'conditional-update.*@6' out || fail "no line for six clients"
run 0 bench job-queue "${short[@]}" --strategy skip-locked -c 4 # owned for ever: keys are used once
holds "each key once" '.settings.keys == "once:8"'

# A strategy that is called safe and is not.
mkdir wrong
sed 's/race/safe/g' "$PGR_SOURCE_DIR/scenarios/claim/claim.yaml" | sed 's#../../schema/#schema/#' >wrong/wrong.yaml
cp -r "$PGR_SOURCE_DIR"/scenarios/claim/*.sql wrong/
cp -r "$PGR_SOURCE_DIR/schema" wrong/schema
run 1 bench ./wrong "${short[@]}" --strategy naive -c 8 --keys 1 --gap 1ms
holds "it broke" '.exit_status == 1 and .cells[0].duplicates > 0'
run 0 bench ./wrong "${short[@]}" --strategy naive -c 8 --keys 1 --gap 1ms --no-verify
holds "nobody looked" '.cells[0].duplicates == 0 and (.cells[0].figures | has("duplicates") | not)'

# Many more clients than a server likes, every rejection counted.
run 0 bench claim "${short[@]}" --strategy trigger -c 200 --keys 5
holds "where the server's processes were" '.cells[0].waits | length > 0'
holds "no client is lost" '.cells[0].figures.errors.value == 0 and .cells[0].outcomes.claim.rejected > 0'

# ---- an open loop ----
run 0 bench claim "${short[@]}" --strategy conditional-update -c 8 --rate 200 --arrivals constant
holds "as many arrived as were to" '.cells[0].figures["arrivals.due"].value == 120 and .cells[0].figures["lag.p50"].value >= 0'
run 0 bench claim "${short[@]}" --strategy conditional-update -c 8 --rate 100..300
holds "a ramp" '.settings.rate == {"from": 100, "to": 300} and .settings.loop == "open"'

# ---- thresholds ----
run 0 bench claim "${short[@]}" --strategy trigger -c 4 --threshold 'claim.ok.p99 < 60s' --threshold 'duplicates == 0' \
  --threshold 'tps >= 1' --threshold 'errors == 0'
run 3 bench claim -q -T 300ms --repetitions 1 --strategy trigger -c 4 --threshold 'claim.ok.p99 < 1ns' --threshold 'tps > 1'
says out 'claim.ok.p99 < 1ns'
! grep -qF 'tps > 1' out || fail "a threshold that held is told as one that failed"
run 3 bench claim "${short[@]}" -c 8 --keys 1 --gap 1ms --threshold 'naive: duplicates == 0' --threshold 'trigger: duplicates == 0'
holds "which" '[.thresholds[] | select(.crossings | length > 0) | .text] == ["naive: duplicates == 0"]'
for wrong in 'claim.okay.p99 < 5ms' 'claim.ok.p99 < 5 parrots' 'claim.ok.p99 5ms' 'nobody: tps > 1' 'tps > 5ms'; do
  run 4 bench claim --threshold "$wrong"
  one_line_error
done
run 4 bench claim --threshold 'claim.okay.p99 < 5ms'
says err 'refused'
says err 'p99.9'
cp -r wrong limits
mv limits/wrong.yaml limits/limits.yaml
printf '\nthresholds:\n  - tps > 1\n  - "trigger: claim.ok.p99 < 1ns"\n' >>limits/limits.yaml
run 3 bench ./limits -q -T 300ms --repetitions 1 --strategy trigger -c 2
says out 'limits.yaml:'

# ---- a baseline ----
quick=(-q -T 100ms --warmup 0ms --strategy conditional-update -c 2 --repetitions 10)
run 0 bench claim "${quick[@]}" --out first
for file in result.json series.csv metrics.txt benchmark.json; do [ -s first/$file ] || fail "no $file"; done
ls first/*.claim.ok.hgrm >/dev/null || fail "no histogram"
same "the last line of the metrics" "$(tail -1 first/metrics.txt)" '# EOF'
jq -e 'type == "array" and all(.[]; has("name") and has("unit") and (.value | type) == "number")' first/benchmark.json >/dev/null ||
  fail "not what benchmark actions take: $(head -20 first/benchmark.json)"
same "columns of the series" "$(head -1 first/series.csv)" \
  'strategy,isolation,clients,repetition,second,transactions,errors,p50_ms,p99_ms,max_ms'
grep -q 'Percentile' first/*.claim.ok.hgrm || fail "no percentiles in the histogram"
run 0 bench claim "${quick[@]}" --baseline first/result.json --floor 1000% --floor-time 1h
says out 'tps'
jq '(.cells[].figures.tps.each) |= map(. * 100) | (.cells[].figures.tps.median) |= . * 100' first/result.json >faster.json
run 3 bench claim "${quick[@]}" --baseline faster.json
says out 'faster.json'
jq '.environment.server_version = "9.6" | .environment.cpus = 96' first/result.json >elsewhere.json
run 4 bench claim "${quick[@]}" --baseline elsewhere.json
one_line_error
says err '9.6'
says err '96'
run 0 bench claim "${quick[@]}" --baseline elsewhere.json --compare-anyway --floor 1000% --floor-time 1h
echo '{' >broken.json
run 4 bench claim "${quick[@]}" --baseline broken.json
one_line_error
run 4 bench claim "${quick[@]}" --baseline nowhere.json
one_line_error

# ---- bare scripts ----
echo 'CREATE TABLE t (id bigint PRIMARY KEY, n bigint); INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) AS i;' >tables.sql
printf '\\set id random(1, 100)\nUPDATE t SET n = n + :by WHERE id = :id;\n' >add.sql
printf 'SELECT sum(n) FROM t;\n' >look.sql
run 0 bench -f add.sql@3 -f look.sql --schema tables.sql -D by=1 -c 4 -t 100 -M prepared -q --format json
holds "so many" '.cells[0].figures.transactions.value == 400 and .cells[0].strategy == "script"'
holds "by their weights" '.cells[0].outcomes | .add.ok + .look.ok == 400 and .add.ok > 250 and .look.ok > 50'
holds "statements, with their places" '.cells[0].statements | map([.operation, .line]) == [["add", 2], ["look", 1]]'
printf '\\startpipeline\nUPDATE t SET n = n + 1 WHERE id = 1;\nUPDATE t SET n = n + 1 WHERE id = 2;\n\\endpipeline\n' >piped.sql
run 0 bench -f piped.sql --schema tables.sql -t 20 -c 1 -M extended -q --format json
holds "pipelines" '.cells[0].figures.transactions.value == 20 and .cells[0].figures["statement.piped.2.p50"].value > 0'
# What pgbench's users name as they like.
printf '\\set key random(1, 100)\n\\set agent 1\nUPDATE t SET n = :agent WHERE id = :key;\n' >named.sql
run 0 bench -f named.sql --schema tables.sql -t 5 -c 2 -q --format json
run 1 bench -f look.sql -t 5 -c 2 -q # no such table
says out 'relation "t" does not exist'
says out 'look.sql:1'
run 4 bench -f nowhere.sql
says err 'nowhere.sql: cannot read it'
run 4 bench claim -f look.sql
one_line_error
printf '\\set x\n' >faulty.sql
run 4 bench -f faulty.sql
says err 'faulty.sql:1:'

# In the user's own database, when it is named for that, and only then.
start_server own -c max_connections=60
boss -c "CREATE ROLE plain LOGIN CREATEDB PASSWORD 's3cret'" -c 'GRANT ALL ON SCHEMA public TO plain'
boss -c 'CREATE TABLE t (id bigint PRIMARY KEY, n bigint); INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) AS i; GRANT ALL ON t TO plain'
uri="postgresql://plain:s3cret@/postgres?host=$server_dir&port=$server_port"
run 0 bench -f add.sql -D by=1 -c 3 -t 50 -q --format json --dsn "$uri" --use-database
same "what the script wrote" "$(boss -c 'SELECT sum(n) FROM t')" 150
run 1 bench -f add.sql -D by=1 -c 3 -t 50 -q --format json --dsn "$uri" # a database of pgrace's own: no table
same "what the script wrote" "$(boss -c 'SELECT sum(n) FROM t')" 150
run 0 bench claim "${short[@]}" -c 4 --dsn "$uri"
same "databases" "$(boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace%'")" 0
! grep -rqF s3cret . --include=out --include=err || fail "the password was written down"
# What Ctrl-C cuts off does not go on in the server.
echo 'SELECT pg_sleep(3600);' >long.sql
"$PGRACE" bench -f long.sql -c 3 -T 60 -q --dsn "$uri" --use-database >out 2>err &
pid=$!
sleeping() { boss -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(3600)%' AND usename = 'plain' AND state = 'active'"; }
for _ in $(seq 100); do
  [ "$(sleeping)" = 3 ] && break
  sleep 0.1
done
same "sessions at work" "$(sleeping)" 3
kill -TERM $pid
wait $pid || true
for _ in $(seq 50); do
  [ "$(sleeping)" = 0 ] && break
  sleep 0.1
done
same "sessions left at work" "$(sleeping)" 0
run 5 bench claim "${short[@]}" -c 100 --dsn "$uri"
same "lines of the error" "$(wc -l <err)" 1
holds "the environment ended it" '.exit_status == 5 and (.error | contains("connections free")) and (.complete | not)'
says err 'clients'

# ---- Ctrl-C ----
"$PGRACE" bench claim -T 30 --repetitions 1 --strategy trigger -c 4 >out 2>err &
pid=$!
for _ in $(seq 100); do
  grep -q transactions err && break
  sleep 0.1
done
kill -TERM $pid # what a job in the background does not ignore
status=0
wait $pid || status=$?
same "exit status of an interrupted bench" $status 2
says out 'Interrupted'
run 2 bench claim -q -T 60 --repetitions 1 --strategy trigger -c 8 --keys 40 --spread once:2 --format json
holds "used up" '.complete == false and (.note | test("keys"))'
no_leftovers

# A file that cannot be written loses nothing else.
mkdir -p unwritable/series.csv
run 5 bench claim "${short[@]}" -c 2 --out unwritable
same "lines of the error" "$(wc -l <err)" 1
[ -s out ] && [ -s unwritable/result.json ] && [ -s unwritable/junit.xml ] || fail "the measurement is lost with one file"
