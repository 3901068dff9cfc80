#!/usr/bin/env bash
# \startpipeline … \endpipeline, in the two protocols that have it; and what the server may send that is neither rows
# nor a count.
source "$(dirname "$0")/lib.sh"

protocols='extended prepared'

scenario works 9 <<<''
file works/act.sql <<'SQL'
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'first', '1', '1');
SELECT generate_series(1, 5);
INSERT INTO seen SELECT :key::bigint, :agent::int, 'two rows', '1', '1' FROM generate_series(1, 2);
\endpipeline
INSERT INTO seen VALUES (:key, :agent, 'ROW_COUNT is of the last', (:ROW_COUNT::int)::text, '2');
\startpipeline
\endpipeline
\startpipeline
BEGIN;
\set inside 7
INSERT INTO seen VALUES (:key, :agent, 'variables', (:inside::int)::text, '7');
\sleep 2 ms
\if :contender > 0
  SELECT set_config('my.mark', :agent, true);
\endif
\endpipeline
-- the conversation goes on in the same transaction, on the same connection
SELECT current_setting('my.mark')::int = :agent::int AS mine \gset
\sleep 2 ms
INSERT INTO seen VALUES (:key, :agent, 'still there', (:mine::boolean)::text, 'true');
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'another one', current_setting('my.mark'), :agent);
COMMIT;
\endpipeline
SELECT coalesce(nullif(current_setting('my.mark', true), ''), 'gone') AS mark \gset
INSERT INTO seen VALUES (:key, :agent, 'committed', :mark, 'gone');
\startpipeline
SELECT;
INSERT INTO seen VALUES (:key, :agent, 'the last', '1', '1');
\endpipeline
SQL
for protocol in $protocols; do
  try works -M $protocol --agents 6 --contenders 3 --connections 2 --rounds 10
  outcomes act ok=30
done
run 4 run "$work/works" -M simple
same "the error" "$(cat "$work/err")" \
  "pgrace: $work/works/act.sql:1:1: a pipeline needs the extended or the prepared protocol"

# ---- errors inside ----

scenario broken 0 <<'YAML'
operations:
  - {name: implicit, script: implicit.sql}
  - {name: explicit, script: explicit.sql}
  - {name: other, script: other.sql}
  - {name: early, script: early.sql}
  - {name: caught, script: caught.sql}
  - {name: full, script: full.sql}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: what was caught went on
    sql: |
      SELECT key FROM pgrace_history h LEFT JOIN seen s USING (key, agent)
      WHERE operation = 'caught' AND s.key IS NULL
rejections:
  - {sqlstate: "23505"}
YAML
file broken/schema.sql <<'SQL'
CREATE TABLE taken (id bigint PRIMARY KEY);
INSERT INTO taken VALUES (0);
SQL
sed -i '1i reset: TRUNCATE seen' "$work/broken/broken.yaml"
# Without BEGIN a pipeline is one transaction.
file broken/implicit.sql <<'SQL'
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'before the error', 'there', 'gone');
INSERT INTO taken VALUES (0);
INSERT INTO seen VALUES (:key, :agent, 'after the error', 'there', 'gone');
\endpipeline
INSERT INTO seen VALUES (:key, :agent, 'after the pipeline', 'ran', 'not');
SQL
file broken/explicit.sql <<'SQL'
BEGIN;
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'before the error', 'there', 'gone');
INSERT INTO taken VALUES (0);
COMMIT;
\endpipeline
COMMIT;
SQL
file broken/other.sql <<'SQL'
\startpipeline
SELECT 1;
SELECT 1 / (:agent::int - :agent::int);
SELECT 2 / (:agent::int - :agent::int);
\endpipeline
SQL
# So much that libpq sends most of it before the pipeline ends: the error comes while the script sleeps.
file broken/early.sql <<'SQL'
SELECT repeat('x', 100000) AS long \gset
\startpipeline
SELECT sqrt(-:agent::int);
SELECT length(:long::text);
\sleep 20 ms
SELECT 1;
\sleep 2 ms
\endpipeline
SQL
file broken/caught.sql <<'SQL'
\set ON_ERROR_STOP false
\startpipeline
SELECT 1;
INSERT INTO taken VALUES (0);
SELECT 1;
\endpipeline
\set caught case when :ERROR then 1 else 0 end
\set state :SQLSTATE
INSERT INTO seen VALUES (:key, :agent, 'caught', concat(:caught::int, ' ', :state::int), '1 23505');
SQL
{
  echo '\startpipeline'
  for i in $(seq 65); do echo "SELECT $i;"; done
  echo '\endpipeline'
} >"$work/broken/full.sql"
for protocol in $protocols; do
  breaks broken -M $protocol --agents 6 --connections 3
  outcomes implicit rejected=3
  outcomes explicit rejected=3
  outcomes other failed=3
  outcomes early failed=3
  outcomes caught ok=3
  outcomes full failed=3
  complains other.sql:3 22012 "division by zero"
  complains early.sql:3 2201F "square root"
  complains full.sql:66 - "a pipeline may hold 64 statements"
  holds "no more than that went wrong" '.cells[0].errors | length == 3'
  holds "nothing of it is left" 'all(.cells[0].rules[]; .broken == 0)'
