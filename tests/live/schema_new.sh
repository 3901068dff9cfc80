#!/usr/bin/env bash
# pgrace schema new and diff: of a rule a trigger, its migration and its scenario, which races without the trigger and is
# proved safe with it; the next version; nothing of the user's overwritten, nothing left half made.
source "$(dirname "$0")/../support/lib.sh"
[ -x "$bindir/initdb" ] || skip "no PostgreSQL server to test with"
mkdir "$work/project"
cd "$work/project"
mkdir schema
cat >schema/0001_tables.up.sql <<'SQL'
CREATE TYPE mood AS ENUM ('sad', 'well', 'glad');
CREATE TABLE texters (id bigint PRIMARY KEY);
CREATE TABLE conversations (
  id        bigint PRIMARY KEY,
  texter_id bigint REFERENCES texters (id),
  status    text NOT NULL DEFAULT 'open',
  mood      mood,
  priority  smallint NOT NULL CHECK (priority < 10),
  note      varchar(3) NOT NULL,
  since     timestamptz NOT NULL,
  secret    boolean NOT NULL
);
CREATE TABLE tickets (id uuid PRIMARY KEY, status text NOT NULL, owner uuid);
CREATE TABLE numbered (id bigserial PRIMARY KEY, status text);
CREATE TABLE "Odd :table" ("Key" int PRIMARY KEY, "%L :state ""q" text);
CREATE TABLE spans (during tsrange PRIMARY KEY, status text);
CREATE TABLE keyless (status text);
CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SQL
echo 'DROP FUNCTION taken(); DROP TABLE keyless, spans, "Odd :table", numbered, tickets, conversations, texters;
DROP TYPE mood;' >schema/0001_tables.down.sql

# every FOLDER…: the files in them, to see that nothing changed
every() { find . -type f ! -name 'pgrace-witness-*' -exec sha256sum {} + | sort -k 2; find . -type d | sort; }

# refused STATUS TEXT ARGUMENTS…: says so on one line, and leaves everything as it was
refused() {
  local want=$1 text=$2 were
  shift 2
  were=$(every)
  run "$want" "$@"
  one_line_error
  says err "$text"
  same "files after: $*" "$(every)" "$were"
}

# misplaced PLACE TEXT ARGUMENTS…: refused, with the place in an option's text
misplaced() {
  local place=$1 text=$2 were
  shift 2
  were=$(every)
  run 4 "$@"
  same "the first line's place: $*" "$(head -1 "$work/err" | cut -d ' ' -f 1)" "$place:"
  says err "$text"
  [ ! -s "$work/out" ] || fail "a fault, but standard output is not empty"
  same "files after: $*" "$(every)" "$were"
}

# tells TEXT: standard output has it, wherever lines were broken
tells() {
  [[ $(tr -s ' \n' ' ' <"$work/out") == *"$1"* ]] || fail "does not tell: $1"
}
tells_not() {
  [[ $(tr -s ' \n' ' ' <"$work/out") != *"$1"* ]] || fail "tells: $1"
}

# races NAME [ROUNDS]: what was made passes as it is
races() {
  run 0 lint --server "./scenarios/$1"
  run 0 run "./scenarios/$1" --isolation all --rounds ${2:-60} -q --format json
  holds "$1 races without the trigger only" \
    '[.cells[] | [.strategy, .verdict]] | unique == [["naive", "race"], ["trigger", "none-seen"]]'
  holds "$1 at all levels" '.cells | length == 6'
  run 0 explore "./scenarios/$1" --isolation all -q --format json
  holds "$1 is proved" '[.cells[] | [.strategy, .verdict]] | unique == [["naive", "race"], ["trigger", "safe"]]'
  rm -f pgrace-witness-*
}

# transition NAME ARGUMENTS…
transition() {
  local name=$1
  shift
  run 0 schema new transition --name "$name" "$@"
  races "$name"
}

# ---- rules of every kind ----
run 0 schema new transition --table conversations --column texter_id --allow 'null->any, any->null, same' \
  --why 'Two texters must not own one conversation.' --field texter --shown 'This conversation is taken'
