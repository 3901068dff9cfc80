#!/usr/bin/env bash
# pgrace schema lint, as a user would: on the command line, in CI, and against a database that has other triggers.
set -eu # before lib.sh, too: what follows edits and removes files of its folder
source "$(dirname "$0")/../support/lib.sh"
cd "${work:?}"
cp -r "$PGR_SOURCE_DIR/schema" "$PGR_SOURCE_DIR/scenarios" .
v1=schema/triggers/conversation_texter_assignment_constraint/v1.sql

# The trigger that this project began with: nothing is an error, and each remark names its check and shows its line.
run 0 schema lint
[ ! -s err ] || fail 'lint says something on standard error'
for check in name-ties search-path lock when-possible; do
  grep -q "^$v1:[0-9]*:[0-9]*: warning: .* \[$check\]$" out || fail "no finding of $check with its place"
done
says out "   15 | DROP TRIGGER IF EXISTS conversation_texter_assignment_constraint ON conversations;"
says out '      | ^^^^^^^^^^^^'
says out '      = FOR EACH ROW WHEN (OLD.texter_id IS NOT NULL AND NEW.texter_id IS NOT NULL AND NEW.texter_id <> OLD.texter_id)'
same 'the last line' "$(tail -1 out)" 'schema: 4 warnings'
cp out text
run 0 schema lint --format json
holds 'the counts' '.format == 1 and .command == "schema lint" and .errors == 0 and .warnings == (.findings | length)'
holds 'a finding' '.findings[] | select(.check == "when-possible") | .level == "warning" and .file == "'$v1'" and .line == 16 and .column == 16'
same 'as many as for people' "$(value '.findings | length')" "$(grep -c ': warning: ' text)"

# An error ends it with 1; annotations begin with errors, and nothing in a text ends one.
sed -i 's/check_violation/foreign_key_violation/; s/assigned to a texter/assigned, to a texter/' $v1
run 1 schema lint
says out 'raises SQLSTATE 23503, and trigger.yaml says 23514 [name-ties]'
same 'the last line' "$(tail -1 out)" 'schema: 1 error and 5 warnings'
run 1 schema lint --format github
same 'lines' "$(wc -l <out)" 6
head -1 out | has -xF "::error file=$v1,line=6,col=5,title=pgrace schema lint%3A name-ties::raises SQLSTATE 23503, and trigger.yaml says 23514%0Amake them agree" ||
  fail 'the error is not the first annotation'
run 1 schema lint --format json
holds 'the counts' '.errors == 1 and .warnings == 5'
cp "$PGR_SOURCE_DIR/$v1" $v1

# Scenarios: those of the folder, of another one, of none.
rm -r scenarios/*/
run 0 schema lint
says out 'trigger.yaml: warning: no scenario declares the constraint '
run 0 schema lint --scenarios "$PGR_SOURCE_DIR/scenarios"
same 'the last line' "$(tail -1 out)" 'schema: 4 warnings'
# A scenario is asked for where `new` would write one: a rule that writers can break by a stale check, after several
# changes, too.
rule() {
  mkdir -p schema/triggers/"$1"
  printf '%s\n' 'table: replies' 'message: no' 'rule:' '  - column: status' "    allow: $2" >schema/triggers/"$1"/trigger.yaml
  cat >schema/triggers/"$1"/v1.sql <<END
CREATE OR REPLACE FUNCTION $1() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''23514'', CONSTRAINT = ''$1''; END';
CREATE OR REPLACE TRIGGER $1 BEFORE UPDATE ON replies FOR EACH ROW EXECUTE FUNCTION $1();
END
}
rule stays 'any->any, same'
rule back 'any->any, any->null, null->any'
rule steps 'open->claimed->closed, same'
run 1 schema lint
says out "no scenario declares the constraint 'steps'"
says out "no scenario declares the constraint 'back'"
! grep -q "the constraint 'stays'" out || fail 'a scenario is asked for that nobody can write'
rm -r schema/triggers/{stays,back,steps}
rm -r scenarios
run 0 schema lint
same 'the last line' "$(tail -1 out)" 'schema: 4 warnings'
run 4 schema lint --scenarios nowhere
one_line_error
says err '--scenarios: cannot read the folder nowhere: No such file or directory'
mkdir -p scenarios/wrong
echo 'title: [' >scenarios/wrong/wrong.yaml
run 4 schema lint
says err 'scenarios/wrong/wrong.yaml:'
rm -r scenarios

# Another folder, and one that has nothing.
cp -r schema "it's mine"
run 0 schema lint --dir "it's mine"
same 'the last line' "$(tail -1 out)" "it's mine: 4 warnings"
mkdir empty
run 0 schema lint --dir empty
same 'all of it' "$(cat out)" 'empty: nothing found'
run 4 schema lint --dir nowhere
run 4 schema lint --format txet
one_line_error
says err "--format: 'txet' is unknown, give text, json or github"
run 4 schema lint schema
one_line_error
echo 'table: [' >schema/triggers/conversation_texter_assignment_constraint/trigger.yaml
run 4 schema lint
says err 'trigger.yaml:'
cp -r "$PGR_SOURCE_DIR/schema" .
if [ -w /dev/full ]; then
  "$PGRACE" schema lint >/dev/full 2>err && fail 'a full disk is no error'
  says err 'cannot write the findings to standard output'
fi
run 0 schema lint --help
[ "$(wc -l <out)" -le 40 ] || fail '--help does not fit a screen'
[ "$(wc -L <out)" -le 80 ] || fail '--help is too wide'

# A database: what nobody declares is told; nothing is written, no password is shown.
start_server guarded
dsn="postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"
boss -f schema/0001_inbox.up.sql -f schema/0002_conversation_texter_assignment.up.sql 2>/dev/null
boss -c "CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'" \
  -c 'CREATE TRIGGER "stray ""%s"" 🙈" BEFORE INSERT ON replies FOR EACH ROW EXECUTE FUNCTION stray()'
run 0 schema lint --dsn "$dsn"
says out 'the database: warning: the database has a trigger "stray ""%s"" 🙈" on replies (function stray) that no folder declares [unknown-trigger]'
! grep -q master-key out err || fail 'a password is shown'
same 'what lint left' "$(boss -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgrace'")" 0
boss -c 'CREATE ROLE guest; GRANT guest TO boss'
run 0 schema lint --dsn "$dsn&options=-c%20role%3Dguest"
says out '[unknown-trigger]'
run 0 schema lint --dsn "$dsn" --format json
holds 'no place' '.findings[] | select(.check == "unknown-trigger") | .file == null and .line == null'
run 0 schema lint --dsn "$dsn" --format github
says out '::warning title=pgrace schema lint%3A unknown-trigger::the database has a trigger "stray ""%25s"" 🙈" on replies'
run 5 schema lint --dsn 'postgresql://boss:open-sesame@127.0.0.1:1/x'
one_line_error
! grep -q open-sesame err || fail 'a password is shown'
