# What the tests of the script language share. Scripts check themselves: they write what they got, and what they should
# have got, into the table seen; invariants compare the two and count the rows.
source "$(dirname "${BASH_SOURCE[0]}")/../../support/lib.sh"

fail() {
  echo "FAILED: $*" >&2
  jq -c '.cells[] | .outcomes, .rules, .errors' "$work/out" >&2 2>/dev/null || head -60 "$work/out" >&2
  head -60 "$work/err" >&2
  exit 1
}

protocols='simple extended prepared'

# scenario NAME [ROWS]: a folder $work/NAME with NAME.yaml. ROWS: what each contender of a round writes into seen
# (default 1). Standard input: keys of the YAML, in place of the usual ones. Scripts and schema follow with `file`.
scenario() {
  local folder=$work/$1 rows=${2:-1}
  mkdir -p "$folder"
  cat >"$work/keys"
  cat >"$work/usual" <<YAML
title: agents do as the script says
lesson: The language of scripts works.
schema: [schema.sql]
operations:
  - name: act
    script: act.sql
invariants:
  - rule: got what was wanted
    sql: SELECT key FROM seen WHERE got IS DISTINCT FROM want
  - rule: each saw all of it
    sql: |
      SELECT key FROM (SELECT DISTINCT key FROM pgrace_history) h
      LEFT JOIN (SELECT key, count(*) AS n FROM seen GROUP BY key) s USING (key)
      WHERE coalesce(n, 0) <> :contenders * $rows
strategies:
  - name: only
    summary: as it is
    isolation: {read committed: unsaid}
YAML
  awk 'FNR == NR { if (match($0, /^[a-z_]+:/)) brings[substr($0, 1, RLENGTH)] = 1; next }
       match($0, /^[a-z_]+:/) { skip = substr($0, 1, RLENGTH) in brings }
       !skip' "$work/keys" "$work/usual" >"$folder/$1.yaml"
  cat "$work/keys" >>"$folder/$1.yaml"
  echo 'CREATE TABLE seen (key bigint, agent int, what text, got text, want text);' >"$folder/schema.sql"
}

# file NAME/FILE: standard input, appended
file() { cat >>"$work/$1"; }

# try NAME ARGUMENTS…: runs it, two agents and three rounds unless ARGUMENTS say otherwise. Exit status 2, for nothing
# can be said without a control; 0 would be a broken invariant.
try() {
  local name=$1
  shift
  run 2 run "$work/$name" --agents 2 --rounds 3 --format json --out "$work/$name.out" "$@"
  holds "$name ${*:-}: no rule is broken" '.cells[0] | .duplicates == 0 and ([.rules[].broken] | add // 0) == 0'
}

# breaks NAME ARGUMENTS…: the same, and operations fail.
breaks() {
  local name=$1
  shift
  run 1 run "$work/$name" --agents 2 --rounds 3 --format json --out "$work/$name.out" "$@"
}

# outcomes OPERATION OUTCOME=N…: how its operations ended; outcomes not named happened never
outcomes() {
  local operation=$1 got want
  shift
  got=$(jq -r --arg of "$operation" '[.cells[0].outcomes[$of] | to_entries[] | select(.value > 0) |
    "\(.key)=\(.value)"] | sort | join(" ")' "$work/out")
  want=$(printf '%s\n' "$@" | sort | paste -sd' ')
  [ "$got" = "$want" ] || fail "outcomes of $operation: $got, expected $want"
}

# complains FILE:LINE SQLSTATE|- MESSAGE: among the errors nobody declared; MESSAGE may be a piece of it
complains() {
  jq -e --arg at "$1" --arg state "${2#-}" --arg text "$3" '.cells[0].errors | any(
    ("\(.file):\(.line)" | endswith("/" + $at)) and (.sqlstate // "") == $state and (.message | contains($text)))' \
    "$work/out" >/dev/null || fail "no complaint at $1, SQLSTATE $2: $3"
}

# history NAME COLUMN…: those columns of the run's history, sorted
history() {
  local file=$work/$1.out/history.csv fields='' column
  shift
  for column in "$@"; do
    fields+="${fields:+,}$(head -1 "$file" | tr ',' '\n' | grep -nx "$column" | cut -d: -f1)"
  done
  tail -n +2 "$file" | awk -F, -v fields="$fields" '
    { n = split(fields, f, ","); line = ""; for (i = 1; i <= n; i++) line = line (i > 1 ? " " : "") $f[i]
      print line }' | sort
}

# counted: lines of standard input, each once with its number
counted() { sort | uniq -c | sed 's/^ *//; s/ *$//'; }

# stubborn NAME: gives its schema stubborn(agent, tries, sqlstate), which fails with that SQLSTATE but for every
# tries-th call of the agent's. A sequence counts, for it does not roll back.
stubborn() {
  cat >>"$work/$1/schema.sql" <<'SQL'
DO $$ BEGIN FOR i IN 1..16 LOOP EXECUTE format('CREATE SEQUENCE tries_of_%s', i); END LOOP; END $$;
CREATE FUNCTION stubborn(agent int, tries int, state text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int := nextval('tries_of_' || agent);
BEGIN
  IF n % tries <> 0 THEN
    RAISE EXCEPTION 'try % is not enough', n % tries USING ERRCODE = state;
  END IF;
  RETURN n;
END $$;
SQL
}
