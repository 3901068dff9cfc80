/* Each part of the report: that it is there, says what the document says, and does what it is for. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertTime, launch, numberOf, open, pixelsOf, read, report } from "./support.mjs";
import * as samples from "./samples.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/* Rows of a table as texts. */
function rows(page, selector) {
  return page.$$eval(`${selector} tbody tr`, (lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
}

/* ---- a cell's panel ---- */

test("outcomes, times, rules and rates of a cell", async () => {
  const document = read("golden/failed.json");
  const { page, done } = await open(browser, report(document), { hash: "#cell-2" });
  const cell = document.cells[1];
  const outcomes = await rows(page, "#cell-2 .outcomes");
  assert.deepEqual(outcomes.map(([operation]) => operation), Object.keys(cell.outcomes));
  for (const [operation, ...counts] of outcomes) {
    const { ok, refused, rejected, failed, unknown } = cell.outcomes[operation];
    assert.deepEqual(counts.map(numberOf), [ok, refused, rejected, failed, unknown, cell.retries[operation]]);
  }
  const [won, lost] = await rows(page, "#cell-2 .tables .times");
  for (const [row, times] of [[won, cell.winner_ns], [lost, cell.loser_ns]]) {
    assert.equal(numberOf(row[1]), times.count);
    [times.p50, times.p95, times.p99, times.max].forEach((ns, i) => assertTime(row[i + 2], ns));
  }
  assert.deepEqual((await rows(page, "#cell-2 .rules")).map(([name, , broken]) => [name, broken]), cell.rules.map((rule) =>
    [rule.rule, rule.broken === null ? "not checked" : rule.broken.toLocaleString("en-US")]));
  const errors = await rows(page, "#cell-2 .errors");
  assert.deepEqual(errors.map(([message, , , , count]) => [message, numberOf(count)]), cell.errors.map((error) => [error.message, error.count]));
  assert.equal(errors[0][3], `${cell.errors[0].file}:${cell.errors[0].line}`);
  await done();
});

test("what the loser is told is quoted, with how often", async () => {
  const { page, done } = await open(browser, report(samples.swept()), { hash: "#cell-4" });
  assert.equal(await page.textContent("#cell-4 blockquote"), "This conversation is already checked out");
  assert.match(await page.textContent("#cell-4 .rejections p"), /^texter_id; SQLSTATE 23514, conversation_texter_assignment_constraint; 77 times$/);
  await done();
});

test("the evidence of a sample and of a proof, in words", async () => {
  const run = await open(browser, report(read("golden/as-expected.json")));
  assert.equal(await run.page.textContent("#cell-1 .evidence-words"),
    "A rule was broken in 1,987 of 2,000 contested rounds: 99.4 % (95 % interval 98.8–99.7 %).");
  await run.page.click('button[data-cell="cell-2"]');
  assert.equal(await run.page.textContent("#cell-2 .evidence-words"),
    "No rule was broken in 2,000 contested rounds: with 95 % confidence the true share is below 0.15 %. That is a sample, not a proof.");
  await run.done();
  const document = read("documents/0.1-first/run-explore.json");
  const proofs = await open(browser, report(document), { hash: "#cell-4" });
  const words = await proofs.page.textContent("#cell-4 .evidence-words");
  assert.match(words, /^Proved for 2 agents/);
  assert.ok(words.includes(document.cells[3].proof.coverage));
  assert.ok((await proofs.page.textContent("#cell-4 .facts")).includes(document.cells[3].proof.digest));
  await proofs.page.click('button[data-cell="cell-1"]');
  assert.match(await proofs.page.textContent("#cell-1 .evidence-words"), /^With 2 agents schedule 3 breaks a rule\. Replayed, it broke 20 of 20 times\./);
  assert.equal(await proofs.page.locator("#cell-1 figure").count(), 1);
  await proofs.done();
});

/* ---- charts ---- */

test("percentile curves: winners solid, losers dashed, each cell can be hidden", async () => {
  const document = samples.troubled();
  const { page, done } = await open(browser, report(document));
  await page.waitForSelector(".latency canvas");
  assert.equal(await page.locator(".latency .legend li").count(), 4, "the cell that did not run has no curve");
  assert.deepEqual(await page.$$eval(".latency .legend li:first-child line", (lines) => lines.map((line) => line.getAttribute("stroke-dasharray"))), [null, "5 4"]);
  assert.ok(await pixelsOf(page, ".latency", 4) > 200, "its line is drawn");
  await page.click(".latency .legend li:nth-child(4) input");
  assert.equal(await pixelsOf(page, ".latency", 4), 0, "and not when it is hidden");
  await page.click(".latency .legend li:nth-child(4) input");
  await page.locator(".latency .plot").scrollIntoViewIfNeeded();
  const plot = await page.locator(".latency .u-over").boundingBox();
  await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 50);
  assert.match(await page.textContent(".latency .place"), /^at 99/);
  const [winner, loser] = (await page.textContent(".latency .legend li:first-child .readout")).split(" · ");
  const at = document.cells[0].curves;
  const share = 1 - 10 ** -(0.5 * Math.log10(16001));
  const below = (curve) => curve.filter(([s]) => s <= share + 1e-9).pop()[1];
  const near = (text, ns) => assert.ok(["µs", "ms"].includes(text.split(" ")[1]) && Math.abs(numberOf(text) * (text.endsWith("ms") ? 1e6 : 1e3) / ns - 1) < 0.15, `${text} is about ${ns} ns`);
  near(winner, below(at.winner));
  near(loser, below(at.loser));
  await page.click(".latency summary");
  const [first] = await rows(page, ".latencies");
  assertTime(first[5], document.cells[0].winner_ns.p99);
  await done();
});

test("throughput by slice, and the same in numbers", async () => {
  const document = samples.swept();
  const { page, done } = await open(browser, report(document));
  await page.waitForSelector(".throughput canvas");
  await page.locator(".throughput .plot").scrollIntoViewIfNeeded();
  const plot = await page.locator(".throughput .u-over").boundingBox();
  await page.mouse.move(plot.x + 5, plot.y + 20);
  const shown = await page.textContent(".throughput .legend li:first-child .readout");
  assert.equal(numberOf(shown), document.cells[0].throughput.ended[0] * 10, "of a tenth of a second");
  await page.click(".throughput summary");
  const lines = await rows(page, ".rates");
  assert.deepEqual(lines.map((line) => numberOf(line[3])), document.cells.map((cell) => Math.round(cell.statements_per_s)));
  await done();
});

test("duplicates against the gap, only when it was swept", async () => {
  const document = samples.swept();
  const { page, done } = await open(browser, report(document));
  await page.waitForSelector(".gaps canvas");
  assert.ok(await pixelsOf(page, ".gaps", 3) > 100);
  await page.click(".gaps summary");
  const lines = await rows(page, ".gap-numbers");
  assert.equal(lines.length, 12);
  const cell = document.cells[2];
  assert.deepEqual(lines[2].slice(0, 4), ["naive at read committed", "5 ms", cell.duplicates.toLocaleString("en-US"), cell.contested.toLocaleString("en-US")]);
  await done();
  const plain = await open(browser, report(samples.troubled()));
  assert.equal(await plain.page.locator(".gaps").count(), 0);
  await plain.done();
});

test("a document of an older version has numbers where it has no curves", async () => {
  const document = read("documents/0.1-first/run.json");
  const { page, done } = await open(browser, report(document));
  assert.equal(await page.locator("canvas").count(), 0);
  const lines = await rows(page, ".latencies");
  assertTime(lines[0][5], document.cells[0].winner_ns.p99);
  assertTime(lines[3][6], document.cells[1].loser_ns.max);
  await done();
});

/* ---- a bench ---- */

test("figures, thresholds and changes of a bench", async () => {
  const document = samples.judged(read("documents/0.1-first/bench.json"));
  const { page, done } = await open(browser, report(document));
  const headings = await page.locator(".side-by-side thead th").allTextContents();
  const lines = await rows(page, ".side-by-side");
  document.cells.forEach((cell, i) => {
    const value = (heading) => lines[i][headings.indexOf(heading)];
    assert.equal(value("cell"), cell.name);
    assert.ok(Math.abs(numberOf(value("tps")) - cell.figures.tps.value) <= 0.5);
    assertTime(value("p50"), cell.figures["response.claim.ok.p50"].value);
    assertTime(value("p99"), cell.figures["response.claim.ok.p99"].value);
    assertTime(value("server CPU"), cell.figures["server.cpu_per_transaction"].value);
    assertTime(value("client CPU"), cell.figures["client.cpu_per_transaction"].value);
  });
  const thresholds = await rows(page, ".plain.thresholds");
  assert.match(thresholds[0].join("|"), /^tps > 5000\|✗ crossed\|naive\|2,924 \/s\|--threshold$/);
  assert.match(thresholds[1].join("|"), /^transaction.p99 < 1s\|✓ kept\|/);
  const changes = await rows(page, ".changes");
  assert.deepEqual(changes[0].slice(0, 7), ["naive", "tps", "3,301 /s", "2,924 /s", "-11.4 %", "0.002", "worse"]);
  assert.deepEqual(changes[1].slice(4, 7), ["-17.9 %", "<0.001", "better"]);
  assert.equal(await page.locator(".latency canvas").count(), 1);
  assert.equal(await page.locator(".throughput canvas").count(), 2);
  await done();
});

test("all figures, statements and waits of a bench's cell", async () => {
  const document = read("documents/0.1-first/bench.json");
  const { page, done } = await open(browser, report(document), { hash: "#cell-2" });
  const cell = document.cells[1];
  const figures = await rows(page, "#cell-2 .plain.figures");
  assert.deepEqual(figures.map(([name]) => name), Object.keys(cell.figures));
  for (const [name, shown] of figures) if (cell.figures[name].unit === "ns") assertTime(shown, cell.figures[name].value);
  const statements = await rows(page, "#cell-2 .statements");
  assert.deepEqual(statements.map((line) => line[1]), cell.statements.map((statement) => statement.sql));
  assert.deepEqual((await rows(page, "#cell-2 .waits")).map((line) => [line[0], numberOf(line[2])]), cell.waits.map((wait) => [wait.what, wait.seen]));
  const first = read("documents/0.1-first/bench.json").cells[0];
  await page.click('button[data-cell="cell-1"]');
  assert.equal(first.story.what, "duplicate");
  const story = await rows(page, "#cell-1 .story");
  assert.deepEqual(story.map((line) => numberOf(line[0])), [first.story.first.agent, first.story.second.agent]);
  await done();
});

/* ---- how to repeat it ---- */

test("settings, seed, environment and the command", async () => {
  const document = samples.swept();
  const { page, done } = await open(browser, report(document));
  const facts = Object.fromEntries(await page.$$eval(".settings .facts div", (pairs) => pairs.map((pair) => [...pair.children].map((part) => part.textContent))));
  assert.equal(facts.seed, "42");
  assert.equal(facts.agents, "8");
  assert.equal(facts.rounds, "2,000");
  assert.equal(facts.gaps, "0, 1 ms, 5 ms");
  assert.equal(facts.started, "2026-01-02 03:04:05 UTC");
  assert.equal(facts.PostgreSQL, "15.18");
  assert.equal(facts.libpq, "15.18");
  assert.equal(facts.machine, "Linux 6.1 x86_64");
  assert.ok(facts["server settings"].includes("fsync=off"));
  assert.equal(await page.textContent(".command pre"), document.repeat);
  await done();
  const older = await open(browser, report(read("documents/0.1-first/run.json")));
  assert.equal(await older.page.locator(".command").count(), 0);
  await older.done();
});
