#!/usr/bin/env bash
# pgrace demo as a command: what it prints, where it listens, whose server it uses and what it leaves, a database that is
# lost and comes back, the result of a demo, and what is wrong in a command line. What the page may ask is demo_http.sh's.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"

# ---- what is wrong ----

# refuses STATUS TEXT ARGUMENT…: one line, and nothing was begun
refuses() {
  local status=$1 text=$2
  shift 2
  run "$status" demo "$@"
  one_line_error
  says err "$text"
}
refuses 4 "--strategy: unknown strategy 'nave', did you mean 'naive'?" --strategy nave
refuses 4 "--strategy: 'naive' is named twice" --strategy naive,naive
refuses 4 "--strategy: the page begins with one strategy; --terminal plays several" --strategy trigger,naive
refuses 4 "--strategy: the page begins with one strategy; --terminal plays several" --strategy all
refuses 4 "--gap: nobody waits longer than 5s here, give 0 to 5s" --gap 6s
refuses 4 "--listen: 'localhost' is no numeric address, write it like 127.0.0.1, ::1 or 0.0.0.0 (any)" --listen localhost
refuses 4 "--order: 'ABC' holds more than A and B, write who goes next, like ABBA" --order ABC
refuses 4 "--pace is for --terminal; in the browser --step lets you set the pace" --pace 1s
refuses 4 "--port is for the browser, --terminal opens no page: leave one out" --terminal --port 0
refuses 4 "--port" --port 65536
refuses 4 "unexpected argument 'claim'; see --help" claim
refuses 4 "--dsn: not a connection string" --dsn 'postgres'
run 0 demo --help
says out '--listen ADDRESS'
for option in $(grep -o -- '--[a-z]*' out | sort -u); do
  grep -qF -- "\\-\\-${option#--}" "$PGR_SOURCE_DIR/docs/man/pgrace-demo.1" || fail "docs/man/pgrace-demo.1 does not know $option"
done
if "$PGRACE" demo --port 0 --dsn 'host=/nowhere' >out 2>err; then fail 'a server that is not there'; fi
grep -q 'built without its pages: use --terminal, or build it with -DPGR_HTML=ON' err && skip 'built without HTML, and it says so'
no_leftovers

command -v curl >/dev/null || skip 'no curl'
command -v jq >/dev/null || skip 'no jq'

# ---- a demo, and somebody who watches ----

# until_says FILE TEXT [COUNT]: within half a minute the file has so many lines (1) with the text
until_says() {
  for _ in $(seq 600); do
    [ "$(grep -cF -- "$2" "$1" || true)" -ge "${3:-1}" ] && return
    kill -0 "$pid" 2>/dev/null || fail "pgrace demo ended early"
    sleep 0.05
  done
  fail "$1 does not say: $2"
}

# demo ARGUMENT…: starts it; sets link and base
demo() {
  : >out
  background demo "$@"
  until_says out 'http://'
  link=$(grep -o -m 1 'http://[^ ]*' out)
  base=${link%%/\?*}
}

# enters: trades the link for a session and watches: events in the file events, the token for calls in token
enters() {
  rm -f jar
  same 'the page' "$(curl -s -g -L -c jar -b jar -o page -w '%{http_code}' "$link")" 200
  grep -qi '<!doctype html' page || fail 'no page'
  : >events
  curl -s -g -N -b jar "$base/events" >events &
  watcher=$!
  until_says events '"token"'
  token=$(sed -n '/^data: */{s///p;q}' events | jq -r .token)
}

# leaves: the watcher goes away
leaves() {
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" || true
}

# asks PATH JSON: a call, which is not refused
asks() {
  local got
  got=$(curl -s -g -b jar -o answer -w '%{http_code}' -H "X-Pgrace-Token: $token" -H 'Content-Type: application/json' \
    -d "$2" "$base$1")
  case $got in 2*) ;; *) fail "$1 $2: $got $(cat answer)" ;; esac
}

# latest EXPRESSION: of the last event setting or state with one, the value
setting() { sed -n 's/^data: *//p' events | jq -r "(.setting? // .) | select(.database?) | $1" | tail -1; }

# until_setting EXPRESSION: holds for the last setting that was told
until_setting() {
  for _ in $(seq 900); do
    [ "$(setting "$1")" = true ] && return
    kill -0 "$pid" 2>/dev/null || fail "pgrace demo ended early"
    sleep 0.1
  done
  fail "never: $1; last: $(setting .)"
}
ready() { until_setting '.database == "ready"'; }

# told FILTER: how many moments of that kind there were, as jq sees them
told() { sed -n 's/^data: *//p' events | jq -c "select(.kind? == \"told\" and ($1))" 2>/dev/null | wc -l; }

# until_told FILTER COUNT
until_told() {
  for _ in $(seq 300); do
    [ "$(told "$1")" -lt "$2" ] || return 0
    kill -0 "$pid" 2>/dev/null || fail "pgrace demo ended early"
    sleep 0.1
  done
  fail "nobody was told: $1"
}

