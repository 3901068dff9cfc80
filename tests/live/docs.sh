#!/usr/bin/env bash
# Every example of docs/scenarios.md, run: whole files are written down, fragments are put into the page's scenario in
# place of its own keys or scripts, commands are typed, and the fault that is shown is provoked.
source "$(dirname "$0")/../support/lib.sh"
page=$PGR_SOURCE_DIR/docs/scenarios.md
cd "$work"
mkdir blocks

# blocks/001.info holds what follows the opening fence, blocks/001 the text.
awk '/^```/ && !open { open = 1; n++; info = sprintf("blocks/%03d.info", n); print substr($0, 4) >info
                       body = sprintf("blocks/%03d", n); printf "" >body; next }
     /^```/          { open = 0; next }
     open            { print >body }' "$page"

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
no_leftovers
