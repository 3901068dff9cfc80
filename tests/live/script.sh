#!/usr/bin/env bash
# The language of scripts through the real driver: what it says in docs/scenarios.md happens.
source "$(dirname "$0")/scripts/lib.sh"

# ---- one script, three protocols, the same end ----

scenario same 6 <<'YAML'
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: who ended ok saw all of it
    sql: |
      SELECT key FROM pgrace_history h JOIN seen s USING (key, agent)
      WHERE outcome = 'ok' GROUP BY key HAVING count(*) <> 6 * count(DISTINCT agent)
  - rule: who ended otherwise left nothing
    sql: SELECT key FROM pgrace_history JOIN seen USING (key, agent) WHERE outcome <> 'ok'
rejections:
  - sqlstate: "23505"
    constraint: taken_pkey
YAML
file same/schema.sql <<'SQL'
CREATE TABLE taken (id bigint PRIMARY KEY);
INSERT INTO taken VALUES (0);
SQL
sed -i '/^schema:/a reset: "DELETE FROM taken WHERE id <> 0; TRUNCATE seen"' "$work/same/same.yaml"
file same/act.sql <<'SQL'
\set product 6 * 7
\set half 7.0 / 2
\set right :product = 42
\set minus -17
BEGIN;
INSERT INTO seen VALUES (:key, :agent, 'a whole number', (:product)::text, '42');
INSERT INTO seen VALUES (:key, :agent, 'a double', (:half)::text, '3.5');
INSERT INTO seen VALUES (:key, :agent, 'a boolean', (:right)::text, 'true');
INSERT INTO seen VALUES (:key, :agent, 'below zero', (:minus)::text, '-17');
SELECT :contender::int * 2 AS twice, 1 = 1 AS yes \gset mine_
INSERT INTO seen VALUES (:key, :agent, 'gset', (:mine_twice)::text, (:contender::int + :contender::int)::text);
\if :mine_yes
  INSERT INTO seen VALUES (:key, :agent, 'gset of a boolean', :mine_twice::text, (:contender::int * 2)::text);
\endif
\if :contender = 2
  \refuse
\elif :contender = 3
  INSERT INTO taken VALUES (0);
\elif :contender = 4
  SELECT 1 / (:minus::int + 17);
\endif
COMMIT;
SQL
for protocol in $protocols; do
  breaks same -M "$protocol" --agents 6 --contenders 4 --rounds 12 --seed 11
  outcomes act ok=12 refused=12 rejected=12 failed=12
  complains act.sql:20 22012 "division by zero"
  holds "no rule is broken" '.cells[0].duplicates == 0 and ([.cells[0].rules[].broken] | add) == 0'
  same "protocol" "$(value .settings.protocol)" "$protocol"
  history same round agent operation attempt outcome sqlstate >"$work/$protocol.history"
  cmp -s "$work/simple.history" "$work/$protocol.history" || fail "with $protocol agents were told otherwise"
done

# ---- pgbench's traps, kept ----

scenario pasted 6 <<<'protocol: simple'
file pasted/act.sql <<'SQL'
\set nothing NULL
\set colour 7
INSERT INTO seen VALUES (:key, :agent, 'inside quotes', 'agent :agent, :colour', concat('agent ', :agent, ', ', 7));
INSERT INTO seen VALUES (:key, :agent, 'an unknown name', ':nobody', ':' || 'nobody');
INSERT INTO seen VALUES (:key, :agent, 'a cast', ':colour'::int::text /* :agent */, '7');
INSERT INTO seen VALUES (:key, :agent, 'NULL is pasted', (:nothing IS NULL)::text, 'true');
SELECT 'colour' AS word, 'now()' AS code \gset
INSERT INTO seen VALUES (:key, :agent, 'as it is', (:code > '2000-01-01')::text, 'true');
INSERT INTO seen VALUES (:key, :agent, 'a name', ':word', 'co' || 'lour');
SQL
try pasted
outcomes act ok=6
breaks pasted -M extended
complains act.sql:3 42P18 "parameter"

