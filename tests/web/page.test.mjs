/* The report of real documents, those of older versions too: what it says first, and that every number of the matrix is the
 * document's. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertShare, assertTime, launch, numberOf, open, read, report } from "./support.mjs";
import * as samples from "./samples.mjs";

const races = ["documents/0.1-first/run.json", "documents/0.1-first/run-stock.json", "documents/0.1-first/run-explore.json",
  "documents/0.1-first/explore.json", "golden/as-expected.json", "golden/failed.json", "golden/interrupted.json", "golden/rows.json",
  "golden/swept.json"];
const benches = ["documents/0.1-first/bench.json", "documents/0.1-first/bench-bare.json", "golden/bench/incomplete.json"];
const normal = 400_000; /* bytes that the page of a normal run stays below */

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/* ---- the matrix against the document ---- */

const words = { race: "race", safe: "safe", "none-seen": "none seen", inconclusive: "inconclusive", error: "error" };

function wasRun(cell) {
  return cell.method === "explored" ? cell.proof !== null : cell.rounds > 0 || cell.rules.length > 0;
}

function sum(numbers) {
  return Object.values(numbers).reduce((all, n) => all + n, 0);
}

async function shownCells(page) {
  return page.$$eval("button.cell", (buttons) => buttons.map((button) => {
    const text = (selector) => button.querySelector(selector)?.textContent ?? null;
    return {
      id: button.dataset.cell, strategy: button.closest("tr").querySelector("th bdi").textContent, column: button.closest("td").dataset.column,
      word: text(".word"), remark: text(".remark"), counts: text(".counts"), strength: text(".strength"),
      costs: Object.fromEntries([...button.querySelectorAll(".costs > span")].map((cost) =>
        [cost.querySelector(".cost").textContent, cost.querySelector(".value").textContent])),
    };
  }));
}

function checkSampled(shown, cell) {
  const [broken, contested] = shown.counts.split(" / ").map(numberOf);
  assert.equal(broken, cell.duplicates);
  assert.equal(contested, cell.contested);
  assert.match(shown.counts, / contested$/);
  if (cell.duplicates > 0) assertShare(shown.strength, cell.duplicates / cell.contested);
  else if (cell.upper_bound !== null) {
    assert.match(shown.strength, /^≤ /);
    assert.ok(numberOf(shown.strength) / 100 >= cell.upper_bound, "a bound is rounded up");
    assertShare(shown.strength, cell.upper_bound);
  }
  if (cell.winner_ns.count > 0) assertTime(shown.costs.p99, cell.winner_ns.p99);
  assert.equal(numberOf(shown.costs.retries), sum(cell.retries));
}

function checkExplored(shown, cell) {
  if (cell.verdict !== "race") assert.equal(numberOf(shown.counts), cell.schedules);
  else if (cell.proof.proved || cell.proof.exhausted || cell.proof.broken > 1)
    assert.deepEqual(shown.counts.split(" / ").map(numberOf), [cell.proof.broken, cell.schedules]);
  else assert.equal(numberOf(shown.counts), cell.proof.found_after);
  assert.equal(shown.strength, cell.verdict === "safe" ? "proved" : null);
}

for (const name of races)
  test(`the matrix of ${name} is the document's`, async () => {
    const document = read(name);
    const made = report(document);
    assert.ok(made.size < normal, `${made.size} bytes`);
    const { page, done } = await open(browser, made);
    const shown = new Map((await shownCells(page)).map((cell) => [cell.id, cell]));
    assert.equal(shown.size, document.cells.length);
    document.cells.forEach((cell, i) => {
      const one = shown.get(`cell-${i + 1}`);
      assert.equal(one.strategy, cell.strategy);
      if (document.settings.gaps_ns?.length > 1) assert.match(one.column, new RegExp(`gap ${cell.gap_ns / 1e6 || 0}`));
      else assert.ok(one.column.includes(cell.isolation));
      assert.equal(one.word, wasRun(cell) ? words[cell.verdict] : "not run");
      const wrong = wasRun(cell) && !cell.as_expected && cell.expect !== null && cell.verdict !== "inconclusive";
      assert.equal(one.remark, wrong ? "not expected" : null);
      if (wasRun(cell)) (cell.method === "explored" ? checkExplored : checkSampled)(one, cell);
    });
    await done();
  });

for (const name of benches)
  test(`the matrix of ${name} is the document's`, async () => {
    const document = read(name);
    const made = report(document);
    assert.ok(made.size < normal, `${made.size} bytes`);
    const { page, done } = await open(browser, made);
    const shown = new Map((await shownCells(page)).map((cell) => [cell.id, cell]));
    document.cells.forEach((cell, i) => {
      const one = shown.get(`cell-${i + 1}`);
      assert.equal(one.strategy, cell.strategy);
      assert.equal(numberOf(one.column), cell.clients);
      if (cell.repetitions === 0) {
        assert.equal(one.word, "not run");
        return;
      }
      if (cell.duplicates > 0) assert.equal(numberOf(one.word), cell.duplicates);
      assert.ok(Math.abs(numberOf(one.counts) - cell.figures.tps.value) <= Math.max(0.5, cell.figures.tps.value * 0.005));
      assert.equal(numberOf(one.costs.retries), sum(cell.retries));
      const main = Object.keys(cell.outcomes)[0];
      assertTime(one.costs.p99, (cell.figures[`response.${main}.ok.p99`] ?? cell.figures["transaction.p99"]).value);
    });
    await done();
  });

