#!/usr/bin/env bash
# pgrace schema doc: the page in its forms, alone and beside results; and decision records to begin with.
set -eu # before lib.sh, too: what follows writes files into its folder
source "$(dirname "$0")/../support/lib.sh"
cd "${work:?}"
cp -r "$PGR_SOURCE_DIR/schema" .
name=conversation_texter_assignment_constraint
yaml=schema/triggers/$name/trigger.yaml
html=yes
"$PGRACE" schema doc --format html >/dev/null 2>&1 || html=no

# Markdown: all there is to know of a trigger; every link has its heading; the same again; nothing of this machine or day.
run 0 schema doc
[ ! -s err ] || fail 'doc says something on standard error'
for text in "## $name" 'Two texters must not own one conversation.' '**The rule:** conversations.texter_id may go from NULL to any value' \
  '| a value | yes | yes | no |' '`BEFORE UPDATE ON conversations FOR EACH ROW`, which calls `check_texter_update()`' \
  '| SQLSTATE | `23514` |' "| constraint | \`$name\` |" 'This conversation is already checked out' \
  "| 1 | \`schema/triggers/$name/v1.sql\` | \`0002_conversation_texter_assignment\` |" "pgrace schema new version $name" \
  "pgrace schema doc --adr $name"; do
  says out "$text"
done
for anchor in $(grep -o '](#[^)]*)' out | tr -d '](#)'); do
  grep -q "^## $anchor\$\|<a id=\"$anchor\">" out || fail "a link to $anchor leads nowhere"
done
cp out page.md
run 0 schema doc
cmp -s out page.md || fail 'the same folder gives another page'
! grep -q "$work\|$(hostname)\|$(date +%Y)" out || fail 'the page tells of this machine or this day'

