"""validate.py KIND|each SCHEMA FILE…: the first errors of each file that is not what the schema says of that kind, and
status 1. Strictly: where every field is expected, none is unknown. each: bench or run, as its command says."""
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


schema = json.load(open(sys.argv[2]))
Draft202012Validator.check_schema(schema)
strict(schema)
bad = 0
for name in sys.argv[3:]:
    document = json.load(open(name))
    kind = sys.argv[1]
    if kind == "each":
        kind = "bench" if document["command"] == "bench" else "run"
    one = {"$ref": "#/$defs/" + kind, "$defs": schema["$defs"]}
    for error in sorted(Draft202012Validator(one).iter_errors(document), key=lambda e: -len(e.path))[:3]:
        print(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        bad = 1
sys.exit(bad)
