#!/usr/bin/env bash
# One scenario of the gallery, $SCENARIO: right, short, cited, racy and safe, and what it declares of every strategy at every
# isolation level is what is seen.
source "$(dirname "$0")/../support/lib.sh"
folder=$PGR_SOURCE_DIR/scenarios/${SCENARIO:?}
yaml=$folder/$SCENARIO.yaml

run 0 lint --server "$SCENARIO"
run 0 list "$SCENARIO"
grep -q '^see: ' "$yaml" || fail "it does not say where its anomaly is described"
# A page of text; claim has a dozen strategies.
[ "$(wc -l <"$yaml")" -le 120 ] || fail "longer than a page"

rounds=80
[ -z "${PGR_SANITIZE:-}" ] || rounds=40
attempt() {
  local status=0
  "$PGRACE" run "$SCENARIO" --strategy all --isolation all --rounds $rounds --format json >"$work/out" 2>"$work/err" ||
    status=$?
  echo $status
}
status=$(attempt)
holds "it ran" '.complete and all(.cells[]; .rounds == '$rounds')'
holds "nothing safe raced, nothing failed" \
  'all(.cells[]; .verdict != "error" and (.expect != "safe" or .verdict != "race"))'
if grep -q '^ *sampled: rarely' "$yaml"; then
  # Racing may show it or not; either way it says so.
  rarely=$(awk '/^ *- name:/ { name = $3 } /^ *sampled: rarely/ { print name }' "$yaml" | jq -R . | jq -sc .)
  holds "inconclusive where it is rare, else as expected" \
    "all(.cells[]; .as_expected or (.verdict == \"inconclusive\" and (.strategy | IN($rarely[]))))"
  holds "a control races all the same" 'any(.cells[]; .verdict == "race")'
  [ $status = 0 ] || [ $status = 2 ] || fail "exit status $status"
  echo "its race lies inside one statement: exit status $status, a proof takes exploring"
else
  holds "as expected" 'all(.cells[]; .as_expected)'
  same "exit status" $status 0
fi
holds "something races" 'any(.cells[]; .expect == "race")'
holds "something is safe" 'any(.cells[]; .expect == "safe")'
# The statements kept for stories are bounded; a race in most rounds is among them.
holds "a race has a story" 'all(.cells[] | select(.duplicates > .rounds / 2); .witness != null)'
jq -r '.cells[] | "\(.strategy), \(.isolation): \(.verdict), \(.duplicates) of \(.contested)"' "$work/out"

# By proof: every cell, as declared; and what is left out as commuting changes nothing, where everything can be run too.
run 0 explore "$SCENARIO" --strategy all --isolation all --format json
holds "every cell is decided" 'all(.cells[]; .as_expected and (.verdict == "safe" or .verdict == "race"))'
holds "every race has a witness that breaks each time" \
  'all(.cells[] | select(.verdict == "race"); .witness.replayed == 20 and .witness.broke == 20)'
jq -r '.cells[] | "\(.strategy), \(.isolation): \(.verdict), \(.schedules) schedules, \(.classes) classes"' "$work/out"
# README's table of the gallery says the same.
jq -r 'def at($c; $level): [$c[] | select(.isolation == $level) | .verdict][0] // "–";
  .cells | group_by(.strategy)[] | . as $c |
  "| \($c[0].scenario) | \($c[0].strategy) | \(at($c; "read committed")) | \(at($c; "repeatable read")) | \(at($c; "serializable")) |"' \
  "$work/out" >"$work/rows"
while read -r row; do
  grep -qxF -- "$row" "$PGR_SOURCE_DIR/README.md" || fail "README.md does not have the row: $row"
done <"$work/rows"
if [ -z "${PGR_SANITIZE:-}" ]; then
  run 0 explore "$SCENARIO" --strategy all --isolation all --keep-going --format json
  cp "$work/out" "$work/reduced"
  run 0 explore "$SCENARIO" --strategy all --isolation all --keep-going --no-reduction --format json
  holds "all were run" 'all(.cells[]; .proof.exhausted and (.proof.reduced | not))'
  jq -s -e '[.[0].cells[] | [.strategy, .isolation, .classes, .proof.digest, .duplicates > 0]] ==
    [.[1].cells[] | [.strategy, .isolation, .classes, .proof.digest, .duplicates > 0]]' "$work/reduced" "$work/out" >/dev/null ||
    fail "reduced and not reduced differ"
  jq -s -r '"reduced \([.[0].cells[].schedules] | add), all \([.[1].cells[].schedules] | add)"' "$work/reduced" "$work/out"
fi
no_leftovers