# The document, as docs/result.schema.json has it.
run 0 schema doc --format json
cp out triggers.json
holds 'the document' '.format == 1 and .command == "schema" and .folder == "schema" and (.triggers | length == 1)'
holds 'the table of changes' '.triggers[0].rule.columns[0].allowed == [[true,true,true],[true,true,false],[true,false,true]]'
holds 'its migration' '.triggers[0].versions[0].migrations == ["0002_conversation_texter_assignment"]'
if python3 -c 'import jsonschema' 2>/dev/null; then
  valid() { python3 "$PGR_SOURCE_DIR/tests/support/validate.py" schema "$PGR_SOURCE_DIR/docs/result.schema.json" "$1"; }
  for file in triggers.json "$PGR_SOURCE_DIR"/tests/golden/schema_doc/*.json; do
    valid "$file" >err || fail "$file is not what the schema says"
  done
  jq '.triggers[0].log = "nowhere"' triggers.json >wrong.json
  valid wrong.json >/dev/null && fail 'a wrong word is valid'
  jq '.triggers[0].surprise = 1' triggers.json >wrong.json
  valid wrong.json >/dev/null && fail 'an unknown field is valid'
fi

# Beside results it goes to the page; no other form has room for it.
result=$PGR_SOURCE_DIR/tests/documents/0.1-first/run.json
for format in text json junit tap markdown github trace; do
  run 4 report triggers.json --format $format
  one_line_error
  says err "triggers.json: this describes triggers, and --format $format has no form for it"
done
run 4 report triggers.json --out alone
one_line_error
[ ! -e alone ] || fail 'a folder was made for nothing'
if [ $html = yes ]; then
  jq 'del(.triggers)' triggers.json >wrong.json
  run 4 report wrong.json --format html
  says err 'wrong.json: triggers: is missing'
  jq '.triggers[0].name = 3' triggers.json >wrong.json
  run 4 report wrong.json --format html
  says err 'wrong.json: triggers[0].name: must be a text'
  jq '.format = 2' triggers.json >wrong.json
  run 4 report wrong.json --format html
  says err 'wrong.json: format: must be 1, this was written by another pgrace'
fi
run 0 report "$result" triggers.json --out both --quiet
for file in junit.xml summary.md trace.json result.json; do [ -s both/$file ] || fail "no $file beside triggers"; done
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/step.md run 0 report "$result" triggers.json --out both --quiet
[ -s step.md ] || fail 'no summary beside triggers'
if [ $html = yes ]; then
  run 0 report triggers.json "$result" --format html
  cp out both.html
  cmp -s both.html both/report.html || fail 'the page depends on the order of documents'
  grep -q '"command":"schema"' both.html || fail 'the page does not hold the triggers'
  run 0 report triggers.json --format html
  cp out alone.html
  run 0 schema doc --format html
  cmp -s out alone.html || fail 'schema doc makes another page than report'
  GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/none.md run 0 report triggers.json --format html
  [ ! -e none.md ] || fail 'a summary of no result'
fi

# Into a file: over an older one, whole, behind a link, with the mode it had; or not at all.
printf 'old\n' >old.md
chmod 640 old.md
ln -s old.md link.md
run 0 schema doc --out link.md
[ ! -s out ] || fail 'with --out something goes to standard output'
cmp -s old.md page.md || fail '--out writes another page'
[ -L link.md ] || fail 'the link was replaced'
same 'its mode' "$(stat -c %a old.md)" 640
run 0 schema doc --out new.md
cmp -s new.md page.md || fail '--out writes another page'
run 0 schema doc --out made/for/new.md
cmp -s made/for/new.md page.md || fail '--out makes no folders'
run 5 schema doc --out new.md/page.md
one_line_error
says err 'cannot write new.md/page.md: '
run 0 schema doc --out /dev/null
[ -c /dev/null ] || fail '/dev/null was replaced'
if [ -w /dev/full ]; then
  run 5 schema doc --out /dev/full
  "$PGRACE" schema doc >/dev/full 2>err && fail 'a full disk is no error'
  says err 'cannot write the page to standard output'
fi
same 'files left over' "$(find . -name '*.??????' ! -name '*.*.sql' -newer old.md | grep -cv 'sql$' || true)" 0

# A decision record: the next number, its path in the declaration, whose text stays as it was.
mkdir -p docs/adr
touch docs/adr/0001-first.md docs/adr/0015-last.md docs/adr/readme.md docs/adr/99-by-hand
cp $yaml before.yaml
run 0 schema doc --adr $name
record=docs/adr/0100-${name//_/-}.md
[ -s "$record" ] || fail "there is no $record but $(ls docs/adr)"
grep -q "^# 100. The trigger \`$name\`" "$record" || fail 'the record does not begin with its title'
grep -qF 'Two texters must not own one conversation.' "$record" || fail 'the record does not say why'
says out "$record"
cmp -s <(cat before.yaml; echo "decision: $record") $yaml || fail "the declaration: $(diff before.yaml $yaml)"
run 0 schema doc
says out "The decision record: \`$record\`."
run 4 schema doc --adr $name
one_line_error
says err "has its record, $record, as $yaml says"
rm -r docs
cp before.yaml $yaml
run 0 schema doc --adr $name --adr-dir "it's decided/"
[ -s "it's decided/0001-${name//_/-}.md" ] || fail 'the folder of records was not made'
tail -1 $yaml | has -xF "decision: 'it''s decided/0001-${name//_/-}.md'" || fail 'the path is not written as YAML takes it'
run 0 schema doc
says out "The decision record: \`it's decided/0001-${name//_/-}.md\`."

# Where a line at the end would not do, nothing is written.
echo '{table: conversations, function: check_texter_update, message: no}' >$yaml
cp $yaml flow.yaml
run 4 schema doc --adr $name --adr-dir records
one_line_error
says err 'write it yourself: decision: records/0001-'
cmp -s $yaml flow.yaml || fail 'the declaration was changed'
[ ! -e records ] || fail 'a record was left'
cp before.yaml $yaml

# Names that would be markup, a table's end, or a shell's word.
evil="it's | %s 🙈 <b>"
mkdir "schema/triggers/$evil"
printf '%s\n' 'table: "\"Odd t%s\""' 'function: f' 'message: "no | <i>"' 'why: "<img src=x> | `y`"' \
  >"schema/triggers/$evil/trigger.yaml"
cat >"schema/triggers/$evil/v1.sql" <<END
CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''no | <i>'' USING ERRCODE = ''23514'', CONSTRAINT = TG_NAME; END';
CREATE OR REPLACE TRIGGER "$evil" BEFORE INSERT ON "Odd t%s" FOR EACH ROW EXECUTE FUNCTION f();
END
run 0 schema doc
says out "| [\`it's \\| %s 🙈 <b>\`](#trigger-2) | \`\"Odd t%s\"\` | &lt;img src=x&gt; \\| \\\`y\\\` | 1 |"
says out '<a id="trigger-2"></a>'
says out "## it's \\| %s 🙈 &lt;b&gt;"
says out "\`pgrace schema new version 'it'\\''s | %s 🙈 <b>'\`"
run 0 schema doc --format json
holds 'the name' '.triggers[1].name == "it'"'"'s | %s 🙈 <b>"'
run 0 schema doc --adr "$evil" --adr-dir records
[ -s records/0001-it-s-s-b.md ] || fail "the record is called otherwise: $(ls records)"
run 0 schema doc
says out 'The decision record: `records/0001-it-s-s-b.md`.'
rm -r "schema/triggers/$evil"

# What is wrong.
run 4 schema doc --adr nobody
one_line_error
says err "--adr: there is no trigger 'nobody' in schema, there is '$name'"
run 4 schema doc --adr $name --format json
one_line_error
run 4 schema doc --format pdf
says err "--format: 'pdf' is unknown, give markdown, json or html"
run 4 schema doc --dir nowhere
run 4 schema doc schema
one_line_error
mkdir empty
run 0 schema doc --dir empty
says out 'There are none yet'
run 4 schema doc --dir empty --adr x
says err '--adr: empty has no triggers yet'
run 0 schema doc --help
[ "$(wc -l <out)" -le 40 ] || fail '--help does not fit a screen'
[ "$(wc -L <out)" -le 80 ] || fail '--help is too wide'
