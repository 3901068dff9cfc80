#!/usr/bin/env bash
# pgrace list, init and lint, as far as they need no server.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"

# no_wide_lines: what is shown fits a terminal of 80 columns, but for addresses
no_wide_lines() {
  local widest
  widest=$(grep -v '://' "$work/out" | wc -L)
  [ "$widest" -le 80 ] || fail "a line of $widest columns"
}

# The gallery: every folder of scenarios/ is in it, each is right, and each can be shown.
run 0 list
no_wide_lines
grep -q '^claim  *agents claim one conversation$' "$work/out" || fail "claim is not listed"
says out 'races:  naive'
run 0 list --format json
holds "the format" '.format == 1'
holds "claim's strategies" '.scenarios[] | select(.name == "claim") | .strategies[0].isolation["read committed"] == "race"'
mapfile -t names < <(value '.scenarios[].name')
same "scenarios" "$(printf '%s ' "${names[@]}")" "$(basename -a "$PGR_SOURCE_DIR"/scenarios/*/ | tr '\n' ' ')"
run 0 lint "${names[@]}"
same "lines of lint" "$(grep -c ': ok$' "$work/out")" "${#names[@]}"
[ ! -s "$work/err" ] || fail "lint says something on standard error"
for name in "${names[@]}"; do
  run 0 list "$name"
  no_wide_lines
done
run 0 list claim
for text in 'contested' 'operations' 'must hold' '* naive' 'race at every isolation level'; do says out "$text"; done
run 0 list claim --format json
holds "one scenario" '.scenarios | length == 1 and .[0].operations[2].after == "claim"'

# On disk they are the same as compiled in.
run 0 lint "$PGR_SOURCE_DIR"/scenarios/*/ "$PGR_SOURCE_DIR/scenarios/claim/claim.yaml"

# A scenario of one's own, by every name it has.
run 0 init mine
says out 'pgrace run mine'
same "its files" "$(ls mine | tr '\n' ' ')" "book-conditional.sql book.sql mine.yaml seats.sql "
says mine/mine.yaml 'pgrace lint mine'
run 0 lint mine mine/ ./mine mine/mine.yaml "$work/mine"
same "lines of lint" "$(grep -c ': ok$' "$work/out")" 5
(cd mine && "$PGRACE" lint . ./ mine.yaml ../mine >"$work/out") || fail "not found from its own folder"
run 0 list mine
says out 'customers book one seat'

# One of the gallery's name on disk comes first.
mkdir counter
cp mine/*.sql counter/
cp mine/mine.yaml counter/counter.yaml
run 0 list counter
says out 'customers book one seat'

# wrong STATUS TEXT ARGUMENTS…: one line
wrong() {
  local status=$1 text=$2
  shift 2
  run "$status" "$@"
  one_line_error
  says err "$text"
}
wrong 4 "'mine' exists already" init mine
wrong 4 "the gallery has a scenario 'claim'" init claim
wrong 4 "give the scenario a name" init
wrong 4 "'a b' is no name for a scenario" init 'a b'
wrong 4 "'../a' is no name for a scenario" init ../a
wrong 4 "'.a' is no name for a scenario" init .a
wrong 4 "name a scenario" lint
wrong 4 "unknown scenario 'cliam', did you mean 'claim'?" lint cliam
wrong 4 "pgrace list shows what there is" list xyzzyfoo
mkdir wallet2
touch wallet2/wallet.yaml
wrong 4 "the folder wallet2 holds no wallet2.yaml (there is wallet.yaml)" lint wallet2
touch wallet2/money.yaml
wrong 4 "the folder ./wallet2/ holds no wallet2.yaml (there are money.yaml and 1 more)" lint ./wallet2/
wrong 4 "there is no scenario nowhere/x.yaml" lint nowhere/x.yaml
wrong 4 "there is no scenario $work/empty/empty.yaml" lint "$(mkdir empty && echo "$work/empty")"
wrong 4 "--format: 'xml' is unknown" list --format xml
wrong 4 "not shown" lint postgresql://me:s3cr3t@host/db
! grep -q s3cr3t "$work/err" || fail "the password is shown"
[ ! -e a ] && [ ! -e ../a ] || fail "a refused init made something"

# A fault is shown with its place, the line and what may have been meant; the others are checked all the same.
sed -i 's/^strategies:/compare: [conditionl]\n&/; s/HAVING/HAVIN/' mine/mine.yaml
run 4 lint claim mine counter
same "what is ok" "$(tr '\n' ' ' <"$work/out")" "claim: ok counter: ok "
line=$(grep -n '^compare' mine/mine.yaml | cut -d: -f1)
says err "mine/mine.yaml:$line:11: unknown strategy 'conditionl'"
says err "   $line | compare: [conditionl]"
says err '      |           ^^^^^^^^^^'
says err "did you mean 'conditional'?"
sed -i '/^compare/d' mine/mine.yaml
run 4 lint mine
line=$(grep -n HAVIN mine/mine.yaml | cut -d: -f1)
says err "mine/mine.yaml:$line:62: syntax error at or near \"HAVIN\""
printf 'SELECT 1;\nUPDAT x;\n' >mine/book.sql
run 4 lint mine
says err 'mine/book.sql:2:1: syntax error at or near "UPDAT"'

# Files that are none, or no text.
mkfifo mine/pipe.sql
ln -s /dev/zero mine/zero.sql
for file in pipe.sql zero.sql ../mine none.sql; do
  sed "s,seats.sql,$file," mine/mine.yaml >"$work/mine/other.yaml"
  run 4 lint mine/other.yaml
  says err "cannot read "
done

# Nothing is left where there is no room, or no right, to write.
if [ "$(id -u)" != 0 ]; then
  mkdir closed
  chmod 500 closed
  (cd closed && "$PGRACE" init other >"$work/out" 2>"$work/err") && fail "init wrote into a closed folder"
  says err 'cannot make the folder'
fi
status=0
(ulimit -f 0 && trap '' XFSZ && "$PGRACE" init halfway >"$work/out" 2>"$work/err") || status=$?
same "exit status of a failed init" $status 5
[ ! -e halfway ] || fail "a failed init left something"
status=0
"$PGRACE" list >/dev/full 2>"$work/err" || status=$?
same "exit status with a full standard output" $status 5
for command in list init lint; do
  run 0 "$command" --help
  no_wide_lines
  same "lines that fit a screen" "$(($(wc -l <"$work/out") <= 40))" 1
done
