#!/usr/bin/env bash
# How long a large result takes to become a report, and the page to answer, as measured here and now; asserts nothing.
# tests/bench/report.sh [REPETITIONS] [RESULT]   RESULT: a folder of --out; without it one is made (minutes): more than
# 100 cells of claim, about a million operations. Promised: rendered in under 2 s, interactive within 1 s.
# PGR_BINARY_DIR: a release build elsewhere than in build/release. Needs jq, chromium, node.
set -euo pipefail
repetitions=${1:-5}
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGR_BINARY_DIR=${PGR_BINARY_DIR:-$PGR_SOURCE_DIR/build/release}
PGRACE=$PGR_BINARY_DIR/pgrace
result=${2:+$(realpath "$2")}
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"
if [ -z "$result" ]; then
  result=$work/result
  "$PGRACE" run claim --strategy all --isolation all --gap 0,100us,500us,1ms --rounds 600 -q --out "$result" >/dev/null
fi
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
printf 'machine: %s processors, load %s; %s cells, %s operations; medians of %s\n' "$(nproc)" \
  "$(cut -d' ' -f1 /proc/loadavg)" "$(jq '.cells | length' "$result/result.json")" \
  "$(jq '[.cells[].outcomes[][], .cells[].retries[]] | add' "$result/result.json")" "$repetitions"
for format in text json junit tap markdown github html trace; do
  for _ in $(seq "$repetitions"); do
    began=$(date +%s%N)
    "$PGRACE" report "$result" --format $format >"report.$format" || true
    echo $((($(date +%s%N) - began) / 1000000)) >>"took.$format"
  done
  printf '%10s %6s ms %10s bytes\n' $format "$(median <"took.$format")" "$(stat -c %s "report.$format")"
done
cat >open.mjs <<'END'
import { createRequire } from "node:module";
const [, , tools, chromium, page, repetitions] = process.argv;
const browser = await createRequire(`${tools}/package.json`)("playwright-core").chromium
  .launch({ executablePath: chromium, args: ["--no-sandbox"] });
const took = [];
for (let i = 0; i < Number(repetitions); i++) {
  const tab = await browser.newPage();
  await tab.goto(`file://${page}`);
  await tab.locator("table button").first().click();
  await tab.waitForSelector("figure svg");
  took.push(await tab.evaluate(() => performance.now()));
  await tab.close();
}
await browser.close();
took.sort((a, b) => a - b);
console.log(`the page: a cell clicked and its story drawn ${Math.round(took[took.length >> 1])} ms after it was opened`);
END
node open.mjs "$PGR_BINARY_DIR/reports" "$(command -v chromium)" "$work/report.html" "$repetitions"