name=conversations_texter_id_transition
for file in schema/triggers/$name/trigger.yaml schema/triggers/$name/v1.sql schema/0002_$name.up.sql \
  schema/0002_$name.down.sql scenarios/$name/$name.yaml scenarios/$name/table.sql scenarios/$name/change.sql \
  scenarios/$name/transitions.sql; do
  says out "$file"
  [ -s "$file" ] || fail "no $file"
done
for next in "lint --server ./scenarios/$name" "run ./scenarios/$name" "explore ./scenarios/$name" \
  'schema up --dsn URI'; do
  says out "  pgrace $next"
done
same "the migration" "$(grep -v '^--' schema/0002_$name.up.sql)" "\\ir triggers/$name/v1.sql"
grep -qF 'UPDATE conversations SET texter_id = :agent WHERE id = :key;' scenarios/$name/change.sql ||
  fail "agents do not write their own number"
races $name
run 0 run ./scenarios/$name --rounds 100 -q
says out "With trigger the loser is told: This conversation is taken"
says out "(texter; SQLSTATE 23514, $name)"

run 0 schema lint
transition two --table conversations --column status --allow 'open->a, open->b, same'
grep -qF '\if :agent % 2 = 1' scenarios/two/change.sql || fail "agents do not take sides"
transition feelings --table conversations --column mood --allow 'sad->well, well->glad, sad->glad'
transition several --table conversations --allow 'status: open->claimed->closed' --allow 'mood: null->any, same' \
  --insert 'status: open'
transition columns --table conversations --column status --allow 'open->closed' --column priority \
  --allow '1->2->3, 1->4, same'
transition uuids --table tickets --column owner --allow 'null->any, any->null, same'
transition levels --table conversations --column status --allow 'new->open->a, open->b, same' --insert 'status: new'
transition numbers --table numbered --column status --allow 'null->any, any->null'
transition recorded --table conversations --column texter_id --allow 'null->any, any->null, same' --log server
run 0 schema new transition --table '"Odd :table"' --column '"%L :state ""q"' \
  --allow "'a:b'->'it''s :key', 'a:b'->'\\x%s \$\$ 💥', same" --message '100 % :agent $$ "no"'
races odd__table__l__state__q_transition
grep -qF '100 % :agent' schema/triggers/odd__table__l__state__q_transition/trigger.yaml || fail "the message is lost"

# Agents' own numbers are none that the rule names, and come before sides wherever they are possible.
run 0 schema new transition --name fresh --table conversations --column texter_id --dry-run \
  --allow '5->7, null->any, any->null, same'
says out 'SET texter_id = 1000 + :agent'
run 0 schema new transition --name fresh --table tickets --column owner --dry-run \
  --allow 'null->any, any->null, same' --history owners --history-key id --history-order since
says out "SET owner = lpad(:agent::text, 32, '0')::uuid"
says out 'order: since'

# A chain that lets two write the same is broken by a check that grew stale; the user is told what is not.
run 0 schema new transition --name chain --table conversations --column status --allow 'open->claimed->closed, same'
says out "If only one may be told yes"
races chain 500 # a rare race, where three updates have to meet
# Nothing to race: everything else is made, and the reason told.
run 0 schema new transition --name idle --table conversations --column status --allow 'open->closed, same'
tells "so there is nothing to race. What the rule allows is that two of them set status to the same value"
tells_not "Two agents can both"
[ ! -e scenarios/idle ] || fail "a scenario that shows nothing"
[ -e schema/triggers/idle/v1.sql ] || fail "no trigger"
run 0 schema new transition --name never --table conversations --column status --allow 'null->any, any->null, same'
says out "is NOT NULL"

# All of it goes up, down, and up.
run 0 schema up

