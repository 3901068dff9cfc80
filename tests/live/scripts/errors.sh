#!/usr/bin/env bash
# Errors as scripts meet them: caught, declared, tried again; and what becomes of the transaction they strike.
source "$(dirname "$0")/lib.sh"

# ---- the end of a transaction that was not meant to end ----

# One connection: what an agent leaves behind the next one finds. The row of a refused transaction is not there.
scenario refuse 1 <<'YAML'
operations:
  - {name: turned, script: turned.sql}
  - {name: act, script: act.sql}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: SELECT key FROM pgrace_history LEFT JOIN seen USING (key) GROUP BY key HAVING count(DISTINCT seen.agent) <> 1
YAML
file refuse/turned.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a refused transaction', 'there', 'gone');
SELECT set_config('my.mark', 'left', true);
\refuse
INSERT INTO seen VALUES (:key, :agent, 'after refuse', 'ran', 'not');
SQL
file refuse/act.sql <<'SQL'
\sleep 2 ms
INSERT INTO seen VALUES (:key, :agent, 'a clean connection',
  coalesce(nullif(current_setting('my.mark', true), ''), 'clean'), 'clean');
SQL
for protocol in $protocols; do
  try refuse -M $protocol --connections 1
  outcomes turned refused=3
  outcomes act ok=3
done
same "tries of a refusal" "$(history refuse operation attempt outcome sqlstate | grep turned | counted)" "3 turned 1 refused"

# The same where the script ends, or fails on its own account.
scenario unended 1 <<'YAML'
operations:
  - {name: forgets, script: forgets.sql}
  - {name: wants, script: wants.sql}
  - {name: act, script: act.sql}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: SELECT key FROM pgrace_history LEFT JOIN seen USING (key) GROUP BY key HAVING count(DISTINCT seen.agent) <> 1
YAML
file unended/forgets.sql <<'SQL'
BEGIN;
-- here it lacks a COMMIT
INSERT INTO seen VALUES (:key, :agent, 'of a transaction without an end', 'there', 'gone');
\set done 1
SQL
file unended/wants.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a transaction with a fault', 'there', 'gone');
SELECT 1 AS x WHERE false \gset
COMMIT;
SQL
cp "$work/refuse/act.sql" "$work/unended/act.sql"
for protocol in $protocols; do
  breaks unended -M $protocol --agents 3 --connections 1
  outcomes forgets failed=3
  outcomes wants failed=3
  outcomes act ok=3
  complains forgets.sql:3 - "the script ended inside a transaction: it lacks a COMMIT or ROLLBACK"
  complains wants.sql:3 - "needs one row"
  holds "nothing of it is left" 'all(.cells[0].rules[]; .broken == 0)'
done

# ---- ROW_COUNT, ERROR, SQLSTATE, ON_ERROR_STOP ----

scenario caught 10 <<<''
file caught/schema.sql <<<'CREATE TABLE taken (id bigint PRIMARY KEY, agent int);'
file caught/act.sql <<'SQL'
\set clean :ROW_COUNT = 0 and not :ERROR
\set clean case when :clean then 1 else 0 end
INSERT INTO seen VALUES (:key, :agent, 'at first', concat(:clean::int, :SQLSTATE::int), '10');
INSERT INTO taken SELECT :key::bigint * 1000 + :agent::int * 100 + i, :agent::int FROM generate_series(1, 7) i;
\set n :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'inserted', (:n)::text, '7');
SELECT generate_series(1, 5);
\set n :ROW_COUNT * 10
CREATE TEMPORARY TABLE IF NOT EXISTS unused (a int);
\set n :n + :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'selected, created', (:n)::text, '50');
UPDATE taken SET id = id WHERE agent = -1;
\set n :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'updated', (:n)::text, '0');
\set ON_ERROR_STOP false
INSERT INTO taken VALUES (:key::bigint * 1000 + :agent::int * 100 + 1);
\set n :ROW_COUNT
\if :ERROR
  INSERT INTO seen VALUES (:key, :agent, 'outside a transaction', concat(:SQLSTATE::int, ' ', :n::int), '23505 0');
\endif
INSERT INTO seen VALUES (:key, :agent, 'after a success', concat(:SQLSTATE::int), '0');
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'lost with its transaction', 'there', 'gone');
SELECT 1 / (:agent::int - :agent::int) AS x \gset
\set failed :ERROR
SELECT 1;
\if :failed and :ERROR
  ROLLBACK;
\else
  COMMIT;
\endif
\if not :ERROR
  INSERT INTO seen VALUES (:key, :agent, 'inside a transaction', '1', '1');
\endif
BEGIN;
SAVEPOINT s;
INSERT INTO taken VALUES (:key::bigint * 1000 + :agent::int * 100 + 1);
\if :ERROR
  ROLLBACK TO s;
  INSERT INTO seen VALUES (:key, :agent, 'with a savepoint', '1', '1');
