# What the shell tests share: each runs the built program ($PGRACE) as a user would. Source it first.
set -euo pipefail
: "${PGRACE:?}" "${PGR_SOURCE_DIR:?}"
# As the program would find them; the tests' own folder holds whatever they leave.
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS NO_COLOR
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/pgrace-test.XXXXXX")
chmod 755 "$work"
export XDG_CACHE_HOME=${PGR_BINARY_DIR:-$work}/test-cache

# What the test started and has not waited for ends with it: numbers of running jobs are this shell's own.
finish() {
  local status=$? job
  for job in $(jobs -rp); do
    if [ "$job" = "${server_pid:-}" ]; then kill -QUIT "$job"; else kill -TERM "$job"; fi 2>/dev/null || true
  done
  for _ in $(seq 100); do
    [ -n "$(jobs -rp)" ] || break
    sleep 0.1
  done
  for job in $(jobs -rp); do kill -KILL "$job" 2>/dev/null || true; done
  rm -rf "$work"
  exit $status
}
trap finish EXIT
# What ends a test without a word is named.
set -E
trap 'echo "${BASH_SOURCE[0]}:$LINENO: status $?: $BASH_COMMAND" >&2' ERR

fail() {
  echo "FAILED: $*" >&2
  for f in "$work/out" "$work/err"; do
    [ -e "$f" ] && { echo "--- ${f##*/}" >&2; head -60 "$f" >&2; }
  done
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# run STATUS ARGUMENTS…: runs pgrace, output in $work/out and $work/err, and insists on its exit status.
run() {
  local want=$1 got=0
  shift
  "$PGRACE" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$want" ] || fail "pgrace $*: exit status $got, expected $want"
}

# same WHAT GOT EXPECTED
same() { [ "$2" = "$3" ] || fail "$1: '$2', expected '$3'"; }

# has GREP_ARGUMENT…: standard input has such a line. It reads all of it: who still writes when grep -q has seen enough dies.
has() {
  local text
  text=$(cat)
  grep -q "$@" <<<"$text"
}

# holds WHAT JQ_EXPRESSION: about the JSON in $work/out
holds() { jq -e "$2" "$work/out" >/dev/null || fail "$1: not true: $2"; }

# value JQ_EXPRESSION
value() { jq -r "$1" "$work/out"; }

# says FILE TEXT: the file contains it
says() { grep -qF -- "$2" "$work/$1" || fail "$1 does not say: $2"; }

# one_line_error: standard error is one line "pgrace: …", standard output is empty
one_line_error() {
  same "lines of the error" "$(wc -l <"$work/err")" 1
  grep -q '^pgrace: ' "$work/err" || fail "the error does not begin with 'pgrace: '"
  [ ! -s "$work/out" ] || fail "an error, but standard output is not empty"
}

# Where PostgreSQL's programs are: as the environment says, else the newest of Debian's, else on the path.
bindir=${PGRACE_PG_BINDIR:-}
[ -n "$bindir" ] || bindir=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -x "$bindir/initdb" ] || bindir=$(dirname "$(command -v initdb || echo /nowhere/initdb)")

# Becomes the program, as the unprivileged user that PostgreSQL wants when we are root. In a subshell.
become_server() {
  cd /
  [ "$(id -u)" = 0 ] || exec "$@"
  local user=postgres
  id -u postgres >/dev/null 2>&1 || user=nobody
  exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
}

# start_server NAME [OPTION…]: a server of the test's own, with password authentication and the superuser boss
# (password: master-key). Sets server_dir, server_port, server_pid.
start_server() {
  [ -x "$bindir/initdb" ] || skip "no PostgreSQL server to test with"
  server_dir=$work/$1
  server_port=5999
  shift
  mkdir "$server_dir"
  echo master-key >"$work/master"
  [ "$(id -u)" != 0 ] || chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$server_dir"
  (become_server "$bindir/initdb" -D "$server_dir/data" -U boss --pwfile="$work/master" -A scram-sha-256 --no-sync \
    --locale=C --encoding=UTF8 >/dev/null)
  (become_server "$bindir/postgres" -D "$server_dir/data" -k "$server_dir" -p $server_port -c listen_addresses= \
    -c fsync=off "$@") >"$server_dir/log" 2>&1 &
  server_pid=$!
  for _ in $(seq 200); do
    boss -c 'SELECT' >/dev/null 2>&1 && break
    sleep 0.05
  done
  boss -c 'SELECT' >/dev/null || fail "the test's own server did not start: $(cat "$server_dir/log")"
}

# psql as the superuser of that server
boss() { PGPASSWORD=master-key psql -X -q -A -t -h "$server_dir" -p $server_port -U boss -d postgres "$@"; }

# The private servers of this user that run or lie around.
private_leftovers() {
  for root in /dev/shm "${TMPDIR:-/tmp}" /tmp /var/tmp; do
    find "$root/pgrace-$(id -u)" -mindepth 1 -maxdepth 1 2>/dev/null || true
  done | sort -u
}

# no_leftovers: after this test's runs nothing is left that was not there before. Other runs may be under way: what they
# hold is locked, but for the moment in which they begin or end, or one of them was killed and the next clears up.
before=$(private_leftovers)
unowned() {
  local left
  for left in $(comm -13 <(echo "$before") <(private_leftovers)); do
    (flock -n 9 && echo "$left") 2>/dev/null 9<"${left%.lock}.lock" || true
  done
}
no_leftovers() {
  local left
  for _ in $(seq 30); do
    left=$(unowned)
    [ -n "$left" ] || return 0
    sleep 0.1
  done
  fail "left behind: $left"
}

# background ARGUMENTS…: runs pgrace in the background as a terminal would, its signals not ignored. Sets pid; `ended` waits.
background() {
  : >"$work/err"
  env --default-signal=INT,QUIT "$PGRACE" "$@" >"$work/out" 2>"$work/err" &
  pid=$!
}

# racing: waits until the pgrace in $pid races, by its progress on standard error
racing() {
  for _ in $(seq 600); do
    grep -q rounds "$work/err" && return
    kill -0 "$pid" 2>/dev/null || fail "pgrace ended early"
    sleep 0.05
  done
  fail "no progress"
}

# ended: waits for $pid and sets status
ended() {
  status=0
  wait "$pid" || status=$?
}

# gone PID: within ten seconds the process has ended (a zombie has)
gone() {
  for _ in $(seq 200); do
    case $(ps -o stat= -p "$1" || true) in '' | Z*) return 0 ;; esac
    sleep 0.05
  done
  return 1
}