# a new conversation's key
arrives() {
  local before
  before=$(grep -c '^event: arrived' events || true)
  asks /arrive '{"count": 1}'
  until_says events 'event: arrived' $((before + 1))
  key=$(grep -A2 '^event: arrived' events | sed -n 's/^data: *//p' | tail -1 | jq -r '.[-1].key')
}

# both_claim: both at once, until both were told, and whoever got it has answered. Keys begin anew after a loss.
both_claim() {
  local claims answers won
  arrives
  local of=".key == $key and .operation"
  claims=$(told "$of == \"claim\"") answers=$(told "$of == \"reply\"") won=$(told "$of == \"claim\" and .outcome == \"ok\"")
  asks /both "{\"key\": $key}"
  until_told "$of == \"claim\"" $((claims + 2))
  until_told "$of == \"reply\"" $((answers + $(told "$of == \"claim\" and .outcome == \"ok\"") - won))
}

# quits [SIGNAL]: it ends at once, with 0, and nothing is left
quits() {
  kill -"${1:-INT}" "$pid"
  ended
  same "exit status after ${1:-INT}" $status 0
  no_leftovers
}

demo --port 0 --gap 300ms
same 'lines before anybody came' "$(wc -l <out)" 3
grep -q '^pgrace .* a private PostgreSQL$' out || fail 'the first line does not say where'
same 'links' "$(grep -c http:// out)" 1
[[ $link =~ ^http://127\.0\.0\.1:[0-9]+/\?token=. ]] || fail "a strange address: $link"
same 'nobody yet: a result' "$(curl -s -o /dev/null -w '%{http_code}' "$base/result.json")" 403
enters
until_says out 'http://' 2
second=$(grep -o 'http://[^ ]*' out | sed -n 2p)
[ "$second" != "$link" ] || fail 'the used link was printed again'
same 'the used link' "$(curl -s -o /dev/null -w '%{http_code}' "$link")" 403
ready
setting .server | has '^PostgreSQL [0-9.]*, private$' || fail "no server: $(setting .server)"
same 'a result of nothing' "$(curl -s -b jar -o none -w '%{http_code}' "$base/result.json")" 404
grep -q 'Nothing has happened yet' none || fail 'it does not say why there is no result'

# ---- its result ----

both_claim
until_says events '"kind":"doubled"'
asks /strategy '{"strategy": "trigger"}'
until_setting '.database == "ready" and .strategy == "trigger"'
both_claim
until_told '.outcome == "rejected"' 1
# Given back and claimed once more: two agents have answered, and that is right.
owner=$(sed -n 's/^data: *//p' events | jq -r 'select(.kind? == "told" and .operation == "claim" and .outcome == "ok") | .agent' | tail -1)
asks /release "{\"agent\": $owner, \"key\": $key}"
until_told '.operation == "release" and .outcome == "ok"' 1
asks /claim "{\"agent\": $((3 - owner)), \"key\": $key}"
for _ in $(seq 100); do
  curl -s -b jar "$base/result.json" >result.json
  jq -e '.cells[1].outcomes.reply.ok == 2' result.json >/dev/null && break
  sleep 0.05
done
cp result.json out.json
cp result.json "$work/out"
holds 'it is of the demo' '.command == "demo" and .complete and .exit_status == 0'
holds 'two cells, as the scenario says' '[.cells[] | [.strategy, .verdict, .as_expected]] ==
  [["naive", "race", true], ["trigger", "none-seen", true]]'
holds 'what was seen' '.cells[0].duplicates == 1 and .cells[1].duplicates == 0 and .cells[1].rejections[0].count == 1'
holds 'both rules' '[.cells[0].rules[] | [.by, .broken]] == [["history", 1], ["rows", 1]]'
holds 'who took part' '.settings.agents == 52 and .settings.connections == 22'
holds 'a story' '.cells[0].witness.steps | length >= 4'
holds 'how to see it again' '.repeat == "pgrace demo --port 0 --gap 300ms"'
curl -s -b jar "$base/report.html" >report.html
grep -q '"command":"demo"' report.html || fail 'report.html does not hold the result'
grep -q '"command":"schema"' report.html || fail 'report.html does not describe the trigger'
leaves
quits

"$PGRACE" report result.json >text || fail 'pgrace report does not read it'
grep -q 'claim: 2 agents claim one conversation, or the crowd does' text || fail 'no text of a demo'
"$PGRACE" report result.json --format json | cmp -s - result.json || fail 'not the same document'
"$PGRACE" report result.json --format junit | has 'value="demo"' || fail 'no JUnit of a demo'
if python3 -c 'import jsonschema' 2>/dev/null; then
  python3 "$PGR_SOURCE_DIR/tests/support/validate.py" run "$PGR_SOURCE_DIR/docs/result.schema.json" result.json ||
    fail 'not what the schema says'
fi

# ---- our server dies ----

demo --port 0 --strategy trigger --gap 200ms
enters
ready
both_claim
postmaster=$(pgrep -P "$pid" -x postgres) || fail 'no server of ours'
kill -KILL "$postmaster"
until_setting '.database == "away"'
until_says out 'The database is away, it is tried every second: '
ready
until_says out 'The database is back'
both_claim
until_told '.outcome == "rejected"' 2
leaves
quits TERM

# ---- what it begins with ----

demo --port 0 --strategy transaction --gap 1500ms --step
enters
ready
same 'strategy, gap and step mode' "$(setting '[.strategy, .gap_ns, .stepping] | @csv')" '"transaction",1500000000,true'
leaves
quits
demo --port 0 --strategy naive --order ABAB
enters
until_told '.operation == "claim" and .outcome == "ok"' 2
until_says events '"kind":"doubled"'
leaves
quits

# ---- an end before it has begun ----

for delay in 0 0.05 0.1 0.2 0.4; do
  demo --port 0
  sleep $delay
  quits
  [ ! -s err ] || fail 'something on standard error'
done

# ---- nowhere to write the address to ----

status=0
"$PGRACE" demo --port 0 >/dev/full 2>err || status=$?
same 'exit status with a full disk' $status 5
same 'what it says then' "$(cat err)" 'pgrace: cannot write the address to standard output: No space left on device'
no_leftovers

# ---- where it listens ----

if grep -qs '^0\{31\}1 ' /proc/net/if_inet6; then
  demo --port 0 --listen ::1
  [[ $link =~ ^http://\[::1\]:[0-9]+/ ]] || fail "a strange address: $link"
  enters
  leaves
  quits
fi

# The port that was named is taken; without one another is found.
demo
first=$pid port=${base##*:}
refuses 5 "$port" --port "$port"
says err 'taken'
(
  work=$work/second
  mkdir "$work"
  cd "$work"
  demo --listen 127.0.0.1
  [ "${base##*:}" != "$port" ] || fail 'the same port twice'
  enters
  leaves
  kill -INT "$pid"
  ended
  same 'exit status' $status 0
) || fail 'no second one beside the first'
pid=$first
quits

# ---- a browser ----

cat >browser <<'END'
#!/usr/bin/env bash
printf '%s\n' "$#" "$1" >"${0%/*}/opened"
END
chmod +x browser
BROWSER=$work/browser demo --port 0 --open
until_says opened http://
same 'what was opened' "$(cat opened)" "1
$link"
quits
[ ! -s err ] || fail 'something on standard error'
BROWSER=/nowhere/browser demo --port 0 --open
until_says err 'no browser was opened (/nowhere/browser is not there): open the address yourself'
quits
printf '#!/bin/sh\nexit 3\n' >browser
BROWSER=$work/browser demo --port 0 --open
until_says err 'no browser was opened'
says err 'browser failed): open the address yourself'
quits

# ---- the user's server ----

ours() { boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace\\_%'"; }
# theirs_again CONNECTIONS: starts it once more
theirs_again() {
  (become_server "$bindir/postgres" -D "$server_dir/data" -k "$server_dir" -p $server_port -c listen_addresses= \
    -c fsync=off -c max_connections="$1") >>"$server_dir/log" 2>&1 &
  server_pid=$!
  for _ in $(seq 200); do
    boss -c 'SELECT' >/dev/null 2>&1 && return
    sleep 0.05
  done
  fail "the test's own server did not start again"
}
start_server theirs -c max_connections=100
dsn="host=$server_dir port=$server_port user=boss password=master-key dbname=postgres"
demo --port 0 --gap 200ms --dsn "$dsn"
grep -q '^pgrace .* your PostgreSQL$' out || fail 'the first line does not say where'
enters
ready
setting .server | has ', yours$' || fail "no server: $(setting .server)"
both_claim
same 'databases: where we stay, and the strategy' "$(ours)" 2
asks /strategy '{"strategy": "trigger"}'
until_setting '.database == "ready" and .strategy == "trigger"'
same 'databases: one a strategy' "$(ours)" 3
asks /strategy '{"strategy": "naive"}'
until_setting '.database == "ready" and .strategy == "naive"'
same 'databases: none for one that was there' "$(ours)" 3

# It goes away for longer than connections are waited for, and comes back.
kill -INT "$server_pid"
wait "$server_pid" || true
until_setting '.database == "away"'
until_says out 'The database is away, it is tried every second: '
theirs_again 100
until_says out 'The database is back'
ready
both_claim
same 'databases after the loss: none of before' "$(ours)" 2
curl -s -b jar "$base/result.json" >"$work/result.json"
jq -e '.environment.server == "given" and (.cells | length) == 1' result.json >/dev/null ||
  fail "what was before the loss is still told: $(head -c 300 result.json)"
grep -q master-key result.json out err events && fail 'the password was told'
leaves
quits
same 'databases at the end' "$(ours)" 0

# No room for it.
kill -INT "$server_pid"
wait "$server_pid" || true
theirs_again 20
status=0
"$PGRACE" demo --port 0 --dsn "$dsn" >out 2>err || status=$?
same 'exit status' $status 5
says err 'use fewer connections elsewhere'
same 'databases at the end' "$(ours)" 0
