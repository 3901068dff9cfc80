#!/usr/bin/env bash
# Every form of one result says the same numbers. The page is compared with the document by tests/web.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"

# grouped N: as people read it
thousands() { sed -E ':a; s/([0-9])([0-9]{3})($|[^0-9])/\1,\2\3/; ta' <<<"$1"; }

forms() { # FOLDER: what a run left, and the formats that it does not leave
  cp "$1"/{junit.xml,summary.md} .
  "$PGRACE" report "$1" --format tap >report.tap || true
  "$PGRACE" report "$1" -v >report.txt || true
  "$PGRACE" report "$1" --format github >report.github || true
}

run 0 run claim --strategy naive,trigger,conditional-update --rounds 1200 --agents 4 --out raced
forms raced
tr -s ' ' <out >said
for i in 0 1 2; do
  cell=".cells[$i]"
  of() { jq -r "$cell | $1" raced/result.json; }
  name=$(of .strategy) rounds=$(thousands "$(of .contested)") broken=$(thousands "$(of .duplicates)")
  for file in said report.txt; do
    grep -qE "^ ?$name +$(thousands "$(of .rounds)") +$broken " <(tr -s ' ' <$file) || fail "$file: $name $rounds $broken"
  done
  if [ "$(of .duplicates)" = 0 ]; then
    bound=$(jq -r "$cell.upper_bound * 100" raced/result.json)
    words="$rounds contested rounds"
    awk "BEGIN { exit !($bound < 0.3) }" || fail "a bound of $bound % after $rounds rounds"
  else
    words="$broken of $rounds contested rounds"
  fi
  grep -A4 "$name / read committed" junit.xml | has -F "$words" || fail "junit.xml: $name does not say '$words'"
  grep -q "^ok $((i + 1)) - $name / read committed" report.tap || fail "report.tap: $name"
  grep -E "^\| *$name " summary.md | has -F "$rounds" || fail "summary.md: $name does not say $rounds"
  for outcome in ok refused; do
    count=$(thousands "$(of ".outcomes.claim.$outcome")")
    grep -qE "^ ?$name( .*)? $count( |\$)" said || fail "the text: $name $outcome $count"
  done
done
same 'tests in JUnit, TAP and the document' \
  "$(xmllint --xpath 'string(/testsuites/@tests)' junit.xml) $(sed -n 's/^1\.\.//p' report.tap)" '3 3'
same 'rows of the history' "$(tail -n +2 raced/history.csv | wc -l)" \
  "$(jq '[.cells[].outcomes[][], .cells[].retries[]] | add' raced/result.json)"
"$PGRACE" report raced --format history-json --strategy naive >naive.json
same 'entries of the exported history' "$(jq length naive.json)" \
  "$(jq '2 * ([.cells[0].outcomes[][], .cells[0].retries[]] | add)' raced/result.json)"
same 'statements of the trace' "$(jq '[.traceEvents[] | select(.ph == "X" and .cat == "statement")] | length' raced/trace.json)" \
  "$(jq '[.cells[] | .witness, (.more_witnesses // [])[] | select(.) | .steps[]] | length' raced/result.json)"

run 0 bench claim -c 4 -T 1 --warmup 200ms --repetitions 2 --strategy naive,trigger --out loaded
forms loaded
tr -s ' ' <out >said
for i in 0 1; do
  of() { jq -r ".cells[$i] | $1" loaded/result.json; }
  name=$(of .strategy) tps=$(thousands "$(of '.figures.tps.value + 0.5 | floor')")
  for file in said summary.md; do
    grep -E "(^ ?|\| *)$name" $file | has -F "$tps" || fail "$file: $name does not say $tps /s"
  done
  metric=$(grep "^pgrace_transactions_per_second{.*strategy=\"$name\"" loaded/metrics.txt | awk '{ print $NF }')
  awk "BEGIN { exit !(($metric - $(of .figures.tps.value)) ^ 2 < 1e-6) }" || fail "metrics.txt: $name $metric"
  same "transactions by second of $name" "$(grep "^$name," loaded/series.csv | awk -F, '{ s += $6 } END { print s }')" \
    "$(of '[.series[].transactions[]] | add')"
done