# ---- what is refused, and leaves nothing ----
new() { refused "$1" "$2" schema new transition "${@:3}"; }
new 4 'give --table' --allow 'status: a->b'
new 4 'give --allow' --table conversations --column status
new 4 'of which column?' --table conversations --allow 'a->b'
new 4 "'mood' has no --allow" --table conversations --column status --allow 'a->b' --column mood
new 4 'has two --allow' --table conversations --allow 'status: a->b' --allow 'status: b->c'
new 4 'of which column?' --table conversations --allow 'status: a->b' --allow 'mood: sad->glad' --insert a
new 4 'two words' --table 'two words' --allow 'status: a->b'
new 4 'did you mean conversations?' --table conversation --allow 'status: a->b'
new 4 "did you mean 'status'?" --table conversations --allow 'statsu: a->b'
misplaced --allow:1:12 'mood' schema new transition --table conversations --allow 'mood: sad->mad'
misplaced --allow:1:11 'cannot hold' schema new transition --table conversations --allow 'note: ok->long'
misplaced --allow:1:12 'bigint' schema new transition --table conversations --allow 'texter_id: one->two' --name fresh
new 4 'five characters' --table conversations --allow 'status: a->b' --sqlstate 235
new 4 'class 23' --table conversations --allow 'status: a->b' --sqlstate P0001
new 4 "'server' or 'table'" --table conversations --allow 'status: a->b' --log file
new 4 'history' --table conversations --allow 'status: a->b' --history changes
new 4 'UTF-8' --table conversations --allow $'status: a->\xff'
new 4 'is no name for a trigger' --table conversations --allow 'status: a->b' --name ../outside
new 4 'is no name for a trigger' --table conversations --allow 'status: a->b' --name 'drop table'
new 4 'at most 63' --table conversations --allow 'status: a->b' --name "$(printf 'n%.0s' {1..64})"
new 4 'exists already' --table conversations --allow 'status: a->b' --name two
mkdir scenarios/mine
new 4 'scenarios/mine exists already' --table conversations --allow 'status: a->b' --name mine
new 4 'function taken() already' --table conversations --allow 'status: a->b' --name fresh --function taken
new 4 'no primary key' --table keyless --allow 'status: a->b'
new 4 'tsrange' --table spans --allow 'status: a->b'
new 4 'part of the primary key' --table numbered --allow 'id: 1->2'
new 4 'no folder nowhere' --table conversations --allow 'status: a->b' --dir nowhere
# A place where nothing can be made: what was written before is taken back.
new 5 'cannot' --table conversations --allow 'status: a->b' --name fresh --scenarios /proc/nowhere
were=$(every)
run 4 schema new transition --table conversations --allow 'status: a->b, c>d'
says err '--allow:1:16:'
run 4 schema new transition --table conversations --allow 'status: a->b' --insert 'status: x->y'
says err '--insert:1:'
run 0 schema new transition --table conversations --allow 'status: a->b, same' --dry-run
says out 'CREATE OR REPLACE TRIGGER conversations_status_transition'
says out 'schema/triggers/conversations_status_transition/v1.sql'
same "files after a dry run" "$(every)" "$were"
refused 4 'transition, version or migration' schema new trigger
refused 4 "trigger's name" schema new version
refused 4 "did you mean 'chain'?" schema new version chian
refused 4 'is just what its trigger.yaml declares' schema new version chain
refused 4 'no name for a migration' schema new migration 'a/b'
refused 4 'one version only' schema diff chain
refused 4 "did you mean 'chain'?" schema diff chian

