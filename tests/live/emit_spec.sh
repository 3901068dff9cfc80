#!/usr/bin/env bash
# A witness as an isolation spec: PostgreSQL's own isolationtester runs it and shows the anomaly, and pgrace explore
# FILE.spec prints the same.
source "$(dirname "$0")/../support/lib.sh"
tester=${PGR_ISOLATIONTESTER:-$(pg_config --pkglibdir 2>/dev/null || echo /nowhere)/pgxs/src/test/isolation/isolationtester}
[ -x "$tester" ] || skip "no isolationtester (Debian: postgresql-server-dev-15)"
start_server emit -c autovacuum=off
cd "$work"
export PGPASSWORD=master-key
# As PostgreSQL's own tests are run, and as pgrace runs specs.
export PGTZ=PST8PDT PGDATESTYLE='Postgres, MDY'
# A time of day differs, and its microseconds drop trailing zeros: where one is shown, the width of its column counts
# for nothing either.
undated() {
  sed -E 's/[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ]+[0-9:.]+ [0-9]{4} P[SD]T/TIME/' "$1" >"$1.undated"
  if grep -q TIME "$1.undated"; then sed -E 's/ +/ /g; s/ \|/|/g; s/ $//; s/-+/-/g' "$1.undated"; else cat "$1"; fi
}
for width in 820356 98481 5; do
  printf 'at %*s|n\n---%.*s+-\nSun Nov 24 20:58:56.%s 2026 PST|1\n' ${#width} '' ${#width} ------ $width >dated
  undated dated >undated.$width
  cmp -s undated.820356 undated.$width || fail "two times of day are told apart: $(diff undated.820356 undated.$width)"
done
shown=0
for folder in "$PGR_SOURCE_DIR"/scenarios/*/; do
  scenario=$(basename "$folder")
  "$PGRACE" explore "$scenario" --strategy all --isolation all -q --format json >out 2>err || fail "explore $scenario"
  strategy=$(jq -r '[.cells[] | select(.verdict == "race")][0].strategy' out)
  level=$(jq -r '[.cells[] | select(.verdict == "race")][0].isolation' out)
  run 0 explore "$scenario" --strategy "$strategy" --isolation "$level" --emit-spec "$scenario.spec"
  says out "For isolationtester: $scenario.spec"
  "$tester" "host=$server_dir port=$server_port user=boss dbname=postgres" <"$scenario.spec" >theirs 2>theirs.err ||
    fail "isolationtester: $(cat theirs.err)"
  [ ! -s theirs.err ] || fail "isolationtester complains about $scenario.spec: $(cat theirs.err)"
  # A rule about rows returns the key that breaks it; what agents were told cannot be asked of rows.
  told=$(awk '/^ownership:/ { on = 1 } on && /rule:/ { sub(/.*rule: */, ""); print; exit }' "$folder/$scenario.yaml")
  if grep -q '^step broken_' theirs && [ "$(jq -r .rule pgrace-witness-"$scenario"-*.json)" != "$told" ]; then
    awk '/^step broken_/ { on = 1 } on && /^\([1-9][0-9]* rows?\)$/ { found = 1 } END { exit !found }' theirs ||
      fail "$scenario: no rule is broken there: $(tail -40 theirs)"
    shown=$((shown + 1))
  fi
  rm pgrace-witness-*
  "$PGRACE" explore "$scenario.spec" >ours 2>ours.err || fail "explore $scenario.spec: $(cat ours.err)"
  cmp <(undated theirs) <(undated ours) || fail "$scenario.spec: not what isolationtester prints: $(diff theirs ours)"
done
[ $shown -ge 10 ] || fail "only $shown anomalies were shown"
run 0 explore claim --strategy naive --emit-spec claim.spec
grep -q 'texter_id' claim.spec || fail "no statement in the spec"
run 0 explore claim --strategy trigger --emit-spec none.spec
says err "no witness, none.spec is not written"
[ ! -e none.spec ] || fail "a spec without a witness"
no_leftovers
