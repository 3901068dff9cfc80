#!/usr/bin/env bash
# Connections as scripts see them: shared in the two ways of a pool, lost, interrupted; and the shell beside them.
source "$(dirname "$0")/lib.sh"

# libuv closes descriptors behind the thread sanitizer's back, which then sees two threads use one.
threads=2
[ "${PGR_SANITIZE:-}" != thread ] || threads=1

# ---- pool modes ----

# What lives in the session is there for the next statement only when the operation keeps its connection.
scenario pool 1 <<'YAML'
pool_mode: session
YAML
file pool/act.sql <<'SQL'
SELECT set_config('my.mark', :agent::text, false), pg_try_advisory_lock(:agent::bigint) AS got \gset
\sleep 2 ms
SELECT current_setting('my.mark', true) = :agent::text AS mine, pg_advisory_unlock(:agent::bigint) AS held \gset
\if not (:mine and :held)
  \refuse
\endif
INSERT INTO seen VALUES (:key, :agent, 'the session', '1', '1');
SQL
for protocol in $protocols; do
  try pool -M $protocol --agents 6 --connections 2 --rounds 5
  outcomes act ok=30
done
sed -i 's/^pool_mode: session/pool_mode: transaction/' "$work/pool/pool.yaml"
run 0 run "$work/pool" --agents 6 --connections 2 --rounds 5 --format json
holds "others had the connection in between" '.cells[0].outcomes.act | .refused > 0 and .ok + .refused == 30'
# A transaction keeps it.
sed -i '1i BEGIN;' "$work/pool/act.sql"
echo 'COMMIT;' >>"$work/pool/act.sql"
try pool --agents 6 --connections 2 --rounds 5
outcomes act ok=30
# Who sleeps needs none: twenty that sleep for 60 ms over one connection are done in less than 1.2 s.
scenario asleep 1 <<<''
file asleep/act.sql <<'SQL'
SELECT 1;
\sleep 60 ms
INSERT INTO seen VALUES (:key, :agent, 'awake', '1', '1');
SQL
try asleep --agents 20 --connections 1 --rounds 1
holds "they sleep beside each other" '.cells[0].elapsed_ns | . >= 60000000 and . < 1200000000'

# ---- the shell ----

scenario shell 5 <<<''
file shell/act.sql <<'SQL'
\set n 6
  \shell echo agent :agent ::n "a  b" >>WORK/said
\setshell n expr :n \* 7
INSERT INTO seen VALUES (:key, :agent, 'setshell', (:n)::text, '42');
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'before it in a transaction', '1', '1');
\setshell n echo ' -5 '; echo 6; while [ -e WORK ]; do sleep 0.1; done &
\shell while [ -e WORK ]; do sleep 0.1; done &
\shell cat; echo told you >&2
INSERT INTO seen VALUES (:key, :agent, 'the first line counts', (:n)::text, '-5');
COMMIT;
\setshell n seq 200000
INSERT INTO seen VALUES (:key, :agent, 'much of it', (:n)::text, '1');
\shell seq 200000 >/dev/null
\if 0
  \shell exit 1
\endif
INSERT INTO seen VALUES (:key, :agent, 'the end', '1', '1');
SQL
sed -i "s|WORK|$work/shell|" "$work/shell/act.sql"
# What a command leaves in the background is not waited for; here it ends when the folder goes.
run 4 run "$work/shell"
same "the error" "$(cat "$work/err")" \
  "pgrace: $work/shell/act.sql:2:3: the script runs a shell command; allow it with --allow-shell"
[ ! -e "$work/shell/said" ] || fail "it ran all the same"
for protocol in simple prepared; do
  try shell --allow-shell -M $protocol --agents 4 --connections 2 --threads $threads
  outcomes act ok=12
  same "what the shell wrote" "$(sort -u "$work/shell/said" | paste -sd,)" \
    "agent 1 :n a b,agent 2 :n a b,agent 3 :n a b,agent 4 :n a b"
  says err "told you"
done
rm -r "$work/shell"