scenario bound 4 <<<''
file bound/act.sql <<'SQL'
\set nothing NULL
\if false
  \set undefined 1
\endif
SELECT NULL AS empty, 'it''s "quoted"; -- $1' AS text \gset
INSERT INTO seen VALUES (:key, :agent, 'NULL is the text', :nothing::text, 'NU' || 'LL');
INSERT INTO seen VALUES (:key, :agent, 'undefined', (:undefined::text IS NULL)::text, 'true');
INSERT INTO seen VALUES (:key, :agent, 'gset of NULL', '<' || :empty || '>', '<>');
INSERT INTO seen VALUES (:key, :agent, 'nothing to escape', :text, 'it''s "quoted"; ' || '-- $1');
SQL
for protocol in extended prepared; do
  try bound -M $protocol
  outcomes act ok=6
done
breaks bound -M simple
complains act.sql:7 42601 ":"

# One script a trap: each contender runs its own. Simple is what the scenario says, lest lint tells the first one.
scenario traps 0 <<'YAML'
protocol: simple
operations:
  - {name: quoted, script: quoted.sql}
  - {name: empty, script: empty.sql}
  - {name: malformed, script: malformed.sql}
  - {name: logic, script: logic.sql}
  - {name: late, script: late.sql}
  - {name: overflow, script: overflow.sql}
YAML
file traps/quoted.sql <<<"SELECT ':agent' AS a \\gset"
file traps/empty.sql <<'SQL'
SELECT NULL AS nothing \gset
\set sum :nothing + 1
SQL
file traps/malformed.sql <<'SQL'
SELECT '12monkeys' AS n \gset
\if :n
\endif
SQL
file traps/logic.sql <<'SQL'
\if 5 or 0
\endif
SQL
file traps/late.sql <<'SQL'
SELECT 1;
\set x :later + 1
\set later 1
SQL
file traps/overflow.sql <<<'\set n 9223372036854775807 + :agent'
for protocol in extended prepared; do
  breaks traps -M $protocol --agents 6
  complains quoted.sql:1 08P01 "bind message supplies 1 parameters"
  complains empty.sql:2 - "nothing"
  complains malformed.sql:2 - "malformed variable"
  complains logic.sql:1 - "cannot coerce int to boolean"
  complains late.sql:2 - "undefined variable \"later\""
  complains overflow.sql:1 - "out of range"
  for operation in quoted empty malformed logic late overflow; do outcomes $operation failed=3; done
done

# ---- \set, \gset, \aset, \if, \sleep ----

scenario functions 8 <<<''
file functions/act.sql <<'SQL'
\set die random(1, 6)
\set a random(1, 1000000000000)
\set b random(1, 1000000000000)
\set bell random_gaussian(10, 20, 2.5)
\set steep random_exponential(10, 20, 5)
\set skewed random_zipfian(10, 20, 1.5)
INSERT INTO seen VALUES (:key, :agent, 'random', (:die::int BETWEEN 1 AND 6)::text, 'true'),
  (:key, :agent, 'two draws', (:a::bigint <> :b::bigint)::text, 'true'),
  (:key, :agent, 'others', ((:bell::int BETWEEN 10 AND 20) AND (:steep::int BETWEEN 10 AND 20)
    AND (:skewed::int BETWEEN 10 AND 20))::text, 'true');
\set case case when :die > 0 then least(7, \
  1.5) end