/* ---- what it says first ---- */

async function firstLine(...documents) {
  const { page, done } = await open(browser, report(...documents));
  const line = await page.textContent("h1");
  const status = await page.textContent(".status .pill");
  assert.equal(await page.locator("h1").count(), 1);
  const title = await page.title();
  await done();
  return { line, status, title };
}

test("the verdict comes first, in a sentence", async () => {
  const run = await firstLine(read("documents/0.1-first/run.json"));
  assert.equal(run.line, "naive races in 93.0 % of contested rounds; trigger showed no race in 100 contested rounds.");
  assert.match(run.status, /as expected/);
  assert.match(run.title, /naive races/);
  const swept = await firstLine(samples.swept());
  assert.equal(swept.line, "naive races in up to 79.9 % of contested rounds; trigger showed no race in 12,042 contested rounds.");
  const explored = await firstLine(read("documents/0.1-first/run-explore.json"));
  assert.equal(explored.line, "naive and transaction race; 11 strategies are proved safe.");
  const troubled = await firstLine(samples.troubled());
  assert.equal(troubled.line, "naive and trigger race; for-update ended in errors; exclusion is inconclusive; late did not run.");
  assert.match(troubled.status, /not as expected/);
});

test("a bench says which strategy that keeps the rules is the fastest", async () => {
  const bench = read("documents/0.1-first/bench.json");
  const plain = await firstLine(bench);
  assert.equal(plain.line, "trigger is the fastest that kept the rules: 2,705 transactions a second; naive had 58 duplicates.");
  assert.match(plain.status, /measured/);
  const judged = await firstLine(samples.judged(bench));
  assert.match(judged.line, /1 threshold is crossed; 1 figure is worse\.$/);
  assert.match(judged.status, /not as it should be/);
});

test("an error of the environment is said", async () => {
  const died = { ...samples.troubled(), error: "the server is gone", exit_status: 5 };
  died.cells = died.cells.slice(-1);
  const { page, done } = await open(browser, report(died));
  assert.equal(await page.textContent("h1"), "The run could not be made.");
  assert.match(await page.textContent(".note.error"), /the server is gone/);
  assert.match(await page.textContent(".status"), /stopped by its environment/);
  assert.equal(await page.textContent("button.cell .word"), "not run");
  await done();
});

test("what the scenario contradicts is marked, explained and shown first", async () => {
  const { page, done } = await open(browser, report(samples.troubled()));
  assert.deepEqual(await page.locator(".remark").allTextContents(), ["not expected", "not expected"]);
  const list = await page.locator(".contradictions li").allTextContents();
  assert.equal(list.length, 2);
  assert.match(list[0], /^trigger: race, the scenario says that it is safe: the guard looks before it locks\.$/);
  assert.match(await page.textContent(".panel:not([hidden]) h3"), /^trigger/);
  assert.match(await page.textContent(".note.doubt"), /Interrupted/);
  await done();
});

test("several documents have a section each and a list on top", async () => {
  const { page, done } = await open(browser, report(read("documents/0.1-first/run.json"), samples.troubled(), read("documents/0.1-first/bench.json")));
  assert.equal(await page.textContent("h1"), "2 of 3 results are as they should be.");
  assert.deepEqual(await page.locator("nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href"))), ["#result-1", "#result-2", "#result-3"]);
  assert.equal(await page.locator("article.result").count(), 3);
  await page.click("nav li:nth-child(2) a");
  await page.waitForFunction(() => document.querySelector("#result-2").getBoundingClientRect().top < 200);
  await page.click('button[data-cell="result-3-cell-2"]');
  assert.equal(new URL(page.url()).hash, "#result-3-cell-2");
  assert.match(await page.textContent("#result-3 .panel:not([hidden]) h3"), /^trigger/);
  assert.match(await page.textContent("#result-1 .panel:not([hidden]) h3"), /^naive/, "the others stay as they are");
  await page.goBack();
  await done();
});

/* ---- measured, not asserted: what is a fast machine's is not a slow one's ---- */

test("a hundred cells", async (t) => {
  const made = report(samples.hundred());
  const { page, done } = await open(browser, { url: "about:blank" }, { empty: true });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(made.url);
  const ready = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domInteractive);
  assert.equal(await page.locator("button.cell").count(), 100);
  await page.waitForSelector(".throughput canvas");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const begun = Date.now();
  await page.click('button[data-cell="cell-100"]');
  await page.waitForSelector("#cell-100 h3");
  t.diagnostic(`${made.size} bytes; interactive after ${Math.round(ready)} ms, for which the processor worked `
    + `${Math.round(metrics.find(({ name }) => name === "TaskDuration").value * 1000)} ms; a click shows its cell after ${Date.now() - begun} ms`);
  await done(made.url);
});