\endif
COMMIT;
\set ON_ERROR_STOP true
\if :contender = 1
  \set n 1
\else
  \set n 0
\endif
INSERT INTO seen VALUES (:key, :agent, 'the end', '1', '1');
INSERT INTO seen VALUES (:key, :agent, 'the very end', (1 / 1)::text, '1');
SQL
for protocol in $protocols; do
  try caught -M $protocol --connections 1
  outcomes act ok=6
  holds "what a script caught is no error" '.cells[0].errors == []'
done
history caught sqlstate | has . && fail "an ok operation has an SQLSTATE"

# Stopping is the rule, and comes back.
scenario stops 1 <<<''
file stops/act.sql <<'SQL'
INSERT INTO seen VALUES (:key, :agent, 'before', '1', '1');
\set ON_ERROR_STOP 0
SELECT 1 / (:agent::int - :agent::int);
\set ON_ERROR_STOP true
SELECT 2 / (:agent::int - :agent::int);
INSERT INTO seen VALUES (:key, :agent, 'after', 'ran', 'not');
SQL
for protocol in $protocols; do
  breaks stops -M $protocol
  outcomes act failed=6
  complains act.sql:5 22012 "division by zero"
  holds "the first one was not counted" '.cells[0].errors | length == 1 and .[0].count == 6'
  holds "nothing ran after it" '.cells[0].rules[0].broken == 0 and .cells[0].rules[1].broken == 0'
done

# ---- declared errors ----

scenario declared 0 <<'YAML'
operations:
  - {name: known, script: known.sql}
  - {name: other, script: other.sql}
  - {name: any, script: any.sql}
  - {name: inside, script: inside.sql}
invariants:
  - rule: nothing is left of it
    sql: SELECT key FROM seen
rejections:
  - {sqlstate: "23505", constraint: taken_pkey, field: id, message: It is taken}
  - {sqlstate: "P0001", message: No}
YAML
file declared/schema.sql <<'SQL'
CREATE TABLE taken (id bigint PRIMARY KEY, twin bigint UNIQUE);
INSERT INTO taken VALUES (0, 0);
SQL
sed -i '1i reset: TRUNCATE seen' "$work/declared/declared.yaml"
file declared/known.sql <<<'INSERT INTO taken VALUES (0, :agent);'
file declared/other.sql <<<'INSERT INTO taken VALUES (-:agent::int, 0);'
file declared/any.sql <<<"DO \$\$ BEGIN RAISE EXCEPTION 'no'; END \$\$;"
file declared/inside.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a rejected transaction', 'there', 'gone');
INSERT INTO taken VALUES (0, :agent);
INSERT INTO seen VALUES (:key, :agent, 'after it', 'ran', 'not');
COMMIT;
SQL
for protocol in $protocols; do
  breaks declared -M $protocol --agents 4 --connections 1
  outcomes known rejected=3
  outcomes other failed=3
  outcomes any rejected=3
  outcomes inside rejected=3
  complains other.sql:1 23505 "taken_twin_key"
  holds "nothing is left of it" '.cells[0].rules[0].broken == 0'
  holds "only what is undeclared is an error" '.cells[0].errors | length == 1'
  holds "each declaration is counted" '[.cells[0].rejections[] | [.sqlstate, .constraint, .field, .message, .count]] ==
    [["23505", "taken_pkey", "id", "It is taken", 6], ["P0001", null, null, "No", 3]]'
  history declared operation attempt outcome sqlstate | counted >"$work/got"
  diff "$work/got" - <<'TEXT' >&2 || fail "the history reads otherwise"
3 any 1 rejected P0001
3 inside 1 rejected 23505
3 known 1 rejected 23505
3 other 1 failed 23505
TEXT
done

# ---- tries ----

# tries NAME: attempt, outcome and SQLSTATE of every try, and how often
tries() { history "$1" attempt outcome sqlstate | counted | paste -sd, | sed 's/,/, /g'; }

# What is done again: variables tell, for they are kept. 40001 in the third statement, three tries.
for again in operation transaction statement; do
  scenario again 1 <<YAML
pool_mode: session
variables: {wanted: as -D says}
retries:
  - {sqlstate: "40001", attempts: 5, backoff: 0ms, again: $again}
