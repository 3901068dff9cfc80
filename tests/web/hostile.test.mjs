/* Texts from elsewhere that would be markup, turn the line, or never end: each is shown as the text that it is. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, report } from "./support.mjs";
import { endless, hostile, hostileName, rightToLeft } from "./samples.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

/* Every cell shown, every fold open: whatever the page can show is in it. */
async function openWhole(options) {
  const { page, done } = await open(browser, report(hostile()), options);
  await page.evaluate(() => {
    dispatchEvent(new Event("beforeprint"));
    for (const panel of document.querySelectorAll(".panel")) panel.hidden = false;
  });
  return { page, done };
}

test("markup in names is text", async () => {
  const { page, done } = await openWhole();
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 2, "the data's and the page's own");
  const texts = await page.$$eval("table.matrix tbody th bdi:first-child", (names) => names.map((name) => name.textContent));
  assert.deepEqual(texts.slice(0, 1), [hostileName]);
  for (const place of ["h1", ".about", ".note.error", ".note.doubt", ".lesson", "table.matrix", "#cell-1 h3", "#cell-1 .summary", "#cell-1 blockquote",
    "#cell-1 .errors", "#cell-1 .rules", "#cell-1 .outcomes", "#cell-1 figure", ".latency .legend", ".throughput .legend", ".latencies", ".command"]) {
    const text = await page.locator(place).first().textContent();
    assert.ok(text.includes('"><img src=x onerror=alert(1)>'), `${place} shows the name as text`);
  }
  assert.ok((await page.title()).includes('"><img'), "the window's title, too");
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
      const holder = node.parentElement.closest("bdi, [dir], svg text, title, option");
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
  test(`a name without an end fits, at ${width}`, async () => {
    const { page, done } = await openWhole({ viewport: { width, height: 900 } });
    assert.equal(await page.textContent("#cell-3 h3 bdi"), endless, "it is all there");
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide[0] <= wide[1], `the page is ${wide[0]} wide, the window ${wide[1]}`);
    const tall = await page.$$eval("table.matrix tr, .panel h3, .legend li", (parts) => Math.max(...parts.map((part) => part.getBoundingClientRect().height)));
    assert.ok(tall < 900, `nothing that holds it is taller than a window (${Math.round(tall)})`);
    await done();
  });