scenario wrong 0 <<'YAML'
operations:
  - {name: exits, script: exits.sql}
  - {name: killed, script: killed.sql}
  - {name: missing, script: missing.sql}
  - {name: words, script: words.sql}
  - {name: large, script: large.sql}
  - {name: silent, script: silent.sql}
  - {name: late, script: late.sql}
  - {name: undefined, script: undefined.sql}
YAML
file wrong/exits.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'before it', 'there', 'gone');
\shell exit 3
COMMIT;
SQL
file wrong/killed.sql <<<'\shell kill -9 $$'
file wrong/missing.sql <<<'\shell no-such-command-here 2>/dev/null'
file wrong/words.sql <<<'\setshell n echo seven'
file wrong/large.sql <<<'\setshell n echo 2147483648'
file wrong/silent.sql <<<'\setshell n true'
file wrong/late.sql <<<'\setshell n echo 1; exit 1'
file wrong/undefined.sql <<'SQL'
SELECT 1;
\shell echo :nothing
\set nothing 1
SQL
breaks wrong --allow-shell --agents 8 --connections 4
for operation in exits killed missing words large silent late undefined; do outcomes $operation failed=3; done
holds "nothing of it is left" 'all(.cells[0].rules[]; .broken == 0)'
complains exits.sql:3 - '\shell: the command failed with exit status 3'
complains killed.sql:1 - '\shell: signal 9 ended the command'
complains missing.sql:1 - '\shell: the command failed with exit status 127'
complains words.sql:1 - "\\setshell: the command must print an integer of 32 bits, not 'seven'"
complains large.sql:1 - "not '2147483648'"
complains silent.sql:1 - "not ''"
complains late.sql:1 - '\setshell: the command failed with exit status 1'
complains undefined.sql:2 - "undefined variable 'nothing'"

# ---- connections that are lost ----

# The victims are as many as the killer waits for; in the rehearsal too, where the first four operations run.
scenario lost 0 <<'YAML'
operations:
  - {name: killer, script: killer.sql}
  - {name: busy, script: busy.sql}
  - {name: asleep, script: asleep.sql}
  - {name: shelled, script: shelled.sql}
  - {name: itself, script: itself.sql}
  - {name: piped, script: piped.sql}
  - {name: told, script: told.sql}
  - {name: check, script: check.sql, when: end}
YAML
file lost/schema.sql <<'SQL'
-- Not those that only prepare such a query.
CREATE VIEW victims AS SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%victim%'
  AND (wait_event = 'PgSleep' OR state = 'idle in transaction' OR (query LIKE '%sqrt%' AND wait_event = 'ClientRead'
    AND state = 'active'));
CREATE FUNCTION kill_all(many int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  WHILE (SELECT count(*) FROM victims) < many LOOP
    PERFORM pg_stat_clear_snapshot(), pg_sleep(0.002);
  END LOOP;
  RETURN (SELECT count(pg_terminate_backend(pid)) FROM victims);
END $$;
SQL
file lost/killer.sql <<'SQL'
\set many case when :contenders = 7 then 4 else 3 end
SELECT kill_all(:many) AS killed \gset
INSERT INTO seen VALUES (:key, :agent, 'killed', (:killed::int)::text, (:many::int)::text);
SQL
file lost/busy.sql <<'SQL'
SELECT pg_sleep(60) /* victim */;
INSERT INTO seen VALUES (:key, :agent, 'after the loss', 'ran', 'not');
SQL
file lost/asleep.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a lost transaction', 'there', 'gone');
SELECT 'victim';
\sleep 60 s
COMMIT;
SQL
sed 's/^.sleep.*/\\shell sleep 60.125; true/' "$work/lost/asleep.sql" >"$work/lost/shelled.sql"
file lost/itself.sql <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of a lost transaction', 'there', 'gone');
SELECT pg_terminate_backend(pg_backend_pid());
COMMIT;
SQL
file lost/piped.sql <<'SQL'
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'of a lost pipeline', 'there', 'gone');
SELECT pg_terminate_backend(pg_backend_pid());
SELECT 1;
\endpipeline
INSERT INTO seen VALUES (:key, :agent, 'after the loss', 'ran', 'not');
SQL
# The error is told before the pipeline's end, for so much is sent at once; what comes after it changes nothing.
file lost/told.sql <<'SQL'
SELECT repeat('x', 100000) AS long \gset
\startpipeline
SELECT sqrt(-:agent::int) /* victim */;
SELECT length(:long::text);
\sleep 60 s
\endpipeline
SQL
# Rounds with an unknown outcome are not judged by their rows: the round looks for itself.
file lost/check.sql <<'SQL'
SELECT count(*) AS lives, count(*) FILTER (WHERE got IS DISTINCT FROM want) AS wrong FROM seen WHERE key = :key \gset
\if :lives <> 1 or :wrong <> 0
  SELECT 1 / 0;
