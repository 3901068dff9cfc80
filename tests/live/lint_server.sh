#!/usr/bin/env bash
# pgrace lint --server: what only a server knows of a scenario, said at its place; nothing is left behind.
source "$(dirname "$0")/../support/lib.sh"
cd "$work"

fresh() {
  rm -rf mine
  run 0 init mine
}

fresh
run 0 lint --server mine claim
same "what is ok" "$(tr '\n' ' ' <out)" "mine: ok claim: ok "

# A column that is not there, behind a variable: the place is that of the script, not of what was sent.
cat >mine/book.sql <<'SQL'
SELECT customer IS NULL AS free FROM seats WHERE id = :key \gset
UPDATE seats SET customer = :agent WHERE id = :key AND colour = 'red';
INSERT INTO tickets (seat_id, customer) VALUES (:key, :agent);
SELECT nothing_of_that_name(:key);
SQL
run 0 lint mine
run 4 lint --server mine
says err 'mine/book.sql:2:56: column "colour" does not exist'
says err "    2 | UPDATE seats SET customer = :agent WHERE id = :key AND colour = 'red';"
says err 'mine/book.sql:4:8: function nothing_of_that_name(unknown) does not exist'
[ ! -s out ] || fail "a wrong scenario is said to be ok"

# A script that makes its own table is not asked about it.
fresh
cat >mine/book.sql <<'SQL'
CREATE TEMPORARY TABLE IF NOT EXISTS chosen (id bigint);
INSERT INTO chosen VALUES (:key);
SQL
run 0 lint --server mine

# In the files that make the objects, in seed and invariants.
fresh
printf 'CREATE TABLE more (\n  id bigint,\n  seat bigint REFERENCES saets (id)\n);\n' >>mine/seats.sql
run 4 lint --server mine
says err 'mine/seats.sql:'
says err 'relation "saets" does not exist'
fresh
sed -i 's/INSERT INTO seats (id)/INSERT INTO saets (id)/' mine/mine.yaml
run 4 lint --server mine
says err 'mine/mine.yaml: seed: relation "saets" does not exist'
fresh
sed -i 's/FROM tickets GROUP/FROM tikets GROUP/' mine/mine.yaml
run 4 lint --server mine
says err 'relation "tikets" does not exist'

# A reset that forgets a table, caught before anything is raced and named, by lint and by run.
fresh
printf 'reset: DELETE FROM tickets\n' >>mine/mine.yaml
for command in "lint --server" "run"; do
  run 4 $command mine
  one_line_error
  says err 'the reset'
done
fresh
printf 'reset: DELETE FROM tickets; UPDATE seats SET customer = NULL; DELETE FROM seats\n' >>mine/mine.yaml
run 0 lint --server mine
# A table that the round changed, filled by the schema and not by the seed.
printf 'CREATE TABLE counts (n bigint);\nINSERT INTO counts VALUES (0);\n' >>mine/seats.sql
printf 'UPDATE counts SET n = n + 1;\n' >>mine/book.sql
run 4 run mine
one_line_error
says err 'the reset does not restore what the seed made: counts differs'
# What differs by nature may be named instead.
printf 'ignore: [counts.n]\n' >>mine/mine.yaml
run 0 lint --server mine
# A sequence counts too.
fresh
sed -i 's/seat_id  bigint NOT NULL/id bigserial, seat_id bigint NOT NULL/' mine/seats.sql
run 0 lint --server mine
printf 'reset: DELETE FROM tickets; DELETE FROM seats\n' >>mine/mine.yaml
run 4 lint --server mine
says err 'tickets_id_seq differs'

# A column called like a row, and a COPY that would wait for data that nobody has.
fresh
printf 'CREATE TABLE ticks (t timestamptz);\nCREATE TABLE marks (t jsonb, n int);\n' >>mine/seats.sql
sed -i "s/^seed: .*/seed: |\n  INSERT INTO seats (id) SELECT generate_series(:first_key, :last_key);\n  INSERT INTO ticks VALUES ('2026-01-01'); INSERT INTO marks VALUES ('{}', 1)/" mine/mine.yaml
run 0 lint --server mine
printf 'UPDATE marks SET n = n + 1;\n' >>mine/book.sql
printf 'reset: DELETE FROM tickets; DELETE FROM seats; DELETE FROM ticks\n' >>mine/mine.yaml
run 4 lint --server mine
says err 'marks differs'
for copy in 'COPY seats FROM STDIN' 'COPY (SELECT 1) TO STDOUT; SELECT 1/0'; do
  fresh
  sed -i "s,^seed: .*,seed: $copy," mine/mine.yaml
  run 4 lint --server mine
  says err 'mine/mine.yaml: seed: '
done

# Scripts with a shell are not run, the rest is checked all the same.
fresh
{ printf '\\shell true\n'; cat mine/book.sql; } >mine/with-shell.sql
mv mine/with-shell.sql mine/book.sql
run 0 lint --server mine
sed -i 's/INSERT INTO seats (id)/INSERT INTO saets (id)/' mine/mine.yaml
run 4 lint --server mine

# An invariant whose key is none of the rounds' would see nothing for ever.
for key in 'nullif(seat_id, seat_id)' 'seat_id + 1000'; do
  fresh
  sed -i "s/SELECT seat_id AS key/SELECT $key AS key/" mine/mine.yaml
  sed -i 's/GROUP BY seat_id/GROUP BY seat_id, 1/' mine/mine.yaml
  run 4 run mine --rounds 20 -q
  one_line_error
  says err "invariant 'one ticket a seat' returns the key"
done

# On a server of the user's, in databases that come and go.
fresh
start_server given
uri="postgresql://boss:master-key@/postgres?host=$server_dir&port=$server_port"
run 0 lint --dsn "$uri" mine counter
same "databases left behind" "$(boss -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgrace%'")" 0
run 5 lint --dsn "host=$work/nobody port=1" mine
says err "cannot connect"
no_leftovers