# ---- the scenario goes red when the trigger does not do what the rule says ----
file=schema/triggers/$name/v1.sql
cp $file whole.sql
# red TEXT: installing the trigger fails already, for transitions.sql; without that, racing and exploring find it
red() {
  run 4 run ./scenarios/$name --rounds 100 -q
  says err "$1"
  run 4 explore ./scenarios/$name -q
  sed -i '/- transitions.sql/d' scenarios/$name/$name.yaml
  run 1 run ./scenarios/$name --rounds 100 -q
  run 1 explore ./scenarios/$name -q
  cp whole.yaml scenarios/$name/$name.yaml
  cp whole.sql $file
  rm -f pgrace-witness-*
}
cp scenarios/$name/$name.yaml whole.yaml
echo "DROP TRIGGER $name ON conversations;" >>$file
red "a change from '1' to '2' should be refused"
sed -i 's/WHEN (OLD.texter_id <> NEW.texter_id)/WHEN (OLD.texter_id > NEW.texter_id AND false)/' $file
cmp -s $file whole.sql && fail "the test does not loosen the trigger"
red "a change from '1' to '2' should be refused"
sed -i "s/CONSTRAINT = '$name'/CONSTRAINT = 'another'/" $file
cmp -s $file whole.sql && fail "the test does not rename the constraint"
red "with SQLSTATE 23514, constraint '$name', and is refused with SQLSTATE 23514, constraint 'another'"

