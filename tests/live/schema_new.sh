#!/usr/bin/env bash
# pgrace schema new and diff: of a rule a trigger, its migration and its scenario, which races without the trigger and is
# proved safe with it; the next version; nothing overwritten, nothing left half made.
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
says out "there is nothing to"
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
new 4 'mood' --table conversations --allow 'mood: sad->mad'
new 4 'cannot hold' --table conversations --allow 'note: ok->long'
new 4 'bigint' --table conversations --allow 'texter_id: one->two' --name fresh
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
races $name

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
  -c "CREATE TRIGGER kept BEFORE UPDATE ON app.lines FOR EACH ROW EXECUTE FUNCTION app.old()"
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
# Rejections that are recorded in a table outlive everything but the scenario's own beginning.
if [ -n "$(boss -c "SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'")" ]; then
  cd "$work/project"
  transition logged --table conversations --column texter_id --allow 'null->any, any->null, same' --log table
fi
no_leftovers