INSERT INTO seen VALUES (:key, :agent, 'case, and a line that goes on', (:case)::text, '1.5');
\set shuffled permute(:contender, 2)
\set same permute(:contender + 2, 2)
INSERT INTO seen VALUES (:key, :agent, 'permute', (:shuffled)::text, (:same)::text);
\set hashed hash(:key, 1) % 7 + pi() * 0 + abs(-1)
\set again hash_murmur2(:key, 1) % 7 + 1.0
INSERT INTO seen VALUES (:key, :agent, 'hash', (:hashed)::text, (:again)::text);
\set here debug(:agent * 1000 + 1)
INSERT INTO seen VALUES (:key, :agent, 'debug', (:here)::text, (:agent::int * 1000 + 1)::text);
\set bits (5 | 2) << 2 # 1
INSERT INTO seen VALUES (:key, :agent, 'bits', (:bits)::text, ((5 | 2) << 2 # 1)::text);
SQL
for protocol in $protocols; do
  try functions -M $protocol
  says err "debug(agent=1,$work/functions/act.sql:20): int 1001"
done

scenario kept 6 <<<''
file kept/act.sql <<'SQL'
SELECT 1 AS one, 2 AS two \gset
SELECT 11 AS one \gset other_
INSERT INTO seen VALUES (:key, :agent, 'gset', (:one::int + :two::int)::text, '3');
INSERT INTO seen VALUES (:key, :agent, 'gset with a prefix', (:other_one::int)::text, '11');
\set n 5
SELECT 6 AS n WHERE false \aset
INSERT INTO seen VALUES (:key, :agent, 'aset without a row', (:n::int)::text, '5');
SELECT generate_series(1, 4) AS n \aset
INSERT INTO seen VALUES (:key, :agent, 'aset keeps the last row', (:n::int)::text, '4');
INSERT INTO seen VALUES (:key, :agent, 'RETURNING', '8', '8') RETURNING 8 AS eight \gset
INSERT INTO seen VALUES (:key, :agent, 'of RETURNING', (:eight::int)::text, '8');
SQL
for protocol in $protocols; do
  try kept -M $protocol
  outcomes act ok=6
done

scenario rows 0 <<'YAML'
operations:
  - {name: none, script: none.sql}
  - {name: two, script: two.sql}
  - {name: badly, script: badly.sql}
  - {name: ours, script: ours.sql}
YAML
file rows/none.sql <<'SQL'
-- a comment before it
SELECT 1 AS x
WHERE false \gset
INSERT INTO seen VALUES (:key, :agent, 'after a fault', 'x', 'y');
SQL
file rows/two.sql <<<'SELECT generate_series(1, 2) AS x \gset'
file rows/badly.sql <<<'SELECT 1 AS "no name" \gset'
file rows/ours.sql <<<'SELECT 1 AS agent \gset'
for protocol in $protocols; do
  breaks rows -M $protocol --agents 4
  complains none.sql:2 - '\gset needs one row, the query returned 0'
  complains two.sql:1 - '\gset needs one row, the query returned 2'
  complains badly.sql:1 - "'no name', cannot be a variable's name"
  complains ours.sql:1 - "would set 'agent'"
  holds "the rest of the script did not run" 'all(.cells[0].rules[]; .broken == 0)'
done
run 1 run "$work/rows" --agents 4 --rounds 3
says out '\gset needs one row, the query returned 2'
says out "rows/two.sql:1"

scenario compound 6 <<<'protocol: simple'
file compound/act.sql <<'SQL'
SELECT 1 AS x \; SELECT 2 AS x, 3 AS y \gset
INSERT INTO seen VALUES (:key, :agent, 'gset: the last', ':x :y', '2 3');
SELECT 4 AS x \; SELECT 5 AS y \; SELECT 6 AS z WHERE false \; SELECT generate_series(7, 9) AS v \aset
INSERT INTO seen VALUES (:key, :agent, 'aset: all', ':x :y :z :v', '4 5 :' || 'z 9');
INSERT INTO seen VALUES (:key, :agent, 'one', '1', '1') \; INSERT INTO seen VALUES (:key, :agent, 'message', '1', '1');
INSERT INTO seen VALUES (:key, :agent, 'ROW_COUNT: the last', :ROW_COUNT::text, '1');
BEGIN \; SELECT 1 AS inside \gset
INSERT INTO seen SELECT :key, :agent, 'a transaction', :inside::text, '1';
COMMIT;
SQL
try compound
outcomes act ok=6
run 4 run "$work/compound" -M prepared
same "the error" "$(cat "$work/err")" \
  "pgrace: $work/compound/act.sql:1:1: several statements in one need the simple protocol"

# A compound is one transaction: what fails in it takes all of it along; \gset of too few rows is no SQL error.
scenario fails 0 <<'YAML'
protocol: simple
operations:
  - {name: sql, script: sql.sql}
  - {name: rows, script: rows.sql}
  - {name: names, script: names.sql}
YAML
file fails/sql.sql <<<"INSERT INTO seen VALUES (:key, :agent, 'half', '1', '1') \\; SELECT 1 / 0 \\; SELECT 1;"
file fails/rows.sql <<<'SELECT 1 AS x \; SELECT 2 AS x WHERE false \gset'
file fails/names.sql <<<'SELECT 1 AS "1" \; SELECT 2 AS x \; SELECT 3 AS y \aset'
breaks fails --agents 3
complains sql.sql:1 22012 "division by zero"
complains rows.sql:1 - "the query returned 0"
complains names.sql:1 - "cannot be a variable's name"
holds "half of it is not there" 'all(.cells[0].rules[]; .broken == 0)'

scenario branches 1 <<<''
file branches/act.sql <<'SQL'
\set path 0
\if :contender = 1
  \set path :path + 1
  \if false
    \set path :path + 1 / 0
  \elif :contender = 1
    \set path :path + 10
    \if null
      \set path 0
    \else
      \set path :path + 100
    \endif
  \elif 1 / 0
    \set path 0
  \else
    \set path 0
  \endif
\elif :contender = 2
  \set path 2
\else
  \set path 0
\endif
INSERT INTO seen VALUES (:key, :agent, 'branches', (:path)::text, CASE :contender::int WHEN 1 THEN '111' ELSE '2' END);
SQL
for protocol in $protocols; do
  try branches -M $protocol
  outcomes act ok=6
done

scenario sleeps 6 <<<''
file sleeps/act.sql <<'SQL'
\set pause 12
SELECT extract(epoch FROM clock_timestamp())::numeric AS t0 \gset
\sleep 9000 us
SELECT extract(epoch FROM clock_timestamp())::numeric AS t1 \gset
\sleep 11ms
SELECT extract(epoch FROM clock_timestamp())::numeric AS t2 \gset
\sleep :pause ms
SELECT extract(epoch FROM clock_timestamp())::numeric AS t3 \gset
\sleep :gap us
SELECT extract(epoch FROM clock_timestamp())::numeric AS t4 \gset
\sleep 1
SELECT extract(epoch FROM clock_timestamp())::numeric AS t5 \gset
\sleep 0 s
INSERT INTO seen SELECT :key::bigint, :agent::int, what, (took BETWEEN least AND least + 5)::text, 'true' FROM (VALUES
  ('us', :t1::numeric - :t0::numeric, 0.009),
  ('ms', :t2::numeric - :t1::numeric, 0.011),
  ('a variable', :t3::numeric - :t2::numeric, 0.012),
  ('gap', :t4::numeric - :t3::numeric, 0.0105),
  ('seconds are the default', :t5::numeric - :t4::numeric, 1),
  ('all', :t5::numeric - :t0::numeric, 1.04)) AS s(what, took, least);
SQL
try sleeps --gap 10500us --rounds 1
outcomes act ok=2
holds "sleeping counts as latency" '.cells[0].latency_ns.act.ok.p50 > 1040000000'

# ---- variables ----

scenario variables 4 <<'YAML'
key: {first: 501, last: 600}
operations:
  - {name: act, script: act.sql}
  - {name: later, script: later.sql, after: act}
  - {name: last, script: last.sql, after: act, when: end}
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: SELECT key FROM seen GROUP BY key HAVING count(*) <> :contenders * 4
  - rule: places are dealt
    sql: |
      SELECT key FROM seen WHERE what = 'place' GROUP BY key
      HAVING string_agg(got, ' ' ORDER BY got) <> '1 2'
YAML
file variables/act.sql <<'SQL'
INSERT INTO seen VALUES (:key, :agent, 'presets', concat_ws(' ', :round::int, :agents::int, :contenders::int,
  :scale::int, :client_id::int, :random_seed::bigint, :gap::int),
  concat_ws(' ', :key::int - 500, 5, 2, 1, :agent::int - 1, 77, 1500));
INSERT INTO seen VALUES (:key, :agent, 'place', (:contender::int)::text, (:contender::int)::text);
\if 0
  \set unset 1
\endif
\set shared :agent * 10 + :default_seed - :default_seed
SELECT :unset::int IS NULL AS fresh \gset
\if not :fresh
  \set shared 0
\endif
\set unset 1
SQL
file variables/later.sql <<'SQL'
\set shared :shared + 1
INSERT INTO seen VALUES (:key, :agent, 'what the first one set', (:shared::int)::text, (:agent::int * 10 + 1)::text);
SQL
file variables/last.sql <<'SQL'
INSERT INTO seen VALUES (:key, :agent, 'at the end', (:shared::int)::text, (:agent::int * 10 + 1)::text);
SQL
for protocol in extended prepared; do
  try variables -M $protocol --agents 5 --contenders 2 --rounds 24 --seed 77 --gap 1500us
  outcomes act ok=48
  outcomes later ok=48
  outcomes last ok=48
done

# Defaults, and -D over them
scenario defined 3 <<<'variables: {colour: 7, word: blue, default_seed: -4}'
file defined/act.sql <<'SQL'
INSERT INTO seen VALUES (:key, :agent, 'defined', (:colour)::text || :word, '7red');
INSERT INTO seen VALUES (:key, :agent, 'over a preset', concat(:scale::int, ' ', :default_seed::int), '50 -3');
INSERT INTO seen VALUES (:key, :agent, 'again each round', (:changed::int)::text, '1');
\set changed :changed + 1
SQL
try defined -D word=red -D scale=50 --define default_seed=-3 -D changed=1
refuses() { # MESSAGE ARGUMENTS…
  local message=$1
  shift
  run 4 run "$work/defined" "$@"
  one_line_error
  says err "$message"
}
refuses "-D 'word=': write it as NAME=VALUE, with a value" -D word=
refuses "-D 'word': write it as NAME=VALUE" -D word
refuses "-D '=1': write it as NAME=VALUE" -D =1
refuses "-D key: pgrace sets :key itself" -D key=1
refuses "-D wrod: no script of defined refers to :wrod" -D wrod=red
breaks defined -D word=red -D scale=50 -D default_seed=-3 -D changed=1x
complains act.sql:3 22P02 '"1x"'

# The same seed draws the same numbers for the same agent in the same round; a retry draws them again.
scenario drawn 0 <<'YAML'
retries:
  - {sqlstate: "40001", attempts: 2, backoff: 0ms}
YAML
stubborn drawn
file drawn/act.sql <<'SQL'
\set draw debug(random(1, 1000000000000))
SELECT stubborn(:agent, 2, '40001');
\set draw debug(random(1, 1000000000000))
SQL
drawn() { # FILE ARGUMENTS…: every number drawn, by whom
  local out=$1
  shift
  try drawn --agents 3 --rounds 4 "$@"
  history drawn outcome >"$work/outcomes"
  same "tries" "$(uniq -c <"$work/outcomes" | xargs)" "12 ok 12 retried"
  grep '^debug' "$work/err" | sort >"$out"
}
drawn "$work/a" --seed 42
drawn "$work/b" --seed 42
cmp -s "$work/a" "$work/b" || fail "the same seed drew other numbers"
drawn "$work/b" --seed 43
[ -z "$(comm -12 "$work/a" "$work/b")" ] || fail "another seed drew the same numbers"
# Two draws an agent and round; those of line 1 twice in each, and all again where the rehearsal ran round 1.
same "draws of line 1" "$(grep -c ':1): int' "$work/a")" $((2 * 3 * (4 + 1)))
same "different ones" "$(grep ':1): int' "$work/a" | sort -u | wc -l)" $((3 * 4))
same "different ones, whoever drew" "$(sed 's/.*: int//' "$work/a" | sort -u | wc -l)" $((2 * 3 * 4))
no_leftovers