# ---- the next version ----
cp -r scenarios/two scenarios/two-by-hand
rm scenarios/two-by-hand/transitions.sql
mv scenarios/two-by-hand/two.yaml scenarios/two-by-hand/two-by-hand.yaml
sed -i '/transitions.sql/d' scenarios/two-by-hand/two-by-hand.yaml
sed -i "s/allow: open->a, open->b, same/allow: open->a->c, open->b, same/" schema/triggers/two/trigger.yaml
first=$(cat schema/triggers/two/v1.sql)
were=$(every)
run 0 schema new version two --dry-run
same "files after a dry run" "$(every)" "$were"
run 0 schema new version two
says out "--- triggers/two/v1.sql"
says out "+++ triggers/two/v2.sql"
says out "Changed scenarios/two/two.yaml"
says out "Changed scenarios/two/transitions.sql"
says out "Changed scenarios/two-by-hand/two-by-hand.yaml"
same "version 1" "$(cat schema/triggers/two/v1.sql)" "$first"
migration=$(basename schema/*_two_v2.up.sql .up.sql)
same "up" "$(grep -v '^--' "schema/$migration.up.sql")" '\ir triggers/two/v2.sql'
same "down" "$(grep -v '^--' "schema/$migration.down.sql")" '\ir triggers/two/v1.sql'
grep -q "'a', 'c'" scenarios/two/transitions.sql || fail "transitions.sql is the former rule's"
grep -q 'two/v2.sql' scenarios/two/two.yaml || fail "the scenario installs the former version"
! grep -rq 'two/v1.sql' scenarios || fail "a scenario installs the former version"
races two
races two-by-hand
refused 4 'is just what its trigger.yaml declares' schema new version two
run 1 schema diff two
same "the labels" "$(head -2 "$work/out")" "$(printf -- '--- triggers/two/v1.sql\n+++ triggers/two/v2.sql')"
grep -q '^+.*(.a., .c.)' "$work/out" || fail "the diff does not show what changed"
run 1 schema diff two 2 1
same "the other way" "$(head -1 "$work/out")" '--- triggers/two/v2.sql'
run 0 schema diff two 1 1
same "no difference" "$(cat "$work/out")" ''
refused 4 'out of range' schema diff two 1 3
run 0 schema up
PATH=/nowhere run 5 schema diff two
says err 'no program diff'
# What somebody edited stays, and the new one lies beside it; of the YAML only the path is another one.
file=scenarios/feelings/transitions.sql
cp $file $work/written.sql
sed -i 's/^-- The transition table of/-- My table of/' $file
cp $file $work/edited.sql
cmp -s $file $work/written.sql && fail "the test does not edit"
cat >>scenarios/feelings/feelings.yaml <<'YAML'
# not-triggers/feelings/v1.sql, triggers/feelings/v1.sql.old, old/triggers/feelings/v1.sql
YAML
sed -i 's/^    allow: .*/&, same/' schema/triggers/feelings/trigger.yaml
run 0 schema new version feelings
cmp $file $work/edited.sql || fail "what was edited is lost"
says out "Made    scenarios/feelings/transitions.v2.sql"
tells "$file has been edited, and stays as it is: it may still try the rule of version 1."
tells "beside it, in transitions.v2.sql"
grep -qF "ARRAY['well', 'well']::text[], true" scenarios/feelings/transitions.v2.sql || fail "not the new rule"
same "what names a version" "$(tail -1 scenarios/feelings/feelings.yaml)" \
  "# not-triggers/feelings/v1.sql, triggers/feelings/v1.sql.old, old/triggers/feelings/v2.sql"
# Of the message it says nothing, so nothing of it changes.
sed -i 's/^message: .*/message: Not so fast/' schema/triggers/feelings/trigger.yaml
mv scenarios/feelings/transitions.v2.sql $file
run 0 schema new version feelings
tells "Changed scenarios/feelings/feelings.yaml"
tells_not "$file"
sed -i 's/^    allow: .*/    allow: sad->well, well->glad, same/' schema/triggers/feelings/trigger.yaml
run 0 schema new version feelings
tells "Changed $file"
tells_not "has been edited"
# Behind the text, and what pgrace never wrote.
echo '-- more' >>$file
sed -i 's/^    allow: .*/    allow: sad->well, same/' schema/triggers/feelings/trigger.yaml
run 0 schema new version feelings
tells "$file has been edited"
[ "$(tail -1 $file)" = '-- more' ] || fail "what was added is lost"
echo 'SELECT' >$file
sed -i 's/^    allow: .*/    allow: well->sad, same/' schema/triggers/feelings/trigger.yaml
run 0 schema new version feelings
tells "$file has been edited"
same "what pgrace never wrote" "$(cat $file)" SELECT
sed -i 's/^    allow: .*/    allow: well->sad->mad, same/' schema/triggers/feelings/trigger.yaml
refused 4 'schema/triggers/feelings/trigger.yaml: the column mood' schema new version feelings
sed -i 's/^    allow: .*/    allow: well->sad, same/' schema/triggers/feelings/trigger.yaml
# Written by hand: a copy, to be changed.
sed -i '/^rule:/,/^ *allow:/d' schema/triggers/uuids/trigger.yaml
run 0 schema new version uuids
says out 'a copy of version 1'
cmp schema/triggers/uuids/v1.sql schema/triggers/uuids/v2.sql || fail "no copy"
grep -q 'uuids/v2.sql' scenarios/uuids/uuids.yaml || fail "the scenario installs the former version"

# ---- migrations ----
last=$(ls schema | grep -c 'up.sql$')
run 0 schema new migration more
says out "schema/00$((last + 1))_more.up.sql"
says out "schema/00$((last + 1))_more.down.sql"
run 0 schema new migration first --dir fresh
says out "fresh/0001_first.up.sql"

# ---- a database of the user's: read, not written; the password is nobody's ----
start_server mine
boss -c 'CREATE DATABASE inbox'
PGPASSWORD=master-key psql -X -q -h "$server_dir" -p $server_port -U boss -d inbox \
  -c "CREATE SCHEMA app" \
  -c "CREATE TABLE app.lines (shop smallint, number varchar(12), state text, PRIMARY KEY (shop, number))" \
  -c "CREATE FUNCTION app.old() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'" \
  -c "CREATE TABLE plain (id int PRIMARY KEY, state text)" \
  -c "CREATE TRIGGER kept BEFORE UPDATE ON app.lines FOR EACH ROW EXECUTE FUNCTION app.old()"
PGPASSWORD=master-key psql -X -q -h "$server_dir" -p $server_port -U boss -d inbox <<'SQL'
CREATE TABLE typed (id int PRIMARY KEY, due date, at timestamptz, n numeric, price numeric(6, 2), code char(6), place point,
  doc json, markup xml, room box, made jsonb, cost money, sent boolean, "Big" float8);
CREATE TABLE tasks (id bigint PRIMARY KEY, status text);
CREATE TABLE parts (id int, shop int, status text, PRIMARY KEY (id, shop)) PARTITION BY LIST (shop);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
CREATE TABLE parents (id int PRIMARY KEY, status text);
CREATE TABLE children () INHERITS (parents);
SQL
before_dump() { PGPASSWORD=master-key pg_dump -h "$server_dir" -p $server_port -U boss -s inbox | grep -v '^\\'; }
dumped=$(before_dump)
mkdir "$work/other"
cd "$work/other"
uri="postgresql://boss:master-key@/inbox?host=$server_dir&port=$server_port"
run 0 schema new transition --dsn "$uri" --table app.lines --column state --allow 'null->any, any->null, same' \
  --dir db/schema --scenarios db/races
! grep -q master-key "$work/out" "$work/err" || fail "the password is printed"
! grep -rq master-key db || fail "the password is in a file"
grep -q '\.\./\.\./schema/triggers/lines_state_transition/v1.sql' db/races/lines_state_transition/*.yaml ||
  fail "the way to the version is another one"
run 0 lint --server ./db/races/lines_state_transition
run 0 explore ./db/races/lines_state_transition -q
same "the database" "$(before_dump)" "$dumped"
rm -f pgrace-witness-*
run 0 schema new transition --dsn "$uri" --table app.lines --column number --allow 'a->b' --dir db/schema \
  --no-scenario --name bare
[ -e db/schema/triggers/bare/v1.sql ] || fail "no trigger"
[ ! -e scenarios ] || fail "a scenario that nobody wanted"
new 4 'has a trigger kept already' --dsn "$uri" --table app.lines --column state --allow 'a->b' --dir db/schema \
  --name kept
there=(--dsn "$uri" --dir db/schema --scenarios db/races --name fresh)
# drafted ARGUMENTS…: what would be written
drafted() { run 0 schema new transition "${there[@]}" --dry-run "$@"; }
# A value is written as PostgreSQL writes it: today is another day tomorrow.
other() {
  misplaced "$1" "$2" schema new transition "${there[@]}" --table typed "${@:3}"
  says err ' to PostgreSQL, as '
}
other --allow:1:6 "'today' is '20" --allow 'due: today->2026-11-30'
other --allow:1:12 "'01/02/2026' is '2026-01-02'" --allow "due: null->'01/02/2026'"
other --allow:1:11 "'2026-01-01' is '2026-01-01 00:00:00+00'" --allow 'at: null->2026-01-01'
other --allow:1:8 "'1' is '1.00'" --allow 'price: 1→2.00'
other --allow:1:7 "' open ' is ' open'" --allow "code: ' open '->closed"
other --allow:1:15 "'t' is 'true'" --allow 'sent: false-> t'
other --insert:1:8 "'1e1' is '10'" --allow '"Big": 10->any, null->10' --insert '"Big": 1e1, null'
misplaced --allow:1:30 '"null"' schema new transition "${there[@]}" --table typed --allow "due: null->2026-01-01, any-> 'null'"
misplaced --allow:1:16 "'1.0' and '1.00' are one value" schema new transition "${there[@]}" --table typed \
  --allow 'n: 1.0->2, 2→1.00'
# Types without =, and those whose = means something else: boxes of one size are equal, and no two points.
for column in doc markup place room; do
  new 4 'which has no = that tells whether two values are the same' "${there[@]}" --table typed --allow "$column: null->any"
done
drafted --no-scenario --table typed --allow 'made: null->any'
drafted --no-scenario --table typed --allow 'cost: 1.00->2.00'
drafted --no-scenario --table typed --allow "at: null->'2026-01-01 00:00:00+00'" \
  --allow "due: 2026-01-01->2026-01-02->infinity" --allow "n: 1.0->2" --allow "code: open->' shut'"

# What surprises: where an UPDATE is an INSERT; where there is no trigger.
for table in parts parts_1 parents tasks; do
  drafted --table $table --allow 'status: open->closed' --insert 'status: open'
  case $table in
  parts) tells "parts is partitioned, and new rows are ruled: an UPDATE that moves a row to another partition is an INSERT" ;;
  parts_1) tells "parts_1 is a partition, and new rows are ruled" ;;
  *) tells_not "partition, and new rows" ;;
  esac
  if [ $table = parents ]; then tells "parents has children by inheritance"; else tells_not "by inheritance"; fi
  tells "transitions.sql tries new rows, which begin as the rule says. Of them it does not try:"
  tells "Rows that are older than the rule may have any value"
done
drafted --table parents --no-scenario --allow 'status: open->closed'
tells "parents has children by inheritance"
drafted --table typed --allow 'code: open->closed'
tells_not "older than the rule"
# What only this search path finds is called by its schema.
elsewhere="$uri&options=-csearch_path%3Dapp%2Cpublic"
for table in "$uri plain plain" "$elsewhere plain public.plain" "$elsewhere lines app.lines" "$uri app.lines app.lines"; do
  read -r where given written <<<"$table"
  run 0 schema new transition --dsn "$where" --table "$given" --column state --allow 'a->b' --dir db/schema \
    --scenarios db/races --name fresh --dry-run
  says out "table: $written"
  says out "BEFORE UPDATE OF state ON $written"
  says out "CREATE TABLE $written ("
  if [ "$given" = "$written" ]; then tells_not "search path of"; else tells "The search path of this database leads to $written."; fi
done
# Names that are no plain ones, in a terminal as in SQL.
odd=$'o"dd; %s \e[31m 💥'
PGPASSWORD=master-key psql -X -q -h "$server_dir" -p $server_port -U boss -d inbox -v odd="$odd" <<'SQL'
CREATE SCHEMA :"odd";
CREATE TABLE :"odd".found (id int PRIMARY KEY, status text);
CREATE TABLE :"odd".less () INHERITS (:"odd".found);
SQL
drafted --dsn "$uri&options=-csearch_path%3D%22o%22%22dd;%5C%20%25s%5C%20%1b[31m%5C%20💥%22" --table found --no-scenario \
  --allow 'status: open->closed' --insert 'status: open'
says out 'AFTER INSERT ON "o""dd; %s '
! grep -q $'\e' "$work/out" || fail "a name moves the cursor"
tells 'leads to "o""dd; %s [31m 💥".found. All'
# A new row is refused when it begins otherwise than ruled, not one that is there already and is only proposed anew.
mkdir "$work/upserts"
cd "$work/upserts"
inbox() { PGPASSWORD=master-key psql -X -q -A -t -h "$server_dir" -p $server_port -U boss -d inbox -v VERBOSITY=verbose "$@"; }
run 0 schema new transition --dsn "$uri" --table tasks --name begins --allow 'status: open->closed' \
  --insert 'status: open'
tells_not "ON CONFLICT"
run 0 schema up --dsn "$uri"
inbox -c "INSERT INTO tasks VALUES (1, 'open')"
upsert="INSERT INTO tasks VALUES (:id, 'closed') ON CONFLICT (id) DO UPDATE SET status = excluded.status"
inbox -v ON_ERROR_STOP=1 -v id=1 <<<"$upsert" || fail "an upsert of a row that is there is refused"
inbox -v ON_ERROR_STOP=1 -c "INSERT INTO tasks VALUES (1, 'gone') ON CONFLICT DO NOTHING" ||
  fail "a row that is left alone is refused"
! inbox -v ON_ERROR_STOP=1 -v id=2 <<<"$upsert" 2>"$work/refused" || fail "a new row begins with 'closed'"
grep -q '23514' "$work/refused" || fail "refused for another reason: $(cat "$work/refused")"
same "the rows" "$(inbox -c 'SELECT * FROM tasks')" '1|closed'

# A rule about another table, while this one has its trigger, is no version of it.
sed -i 's/^table: .*/table: plain/' schema/triggers/begins/trigger.yaml
sed -i 's/column: status/column: state/' schema/triggers/begins/trigger.yaml
refused 4 'declares the table plain, but tasks has version 1 of the trigger' schema new version begins --dsn "$uri"
sed -i 's/column: state/column: status/' schema/triggers/begins/trigger.yaml

# The table has another name by now: version 1 cannot come back, so the down takes the trigger away.
cat >schema/0002_rename.up.sql <<'SQL'
ALTER TABLE tasks RENAME TO "Do: it";
SQL
echo 'ALTER TABLE "Do: it" RENAME TO tasks;' >schema/0002_rename.down.sql
sed -i "s/^table: .*/table: '\"Do: it\"'/" schema/triggers/begins/trigger.yaml
run 0 schema up --dsn "$uri"
run 0 schema new version begins --dsn "$uri"
tells "does not bring version 1 back: that is for tasks, which is \"Do: it\" by now"
tells "with the table's former name. Change that there"
same "the down" "$(grep -v '^--' schema/0003_begins_v2.down.sql)" 'DROP TRIGGER IF EXISTS begins ON "Do: it";
DROP TRIGGER IF EXISTS begins_insert ON "Do: it";
DROP FUNCTION IF EXISTS begins();'
grep -q '^-- Not back to version 1: that is for tasks' schema/0003_begins_v2.down.sql || fail "the down does not say why"
guards() { inbox -c "SELECT tgname FROM pg_trigger WHERE tgrelid = '\"Do: it\"'::regclass ORDER BY 1" | paste -sd ' '; }
run 0 schema up --dsn "$uri"
same "version 2" "$(guards)" 'begins begins_insert'
run 0 schema down --dsn "$uri" --yes
same "after the down" "$(guards)" ''
run 0 schema up --dsn "$uri"
same "version 2 again" "$(guards)" 'begins begins_insert'
run 0 schema status --dsn "$uri"
# All of it down and up again, on a server of its own.
cat >schema/0000_tasks.up.sql <<'SQL'
CREATE TABLE tasks (id bigint PRIMARY KEY, status text);
SQL
echo 'DROP TABLE tasks;' >schema/0000_tasks.down.sql
run 0 schema up
# The version after it is on the same table, and can come back.
sed -i 's/allow: .*/allow: open->closed->open, same/' schema/triggers/begins/trigger.yaml
run 0 schema new version begins
same "the down" "$(grep -v '^--' schema/0004_begins_v3.down.sql)" '\ir triggers/begins/v2.sql'
tells_not "former name"
# By hand: what the last version made is named, its helper too.
sed -i -e '/^rule:/,/^ *insert:/d' -e 's/^table: .*/table: app.lines/' schema/triggers/begins/trigger.yaml
run 0 schema new version begins --dry-run
says out 'DROP TRIGGER IF EXISTS begins ON app.lines;'
says out 'DROP TRIGGER IF EXISTS begins_insert ON app.lines;'
says out 'DROP FUNCTION IF EXISTS begins();'

# What moves a cursor, or turns the direction of text, is in the files but not on a terminal.
mover=$'one\e[2J\xc2\x9b2J\xe2\x80\xaetwo'
sed -i "s/^-- Triggers/-- $mover\n&/" schema/triggers/begins/v3.sql
run 0 schema new version begins --dry-run
says out '-- one [2J??2J???two'
! grep -q $'\e\|\xc2\x9b\|\xe2\x80\xae' "$work/out" || fail "a dry run moves the cursor"
run 1 schema diff begins
grep -qF "+-- $mover" "$work/out" || fail "the diff is not what patch needs"
if script --version >/dev/null 2>&1; then
  script -qec "'$PGRACE' schema diff begins" /dev/null </dev/null >"$work/out" 2>"$work/err" || true
  says out '+-- one [2J??2J???two'
  ! grep -q $'\e\\[2J' "$work/out" || fail "a diff moves the cursor"
fi
# Rejections that are recorded in a table outlive everything but the scenario's own beginning.
if [ -n "$(boss -c "SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'")" ]; then
  cd "$work/project"
  transition logged --table conversations --column texter_id --allow 'null->any, any->null, same' --log table
  ! grep -q DELETE scenarios/logged/restart.sql || fail "transitions.sql takes its rejections away itself"
fi
no_leftovers
