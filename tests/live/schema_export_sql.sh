#!/usr/bin/env bash
# pgrace schema export: plain SQL and Flyway's form, applied by psql in the order of their versions (Flyway itself is
# not packaged by Debian), and what the command does with the folder it writes to.
source "$(dirname "$0")/../support/lib.sh"
source "$(dirname "$0")/../support/export.sh"
command -v psql >/dev/null || skip "psql is not installed"
cd "$work"
hostile_folder
start_server given -c client_min_messages=warning
make_reference

# apply DATABASE FILE…: each as one query, as golang-migrate and others send a file
apply() {
  local database=$1 f
  shift
  for f in "$@"; do
    boss -d "$database" -v ON_ERROR_STOP=1 -c "$(cat "$f")" >/dev/null || fail "$f"
  done
}

# ---- plain SQL ----

run 0 schema export --to sql --out plain
same "what is written" "$(ls plain | tr '\n' ' ')" "0001_inbox.down.sql 0001_inbox.up.sql \
0002_conversation_texter_assignment.down.sql 0002_conversation_texter_assignment.up.sql 0003_hostile-texts.down.sql \
0003_hostile-texts.up.sql 0004_hostile_texts.down.sql 0004_hostile_texts.up.sql 0005_final.up.sql "
same "what is told" "$(cat out)" "$(printf '%s\n' plain/0001_inbox.up.sql plain/0001_inbox.down.sql \
  plain/0002_conversation_texter_assignment.up.sql plain/0002_conversation_texter_assignment.down.sql \
  plain/0003_hostile-texts.up.sql plain/0003_hostile-texts.down.sql plain/0004_hostile_texts.up.sql \
  plain/0004_hostile_texts.down.sql plain/0005_final.up.sql)"
! grep -rn '^\\ir' plain || fail "an include is left"
cmp schema/triggers/conversation_texter_assignment_constraint/v1.sql plain/0002_conversation_texter_assignment.up.sql
boss -c 'CREATE DATABASE plain'
apply plain plain/*.up.sql
same "up" "$(state plain)" "$reference"
apply plain $(ls plain/*.down.sql | sort -r)
same "down" "$(state plain)" "$nothing"
for up in plain/*.up.sql; do boss -d plain -v ON_ERROR_STOP=1 -1 -f "$up" >/dev/null; done
same "by psql" "$(state plain)" "$reference"
run 0 schema status --dir plain # it is a folder of pgrace's, too
says out "5 migrations in the folder"

# ---- Flyway ----

run 0 schema export --to flyway --out flyway
same "what is written for Flyway" "$(ls flyway | tr '\n' ' ')" "U0001__inbox.sql U0002__conversation_texter_assignment.sql \
U0003__hostile-texts.sql U0004__hostile_texts.sql V0001__inbox.sql V0002__conversation_texter_assignment.sql \
V0003__hostile-texts.sql V0003__hostile-texts.sql.conf V0004__hostile_texts.sql V0005__final.sql "
same "placeholders" "$(cat flyway/*.conf)" placeholderReplacement=false
boss -c 'CREATE DATABASE flyway'
apply flyway flyway/V*.sql
same "up by Flyway's versions" "$(state flyway)" "$reference"
apply flyway $(ls flyway/U*.sql | sort -r)
same "down by Flyway's versions" "$(state flyway)" "$nothing"
run 0 schema export --to flyway --out stamped --stamp 20261231235959 --from 4
same "Flyway with times" "$(ls stamped | tr '\n' ' ')" \
  "U20261231235959__hostile_texts.sql V20261231235959__hostile_texts.sql V20270101000000__final.sql "

# ---- what is there already ----

run 0 schema export --to sql --out plain
same "all unchanged" "$(grep -c ': unchanged$' out)" 9
rm plain/0001_inbox.down.sql
run 0 schema export --to sql --out plain/
says out "plain/0001_inbox.up.sql: unchanged"
same "the missing one" "$(grep -v unchanged out)" plain/0001_inbox.down.sql
rm plain/0001_inbox.up.sql
echo '-- mine' >>plain/0004_hostile_texts.up.sql
run 4 schema export --to sql --out plain
one_line_error
says err "plain/0004_hostile_texts.up.sql is there and says something else: nothing was written"
[ ! -e plain/0001_inbox.up.sql ] || fail "something was written"
same "mine" "$(tail -1 plain/0004_hostile_texts.up.sql)" "-- mine"
rm plain/0004_hostile_texts.up.sql
ln -s nowhere plain/0004_hostile_texts.up.sql
run 4 schema export --to sql --out plain
says err "is there and says something else"
[ ! -e plain/0001_inbox.up.sql ] && [ ! -e plain/nowhere ] || fail "something was written"

# Ecto and Rails would run it again under another version.
run 0 schema export --to ecto --app MyApp --out ecto --stamp 20261130120000
run 0 schema export --to ecto --app MyApp --out ecto --stamp 20261130120000
same "the same again" "$(grep -c ': unchanged$' out)" 5
run 4 schema export --to ecto --app MyApp --out ecto --stamp 20261201120000
one_line_error
says err "ecto has 20261130120000_inbox.exs already"
says err "--from"
same "nothing more" "$(ls ecto | wc -l)" 5
echo 'SELECT 1;' >schema/0006_more.up.sql
run 0 schema export --to ecto --app MyApp --out ecto --stamp 20261201120000 --from 6
same "the new one" "$(head -1 out)" ecto/20261201120000_more.exs
rm schema/0006_more.up.sql
run 0 schema export --to django --app inbox --out django
run 4 schema export --to django --app inbox --out django --after 0005_final
says err "django has 0001_inbox.py already"
before_now=$(date -u +%Y%m%d%H%M%S)
run 0 schema export --to rails --out rails
version=$(ls rails | sed -n '1s/_.*//p')
[ "$version" -ge "$before_now" ] && [ "$version" -le "$(date -u +%Y%m%d%H%M%S)" ] || fail "the first version is not now: $version"