YAML
  [ -e "$work/again/act.sql" ] || {
    file again/act.sql <<'SQL'
\if :contender = 0
  \set whole 0
\endif
SELECT coalesce(:whole::int, 0) + 1 AS whole \gset
\if :whole = 1
  \set inner 0
\endif
BEGIN;
\set inner :inner + 1
INSERT INTO seen VALUES (:key, :agent, 'in the transaction', concat(:whole::int, ' ', :inner::int), :wanted);
SELECT stubborn(:agent, 3, '40001');
COMMIT;
SQL
  }
  stubborn again
  case $again in operation) want='3 3' ;; transaction) want='1 3' ;; statement) want='1 1' ;; esac
  if [ $again = statement ]; then
    # In a transaction that failed the statement fails otherwise, which is not retried.
    breaks again -D wanted="$want" --rounds 2
    outcomes act failed=4
    complains act.sql:11 25P02 "current transaction is aborted"
    same "tries" "$(tries again)" "4 1 retried 40001, 4 2 failed 25P02"
    sed -i 's/^BEGIN;$//; s/^COMMIT;$//' "$work/again/act.sql"
  fi
  try again -D wanted="$want"
  outcomes act ok=6
  same "tries, again: $again" "$(tries again)" "6 1 retried 40001, 6 2 retried 40001, 6 3 ok"
  holds "tries are counted" '.cells[0].retries.act == 12'
done

# All three outside a transaction and over a pool: a try is a new turn at the pool.
for again in operation transaction statement; do
  scenario alone 1 <<YAML
retries:
  - {sqlstate: ["40P01", "40001"], attempts: 3, backoff: 0ms, again: $again}
YAML
  stubborn alone
  cat >"$work/alone/act.sql" <<'SQL'
SELECT stubborn(:agent, 3, '40P01');
INSERT INTO seen VALUES (:key, :agent, 'alone', '1', '1');
SQL
  for protocol in simple prepared; do
    try alone -M $protocol --agents 4 --connections 2
    same "tries, again: $again" "$(tries alone)" "12 1 retried 40P01, 12 2 retried 40P01, 12 3 ok"
  done
done

# When the last try fails too: a rejection if it is declared, else a failure. Strategies bring their own.
scenario exhausted 0 <<'YAML'
invariants:
  - rule: nothing is left of it
    sql: SELECT key FROM seen
rejections:
  - {sqlstate: "40001"}
retries:
  - {sqlstate: ["40001", "40P01"], attempts: 2, backoff: 0ms}
strategies:
  - name: declared
    summary: a serialization failure
    isolation: {read committed: unsaid}
  - name: not
    summary: a deadlock
    scripts: {act: deadlock.sql}
    isolation: {read committed: unsaid}
  - name: own
    summary: more tries
    isolation: {read committed: unsaid}
    retries: [{sqlstate: "40001", attempts: 4, backoff: 0ms}]
YAML
stubborn exhausted
file exhausted/act.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a try', 'there', 'gone');
SELECT stubborn(:agent, 1000000, '40001');
COMMIT;
SQL
sed "s/'40001'/'40P01'/" "$work/exhausted/act.sql" >"$work/exhausted/deadlock.sql"
try exhausted --strategy declared
outcomes act rejected=6
same "tries" "$(tries exhausted)" "6 1 retried 40001, 6 2 rejected 40001"
breaks exhausted --strategy not
outcomes act failed=6
complains deadlock.sql:3 40P01 "is not enough"
same "tries" "$(tries exhausted)" "6 1 retried 40P01, 6 2 failed 40P01"
try exhausted --strategy own
same "tries" "$(tries exhausted)" "6 1 retried 40001, 6 2 retried 40001, 6 3 retried 40001, 6 4 rejected 40001"
try exhausted --strategy own --max-tries 1
same "tries with --max-tries 1" "$(tries exhausted)" "6 1 rejected 40001"
try exhausted --strategy declared --max-tries 3
same "tries with --max-tries 3" "$(tries exhausted)" "6 1 retried 40001, 6 2 retried 40001, 6 3 rejected 40001"

# Backoff: drawn from 0 … 40 ms · 2^(tries - 1), at most 60 ms. Ten tries pause 290 ms on average and 580 ms at most.
scenario backoff 1 <<'YAML'
retries:
  - {sqlstate: "40001", backoff: 40ms, max_backoff: 60ms}
YAML
stubborn backoff
file backoff/act.sql <<'SQL'
SELECT stubborn(:agent, 10, '40001');
INSERT INTO seen VALUES (:key, :agent, 'backoff', '1', '1');
SQL
try backoff --agents 6 --rounds 1
outcomes act ok=6
holds "pauses pass, and are bounded" '.cells[0].latency_ns.act.ok | .p50 > 100000000 and .max < 3000000000'
history backoff agent attempt call_ns return_ns | sort -k1,1n -k2,2n | awk '
  $1 == agent { pause = ($3 - ended) / 1e6; n++; sum += pause; if (pause < 30) few++ }
  { agent = $1; ended = $4 }
  END { exit !(n == 54 && sum / n > 15 && sum / n < 90 && few >= 5) }' || fail "pauses are not drawn as declared"
no_leftovers