done

# What has no place in a pipeline, where only running the script tells.
scenario misplaced 0 <<'YAML'
operations:
  - {name: gset, script: gset.sql}
  - {name: twice, script: twice.sql}
  - {name: unended, script: unended.sql}
  - {name: unbegun, script: unbegun.sql}
  - {name: refuse, script: refuse.sql}
YAML
file misplaced/all.sql <<'SQL'
\if :key > 0
  \startpipeline
\endif
INSERT INTO seen VALUES (:key, :agent, 'in a pipeline', 'there', 'gone');
SQL
for name in gset twice unended refuse; do cp "$work/misplaced/all.sql" "$work/misplaced/$name.sql"; done
file misplaced/gset.sql <<'SQL'
SELECT 1 AS x \gset
\if :key > 0
  \endpipeline
\endif
SQL
file misplaced/twice.sql <<'SQL'
\if :key > 0
  \startpipeline
\endif
\if :key > 0
  \endpipeline
\endif
SQL
file misplaced/refuse.sql <<'SQL'
\if :key > 0
  \refuse
\endif
SQL
file misplaced/unbegun.sql <<'SQL'
\if :key = 0
  \startpipeline
\endif
SELECT 1;
\if :key > 0
  \endpipeline
\endif
SQL
for protocol in $protocols; do
  breaks misplaced -M $protocol --agents 5 --connections 2
  for operation in gset twice unended unbegun refuse; do outcomes $operation failed=3; done
  holds "what was queued is undone" 'all(.cells[0].rules[]; .broken == 0)'
  complains gset.sql:5 - '\gset inside a pipeline'
  complains twice.sql:6 - '\startpipeline inside a pipeline'
  complains unbegun.sql:6 - '\endpipeline without \startpipeline'
  complains refuse.sql:6 - '\refuse inside a pipeline'
  holds "a script that ends in a pipeline" \
    '.cells[0].errors | any(.operation == "unended" and (.message | contains("\\endpipeline is missing")))'
done

# ---- tries ----

for again in operation transaction statement; do
  scenario retried 3 <<YAML
variables: {rows: as -D says}
retries:
  - {sqlstate: "40001", attempts: 3, backoff: 0ms, again: $again}
YAML
  stubborn retried
  cat >"$work/retried/act.sql" <<'SQL'
INSERT INTO seen SELECT :key::bigint, :agent::int, 'alone', '1', '1'
WHERE NOT EXISTS (SELECT FROM seen WHERE key = :key AND agent = :agent);
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'before', '1', '1');
SELECT stubborn(:agent, 3, '40001');
INSERT INTO seen VALUES (:key, :agent, 'after', (:ROW_COUNT::int)::text, :rows);
\endpipeline
SQL
  # Sent again whole: the first statement's count is what the script left off with.
  case $again in operation) rows=0 ;; *) rows=1 ;; esac
  try retried --agents 4 --connections 2 -D rows=$rows
  same "tries, again: $again" "$(history retried attempt outcome sqlstate | counted | paste -sd,)" \
    "12 1 retried 40001,12 2 retried 40001,12 3 ok"
done

scenario transaction 3 <<'YAML'
retries:
  - {sqlstate: "40001", attempts: 3, backoff: 0ms, again: transaction}
YAML
stubborn transaction
file transaction/act.sql <<'SQL'
INSERT INTO seen VALUES (:key, :agent, 'before the transaction', '1', '1');
\startpipeline
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'inside', '1', '1');
\endpipeline
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'before the error', '1', '1');
SELECT stubborn(:agent, 3, '40001');
COMMIT;
\endpipeline
SQL
for protocol in $protocols; do
  try transaction -M $protocol
  outcomes act ok=6
  holds "tries" '.cells[0].retries.act == 12'
done

# ---- COPY, notices, much, nothing ----

