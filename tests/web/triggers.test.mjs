/* Documents of pgrace schema doc: alone, and beside results; what is in them is on the page, as text. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, read, report } from "./support.mjs";
import { endless, hostileName, rightToLeft } from "./samples.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const shop = read("golden/schema_doc/shop.json");

/* Rows of a table as texts. */
function rows(page, selector) {
  return page.$$eval(`${selector} tbody tr`, (lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
}

test("a folder says how much it guards, and leads to each trigger", async () => {
  const made = report(shop);
  const { page, done } = await open(browser, made);
  assert.equal(await page.textContent("h1"), "2 triggers guard shop.orders.");
  assert.equal(await page.title(), "2 triggers guard shop.orders. – pgrace");
  const all = await rows(page, ".all-triggers");
  assert.deepEqual(all.map(([name, table, , version]) => [name, table, version]),
    shop.triggers.map((trigger) => [trigger.name, trigger.table, String(trigger.versions.length)]));
  assert.deepEqual(all.map(([, , rule]) => rule), [shop.triggers[0].why, shop.triggers[1].rule.words]);
  await page.click(".all-triggers a >> nth=1");
  assert.equal(new URL(page.url()).hash, "#triggers-2");
  assert.equal(await page.textContent("#triggers-2 h3"), "orders_status_transition");
  assert.ok(await page.$eval("#triggers-2", (panel) => Math.abs(panel.getBoundingClientRect().top) < 200), "it is in sight");
  await done();
  const again = await open(browser, made, { hash: "#triggers-2" });
  assert.ok(await again.page.$eval("#triggers-2", (panel) => Math.abs(panel.getBoundingClientRect().top) < 200), "by its address, too");
  await again.done();
});

test("the rule in words, and as a table of every change", async () => {
  const { page, done } = await open(browser, report(shop));
  const [, { rule, why }] = shop.triggers;
  assert.equal(await page.textContent("#triggers-2 .rule-words"), rule.words);
  assert.equal(await page.textContent("#triggers-2 .why"), why);
  for (const [k, column] of rule.columns.entries()) {
    const table = `#triggers-2 .tables > div:nth-child(${k + 1}) table`;
    assert.equal(await page.textContent(`${table} caption`), `What may become of ${column.name}`);
    const words = (allowed) => (allowed ? "✓ allowed" : "✗ refused");
    const expected = column.allowed.map((row, i) => [`from ${column.states[i]}`, ...row.map(words)]);
    if (column.begins) expected.unshift(["a new row", ...column.begins.map(words)]);
    assert.deepEqual(await rows(page, table), expected);
    assert.deepEqual((await page.$$eval(`${table} thead th`, (cells) => cells.map((cell) => cell.textContent))).slice(1),
      column.states.map((state) => `to ${state}`));
  }
  assert.deepEqual(await page.$$eval("#triggers-2 .declared", (lines) => lines.map((line) => line.textContent)), [
    "status is declared as open->claimed->delivered, claimed->open, same; new rows begin with open.",
    "courier_id is declared as null->any, any->null, same."]);
  assert.equal(await page.locator("#triggers-1 .transitions").count(), 0, "one written by hand has none");
  assert.match(await page.textContent("#triggers-1"), /It was written by hand, and declares no rule: what it does is in its SQL\./);
  assert.doesNotMatch(await page.textContent("#triggers-1"), /which rows break it already/, "of one that refuses nothing none do");
  assert.match(await page.textContent("#triggers-2"), /which rows break it already/);
  await done();
});

test("when it fires, what the application sees, and how it came to be", async () => {
  const { page, done } = await open(browser, report(shop));
  const [audit, orders] = shop.triggers;
  assert.deepEqual(await page.$$eval("#triggers-2 .fires p", (lines) => lines.map((line) => line.textContent)), [
    "orders_status_transition: BEFORE UPDATE ON shop.orders FOR EACH ROW, which calls orders_status_transition() when this is true:",
    "orders_status_transition_set_courier_id: BEFORE UPDATE ON shop.orders FOR EACH ROW, which calls orders_status_transition() when this is true:",
    "orders_status_transition_insert: AFTER INSERT ON shop.orders FOR EACH ROW, which calls orders_status_transition() when this is true:",
    "orders_status_transition_insert_courier_id: AFTER INSERT ON shop.orders FOR EACH ROW, which calls orders_status_transition() when this is true:"]);
  assert.deepEqual(await page.$$eval("#triggers-2 .sql", (parts) => parts.map((part) => part.textContent)), orders.fires.map((fires) => fires.when));
  assert.equal(await page.textContent("#triggers-1 .fires p"),
    "AFTER INSERT OR UPDATE OF status ON shop.orders FOR EACH ROW, which calls orders_audit() each time.");
  assert.equal(audit.error, null);
  assert.match(await page.textContent("#triggers-1"), /Nothing: it raises no error of its own\./);
  assert.equal(await page.textContent("#triggers-2 blockquote"), orders.error.shown);
  const facts = await page.$$eval("#triggers-2 .told .facts div", (parts) => parts.map((part) => [...part.children].map((child) => child.textContent)));
  assert.deepEqual(facts, [["shown at", "status"], ["constraint", orders.error.constraint], ["SQLSTATE", "23514"],
    ["the server's message", orders.error.message], ["recorded", "each rejection leaves a row in pgrace.rejections"]]);
  assert.deepEqual(await rows(page, "#triggers-2 .versions"), [...orders.versions].reverse().map((version) =>
    [`version ${version.number}`, version.file, version.migrations[0], version.comment.replaceAll("\n", "")]));
  assert.deepEqual(await page.$$eval("#triggers-2 .versions tbody tr:first-child td:last-child bdi", (lines) => lines.map((line) => line.textContent)),
    orders.versions[1].comment.split("\n"), "what each trigger says, in a line of its own");
  assert.match(await page.textContent("#triggers-2"), /The decision record: docs\/adr\/0007-orders\.md\./);
  assert.match(await page.textContent("#triggers-1"), /No record tells of the decision\. pgrace schema doc --adr orders_audit begins one\./);
  await page.click("#triggers-2 summary");
  assert.match(await page.textContent("#triggers-2 ol"), /pgrace schema new version orders_status_transition writes version 3 from it/);
  await page.click("#triggers-1 summary");
  assert.match(await page.textContent("#triggers-1 ol"), /pgrace schema new version orders_audit copies the latest to version 2/);
  await done();
});

test("beside results they come last, and a link leads there", async () => {
  const run = read("documents/0.1-first/run.json");
  const one = await open(browser, report(shop, run));
  assert.equal(await one.page.locator("h1").count(), 1);
  assert.match(await one.page.textContent("h1"), /rac/, "the result's own sentence");
  assert.equal(await one.page.textContent("article:last-of-type h2"), "2 triggers guard shop.orders.");
  assert.equal(await one.page.locator("button.cell").count(), run.cells.length);
  await one.page.click(".to-triggers");
  assert.ok(await one.page.$eval("#triggers", (part) => Math.abs(part.getBoundingClientRect().top) < 200));
  await one.done();
  const several = await open(browser, report(run, shop, run));
  assert.match(await several.page.textContent("h1"), /2 results/, "triggers are no result");
  assert.equal(await several.page.locator("nav li").count(), 2);
  await several.done();
  const none = await open(browser, report(run));
  assert.equal(await none.page.locator(".to-triggers").count(), 0);
  await none.done();
});

test("a folder without triggers, and a document with gaps", async () => {
  const empty = await open(browser, report(read("golden/schema_doc/empty.json")));
  assert.equal(await empty.page.textContent("h1"), "schema declares no trigger yet.");
  await empty.done();
  const bare = await open(browser, report({ format: 1, command: "schema", triggers: [{ name: "bare", rule: { columns: [{}, 3] }, fires: [7], versions: [null] }] }));
  assert.equal(await bare.page.textContent("h1"), "1 trigger.");
  assert.equal(await bare.page.textContent("#triggers-1 h3"), "bare");
  assert.equal(await bare.page.locator(".all-triggers").count(), 0, "one needs no table of all");
  await bare.done();
});

/* ---- texts from elsewhere ---- */

function hostile() {
  const texts = [hostileName, rightToLeft, endless];
  return { format: 1, command: "schema", folder: hostileName, triggers: texts.map((text) => ({
    name: text, table: text, declaration: text, why: text, log: "server", decision: text,
    rule: { words: text, columns: [{ name: text, allow: text, insert: text, states: ["NULL", text], allowed: [[true, false], [false, true]], begins: [true, false] }] },
    fires: [{ name: text, table: text, timing: "BEFORE", events: ["UPDATE"], columns: [text], row: true, when: text, function: text, comment: text },
      { name: text, table: text, timing: "BEFORE", events: ["INSERT"], columns: [], row: true, when: null, function: text, comment: null }],
    error: { sqlstate: "23514", constraint: text, message: text, field: text, shown: text },
    versions: [{ number: 1, file: text, comment: text, migrations: [text, text] }],
  })) };
}

async function openWhole(options) {
  const opened = await open(browser, report(hostile()), options);
  await opened.page.evaluate(() => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
  return opened;
}

test("markup in names is text", async () => {
  const { page, done } = await openWhole();
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 2, "the data's and the page's own");
  for (const place of ["h1", ".about", ".all-triggers", "#triggers-1 h3", "#triggers-1 .why", "#triggers-1 .rule-words", "#triggers-1 .transitions",
    "#triggers-1 .fires", "#triggers-1 .sql", "#triggers-1 blockquote", "#triggers-1 .told", "#triggers-1 .versions", "#triggers-1 ol"]) {
    const text = await page.locator(place).first().textContent();
    assert.ok(text.includes('"><img src=x onerror='), `${place} shows the name as text`);
  }
  const real = await open(browser, report(read("golden/schema_doc/hostile.json")));
  assert.equal(await real.page.locator("img").count(), 0);
  await real.done();
  await done();
});

test("text from right to left turns nothing but itself", async () => {
  const { page, done } = await openWhole();
  const { seen, loose } = await page.evaluate((text) => {
    let seen = 0;
    const loose = [];
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!node.data.includes(text)) continue;
      seen++;
      const holder = node.parentElement.closest("bdi, [dir]");
      const isolated = holder && /isolate|plaintext/.test(getComputedStyle(holder).unicodeBidi);
      if (!isolated) loose.push(`${node.parentElement.tagName}.${node.parentElement.getAttribute("class")}`);
    }
    return { seen, loose };
  }, rightToLeft.slice(2, 6));
  assert.ok(seen > 20, `it is in ${seen} places`);
  assert.deepEqual(loose, []);
  await done();
});

for (const width of [1280, 390])
  test(`everything fits, at ${width}`, async () => {
    const { page, done } = await openWhole({ viewport: { width, height: 900 } });
    assert.equal(await page.textContent("#triggers-3 h3 bdi"), endless, "it is all there");
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide[0] <= wide[1], `the page is ${wide[0]} wide, the window ${wide[1]}`);
    await done();
    const real = await open(browser, report(shop), { viewport: { width, height: 900 } });
    assert.ok(await real.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const cut = await real.page.$$eval(".scroll", (frames) => frames.filter((frame) => frame.scrollWidth > frame.clientWidth + 1).map((frame) => frame.textContent.slice(0, 40)));
    assert.deepEqual(cut, [], "no table has to be scrolled");
    assert.equal(await real.page.getAttribute(".all-triggers", "role"), "table", "a list of rows stays a table to those who do not see it");
    await real.done();
  });