\endif
SQL
for protocol in extended prepared; do
  breaks lost --allow-shell -M $protocol --agents 7 --rounds 4 --threads $threads
  outcomes killer ok=4
  outcomes told failed=4
  for operation in busy asleep shelled itself piped; do outcomes $operation unknown=4; done
  outcomes check ok=4
  complains told.sql:3 2201F "square root"
  holds "a loss is no error" '.cells[0].errors | length == 1'
  ! pgrep -f 'sleep 60\.125' >/dev/null || fail "a command outlived its operation"
done
sed -i '/name: piped/d; /name: told/d' "$work/lost/lost.yaml"
try lost --allow-shell -M simple --agents 5 --rounds 2
for operation in busy asleep shelled itself; do outcomes $operation unknown=2; done

# ---- Ctrl-C ----

# Each contender hangs in its own way, but not in the rehearsal, which has four agents.
scenario hangs 0 <<'YAML'
operations:
  - {name: asleep, script: asleep.sql}
  - {name: alone, script: alone.sql}
  - {name: shelled, script: shelled.sql}
  - {name: busy, script: busy.sql}
  - {name: piped, script: piped.sql}
  - {name: nothing, script: nothing.sql}
  - {name: queued, script: queued.sql}
YAML
hang() { # NAME: a script that hangs by the lines on standard input
  { echo '\if :agents > 4'; cat; echo '\endif'; } >"$work/hangs/$1.sql"
}
hang asleep <<'SQL'
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'of an interrupted transaction', 'there', 'gone');
\sleep 60 s
COMMIT;
SQL
hang alone <<'SQL'
SELECT 1;
\sleep 60 s
SELECT 1;
SQL
hang shelled <<'SQL'
SELECT 1;
\shell sleep 60.25; true
SQL
hang busy <<<'SELECT pg_sleep(60);'
hang piped <<'SQL'
\startpipeline
INSERT INTO seen VALUES (:key, :agent, 'of an interrupted pipeline', 'there', 'gone');
\sleep 60 s
\endpipeline
SQL
hang nothing <<<'\sleep 60 s'
hang queued <<'SQL'
\setshell n sleep 60.25 & echo 1; wait
SELECT 1;
SQL
background run "$work/hangs" --allow-shell --agents 7 --threads $threads --duration 60s --format json --out "$work/hangs.out"
racing
sleep 0.3
from=${EPOCHREALTIME/./}
kill -INT $pid
ended
took=$(((${EPOCHREALTIME/./} - from) / 1000))
same "exit status after SIGINT" $status 2
[ "$took" -lt 10000 ] || fail "it took $took ms to stop"
holds "incomplete" '.complete == false and .interrupted and .cells[0].rounds == 0'
for operation in asleep alone shelled busy piped; do outcomes $operation unknown=1; done
for operation in nothing queued; do outcomes $operation; done
! pgrep -f 'sleep 60\.25' >/dev/null || fail "a command outlived pgrace"
no_leftovers

# In the rehearsal too.
sed -i 's/> 4/> 0/' "$work"/hangs/*.sql
background run "$work/hangs" --allow-shell --agents 7 --format json
sleep 0.7
kill -TERM $pid
ended
same "exit status after an interrupted rehearsal" $status 2
! pgrep -f 'sleep 60\.25' >/dev/null || fail "a command outlived the rehearsal"
no_leftovers
