#!/usr/bin/env bash
# Every example of docs/scenarios.md, run: whole files are written down, fragments are put into the page's scenario in
# place of its own keys or scripts, commands are typed, and the fault that is shown is provoked. Of docs/benchmarking.md
# the commands, for a short time each; its figures and options, and those of its man page, are those of the program.
source "$(dirname "$0")/../support/lib.sh"
page=$PGR_SOURCE_DIR/docs/scenarios.md
cd "$work"

# cut PAGE: into blocks; blocks/001.info holds what follows the opening fence, blocks/001 the text.
cut_blocks() {
  rm -rf blocks
  mkdir blocks
  awk '/^```/ && !open { open = 1; n++; info = sprintf("blocks/%03d.info", n); print substr($0, 4) >info
                         body = sprintf("blocks/%03d", n); printf "" >body; next }
       /^```/          { open = 0; next }
       open            { print >body }' "$1"
}
cut_blocks "$page"

declare -i commands=0 files=0 fragments=0 faults=0
for info in blocks/*.info; do
  read -r language kind name <"$info" || true
  case "$language $kind" in
  "yaml tables/"* | "sql tables/"*)
    mkdir -p tables
    cp "${info%.info}" "$kind"
    files+=1
    ;;
  "sql fragment") [ -e "tables/$name" ] || cp "${info%.info}" "tables/$name" ;;
  esac
done

# type COMMAND: as a reader does, in this folder.
type_in() {
  local status=0
  PATH=$(dirname "$PGRACE"):$PATH bash -c "$1" >out 2>err </dev/null || status=$?
  [ $status = 0 ] || fail "exit status $status of: $1"
}

# try FOLDER [STRATEGY]: it is right, it runs, and nothing in it fails.
try() {
  local status=0
  "$PGRACE" lint --server "./$1" >out 2>err || fail "lint: $(cat "blocks/$current.info")"
  "$PGRACE" run "./$1" --strategy "${2:-all}" --rounds 20 --format json >out 2>err || status=$?
  [ $status = 0 ] || [ $status = 2 ] || fail "exit status $status with block $current: $(head -3 "blocks/$current")"
  holds "no verdict is an error" 'all(.cells[]; .verdict != "error")'
  holds "nothing fails" 'all(.cells[]; .rounds == 20 and ([.outcomes[].failed] | add) == 0)'
  holds "agents are told yes" 'all(.cells[]; .outcomes.reserve.ok > 0)'
}

for info in blocks/*.info; do
  current=$(basename "${info%.info}")
  body=${info%.info}
  read -r language kind name <"$info" || true
  case "$language $kind" in
  "console ")
    while IFS= read -r line; do
      type_in "${line#\$ }"
      commands+=1
    done < <(grep '^\$ ' "$body")
    ;;
  "yaml fragment")
    rm -rf variant
    cp -r tables variant
    # The page's keys but for those that the fragment brings.
    awk 'FNR == NR { if (match($0, /^[a-z_]+:/)) brings[substr($0, 1, RLENGTH)] = 1; next }
         match($0, /^[a-z_]+:/) { skip = substr($0, 1, RLENGTH) in brings }
         !skip' "$body" tables/tables.yaml >variant/variant.yaml
    cat "$body" >>variant/variant.yaml
    rm variant/tables.yaml
    # A scenario without its own strategies has no release without its operation either.
    if ! grep -q 'name: cancel' variant/variant.yaml; then sed -i '/release: cancel/d' variant/variant.yaml; fi
    grep -q '^compare' "$body" || sed -i '/^compare/d' variant/variant.yaml
    try variant
    fragments+=1
    ;;
  "sql fragment")
    rm -rf variant
    cp -r tables variant
    mv variant/tables.yaml variant/variant.yaml
    cp "$body" "variant/$name"
    [ "$name" != reserve.sql ] || sed -i '/^  - name: conditional/,/^$/{/./d}; s/, conditional//' variant/variant.yaml
    try variant naive # what other strategies promise is not of this script
    fragments+=1
    ;;
  "text ")
    word=$(sed -n "s/.*unknown strategy '\(.*\)'/\1/p" "$body")
    meant=$(sed -n "s/did you mean '\(.*\)'?/\1/p" "$body")
    rm -rf broken
    mkdir broken
    cp -r tables broken/
    sed -i "s/^compare: \[naive, $meant,/compare: [naive, $word,/" broken/tables/tables.yaml
    (cd broken && run 4 lint ./tables)
    diff <(sed 's#^\./##' "$work/err") "$body" >&2 || fail "the fault reads otherwise"
    faults+=1
    ;;
  esac
done
echo "$files files, $fragments fragments, $commands commands, $faults fault"
[ $files -ge 6 ] && [ $fragments -ge 10 ] && [ $commands -ge 6 ] && [ $faults = 1 ] || fail "examples were overlooked"

# ---- docs/benchmarking.md ----
page=$PGR_SOURCE_DIR/docs/benchmarking.md
cut_blocks "$page"
commands=0 files=0

# briefly COMMAND: as it stands, but for how long it measures, and what chance may find in so short a time
briefly() {
  case $1 in "pgrace bench "*) ;; *) echo "$1"; return ;; esac
  local line
  line=$(sed -E 's/ -T [^ ]+//; s/$/ -T 100ms --warmup 0ms/' <<<"$1")
  case $line in *--baseline*) line+=" --floor 1000%" ;; *--repetitions*) ;; *) line+=" --repetitions 1" ;; esac
  echo "$line"
}

for info in blocks/*.info; do
  body=${info%.info}
  read -r language name <"$info" || true
  case "$language $name" in
  "sql "*.sql)
    cp "$body" "$name"
    files+=1
    ;;
  "console ")
    : >typed
    while IFS= read -r line; do
      briefly "${line#\$ }" >>typed
      commands+=1
    done < <(grep '^\$ ' "$body")
    if grep -qxF '$ echo $?' "$body"; then
      type_in "$(cat typed)"
      same "exit status of $(head -1 typed)" "$(tail -1 out)" "$(tail -1 "$body")"
    else
      type_in "set -e; $(cat typed)"
    fi
    ;;
  esac
done
echo "$files files, $commands commands"
[ $files -ge 3 ] && [ $commands -ge 8 ] || fail "examples of docs/benchmarking.md were overlooked"

# The table of figures: each of them can be asked for, and there is no other.
sed -n '/^## The figures$/,/^## Closed/p' "$page" | sed -n 's/^| \(`[^|]*`\) |.*/\1/p' | grep -o '`[^`]*`' | tr -d '`' >figures
[ "$(wc -l <figures)" -ge 30 ] || fail "figures of docs/benchmarking.md were overlooked: $(cat figures)"
# Of invariants where they are asked:
run 0 bench unique-email -q -T 300ms --warmup 0ms --repetitions 1 --strategy unique --threshold 'rows_broken == 0'
limits=()
while IFS= read -r figure; do
  limits+=(--threshold "$figure >= 0")
done < <(grep -vx rows_broken figures | sed 's/OP/claim/; s/OUTCOME/ok/; s/\.N\./.1./; s/\.Q$/.p99.9/; s/WHAT/Lock:tuple/')
brief=(-q --format json -T 300ms --warmup 0ms --repetitions 1 --rate 400 -c 8 --keys 2 --connections 4)
run 0 bench claim --strategy trigger,serializable "${brief[@]}" "${limits[@]}"
while IFS= read -r figure; do
  grep -qxF "$figure" figures || fail "docs/benchmarking.md does not know the figure $figure"
done < <(value '.cells[].figures | keys[]' |
  sed -E '/^server\.wait\./s/wait\..*/wait.WHAT/; /\.tries\.max$/!s/\.(mean|p[0-9.]+|max)$/.Q/
          s/^((response|statement)\.)?(claim|reply|release)\./\1OP./; s/\.[0-9]+\.Q$/.N.Q/
          s/\.(ok|refused|rejected|failed|unknown|retried)\./.OUTCOME./' | sort -u)

# Options: the man page has those of --help, and the program has those of the man page.
man=$PGR_SOURCE_DIR/docs/man/pgrace-bench.1
options() { sed 's/\\-/-/g' "$1" | grep -oE -e '(^|[^a-z-])--[a-z][a-z-]*' | grep -oE -e '--[a-z-]+' | sort -u; }
run 0 bench --help
missing=$(comm -23 <(options out) <(options "$man"))
[ -z "$missing" ] || fail "docs/man/pgrace-bench.1 does not know $missing"
[ "$(options out | wc -l)" -ge 30 ] || fail "options of --help were overlooked"
for option in $(options "$man"); do
  run 4 bench --format none "$option"
  ! grep -qE 'unknown option|there is no option' err || fail "docs/man/pgrace-bench.1 has $option"
done
no_leftovers
