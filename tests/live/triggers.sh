#!/usr/bin/env bash
# docs/triggers.md, walked: its files are written down, its commands typed in order against a database of the test's own,
# and what the page shows of their output must be there, line by line; … stands for anything. A command ends with 0 unless
# the page asks for $? behind it.
set -eu
source "$(dirname "$0")/../support/lib.sh"
cd "${work:?}"
page=$PGR_SOURCE_DIR/docs/triggers.md
start_server shop
boss -c 'CREATE DATABASE shop' >/dev/null
boss -c "ALTER ROLE boss SET client_min_messages = warning" >/dev/null
uri="postgresql://boss:master-key@/shop?host=$server_dir&port=$server_port"
mkdir walk
cd walk
export PATH=$(dirname "$PGRACE"):$PATH

# shown PATTERN…: every line of the page's output is in that of the command, in this order
shown() {
  local line at=0 pattern
  mapfile -t said <"$work/out"
  for pattern in "$@"; do
    [ "$pattern" != … ] || continue
    pattern=${pattern//\\/\\\\}
    pattern=${pattern//\*/\\*}
    pattern=${pattern//\?/\\?}
    pattern=${pattern//\[/\\[}
    pattern=${pattern//…/*}
    while :; do
      [ $at -lt ${#said[@]} ] || fail "after '$command' the page shows: $pattern"
      line=${said[at]}
      at=$((at + 1))
      # shellcheck disable=SC2053
      if [[ $line == $pattern ]]; then break; fi
    done
  done
}

declare -i commands=0 files=0 shows=0 status=0
command='' expected=()
settle() {
  [ -z "$command" ] || shown "${expected[@]}"
  shows+=${#expected[@]}
  expected=()
}
type_in() {
  commands+=1
  status=0
  command=$1
  local quoted="'$uri'" real
  real=${1//postgresql:\/\/me@localhost\/shop/"$quoted"} # quoted: an & in it is no more than that
  bash -c "$real" >"$work/out" 2>&1 </dev/null || status=$?
  ! grep -qF master-key "$work/out" || fail "the password is shown by: $1"
}
# ended STATUS: of the command before
ended() { [ -z "$command" ] || [ "$status" = "$1" ] || fail "exit status $status of: $command"; }

block='' name='' asked=''
while IFS= read -r line; do
  case $block in
  '')
    case $line in
    '```console') block=console ;;
    '```sql '* | '```yaml '*)
      block=file
      name=${line#* }
      mkdir -p "$(dirname "$name")"
      : >"$name"
      files+=1
      ;;
    '```'?*) block=other ;;
    esac
    continue
    ;;
  *) if [ "$line" = '```' ]; then
    if [ $block = console ]; then
      settle
      [ -n "$asked" ] || ended 0
      command='' asked=''
    fi
    block=''
    continue
  fi ;;
  esac
  case $block in
  file) echo "$line" >>"$name" ;;
  console)
    case $line in
    '$ echo $?') settle; asked=1 ;;
    '$ '*)
      settle
      [ -n "$asked" ] || ended 0
      asked=''
      type_in "${line#\$ }"
      ;;
    *)
      if [ -n "$asked" ]; then ended "$line"; command=''; else expected+=("$line"); fi
      ;;
    esac
    ;;
  esac
done <"$page"
echo "$files files, $commands commands, $shows lines shown"
[ $files -ge 3 ] && [ $commands -ge 20 ] && [ $shows -ge 40 ] || fail 'examples of docs/triggers.md were overlooked'
left=$(PGPASSWORD=master-key psql -XAtq "$uri" -c "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal" \
  -c "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'")
same 'triggers and functions at the end' "$(echo $left)" '0 0'

# What the reference says of options, keys and checks is what there is.
for check in $(sed -n '/^## Lint/,/^## /p' "$page" | sed -n 's/^| `\([a-z-]*\)` |.*/\1/p'); do
  grep -rqF "\"$check\"" "$PGR_SOURCE_DIR/harness/schema/" || fail "docs/triggers.md has a check $check that there is not"
done
for check in $(grep -ohE 'PGR__LINT_[A-Z]+, "[a-z-]+"' "$PGR_SOURCE_DIR"/harness/schema/schema_lint*.c | sed 's/.*"\(.*\)"/\1/' | sort -u); do
  grep -qF "| \`$check\` |" "$page" || fail "docs/triggers.md does not know the check $check"
done
no_leftovers
