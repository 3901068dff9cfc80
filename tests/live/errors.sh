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
wrong 4 "--strategy: unknown strategy 'trigr', did you mean 'trigger'?" run --strategy trigr
wrong 4 "--strategy: unknown strategy 'xyzzyfoo', there are: naive, guarded-update" run stock --strategy xyzzyfoo
wrong 4 "--strategy: 'naive' is named twice" run --strategy naive,naive
wrong 4 "--strategy: name at least one" run --strategy ,
wrong 4 "--isolation: unknown level 'serialisable', did you mean 'serializable'?" run --isolation serialisable
wrong 4 "--isolation: unknown level 'chaos', there are: read committed, repeatable read, serializable" run --isolation chaos
wrong 4 "--isolation: name at least one level, or all" run --isolation ''
wrong 4 "--isolation: none of these strategies of claim runs at that level; see pgrace list claim" \
  run --strategy transaction --isolation serializable
wrong 4 "--protocol: 'xml' is unknown, give simple, extended or prepared" run --protocol xml
wrong 4 "unknown scenario 'cliam', did you mean 'claim'? pgrace list shows what there is" run cliam
wrong 4 "unknown scenario 'xyzzyfoo'; pgrace list shows what there is" run xyzzyfoo
wrong 4 "there is no scenario ./claim: No such file or directory" run ./claim
wrong 4 "there is no scenario nowhere.yaml: No such file or directory" run nowhere.yaml
wrong 4 "-D 'pause': write it as NAME=VALUE, with a value" run -D pause
wrong 4 "-D 'pause=': write it as NAME=VALUE, with a value" run -D pause=
wrong 4 "-D '=5': write it as NAME=VALUE, with a value" run -D =5
wrong 4 "-D key: pgrace sets :key itself" run -D key=5
wrong 4 "-D pause: no script of claim refers to :pause" run -D pause=5
wrong 4 "--define: at most 64 of them" run $(printf -- '-Dx=%d ' $(seq 65))
wrong 4 "--rounds 1000001: each contests a key of its own, and claim has 1000000" run --rounds 1000001
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
secret "-D: write it as NAME=VALUE" run -D postgresql://me:s3cr3t@host/db
secret "-D: write it as NAME=VALUE" run -D 'postgresql://me:s3cr3t@host/db?sslmode=require'
secret "-D password: no script of claim refers to :password" run -D password=s3cr3t
secret "unknown scenario" run ./postgresql://me:s3cr3t@host/db.yaml

touch "$work/file"
wrong 5 "Not a directory" run --out "$work/file"
PGRACE_PG_BINDIR=$work/nowhere run 5 run --rounds 1
one_line_error
says err "PGRACE_PG_BINDIR"

# Nobody listens.
wrong 5 "cannot connect" run --dsn "host=$work/nobody port=1"
wrong 5 "refused" run --dsn postgresql://me:s3cret@127.0.0.1:1/db
! grep -q s3cret "$work/err" || fail "the password is shown"


