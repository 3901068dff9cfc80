#!/usr/bin/env bash
# Every result is what docs/result.schema.json says, and holds nothing that it does not say; documents of older versions
# are, too, but for what came later.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
python3 -c 'import jsonschema' 2>/dev/null || skip 'python3 has no jsonschema'
cd "$work"
cat >validate.py <<'END'
"""validate.py SCHEMA FILE…: the first error of each that is not valid. Where every field is expected, none is unknown."""
import json, sys
from jsonschema import Draft202012Validator

def strict(node):
    if isinstance(node, dict):
        if "properties" in node:
            node["additionalProperties"] = False
        for child in node.values():
            strict(child)
    elif isinstance(node, list):
        for child in node:
            strict(child)

schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
strict(schema)
bad = 0
for name in sys.argv[2:]:
    document = json.load(open(name))
    kind = "bench" if document["command"] == "bench" else "run"
    one = {"$ref": "#/$defs/" + kind, "$defs": schema["$defs"]}
    for error in sorted(Draft202012Validator(one).iter_errors(document), key=lambda e: -len(e.path))[:3]:
        print(name, "/".join(map(str, error.path)), error.message[:300])
        bad = 1
sys.exit(bad)
END
valid() { python3 validate.py "$PGR_SOURCE_DIR/docs/result.schema.json" "$@" || fail 'not what the schema says'; }

valid "$PGR_SOURCE_DIR"/tests/documents/*/*.json "$PGR_SOURCE_DIR"/tests/golden/*.json "$PGR_SOURCE_DIR/tests/golden/bench/incomplete.json"
# The check can fail.
jq '.cells[0].verdict = "perhaps"' "$PGR_SOURCE_DIR/tests/documents/0.1-first/run.json" >wrong.json
python3 validate.py "$PGR_SOURCE_DIR/docs/result.schema.json" wrong.json >/dev/null && fail 'a wrong verdict is valid'
jq '.cells[0].surprise = 1' "$PGR_SOURCE_DIR/tests/documents/0.1-first/run.json" >wrong.json
python3 validate.py "$PGR_SOURCE_DIR/docs/result.schema.json" wrong.json >/dev/null && fail 'an unknown field is valid'

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