# ---- without --out ----

run 0 schema export --to sql --from 2
same "headers" "$(grep -c '^==> .* <==$' out)" 7
says out "==> 0002_conversation_texter_assignment.up.sql <=="
run 0 schema export --to ecto --app MyApp
says out "==> for the application <=="
same "nothing is written" "$(ls -d schema plain flyway stamped ecto django rails | wc -l)" 7

# ---- what is wrong ----

run 0 schema export --help
says out "Usage: pgrace schema export"
same "no wider than a terminal" "$([ "$(wc -L <out)" -le 80 ] && [ "$(wc -l <out)" -le 32 ] && echo yes)" yes
for wrong in "" "--to" "--to sequelize" "--to Ecto" "--to ecto" "--to sql --app x" "--to django --app my-app" \
  "--to ecto --app MyApp --stamp 20261330120000" "--to sql --from 6" "--to sql --from -1" "--to sql --dir nowhere" \
  "--to sql plain" "--to sql --out ''"; do
  eval "run 4 schema export $wrong"
  one_line_error
done
run 4 schema export --to sql --out $'two\nlines'
one_line_error
mkdir empty
run 4 schema export --to sql --dir empty
says err "empty has no migrations"
echo '\ir nowhere.sql' >empty/0001_x.up.sql
run 4 schema export --to sql --dir empty --out other
says err "empty/0001_x.up.sql:1:1"
[ ! -e other ] || fail "something was written"
: >file
run 5 schema export --to sql --out file
one_line_error
run 5 schema export --to sql --out file/below
one_line_error
# What PostgreSQL 15 does not know: as it is where nobody needs to cut it.
echo 'SELECT 1 SELECTED 2 THREE' >empty/0001_x.up.sql
run 0 schema export --to sql --dir empty --out later
same "later syntax" "$(cat later/*)" "SELECT 1 SELECTED 2 THREE"
run 4 schema export --to django --app inbox --dir empty
one_line_error
says err "empty/0001_x.up.sql:1:"
# All of them, or none: a file that is larger than the limit comes last.
cp -r schema large
{
  echo 'SELECT 1;'
  printf -- '-- %0100000d\n' 0
} >large/0006_large.up.sql
(
  trap '' XFSZ
  ulimit -f 64
  run 5 schema export --to sql --dir large --out partly
)
one_line_error
says err "cannot write partly/0006_large.up.sql"
same "nothing is left" "$(ls -A partly)" ""
[ "$(id -u)" = 0 ] || {
  mkdir closed
  chmod 500 closed
  run 5 schema export --to sql --out closed/out
}
