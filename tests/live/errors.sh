#!/usr/bin/env bash
# Whatever is typed wrong: one line that says what and what to do, the right exit status, nothing left behind.
source "$(dirname "$0")/../support/lib.sh"

# wrong STATUS TEXT ARGUMENTS…
wrong() {
  local status=$1 text=$2
  shift 2
  run "$status" "$@"
  one_line_error
  says err "$text"
}

wrong 4 "unknown command 'rnu', did you mean 'run'?" rnu
wrong 4 "unknown option '--hlep', did you mean '--help'?" --hlep
wrong 4 "unknown option '--agnets', did you mean --agents?" run --agnets 3
wrong 4 "--agents: 'many' is not a whole number" run --agents many
wrong 4 "--agents: 1 is out of range, give 2 to 100,000" run --agents 1
wrong 4 "--gap: '5' has no unit, write it like 5ms or 5s" run --gap 5
wrong 4 "unknown unit" run --gap 5parsecs
wrong 4 "--contenders 9: there are only 8 agents" run --contenders 9
wrong 4 "--connections 9: an agent uses one at a time" run --connections 9
wrong 4 "--threads 3: each needs a connection" run --agents 4 --connections 2 --threads 3
wrong 4 "exclude each other" run --rounds 5 --duration 1s
wrong 4 "unknown strategy 'trigr', did you mean 'trigger'?" run --strategy trigr
wrong 4 "named twice" run --strategy naive,naive
wrong 4 "unknown scenario 'cliam'" run cliam
wrong 4 "unexpected argument" run claim claim
wrong 4 "--format: 'xml' is unknown" run --format xml
wrong 4 "--durable is for the private server" run --durable --dsn ''
wrong 4 "not a connection string" run --dsn nonsense
wrong 5 "cannot open the folder" run --out "$work/no/such/folder"

# What may hold a password is not repeated.
secret() {
  wrong 4 "$@"
  ! grep -q s3cr3t "$work/err" || fail "the password is shown: $*"
}
secret "unknown scenario" run postgresql://me:s3cr3t@host/db
secret "unknown scenario" run --dsn host=x password=s3cr3t
secret "unexpected argument" run claim password=s3cr3t
secret "unknown option '--dsn'" --dsn=postgresql://me:s3cr3t@host/db run
secret "unknown option '-x'" run --dsn postgresql://me:s3cr3t@host/db -xq
secret "takes no value" run --durable=s3cr3t
secret "not a connection string" run --dsn 'postgresql://me:a%z"s3cr3t@h/db'
secret "not a connection string" run --dsn 'host=h password=abc se"s3cr3t'
secret "unknown command" postgresql://me:s3cr3t@host/db
wrong 4 "unknown strategy 'xyzzyfoo', there are: naive, trigger" run --strategy xyzzyfoo

touch "$work/file"
wrong 5 "Not a directory" run --out "$work/file"
PGRACE_PG_BINDIR=$work/nowhere run 5 run --rounds 1
one_line_error
says err "PGRACE_PG_BINDIR"

# Nobody listens.
wrong 5 "cannot connect" run --dsn "host=$work/nobody port=1"
wrong 5 "refused" run --dsn postgresql://me:s3cret@127.0.0.1:1/db
! grep -q s3cret "$work/err" || fail "the password is shown"


# The report cannot be written.
status=0
"$PGRACE" run -q --rounds 20 >/dev/full 2>"$work/err" || status=$?
same "exit status with a full standard output" $status 5
says err "cannot write the report"

no_leftovers
