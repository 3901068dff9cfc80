#!/usr/bin/env bash
# --budget and --gap: proofs first, races for the rest, a control among them; a cell for each gap.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"

run 0 run claim --strategy naive,trigger --budget 20s -q --format json
holds 'both were proved' '[.cells[] | .method] == ["explored", "explored"]'
holds 'one to race, one safe' '[.cells[] | .verdict] == ["race", "safe"]'
holds 'the budget is told' '.settings.budget_ns == 20000000000 and .settings.rounds == null'

# What cannot be explored to its end is raced, and a control with it. A script of many statements: too many orders.
"$PGRACE" init seat >/dev/null
for _ in $(seq 10); do echo 'UPDATE seats SET customer = customer WHERE id = :key;'; done >seat/long.sql
cat seat/book-conditional.sql >>seat/long.sql
cat >>seat/seat.yaml <<'END'
  - name: long
    summary: many statements
    scripts: {book: long.sql}
    isolation: {read committed: safe}
END
run 0 run ./seat --strategy all --budget 8s -q --format json
holds 'the control is raced, what can be proved is' \
  '[.cells[] | "\(.strategy) \(.method) \(.verdict)"] == ["naive sampled race", "conditional explored safe", "long sampled none-seen"]'
# A control that is proved to be safe is no control, and stays what breaks the run.
cp -r seat tame
mv tame/seat.yaml tame/tame.yaml
cp tame/book-conditional.sql tame/book.sql
run 1 run ./tame --strategy all --budget 6s -q --format json
holds 'its proof is kept' '.cells[0] | .method == "explored" and .verdict == "safe" and .expect == "race"'
# A race of a moment is no evidence, however quick the machine: no round takes less than 20 ms.
cp -r seat slow
mv slow/seat.yaml slow/slow.yaml
sed -i '1i SELECT pg_sleep(0.02);' slow/long.sql
run 2 run ./slow --strategy naive,long --budget 700ms -q --format json
holds 'it says why' '.note | contains("raise --budget")'

# Nothing that few agents cannot show is proved by them: more owners than agents, what a shell does.
cp -r seat crowd
mv crowd/seat.yaml crowd/crowd.yaml
sed -i 's/  acquire: book/  acquire: book\n  capacity: 9/; /^invariants:/,/HAVING/d' crowd/crowd.yaml
run 0 run ./crowd --strategy naive,conditional --agents 20 --budget 3s -q --format json
holds 'raced' 'all(.cells[]; .method == "sampled")'
run 4 explore ./crowd --strategy naive
says err '9 may own a seat at once'

# No time for anything: told, nothing claimed.
run 2 run claim --strategy naive,trigger --budget 1ms -q --format json
holds 'nothing was run' 'all(.cells[]; .verdict == "inconclusive" and .rounds == 0)'
holds 'and why' '.note | contains("budget")'

run 0 run claim --strategy naive,trigger --gap 0,1ms,5ms --rounds 40 --out swept -q --format json
holds 'a cell for each gap' '[.cells[] | "\(.strategy) \(.gap_ns)"] ==
  ["naive 0", "naive 1000000", "naive 5000000", "trigger 0", "trigger 1000000", "trigger 5000000"]'
holds 'the settings list them' '.settings.gaps_ns == [0, 1000000, 5000000] and .settings.gap_ns == null'
same 'gaps in the history' "$(tail -n +2 swept/history.csv | awk -F, '{ print $NF }' | sort -nu | paste -sd' ')" \
  '0 1000000 5000000'
run 0 run claim --strategy naive,trigger --gap 0,1ms --rounds 40 -q
says out '1 ms'

refuses() {
  local message=$1
  shift
  run 4 "$@"
  one_line_error
  says err "$message"
}
refuses "--gap: '' is" run claim --gap 1ms,
refuses '--gap: the same gap twice' run claim --gap 1ms,1000us
refuses '--gap: at most 8 of them' run claim --gap 1ms,2ms,3ms,4ms,5ms,6ms,7ms,8ms,9ms
refuses '--explore: a proof knows no pauses' run claim --gap 1ms,2ms --explore
refuses '--budget: a proof knows no pauses' run claim --gap 1ms,2ms --budget 1s
refuses '--budget says how long' run claim --budget 1s --rounds 5
refuses '--budget: give more than 0' run claim --budget 0s
refuses '--quiet and --verbose exclude each other' run claim -q -v
