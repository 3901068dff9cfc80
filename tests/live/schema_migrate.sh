#!/usr/bin/env bash
# pgrace schema up, down, redo, status: on databases of the user's, and without one. Nothing happens that was not told,
# nothing is half done, and no password is shown.
source "$(dirname "$0")/../support/lib.sh"
command -v psql >/dev/null || skip "psql is not installed"
cd "$work"
start_server given

# ---- what the tests stand on ----

# schema STATUS ARGUMENTS…
schema() {
  local want=$1
  shift
  run "$want" schema "$@"
  ! grep -qF master-key out err || fail "pgrace schema $*: the password is shown"
  ! grep -qE $'\033|\u009b|\u202e' out err || fail "pgrace schema $*: what a terminal obeys gets through"
}

# silent TEXT: neither output has it
silent() { ! grep -qF -- "$1" out err || fail "it says: $1"; }

# fits: standard output is no wider than a terminal
fits() { [ "$(wc -L <out)" -le 80 ] || fail "wider than a terminal"; }

# in_order TEXT…: standard output has them, in lines one below the other; blanks in a row are one there
in_order() {
  local from=1 text line
  tr -s ' ' <out | sed 's/^ //' >squeezed
  for text in "$@"; do
    line=$(tail -n "+$from" squeezed | grep -nF -m1 -- "$text" | cut -d: -f1) || fail "out does not say in its place: $text"
    from=$((from + line))
  done
}

# new_database NAME: sets database, uri
new_database() {
  database=$1
  boss -c "CREATE DATABASE \"$1\""
  uri="postgresql://boss:master-key@/$1?host=$server_dir&port=$server_port"
}
db() { boss -d "$database" "$@"; }
applied() { db -c "SELECT string_agg(number::text, ' ' ORDER BY number) FROM pgrace.migrations"; }

# A folder with a table, a rule on it whose trigger was written by hand, and a view.
new_folder() {
  rm -rf schema
  mkdir -p schema/triggers/items_status
  cat >schema/0001_items.up.sql <<'SQL'
CREATE TABLE items (id bigint PRIMARY KEY, status text);
COMMENT ON TABLE items IS 'things';
SQL
  echo 'DROP TABLE items;' >schema/0001_items.down.sql
  cat >schema/triggers/items_status/trigger.yaml <<'YAML'
table: items
function: items_status_check
rule:
  - column: status
    allow: open->done
    insert: open
message: An item is done for good.
YAML
  cat >schema/triggers/items_status/v1.sql <<'SQL'
CREATE OR REPLACE FUNCTION items_status_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'An item is done for good.' USING ERRCODE = '23514', CONSTRAINT = 'items_status';
END $$;
CREATE OR REPLACE TRIGGER items_status BEFORE UPDATE ON items FOR EACH ROW
  WHEN (NOT (OLD.status = 'open' AND NEW.status = 'done')) EXECUTE FUNCTION items_status_check();
SQL
  printf -- '-- the rule\n\\ir triggers/items_status/v1.sql\n' >schema/0002_items_status.up.sql
  printf 'DROP TRIGGER items_status ON items;\nDROP FUNCTION items_status_check();\n' >schema/0002_items_status.down.sql
}
add_third() {
  echo 'CREATE VIEW open_items AS SELECT * FROM items;' >schema/0003_open_items.up.sql
  echo 'DROP VIEW open_items;' >schema/0003_open_items.down.sql
}

# until_asleep: waits until a migration of $database sleeps on the server
until_asleep() {
  for _ in $(seq 200); do
    [ "$(boss -c "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND wait_event = 'PgSleep'")" = 0 ] ||
      return 0
    kill -0 "$pid" 2>/dev/null || fail "pgrace ended early"
    sleep 0.05
  done
  fail "no migration sleeps"
}

# ---- the words ----

for word in --help help -h; do
  schema 0 $word
  says out "pgrace schema SUBCOMMAND"
  fits
done
for command in up down redo status; do
  schema 0 $command --help
  says out "Usage: pgrace schema $command"
  same "no more than a screen: $command" "$([ "$(wc -l <out)" -le 32 ] && echo yes)" yes
  fits
  schema 0 help $command
  says out "Usage: pgrace schema $command"
done
run 0 --help
says out "  schema "
schema 4 stauts
one_line_error
says err "did you mean 'status'?"
schema 4 --dsn x up
one_line_error
says err "the subcommand comes first"
schema 4 up --dry-rum
says err "did you mean --dry-run?"
for stray in "up" "down" "redo" "status" ""; do
  schema 4 $stray postgresql://somebody:s3cr3t@nowhere/db
  one_line_error
  silent s3cr3t
done
schema 4 up --dir postgresql://somebody:s3cr3t@nowhere/db
one_line_error
silent s3cr3t
schema 4 up --check
says err "name it with --dsn"
schema 4 down
says err "--dsn URI"
schema 4 down 0 --dsn ''
schema 4 status --format yaml
says err "give text or json"
schema 4 up --dir "$work/nowhere"
one_line_error
says err nowhere

# ---- up ----

new_folder
new_database first
schema 2 status --dsn "$uri"
in_order "2 migrations pending" "0001_items pending" "0002_items_status pending" "items_status v1 - absent"
schema 0 up --dry-run --dsn "$uri"
in_order "2 migrations would be applied" 0001_items "CREATE TABLE items none nobody" "COMMENT TABLE items none nobody" 0002_items_status \
  "CREATE FUNCTION items_status_check none nobody" "CREATE TRIGGER items SHARE ROW EXCLUSIVE writers"
silent "applied in"
schema 0 up --check --dsn "$uri"
in_order "2 migrations pending, no row breaks a rule that can be asked yet" 0002_items_status "cannot be asked yet"
same "nothing was made" "$(db -c "SELECT to_regnamespace('pgrace') IS NULL AND to_regclass('items') IS NULL")" t