scenario answers 9 <<<''
file answers/act.sql <<'SQL'
;
/* nothing */ ;
\set n :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'empty statements', (:n)::text, '0');
DO $$ BEGIN RAISE NOTICE 'look: %', now(); RAISE WARNING 'look out'; END $$;
INSERT INTO seen VALUES (:key, :agent, 'a notice', '1', '1');
SELECT repeat('x', 1000) || g AS big, g FROM generate_series(1, 5000) g;
\set n :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'five megabytes', (:n)::text, '5000');
SELECT repeat('y', 1000000) AS big \gset
INSERT INTO seen SELECT :key::bigint, :agent::int, 'a large value', length(x)::text, '1000000'
FROM CAST(:big AS text) x;
COPY (SELECT repeat('z', 1000) FROM generate_series(1, 3000)) TO STDOUT;
\set n :ROW_COUNT
INSERT INTO seen VALUES (:key, :agent, 'after COPY TO', (:n)::text, '3000');
\set ON_ERROR_STOP false
COPY seen FROM STDIN;
\set failed case when :ERROR then :SQLSTATE else 0 end
\set ON_ERROR_STOP true
INSERT INTO seen VALUES (:key, :agent, 'COPY FROM is an error', (:failed)::text, '57014');
LISTEN chatter;
NOTIFY chatter, 'hello';
INSERT INTO seen VALUES (:key, :agent, 'after NOTIFY', '1', '1');
VALUES (1, NULL), (2, '');
INSERT INTO seen VALUES (:key, :agent, 'NULL in rows', (:ROW_COUNT::int)::text, '2');
BEGIN;
CREATE TEMPORARY TABLE mine (id int) ON COMMIT DROP;
INSERT INTO mine SELECT generate_series(1, :agent);
\set n :ROW_COUNT
SELECT count(*) AS n FROM mine \gset own_
COMMIT;
INSERT INTO seen VALUES (:key, :agent, 'a table of its own', concat(:n::int, ' ', :own_n::int),
  concat(:agent::int, ' ', :agent::int));
SQL
for protocol in $protocols; do
  try answers -M $protocol --connections 1
  outcomes act ok=6
done
# In the simple protocol a text needs its quotes.
scenario quoted 9 <<<'protocol: simple'
sed "s/CAST(:big AS text)/CAST(':big' AS text)/" "$work/answers/act.sql" >"$work/quoted/act.sql"
try quoted --connections 1
outcomes act ok=6

# COPY FROM in a pipeline: what follows it is taken for data, and the server hangs up. Nobody waits, and others go on.
scenario copies 1 <<'YAML'
operations:
  - {name: alone, script: alone.sql}
  - {name: followed, script: followed.sql}
  - {name: act, script: act.sql}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: SELECT key FROM pgrace_history LEFT JOIN seen USING (key) GROUP BY key HAVING count(DISTINCT seen.agent) <> 1
YAML
file copies/alone.sql <<'SQL'
\startpipeline
SELECT 1;
COPY seen FROM STDIN;
\endpipeline
SQL
file copies/followed.sql <<'SQL'
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'before it', 'there', 'gone');
COPY seen FROM STDIN;
SELECT 1;
\endpipeline
SQL
file copies/act.sql <<'SQL'
\startpipeline
COPY (SELECT repeat('z', 1000) FROM generate_series(1, 3000)) TO STDOUT;
INSERT INTO seen VALUES (:key, :agent, 'after COPY TO', '1', '1');
COPY seen (key) TO STDOUT;
\endpipeline
SQL
for protocol in $protocols; do
  breaks copies -M $protocol --agents 3 --connections 1
  outcomes alone failed=3
  holds "it hangs up, with or without a word" '.cells[0].outcomes.followed | .failed + .unknown == 3'
  outcomes act ok=3
  complains alone.sql:3 57014 "COPY FROM STDIN has no place in a script"
  holds "nothing of it is left" 'all(.cells[0].rules[]; .broken == 0)'
done

# A table that the script makes: its statements cannot be prepared while the session begins.
scenario makes 1 <<'YAML'
reset: DROP TABLE IF EXISTS made; TRUNCATE seen
operations:
  - {name: make, script: make.sql}
  - {name: idle, script: idle.sql}
  - {name: use, script: use.sql, after: make, when: end}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: SELECT key FROM pgrace_history LEFT JOIN seen USING (key) GROUP BY key HAVING count(DISTINCT seen.agent) <> 1
YAML
file makes/make.sql <<'SQL'
CREATE TABLE IF NOT EXISTS made (key bigint, note text);
INSERT INTO made VALUES (:key, 'made');
SQL
file makes/idle.sql <<<'SELECT 1;'
file makes/use.sql <<'SQL'
SELECT note AS "Note" FROM made WHERE key = :key \gset
INSERT INTO seen VALUES (:key, :agent, 'from the table', :Note, 'made');
SQL
for protocol in $protocols; do
  try makes -M $protocol --connections 1
  outcomes make ok=3
  outcomes use ok=3
done
no_leftovers