# Scenarios that do not hold what they promise: refused before anything is raced. `write FILE` takes the file from
# standard input, into a scenario that is right otherwise.
fresh() {
  rm -rf "$work/mine"
  mkdir "$work/mine"
  cat >"$work/mine/mine.yaml" <<'YAML'
title: agents subtract
lesson: test
schema: [tables.sql]
seed: INSERT INTO accounts (id, balance) SELECT id, 100 FROM generate_series(:first_key, :last_key) AS id
key: {name: account, last: 1000}
operations: [{name: subtract, script: subtract.sql}]
invariants: [{rule: nobody is below zero, sql: SELECT id AS key FROM accounts WHERE balance < 0}]
strategies:
  - {name: first, summary: the first, isolation: {read committed: unsaid}}
  - {name: other, summary: the other, install: [other.sql], isolation: {read committed: unsaid}}
YAML
  cat >"$work/mine/tables.sql" <<'SQL'
CREATE TABLE accounts (id bigint, balance bigint, seen timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE receipts (id bigint GENERATED ALWAYS AS IDENTITY, account bigint);
SQL
  cat >"$work/mine/subtract.sql" <<'SQL'
UPDATE accounts SET balance = balance - 1 WHERE id = :key;
INSERT INTO receipts (account) VALUES (:key);
SQL
  echo 'CREATE INDEX ON receipts (account);' >"$work/mine/other.sql"
}
yaml() { # KEY VALUE: in place of the key's own
  sed -i "s#^$1:.*#$1: $2#" "$work/mine/mine.yaml"
}
fresh
run 2 run "$work/mine" --rounds 20 --format json
holds "it is right otherwise" '.complete and all(.cells[]; .outcomes.subtract.ok == 20 * 8 and .verdict == "inconclusive")'

# A reset that does not restore the seed: the table is named, and the way out.
echo "reset: DELETE FROM accounts" >>"$work/mine/mine.yaml"
wrong 4 "mine.yaml: the reset does not restore what the seed made: receipts differs (0 rows" run -q "$work/mine" --rounds 20
says err "mend 'reset'"
says err "'ignore'"
# A sequence that goes on is a difference too.
fresh
echo "reset: DELETE FROM accounts; DELETE FROM receipts" >>"$work/mine/mine.yaml"
wrong 4 "the reset does not restore what the seed made: receipts_id_seq differs" run -q "$work/mine" --rounds 20
# What differs by nature is named, and then it passes.
fresh
yaml seed "INSERT INTO accounts SELECT id, 100, clock_timestamp() FROM generate_series(:first_key, :last_key) AS id"
wrong 4 "the reset does not restore what the seed made: accounts differs" run -q "$work/mine" --rounds 20
says err "write a 'reset', the default truncates every table"
echo "ignore: [accounts.seen]" >>"$work/mine/mine.yaml"
run 2 run -q "$work/mine" --rounds 20
# A reset that is wrong.
fresh
echo "reset: DELETE FROM accountz" >>"$work/mine/mine.yaml"
run 4 run -q "$work/mine" --rounds 20
one_line_error
says err 'mine.yaml: reset: relation "accountz" does not exist'

# One that restores nothing, so that the seed does not fit in again.
fresh
sed -i 's/id bigint, balance/id bigint PRIMARY KEY, balance/' "$work/mine/tables.sql"
echo "reset: SELECT 1" >>"$work/mine/mine.yaml"
wrong 4 'duplicate key value violates unique constraint "accounts_pkey" (after a round and the reset: the reset does not restore' \
  run -q "$work/mine" --rounds 20

# Invariants: broken by the seed itself, without a key, wrong.
fresh
yaml seed "INSERT INTO accounts SELECT id, -1 FROM generate_series(:first_key, :last_key) AS id"
wrong 4 "mine.yaml: the seed itself breaks the invariant 'nobody is below zero', before anything ran" \
  run -q "$work/mine" --rounds 20
fresh
sed -i 's/SELECT id AS key FROM accounts/SELECT * FROM accounts/' "$work/mine/mine.yaml"
wrong 4 "mine.yaml: invariant 'nobody is below zero' returns no column named key: it must say which account is broken" \
  run -q "$work/mine" --rounds 20
fresh
sed -i 's/WHERE balance < 0/WHERE balanse < 0/' "$work/mine/mine.yaml"
wrong 4 "mine.yaml: invariant 'nobody is below zero': column \"balanse\" does not exist" run -q "$work/mine" --rounds 20

# Files with errors in their SQL: of the schema, of a strategy that is not the first, in a script.
fresh
printf '%s\n' '-- ä' 'CREATE TABLE t (id bigint);' 'CREATE TABLE u (' '  id no_type);' >>"$work/mine/tables.sql"
wrong 4 "mine/tables.sql:6:6: type \"no_type\" does not exist" run -q "$work/mine" --rounds 20
fresh
echo 'CREATE INDEX ON receipts (acount);' >"$work/mine/other.sql"
run 4 run -q "$work/mine" --rounds 20 --format json --out "$work/report"
says err 'mine/other.sql: column "acount" does not exist'
[ ! -e "$work/report" ] || fail "a folder of a run that failed"
fresh
sed -i 's/balance - 1/balanse - 1/' "$work/mine/subtract.sql"
run 1 run -q "$work/mine" --rounds 20 --format json
holds "where a script failed" '.cells[0] | .verdict == "error" and .outcomes.subtract.failed == 20 * 8 and
  (.errors[0] | .sqlstate == "42703" and (.file | endswith("mine/subtract.sql")) and .line == 1)'
# More operations at the barrier than agents, more rounds than keys.
fresh
yaml operations "[{name: a, script: subtract.sql}, {name: b, script: subtract.sql}, {name: c, script: subtract.sql}]"
wrong 4 "--contenders 2: mine starts 3 different operations, each needs an agent" run "$work/mine" --contenders 2
wrong 4 "--contenders 2: mine starts 3 different operations, each needs an agent" run "$work/mine" --agents 2
wrong 4 "--rounds 1001: each contests a key of its own, and mine has 1000" run "$work/mine" --rounds 1001
# What can be seen without a server is said before one is started.
fresh
yaml operations "[{name: subtract, script: nowhere.sql}]"
run 4 run -q "$work/mine" --rounds 20
says err "nowhere.sql"
says err "mine.yaml:6:"
no_leftovers


# The report cannot be written.
status=0
"$PGRACE" run -q --rounds 20 >/dev/full 2>"$work/err" || status=$?
same "exit status with a full standard output" $status 5
says err "cannot write the report"

no_leftovers