schema 0 up --dsn "$uri"
in_order "first: 2 migrations to apply" 0001_items "statement on lock keeps waiting" "CREATE TABLE items none nobody" "applied in" \
  0002_items_status "CREATE TRIGGER items SHARE ROW EXCLUSIVE writers" "applied in" "2 migrations applied to first"
same "locks begin in one column" \
  "$(awk '/(none|SHARE ROW EXCLUSIVE|lock)  / { print match($0, /(none|SHARE ROW EXCLUSIVE|lock)  /) }' out | uniq -c | tr -s ' ')" " 5 40"
fits
same "records" "$(applied)" "1 2"
db -c "INSERT INTO items VALUES (1, 'done')"
! db -c "UPDATE items SET status = 'open'" 2>/dev/null || fail "the trigger is not in force"
db -c "DELETE FROM items"
schema 0 up --dsn "$uri"
says out "nothing to do"

# A role and a session that may not write: what only reads works all the same.
add_third
readonly_uri="$uri&options=-c%20default_transaction_read_only%3Don"
for what in "up --dry-run" "up --check" "down --dry-run"; do
  schema 0 $what --dsn "$readonly_uri"
done
schema 2 status --dsn "$readonly_uri"
rm schema/0003*

# From libpq's environment.
PGHOST=$server_dir PGPORT=$server_port PGUSER=boss PGPASSWORD=master-key PGDATABASE=first schema 0 up --dsn ''
says out "nothing to do"
says out "socket in $server_dir, port $server_port, user boss"
silent "default host"
PGHOST=$server_dir PGPORT=$server_port PGUSER=boss PGPASSWORD=master-key PGDATABASE=first schema 0 status --dsn '' --format json
holds "what was reached" ".target == \"socket in $server_dir, port $server_port, user boss\""
schema 5 up --dsn "postgresql://boss:not-master-k@/first?host=$server_dir&port=$server_port"
one_line_error
silent not-master-k

# ---- status ----

schema 0 status --dsn "$uri"
in_order "as it should be, 2 migrations, 1 trigger" "0001_items applied 20" "by boss" "items_status v1 v1 current"
schema 0 status --dsn "$uri" --format json
holds "the status" '.format == 1 and .command == "schema status" and .folder == "schema" and .database == "first" and
  .exit_status == 0'
holds "the migrations" '[.migrations[] | "\(.number) \(.name) \(.title) \(.state) \(.applied_by) \(.has_down)"] ==
  ["1 items 0001_items applied boss true", "2 items_status 0002_items_status applied boss true"]'
holds "the triggers" '.triggers == [{name: "items_status", latest: 1, state: "current", installed: 1, recorded: 1,
  why: null}]'
holds "nothing else" '.undeclared == []'
schema 0 status
in_order "2 migrations in the folder, 1 trigger declared" 0001_items "items_status v1" "With --dsn"
schema 0 status --format json
holds "the folder alone" '.database == null and [.migrations[].state] == [null, null] and .triggers[0].state == null'

status=0
"$PGRACE" schema status --dsn "$uri" >/dev/full 2>err || status=$?
same "exit status on a full disk" $status 5
says err "cannot write to standard output"

# By the source of the function, and by what the trigger looks like.
db -c "CREATE OR REPLACE FUNCTION items_status_check() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
schema 1 status --dsn "$uri"
in_order "1 trigger of no known version" "items_status v1 ? unknown"
schema 1 status --dsn "$uri" --format json
holds "unknown" '.triggers[0] | .state == "unknown" and .installed == null and .recorded == 1 and (.why | type) == "string"'
db -f schema/triggers/items_status/v1.sql
schema 0 status --dsn "$uri"
db -c "ALTER TABLE items DISABLE TRIGGER items_status"
schema 1 status --dsn "$uri"
in_order "1 trigger drifted" "items_status v1 v1 drifted" disabled
db -c "DROP TRIGGER items_status ON items; DROP FUNCTION items_status_check()"
schema 1 status --dsn "$uri" --format json
holds "gone" '.triggers[0].state == "drifted"'
db -f schema/triggers/items_status/v1.sql
schema 0 status --dsn "$uri"
# What nobody declares, and what would move a cursor.
db -c "CREATE TRIGGER \"wild"$'\033'"[31m one\" BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION items_status_check()"
schema 0 status --dsn "$uri"
in_order "1 trigger declared nowhere" "declared nowhere on calls" "wild [31m one\" items items_status_check"
schema 0 status --dsn "$uri" --format json
holds "the stranger" '.undeclared | length == 1 and (.[0].name | contains("wild")) and .[0].enabled'
db -c "DROP TRIGGER \"wild"$'\033'"[31m one\" ON items"

# A second version: the folder is ahead of the database, then the database of the record.
sed 's/for good/for good now/' schema/triggers/items_status/v1.sql >schema/triggers/items_status/v2.sql
schema 2 status --dsn "$uri"
in_order "1 trigger not at its latest version" "items_status v2 v1 behind" "No migration installs"
echo '\ir triggers/items_status/v2.sql' >schema/0003_items_status_2.up.sql
echo '\ir triggers/items_status/v1.sql' >schema/0003_items_status_2.down.sql
schema 2 status --dsn "$uri" --format json
holds "pending" '.exit_status == 2 and .migrations[2].state == "pending" and .triggers[0].state == "behind"'
schema 0 up --dsn "$uri"
schema 0 status --dsn "$uri" --format json
holds "version 2" '.triggers[0] | .installed == 2 and .recorded == 2'
db -f schema/triggers/items_status/v1.sql
schema 1 status --dsn "$uri"
in_order "1 trigger drifted" "items_status v2 v1 drifted" "version 2 was installed last"
schema 0 redo --yes --dsn "$uri"
schema 0 status --dsn "$uri"
schema 0 down --yes --dsn "$uri"
schema 2 status --dsn "$uri" --format json
holds "version 1 again" '.triggers[0] | .installed == 1 and .recorded == 1 and .state == "behind"'
new_folder

