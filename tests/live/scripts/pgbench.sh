#!/usr/bin/env bash
# pgbench's own scripts, unchanged; and one script that has to leave the same rows run by either program.
source "$(dirname "$0")/lib.sh"
builtin=$PGR_SOURCE_DIR/tests/scripts

# ---- the built-in scripts ----

# accounts NAME: the tables of pgbench -i at scale 1, and a reset that keeps their rows
accounts() {
  sed -i '1i reset: |\
  UPDATE pgbench_accounts SET abalance = 0 WHERE abalance <> 0;\
  UPDATE pgbench_tellers SET tbalance = 0; UPDATE pgbench_branches SET bbalance = 0; TRUNCATE pgbench_history' \
    "$work/$1/$1.yaml"
  cat >"$work/$1/schema.sql" <<'SQL'
CREATE TABLE pgbench_branches (bid int NOT NULL PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int NOT NULL PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_accounts (aid int NOT NULL PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
INSERT INTO pgbench_branches (bid, bbalance) VALUES (1, 0);
INSERT INTO pgbench_tellers (tid, bid, tbalance) SELECT t, 1, 0 FROM generate_series(1, 10) t;
INSERT INTO pgbench_accounts (aid, bid, abalance, filler) SELECT a, 1, 0, '' FROM generate_series(1, 100000) a;
SQL
}

scenario tpcb 0 <<'YAML'
invariants:
  - rule: sums agree
    sql: |
      SELECT 1 AS key FROM (SELECT
        (SELECT sum(abalance) FROM pgbench_accounts) AS a, (SELECT sum(tbalance) FROM pgbench_tellers) AS t,
        (SELECT sum(bbalance) FROM pgbench_branches) AS b, (SELECT coalesce(sum(delta), 0) FROM pgbench_history) AS h) s
      WHERE a <> t OR t <> b OR b <> h
  - rule: an account is the sum of its history
    sql: |
      SELECT 1 AS key FROM pgbench_accounts
      FULL JOIN (SELECT aid, sum(delta) AS moved FROM pgbench_history GROUP BY aid) h USING (aid)
      WHERE abalance <> coalesce(moved, 0) OR abalance IS NULL
  - rule: a row of history for each ok
    sql: |
      SELECT 1 AS key WHERE (SELECT count(*) FROM pgrace_history WHERE outcome = 'ok') <>
        (SELECT count(*) FROM pgbench_history WHERE delta BETWEEN -5000 AND 5000 AND tid BETWEEN 1 AND 10 AND bid = 1)
YAML
accounts tpcb
cp "$builtin/tpcb-like.sql" "$work/tpcb/act.sql"
try tpcb --agents 6 --rounds 20
outcomes act ok=120

# All three side by side, in every protocol. The branch and the tellers know of one of them only.
scenario mixed 0 <<'YAML'
operations:
  - {name: tpcb, script: tpcb-like.sql}
  - {name: simple, script: simple-update.sql}
  - {name: select, script: select-only.sql}
invariants:
  - rule: sums agree
    sql: |
      SELECT 1 AS key FROM (SELECT
        (SELECT sum(abalance) FROM pgbench_accounts) AS a, (SELECT coalesce(sum(delta), 0) FROM pgbench_history) AS h,
        (SELECT sum(tbalance) FROM pgbench_tellers) AS t, (SELECT sum(bbalance) FROM pgbench_branches) AS b) s
      WHERE a <> h OR t <> b
  - rule: a row of history for each update
    sql: |
      SELECT 1 AS key WHERE (SELECT count(*) FROM pgrace_history WHERE outcome = 'ok' AND operation <> 'select') <>
        (SELECT count(*) FROM pgbench_history)
YAML
accounts mixed
cp "$builtin"/{tpcb-like,simple-update,select-only}.sql "$work/mixed"
for protocol in $protocols; do
  try mixed -M $protocol --agents 6 --connections 3 --rounds 20
  for operation in tpcb simple select; do outcomes $operation ok=40; done
done

# ---- the same rows ----

[ -x "$bindir/pgbench" ] || skip "no pgbench to compare with"
for file in tpcb-like simple-update select-only; do
  "$bindir/pgbench" --show-script=$file 2>&1 | grep -v '^--' | diff -B - <(grep -v '^--' "$builtin/$file.sql") >&2 ||
    fail "$file.sql is not pgbench's"
done

mkdir "$work/both"
cat >"$work/both/schema.sql" <<'SQL'
CREATE TABLE effects (key bigint, agent int, what text, value text);
SQL
cat >"$work/both/act.sql" <<'SQL'
-- of :key, :agent, :colour and :default_seed
\set mixed hash(:key * 100 + :agent)
\set fnv hash_fnv1a(:key, 42)
\set place permute(:key + :agent, 1000)
\set half :colour / 2.0
\set whole (:colour / 2) % 3 | 8
\set which CASE WHEN :half > 3 and :agent = 1 THEN 1 WHEN :key % 2 = 0 THEN 2 ELSE 3 END
INSERT INTO effects VALUES (:key, :agent, 'expressions', concat(:mixed::bigint, ' ', :fnv::bigint, ' ', :place::bigint,
  ' ', :half::float8, ' ', :whole::int, ' ', :which::int));
SELECT (:key::int + 1) * 10 AS next, count(*) AS rows, NULL AS nothing FROM effects
WHERE key = :key AND agent = :agent \gset before_
BEGIN;
\if :before_rows = 1 and :agent = 1
  INSERT INTO effects VALUES (:key, :agent, 'the first', (:before_next::int)::text);
\elif :before_rows = 1
  INSERT INTO effects SELECT :key::bigint, :agent::int, 'the others', g::text FROM generate_series(1, :whole) g;
  \if :which = 2
    UPDATE effects SET value = value || '!' WHERE key = :key AND agent = :agent AND value > '5';
  \else
    \sleep 1 ms
    DELETE FROM effects WHERE key = :key AND agent = :agent AND value IN ('3', '4');
  \endif
\else
  INSERT INTO effects VALUES (:key, :agent, 'nobody', '1');
\endif
COMMIT;
\set last 0
SELECT g AS last FROM generate_series(1, :colour) g ORDER BY g \aset
SELECT g AS last FROM generate_series(1, 0) g \aset
INSERT INTO effects VALUES (:key, :agent, 'aset', (:last::int)::text);
BEGIN;
INSERT INTO effects VALUES (:key, :agent, 'rolled back', 'there');
ROLLBACK;
SQL
sed 's/^BEGIN;/\\startpipeline\n&/; s/^COMMIT;\|^ROLLBACK;/&\n\\endpipeline/' "$work/both/act.sql" \
  >"$work/both/piped.sql"

start_server pgbench
export PGPASSWORD=master-key
pgbench() { "$bindir/pgbench" -h "$server_dir" -p $server_port -U boss "$@" postgres >"$work/pgbench.out" 2>&1; }
# as_pgbench PROTOCOL SCRIPT: what it leaves, as rows of the table expected
as_pgbench() {
  boss -c 'SET client_min_messages = warning; DROP TABLE IF EXISTS effects' -f "$work/both/schema.sql"
  for key in 1 2 3; do
    for agent in 1 2; do
      pgbench -n -M "$1" -t 1 -D key=$key -D agent=$agent -D colour=7 -D default_seed=5 -f "$2" ||
        fail "pgbench: $(cat "$work/pgbench.out")"
    done
  done
  boss -c "SELECT format('INSERT INTO expected VALUES (%s, %s, %L, %L);', key, agent, what, value) FROM effects"
}
for protocol in $protocols; do
  for script in act piped; do
    [ $protocol != simple ] || [ $script = act ] || continue
    rm -rf "$work/effects"
    scenario effects 0 <<'YAML'
variables: {colour: 8}
reset: TRUNCATE effects
invariants:
  - rule: the rows that pgbench leaves
    sql: |
      SELECT key FROM ((TABLE effects EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL TABLE effects)) d
      WHERE key IN (SELECT key FROM pgrace_history)
YAML
    { cat "$work/both/schema.sql"; sed s/effects/expected/ "$work/both/schema.sql"
      as_pgbench $protocol "$work/both/$script.sql"; } >"$work/effects/schema.sql"
    [ "$(grep -c '^INSERT' "$work/effects/schema.sql")" -gt 20 ] || fail "pgbench left next to nothing"
    cp "$work/both/$script.sql" "$work/effects/act.sql"
    try effects -M $protocol -D colour=7 -D default_seed=5
    outcomes act ok=6
  done
done

# The rule tells: other rows are found.
run 0 run "$work/effects" --agents 2 --rounds 3 --format json -D default_seed=5
holds "other rows are seen" '.cells[0].duplicates == 3'

# pgbench's own run over the same tables agrees with the same rule.
boss -f "$work/tpcb/schema.sql"
pgbench -n -c 4 -t 20 -f "$builtin/tpcb-like.sql" || fail "pgbench: $(cat "$work/pgbench.out")"
sed -n '/rule: sums agree/,/rule: an/p' "$work/tpcb/tpcb.yaml" | sed -n '/SELECT 1/,/WHERE/p' >"$work/rule.sql"
same "pgbench's sums by our rule" "$(boss -f "$work/rule.sql")" ""
same "rows of history" "$(boss -c 'SELECT count(*) FROM pgbench_history')" 80
no_leftovers
