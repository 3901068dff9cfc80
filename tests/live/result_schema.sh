#!/usr/bin/env bash
# Every result is what docs/result.schema.json says, and holds nothing that it does not say; documents of older versions
# are, too, but for what came later.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
python3 -c 'import jsonschema' 2>/dev/null || skip 'python3 has no jsonschema'
cd "$work"
validate() { python3 "$PGR_SOURCE_DIR/tests/support/validate.py" each "$PGR_SOURCE_DIR/docs/result.schema.json" "$@"; }
valid() { validate "$@" || fail 'not what the schema says'; }

valid "$PGR_SOURCE_DIR"/tests/documents/*/*.json "$PGR_SOURCE_DIR"/tests/golden/*.json "$PGR_SOURCE_DIR/tests/golden/bench/incomplete.json"
# The check can fail.
jq '.cells[0].verdict = "perhaps"' "$PGR_SOURCE_DIR/tests/documents/0.1-first/run.json" >wrong.json
validate wrong.json >/dev/null && fail 'a wrong verdict is valid'
jq '.cells[0].surprise = 1' "$PGR_SOURCE_DIR/tests/documents/0.1-first/run.json" >wrong.json
validate wrong.json >/dev/null && fail 'an unknown field is valid'

# document NAME STATUS ARGUMENT…
document() {
  local name=$1 status=$2
  shift 2
  run "$status" "$@" -q --format json
  mv out "$name.json"
  valid "$name.json"
  jq -e '.repeat and .scenario != false and (has("error"))' "$name.json" >/dev/null || fail "$name: a new field is missing"
}
document run 0 run claim --rounds 60
document sweep 0 run claim --rounds 40 --gap 0,1ms
document levels 0 run claim --strategy all --isolation all --explore
document stock 0 run stock --rounds 60
document safe 0 explore claim
document serial 0 explore transfer
document bench 0 bench claim -c 4,8 -T 1 --repetitions 2 --warmup 100ms --strategy naive,trigger
printf 'SELECT 1;\n' >one.sql
document open 0 bench -f one.sql -c 2 -T 1 --repetitions 1 --warmup 100ms --rate 200