# Of each trigger that is not as it was installed its own file; but not when that is not what was installed any more.
new_database "o'drift"
uri=${uri/o\'drift/o%27drift}
mkdir schema/triggers/items_more
sed 's/items_status/items_more/g' schema/triggers/items_status/v1.sql >schema/triggers/items_more/v1.sql
sed 's/items_status/items_more/g' schema/triggers/items_status/trigger.yaml >schema/triggers/items_more/trigger.yaml
echo '\ir triggers/items_more/v1.sql' >schema/0003_items_more.up.sql
schema 0 up --dsn "$uri"
db -c "ALTER TABLE items DISABLE TRIGGER items_status; ALTER TABLE items DISABLE TRIGGER items_more"
schema 1 status --dsn "$uri"
in_order "What was installed, once more:" "psql -d 'o'\\''drift' -f schema/triggers/items_more/v1.sql" \
  "psql -d 'o'\\''drift' -f schema/triggers/items_status/v1.sql"
silent "in git"
while IFS= read -r command; do
  PGHOST=$server_dir PGPORT=$server_port PGUSER=boss PGPASSWORD=master-key bash -c "$command -q" >/dev/null
done < <(grep '^psql ' out)
schema 0 status --dsn "$uri"
db -c "ALTER TABLE items DISABLE TRIGGER items_status; ALTER TABLE items DISABLE TRIGGER items_more"
echo '-- edited' >>schema/triggers/items_more/v1.sql
schema 1 status --dsn "$uri"
in_order "What was installed, once more:" "psql -d 'o'\\''drift' -f schema/triggers/items_status/v1.sql" \
  "Not what was installed any more; look for the text of then in git" "schema/triggers/items_more/v1.sql"
silent "-f schema/triggers/items_more"
new_folder

# ---- files and records that disagree ----

new_database first_again
schema 0 up --dsn "$uri"

echo '-- edited' >>schema/0001_items.up.sql
for what in up "up --check" "up --dry-run"; do
  schema 4 $what --dsn "$uri"
  one_line_error
  says err "schema/0001_items.up.sql is not what it was"
done
schema 1 status --dsn "$uri"
in_order "1 migration changed" "0001_items changed 20" "0002_items_status applied 20" "changed: the file"
new_folder
echo '-- edited' >>schema/triggers/items_status/v1.sql
schema 4 up --dsn "$uri"
says err "schema/triggers/items_status/v1.sql is not what it was"
new_folder
rm schema/0001*
schema 4 up --dsn "$uri"
one_line_error
says err "migration 1, items, was applied"
schema 1 status --dsn "$uri"
in_order "1 migration missing" "0001_items missing 20"
schema 1 status --dsn "$uri" --format json
holds "missing" '.migrations[0] | .state == "missing" and .file == null and .has_down == null and .applied_by == "boss"'
schema 4 down 2 --yes --dsn "$uri"
says err "migration 1, items"
same "nothing was taken back" "$(applied)" "1 2"

# Late, and only up to one.
new_folder
add_third
schema 0 up --dsn "$uri" --to 2
says out "nothing to do, all migrations up to 2 are applied"
schema 4 up --dsn "$uri" --to 9
one_line_error
says err "has no migration 9"
echo 'SELECT 1;' >schema/0004_four.up.sql
schema 0 up --dsn "$uri" --to 003
says out "1 migration applied"
same "up to 3" "$(applied)" "1 2 3"
mv schema/0004_four.up.sql schema/0000_nought.up.sql
schema 4 up --dsn "$uri"
one_line_error
says err "schema/0000_nought.up.sql comes before a migration that is applied"
schema 2 status --dsn "$uri"
in_order "0000_nought late"
schema 0 up --dsn "$uri" --to 0 --out-of-order
same "the late one" "$(applied)" "0 1 2 3"

# ---- down, redo ----

schema 4 down --dsn "$uri" </dev/null
same "lines of the refusal" "$(wc -l <err)" 1
says err "give --yes"
same "nothing was taken back" "$(applied)" "0 1 2 3"
schema 0 down 2 --dry-run --dsn "$uri"
in_order "2 migrations would be taken back" 0003_open_items "DROP VIEW open_items ACCESS EXCLUSIVE readers and writers" \
  0002_items_status "DROP TRIGGER items ACCESS EXCLUSIVE readers and writers"
schema 0 down 2 --yes --dsn "$uri"
in_order "2 migrations to take back" 0003_open_items 0002_items_status "Taken back" "0003_open_items " \
  "0002_items_status " "2 migrations taken back"
same "records after down 2" "$(applied)" "0 1"
same "the trigger is gone" "$(db -c "SELECT count(*) FROM pg_trigger WHERE tgname = 'items_status'")" 0
schema 0 up --yes --dsn "$uri"
schema 0 redo 2 --yes --dsn "$uri"
in_order "2 migrations to take back and apply again, in one transaction" 0003_open_items "DROP VIEW open_items" \
  0002_items_status "DROP TRIGGER items" "again: 0002_items_status" "CREATE TRIGGER items" "again: 0003_open_items" \
  "CREATE VIEW items" "2 migrations taken back and applied again in"
silent "drops tables"
same "records after redo" "$(applied)" "0 1 2 3"
# What is being written changes: redo is how it gets in.
echo 'COMMENT ON VIEW open_items IS $$new$$;' >>schema/0003_open_items.up.sql
for what in "down --yes" "down --dry-run" "redo --yes"; do # it may be another project's, of the same name
  schema 4 $what --dsn "$uri"
  one_line_error
  says err "schema/0003_open_items.up.sql, or what it includes, is not what was applied (20"
  says err "--changed"
done
same "nothing was taken back" "$(applied)" "0 1 2 3"
schema 0 down --dry-run --changed --dsn "$uri"
schema 0 redo --yes --changed --dsn "$uri"
same "as the file is now" "$(db -c "SELECT obj_description('open_items'::regclass)")" new
schema 0 up --dsn "$uri"
schema 4 down 9 --yes --dsn "$uri"
says err "schema/0000_nought.up.sql has no down"
same "nothing was taken back, for all of it cannot be" "$(applied)" "0 1 2 3"
new_database bare
schema 0 down --yes --dsn "$uri"
says out "nothing to do"

# redo: all of it or nothing; and it says which migrations it is about, and what that costs.
new_folder
add_third
new_database again
schema 0 up --dsn "$uri"
standing() {
  db -c "SELECT m FROM pgrace.migrations m" -c "SELECT oid FROM pg_trigger WHERE tgname = 'items_status'" \
    -c "SELECT 'open_items'::regclass::oid, 'items'::regclass::oid" -c "SELECT t FROM pgrace.triggers t"
}
stood=$(standing)
for wrong in 'SELECT 1 / 0;' 'SELECT nothing FROM items;'; do
  new_folder
  add_third
  echo "$wrong" >>schema/triggers/items_status/v1.sql
  schema 4 redo 2 --yes --changed --dsn "$uri"
  says err "pgrace: schema/triggers/items_status/v1.sql:"
  says err "what was there is still in force"
  in_order "2 migrations to take back and apply again" "again: 0002_items_status"
  silent "applied again in"
  same "after a redo that failed of $wrong" "$(standing)" "$stood"
done
echo 'CREATE TABEL other ();' >>schema/triggers/items_status/v1.sql
schema 4 redo 2 --yes --dsn "$uri"
says err "schema/triggers/items_status/v1.sql:8:8: syntax error"
same "after a redo of a file that is no SQL" "$(standing)" "$stood"
new_folder
add_third
echo '-- edited' >>schema/0001_items.up.sql
advice="pgrace schema redo 3 --changed, which also takes back and applies again 0002_items_status and 0003_open_items; it drops tables"
schema 4 up --dsn "$uri"
says err "$advice"
schema 1 status --dsn "$uri"
tr '\n' ' ' <out | has -F "$advice" || fail "status does not advise: $advice"
rm schema/0003_open_items.down.sql
schema 4 up --dsn "$uri"
silent "schema redo"
schema 1 status --dsn "$uri"
silent "schema redo"
new_folder
add_third
echo '-- edited' >>schema/0003_open_items.up.sql
schema 4 up --dsn "$uri"
says err "where that is allowed, pgrace schema redo"
silent "redo 1"
silent "drops tables"
schema 0 redo 3 --yes --changed --dsn "$uri"
says out "This drops tables: their rows are gone then."
schema 0 down 2 --dry-run --dsn "$uri"
silent "drops tables"
schema 0 down 3 --dry-run --dsn "$uri"
says out "This drops tables: their rows are gone then."

# Another project's: its record has another name under the same number.
new_folder
for direction in up down; do mv schema/0002_items_status.$direction.sql schema/0002_another.$direction.sql; done
echo '-- of another project' >schema/triggers/rows.sql
echo '\ir triggers/rows.sql' >>schema/0002_another.up.sql
echo 'SELECT 1;' >schema/0003_open_items.up.sql
stood=$(standing)
for what in up "up --check" "up --dry-run" "down --yes" "down --dry-run" "redo --yes"; do
  schema 4 $what --dsn "$uri"
  one_line_error
  says err "the database's record says 0002_items_status (applied 20"
  says err "the folder schema says schema/0002_another.up.sql: is it another project's database, or another folder?"
done
same "another project's is left alone" "$(standing)" "$stood"
schema 1 status --dsn "$uri"
in_order "1 migration of another name than the record" "0002_another other 20" "the database's record says 0002_items_status"
schema 1 status --dsn "$uri" --format json
holds "another's" '.migrations[1] | .state == "other" and .name == "items_status" and .title == "0002_another"'

# On a terminal the database's name is asked for.
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
  answer() { # ANSWER: sets status
    status=0
    printf '%s\n' "$1" | script -qefc "exec '$PGRACE' schema down --dsn '$uri'" "$work/typed" >/dev/null || status=$?
    sed '/^Script /d' typed >out # which names the command
    ! grep -qF master-key out || fail "the password is shown"
  }
  new_database asked
  new_folder
  add_third
  schema 0 up --dsn "$uri"
  for wrong in postgres '' y ASKED; do
    answer "$wrong"
    same "exit status after '$wrong'" $status 2
    in_order 0003_open_items "takes 1 migration of asked back" 0003_open_items "Type the database's name, asked, to go on:"
    says out "that is not its name; nothing was changed"
    same "nothing was taken back" "$(applied)" "1 2 3"
  done
  rm typed
  (until grep -q "to go on" typed 2>/dev/null; do sleep 0.05; done; printf '\003') |
    script -qefc "exec '$PGRACE' schema down --dsn '$uri'" "$work/typed" >/dev/null && status=0 || status=$?
  same "exit status after Ctrl-C" $status 2
  grep -q "interrupted, nothing was changed" typed || fail "Ctrl-C is not answered"
  same "nothing was taken back" "$(applied)" "1 2 3"
  # Nobody is kept waiting by the question; and what was agreed to must still hold.
  rm typed
  (
    until grep -q "to go on" typed 2>/dev/null; do sleep 0.05; done
    "$PGRACE" schema down --yes --dsn "$uri" >/dev/null
    echo asked
  ) | script -qefc "exec '$PGRACE' schema down --dsn '$uri'" "$work/typed" >/dev/null && status=0 || status=$?
  same "exit status after somebody else's down" $status 5
  grep -q "somebody else applied or took back migrations meanwhile" typed || fail "the other's down was not noticed"
  same "taken back once" "$(applied)" "1 2"
  schema 0 up --dsn "$uri"
  answer asked
  same "exit status after its name" $status 0
  says out "1 migration taken back"
  same "taken back" "$(applied)" "1 2"
fi

# ---- rows that break a rule ----

new_folder
new_database rows
schema 0 up --to 1 --dsn "$uri"
db -c "INSERT INTO items SELECT n, CASE WHEN n % 2 = 0 THEN 'open' END FROM generate_series(1, 20) n"
db -c "INSERT INTO items VALUES (101, E'we\\x1b[31mird\\n' || repeat('long', 40)), (102, ''), (103, '%s%n'),
  (100, 'NULL'), (104, U&'\\009b31m\\202eright')"
declare -A verdicts=(["up --check"]="pending, and rows break their rules" [up]="to apply, and rows break their rules: nothing was applied")
for what in "up --check" up; do
  schema 1 $what --dsn "$uri"
  says out "1 migration ${verdicts[$what]}"
  in_order 0002_items_status "15 rows break a rule" items_status "items.status" "rows of items: 15, the first 10 of them" "id status" \
    "1 NULL" "--accept-existing"
  same "ten of them: $what" "$(grep -cE '^    +[0-9]+  ' out)" 10
  same "nothing was applied: $what" "$(applied)" 1
done
silent "applied in"
db -c "DELETE FROM items WHERE id < 100"
schema 1 up --check --dsn "$uri"
in_order "$(printf 'long%.0s' $(seq 40))" # nothing is cut where there is no terminal
in_order "5 rows break a rule" "100 'NULL'" "101 we [31mird long" "102 ''" "103 %s%n" "104 ??31m???right"
schema 0 up --accept-existing --dsn "$uri"
in_order "5 rows break a rule that it installs, and stay" 101 "applied in" "1 migration applied"
schema 0 up --dsn "$uri"
before_redo=$(db -c "SELECT m, t.oid FROM pgrace.migrations m, pg_trigger t WHERE tgname = 'items_status'")
schema 1 redo --yes --dsn "$uri"
in_order "5 rows break a rule" 101 "--accept-existing" "Nothing was changed: what was there is still in force."
same "after a redo that was refused" \
  "$(db -c "SELECT m, t.oid FROM pgrace.migrations m, pg_trigger t WHERE tgname = 'items_status'")" "$before_redo"
schema 0 redo --yes --accept-existing --dsn "$uri"
in_order "5 rows break a rule" "1 migration taken back and applied again in"
schema 0 down --yes --dsn "$uri"
schema 1 up --check --dsn "$uri"
db -c "UPDATE items SET status = 'done'"
schema 0 up --check --dsn "$uri"
in_order "1 migration pending, no row breaks" 0002_items_status "Next: pgrace schema up"
# Rows that come while it is being applied: they are told, and the trigger is in force.
echo "INSERT INTO items VALUES (200, 'slipped');" >schema/rows.sql.part
mv schema/rows.sql.part schema/triggers/rows.sql
echo '\ir triggers/rows.sql' >>schema/0002_items_status.up.sql
schema 1 up --dsn "$uri"
in_order "applied in" "rows slipped in: 1 row breaks a rule" "200 slipped" "1 migration applied"
same "it is applied" "$(applied)" "1 2"
# Rows that cannot be asked for yet, in a table that an earlier migration brings; and a table that comes together with
# its rule.
new_folder
new_database later
mv schema/0001_items.up.sql schema/0000_items.up.sql
echo 'CREATE TABLE notes (item bigint);' >schema/0001_notes.up.sql
rm schema/0001_items.down.sql
echo 'existing: SELECT item FROM notes' >>schema/triggers/items_status/trigger.yaml
schema 0 up --to 0 --dsn "$uri"
schema 0 up --check --dsn "$uri"
in_order 0002_items_status "its rows cannot be asked yet" 'relation "notes" does not'
schema 0 up --dsn "$uri"
new_folder
new_database together
rm schema/0001*
echo 'CREATE TABLE items (id bigint PRIMARY KEY, status text);' >schema/triggers/table.sql
sed -i 's,^.ir,\\ir triggers/table.sql\n&,' schema/0002_items_status.up.sql
schema 0 up --check --dsn "$uri"
in_order "its rows cannot be asked yet" "its table is not there yet"
schema 0 up --dsn "$uri"
# The rule that is declared is the latest version's: an earlier one is not held up by it.
new_folder
new_database earlier
cp schema/triggers/items_status/v1.sql schema/triggers/items_status/v2.sql
echo '\ir triggers/items_status/v2.sql' >schema/0003_items_status_2.up.sql
schema 0 up --to 1 --dsn "$uri"
db -c "INSERT INTO items VALUES (1, 'old')"
schema 0 up --to 2 --dsn "$uri"
schema 1 up --dsn "$uri"
in_order "nothing was applied" 0003_items_status_2 "1 row breaks" "1 old"

# All rows are asked for before the first migration, so that a deployment does not end half way; but for those that one
# of its own migrations may mend.
new_folder
new_database half_way
schema 0 up --to 1 --dsn "$uri"
db -c "INSERT INTO items VALUES (1, 'odd')"
for direction in up down; do mv schema/0002_items_status.$direction.sql schema/0003_items_status.$direction.sql; done
echo 'CREATE TABLE others (id bigint);' >schema/0002_others.up.sql
for what in up "up --check"; do
  schema 1 $what --dsn "$uri"
  in_order "2 migrations" 0003_items_status "1 row breaks a rule that it installs:" "1 odd" "--accept-existing"
  same "nothing was applied: $what" "$(applied)" 1
done
echo "UPDATE Items SET status = status;" >>schema/0002_others.up.sql
schema 2 up --check --dsn "$uri"
in_order "2 migrations pending, some may mend rows that break a rule" 0003_items_status \
  "1 row breaks a rule that it installs;" "0002_others comes before it, and may mend them:" "1 odd"
schema 1 up --dsn "$uri"
in_order 0002_others "applied in" 0003_items_status "not applied: 1 row breaks" "1 of 2 migrations applied; 0003_items_status was not"
same "what came before" "$(applied)" "1 2"
echo "CREATE TABLE IF NOT EXISTS others (id bigint); UPDATE items SET status = 'open';" >schema/0002_others.up.sql
db -c "DELETE FROM pgrace.migrations WHERE number = 2"
schema 0 up --dsn "$uri"
same "with what it mends" "$(applied)" "1 2 3"
# The version of another rule on the table mends nothing, whatever its statements are.
new_folder
new_database version_mends
schema 0 up --to 1 --dsn "$uri"
db -c "INSERT INTO items VALUES (1, 'odd')"
for direction in up down; do mv schema/0002_items_status.$direction.sql schema/0003_items_status.$direction.sql; done
mkdir schema/triggers/items_id
printf 'table: items\nfunction: items_id_check\nmessage: No.\n' >schema/triggers/items_id/trigger.yaml
sed 's/items_status/items_id/g; s/OLD.status = .*AND NEW.*.done../OLD.id = NEW.id)/' schema/triggers/items_status/v1.sql \
  >schema/triggers/items_id/v1.sql
echo "DO \$\$ BEGIN PERFORM 1 FROM items; END \$\$;" >>schema/triggers/items_id/v1.sql
echo '\ir triggers/items_id/v1.sql' >schema/0002_items_id.up.sql
for what in up "up --check"; do
  schema 1 $what --dsn "$uri"
  in_order "2 migrations" 0003_items_status "1 row breaks a rule that it installs:" "1 odd"
  same "nothing was applied: $what" "$(applied)" 1
done
new_folder
new_database half_way_back
for direction in up down; do mv schema/0002_items_status.$direction.sql schema/0003_items_status.$direction.sql; done
echo "CREATE TABLE IF NOT EXISTS others (id bigint); UPDATE items SET status = 'open';" >schema/0002_others.up.sql
schema 0 up --dsn "$uri"
db -c "INSERT INTO items VALUES (1, 'open')"
# redo cannot ask in between: what is left unmended is told afterwards.
echo 'DROP TABLE others;' >schema/0002_others.down.sql
make_odd() { db -c "SET session_replication_role = replica; UPDATE items SET status = 'odd'"; }
make_odd
schema 0 redo 2 --yes --dsn "$uri"
in_order "1 row breaks a rule that it installs;" "0002_others comes before it" "applied again in"
same "mended" "$(db -c 'SELECT status FROM items')" open
echo 'CREATE TABLE others (id bigint); UPDATE items SET status = status;' >schema/0002_others.up.sql
make_odd
schema 1 redo 2 --yes --changed --dsn "$uri"
in_order "applied again in" "1 row breaks a rule now" "1 odd"

# By a query of one's own, when the rule is written by hand.
new_folder
new_database by_hand
schema 0 up --to 1 --dsn "$uri"
db -c "INSERT INTO items VALUES (200, 'slipped')"
sed -i '/^rule:/,/insert:/d' schema/triggers/items_status/trigger.yaml
echo "existing: SELECT id AS \"the 'id'\", status FROM items WHERE status = 'slipped'" >>schema/triggers/items_status/trigger.yaml
schema 1 up --dsn "$uri"
in_order "1 row breaks a rule" "the 'id' status" "200 slipped"

# Rows that the role may not see, or must not: then nobody knows, and that is told with what to do.
new_folder
new_database guarded
schema 0 up --to 1 --dsn "$uri"
db -c "CREATE ROLE clerk LOGIN PASSWORD 'master-key'; GRANT USAGE ON SCHEMA pgrace TO clerk;
  GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA pgrace TO clerk; GRANT CREATE, USAGE ON SCHEMA public TO clerk;
  GRANT TRIGGER ON items TO clerk; INSERT INTO items VALUES (1, 'odd')"
clerk_uri=${uri/boss/clerk}
for what in up "up --check"; do
  schema 5 $what --dsn "$clerk_uri"
  one_line_error
  says err "permission denied for table items"
  says err "or go on without asking, with --accept-existing"
done
db -c "GRANT SELECT ON items TO clerk; ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON items USING (false)"
for what in up "up --check"; do
  schema 5 $what --dsn "$clerk_uri"
  one_line_error
  says err "ask as a role with BYPASSRLS"
done
same "nothing was applied" "$(applied)" 1
schema 0 up --accept-existing --dsn "$clerk_uri"
in_order 0002_items_status "its rows were not asked:" "BYPASSRLS" "CREATE TRIGGER" "applied in"

# ---- a database in use ----

new_database used
schema 0 up --to 1 --dsn "$uri"
PGPASSWORD=master-key PGAPPNAME="a report" psql -X -q -h "$server_dir" -p $server_port -U boss -d used \
  -c "BEGIN; LOCK TABLE items IN ROW EXCLUSIVE MODE; SELECT pg_sleep(60)" >/dev/null 2>&1 &
pid=$!
until_asleep
schema 5 up --lock-timeout 200ms --dsn "$uri"
says err "items is locked"
says err "a report"
says err "0 of 1 migration applied"
same "nothing of it" "$(applied) $(db -c "SELECT to_regproc('items_status_check') IS NULL")" "1 t"
boss -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a report'" >/dev/null
wait "$pid" || true
schema 0 up --dsn "$uri"

# Two at once: one waits, and then there is nothing left to do.
new_folder
new_database twice
echo 'SELECT pg_sleep(1.5);' >>schema/0001_items.up.sql
background schema up --dsn "$uri"
until_asleep
schema_second=0
"$PGRACE" schema up --dsn "$uri" >second.out 2>second.err || schema_second=$?
ended
same "exit status of the first" $status 0
same "exit status of the second" $schema_second 0
says second.err "waiting for another run to end: process "
says second.out "nothing to do"
says out "2 migrations applied"
same "once" "$(applied)" "1 2"

# Whoever waits can give up, and does when it has waited long enough.
new_folder
new_database patient
echo 'SELECT pg_sleep(60);' >>schema/0001_items.up.sql
"$PGRACE" schema up --dsn "$uri" >first.out 2>first.err &
first=$!
pid=$first
until_asleep
schema 5 up --wait 300ms --dsn "$uri"
says err "300 ms at most (--wait)"
holder=$(boss -c "SELECT pid FROM pg_stat_activity WHERE datname = 'patient' AND wait_event = 'PgSleep'")
says err "server process $holder (pgrace, connected since 20"
says err "did not end within 300 ms"
background schema up --wait 0 --dsn "$uri"
for _ in $(seq 200); do
  grep -q "waiting for another run" err && break
  sleep 0.05
done
kill -INT "$pid"
ended
same "exit status of who waited" $status 2
says err interrupted
silent "at most"
kill -TERM "$first"
wait "$first" || true
same "nothing was applied" "$(db -c 'SELECT count(*) FROM pgrace.migrations')" 0

# Ctrl-C: nothing of the migration under way, all of those before it.
new_folder
new_database stopped
echo 'CREATE TABLE half (); SELECT pg_sleep(60);' >schema/0003_slow.up.sql
for signal in INT TERM; do
  background schema up --dsn "$uri"
  until_asleep
  kill -$signal "$pid"
  ended
  same "exit status after SIG$signal" $status 2
  says err interrupted
  says out "CREATE TABLE"
  same "nothing half done" "$(applied) $(db -c "SELECT to_regclass('half') IS NULL")" "1 2 t"
done
says err "nothing of 0003_slow was applied"
says err "0 of 1 migration applied before that"

# kill -9: the same, and the next run goes on.
background schema up --dsn "$uri"
until_asleep
kill -KILL "$pid"
ended
echo 'CREATE TABLE half ();' >schema/0003_slow.up.sql
schema 0 up --dsn "$uri"
says out "1 migration applied"
same "all of it, once" "$(applied) $(db -c "SELECT to_regclass('half') IS NOT NULL")" "1 2 3 t"

# ---- files that are wrong ----

new_folder
new_database wrong
printf 'CREATE TABLE more (id bigint);\nINSERT INTO more VALUES\n  (1, 2);\n' >schema/0003_more.up.sql
schema 4 up --dsn "$uri"
says err "pgrace: schema/0003_more.up.sql:3:7: INSERT has more expressions"
says err "2 of 3 migrations applied; 0003_more was not"
in_order 0002_items_status "applied in" 0003_more "CREATE TABLE"
same "nothing of it" "$(applied) $(db -c "SELECT to_regclass('more') IS NULL")" "1 2 t"
printf 'CREATE TABLE more (id bigint);\nCREATE TABEL other ();\n' >schema/0003_more.up.sql
schema 4 up --dsn "$uri"
says err "schema/0003_more.up.sql:2:8: syntax error"
printf 'CREATE TABLE more (id bigint);\nCOMMIT;\n' >schema/0003_more.up.sql
schema 4 up --dsn "$uri"
says err "schema/0003_more.up.sql:2:1: "
same "nothing was done" "$(applied)" "1 2"
printf 'CREATE TABLE more (id bigint);\nDO $$ BEGIN PERFORM 1 / 0; END $$;\n' >schema/0003_more.up.sql
schema 4 up --dsn "$uri"
in_order 0003_more "DO unknown whoever it meets"
says err "division by zero"

# ---- hostile names ----

new_folder
database="in'b\"ox \$\$ %s %n "$'\n'"🙂"
export PGHOST=$server_dir PGPORT=$server_port PGUSER=boss PGPASSWORD=master-key PGDATABASE=$database
boss -c "CREATE DATABASE \"${database//\"/\"\"}\""
db() { PGPASSWORD=master-key psql -X -q -A -t "$@"; }
rm -r schema/triggers schema/0002*
name=$(printf 'n%.0s' $(seq 63))
cat >schema/0001_items.up.sql <<SQL
CREATE TABLE "odd ""table' \$\$ %s 🙂" (id bigint PRIMARY KEY);
CREATE TABLE $name (id bigint);
SQL
printf 'DROP TABLE "odd ""table'\'' $$ %%s 🙂";\nDROP TABLE %s;\n' "$name" >schema/0001_items.down.sql
echo "ALTER TABLE \"odd \"\"table' \$\$ %s 🙂\" ADD COLUMN \"so
so\" int; ALTER TABLE $name ADD other int;" >schema/0002_🙂-more.up.sql
schema 0 up --dsn ''
in_order "in'b\"ox \$\$ %s %n 🙂: 2 migrations to apply" "CREATE TABLE \"odd \"\"table' \$\$ %s" 0002_🙂-more "ALTER TABLE \"odd" "ALTER TABLE nnn"
in_order "ALTER TABLE $name ACCESS EXCLUSIVE"
schema 0 status --dsn '' --format json
same "its name" "$(value .database)" $'in\'b"ox $$ %s %n \n🙂'
schema 4 down 2 --yes --dsn ''
says err "0002_🙂-more.up.sql has no down"
unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE

# ---- what statements lock, and are about ----

mkdir many
cat >many/1_all.up.sql <<'SQL'
CREATE SCHEMA IF NOT EXISTS app;
CREATE TABLE new (id bigint);
INSERT INTO new (id) VALUES (1);
CREATE INDEX ON new (id);
COMMENT ON COLUMN new.id IS 'a; b';
GRANT SELECT ON old TO public;
UPDATE old SET id = 1 WHERE id IN (SELECT id FROM old) AND id IN (SELECT id FROM app.other);
CREATE TYPE "a ""mood (1)" AS ENUM ('x');
DROP TABLE one, "T""wo";
DO $$ BEGIN END $$;
SQL
schema 0 up --dry-run --dir many
tail -n +4 out | tr -s ' ' | sed 's/ $//' >squeezed
cat >expected <<'TEXT'
 statement on lock keeps waiting
 CREATE SCHEMA app none nobody
 CREATE TABLE new none nobody
 INSERT new none nobody
 CREATE INDEX new none nobody
 COMMENT COLUMN new.id none nobody
 GRANT TABLE old none nobody
 UPDATE old ROW EXCLUSIVE writers of the same rows
 app.other ACCESS SHARE nobody
 CREATE TYPE "a ""mood (1)" none nobody
 DROP TABLE one ACCESS EXCLUSIVE readers and writers
 "T""wo" ACCESS EXCLUSIVE readers and writers
 and tables not named here ACCESS EXCLUSIVE readers and writers
 DO unknown whoever it meets
TEXT
diff squeezed expected || fail "what statements lock"
# A name that leaves no room: whole where there is no terminal, else without its middle. And numbers as files have them.
rm many/*
long=$(printf 'long_%.0s' $(seq 10))
echo "ALTER TABLE app_of_a_long_name.${long}table ADD b int; DROP TABLE app_of_a_long_name.${long}table CASCADE;" >many/00035_late.up.sql
schema 0 up --dry-run --dir many
in_order 00035_late "ALTER TABLE app_of_a_long_name.${long}table ACCESS EXCLUSIVE" "and tables not named here ACCESS EXCLUSIVE"
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
  script -qefc "stty cols 80; '$PGRACE' schema up --dry-run --dir many" "$work/typed" >/dev/null </dev/null || fail "on a terminal"
  grep -qE 'ALTER TABLE  app_[a-z_]*…[a-z_]*_table  ACCESS EXCLUSIVE  readers and writers' typed || fail "on a terminal it reads: $(cat typed)"
fi

# ---- without a database ----

new_folder
schema 0 up --dry-run
in_order "2 migrations in the folder" 0001_items "CREATE TABLE items" 0002_items_status "SHARE ROW EXCLUSIVE"
schema 0 up
in_order "A rehearsal on a throw-away PostgreSQL" 0001_items "applied in" 0002_items_status "applied in" \
  "Taken back" "0002_items_status " "0001_items " "Applied again" "0001_items " "0002_items_status " \
  "It went well: 2 up, 2 down, 2 up again. No database of yours was touched" "pgrace schema up --dsn URI"
fits
schema 0 up --to 1
silent 0002_items_status
rm schema/0001_items.down.sql
schema 0 up
in_order "Taken back" "0002_items_status " "0001_items has no down" "Applied again" "0002_items_status " \
  "It went well: 2 up, 1 down, 1 up again"
# A down that does not undo is found by going up again; one that is wrong by going down.
echo 'SELECT 1;' >schema/0001_items.down.sql
schema 4 up
says err 'schema/0001_items.up.sql: relation "items" already exists'
says err "when applied again: does its down take everything back?"
echo 'DROP TABLE itmes;' >schema/0001_items.down.sql
schema 4 up
says err "schema/0001_items.down.sql"
says err 'table "itmes" does not exist'
# Rows that a migration itself brings along.
new_folder
echo "INSERT INTO items VALUES (1, 'odd');" >>schema/0001_items.up.sql
schema 1 up
in_order "1 row breaks a rule" odd
mkdir empty
schema 0 up --dir empty
says out "no migrations"
# This project's own.
schema 0 up --dir "$PGR_SOURCE_DIR/schema"
says out "It went well"

# A trigger that a later migration takes away for good is no drift, and nothing is pending.
new_folder
new_database retired
echo 'DROP TRIGGER items_status ON items; DROP FUNCTION items_status_check();' >schema/0003_no_rule.up.sql
schema 0 up --dsn "$uri"
schema 0 status --dsn "$uri"
in_order "as it should be" "items_status v1 - dropped"

# ---- the man page: it has the options of each --help in that subcommand's section, and no others ----

man=$PGR_SOURCE_DIR/docs/man/pgrace-schema.1
options() { sed 's/\\-/-/g' | grep -oE -e '(^|[^a-z-])--[a-z][a-z-]*' | grep -oE -e '--[a-z-]+' | sort -u; }
# section NAME: of the man page, and what is said of all subcommands
section() { awk -v wanted="$1" '/^[.]SH/ { name = substr($0, 5) } name == wanted || name == "DESCRIPTION"' "$man"; }
# described SECTION SUBCOMMAND…
described() {
  local section=$1 subcommand option known
  shift
  section "$section" | options >described
  for subcommand in "$@"; do
    schema 0 $subcommand --help
    known=$(comm -23 <(options <out) described)
    [ -z "$known" ] || fail "the section $section of the man page does not know $known of $subcommand"
  done
  for option in $(grep -vx -e --help described); do
    known=
    for subcommand in "$@"; do
      # Whether it takes a value or not, it comes to nothing.
      ! "$PGRACE" schema $subcommand "$option" --nonsense --nonsense >out 2>err || fail "$subcommand $option went well"
      grep -qE "(unknown|there is no) option '$option'" err || known=yes
    done
    [ -n "$known" ] || fail "the section $section of the man page has $option"
    options_seen+=1
  done
}
declare -i options_seen=0
described "UP, DOWN, REDO" up down redo
described STATUS status
described NEW "new transition" "new version" "new migration"
described DIFF diff
described LINT lint
described DOC doc
described EXPORT export
[ $options_seen -ge 45 ] || fail "options of the man page were overlooked: $options_seen"
# The overview has every subcommand.
schema 0 --help
for subcommand in $(sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p' out); do
  grep -qF "pgrace schema $subcommand" "$man" || [ "$subcommand" = pgrace ] || fail "the man page does not know $subcommand"
done
no_leftovers
