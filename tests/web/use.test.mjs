/* The report in use: by mouse, by keyboard alone, by its address; in the dark, on paper, on a small screen. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, read, report } from "./support.mjs";
import * as samples from "./samples.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const shown = ".panel:not([hidden])";

test("a click on a cell shows its story and its details", async () => {
  const { page, done } = await open(browser, report(samples.swept()));
  for (const [cell, name] of [[3, "naive at read committed, gap 5 ms"], [10, "trigger at repeatable read, gap 0"]]) {
    await page.click(`button[data-cell="cell-${cell}"]`);
    await page.waitForSelector(`button[data-cell="cell-${cell}"][aria-expanded="true"]`);
    assert.equal(new URL(page.url()).hash, `#cell-${cell}`);
    assert.equal(await page.locator(shown).count(), 1);
    assert.ok((await page.textContent(`${shown} h3`)).startsWith(name));
    assert.equal(await page.getAttribute(`button[data-cell="cell-${cell}"]`, "aria-expanded"), "true");
    assert.equal(await page.locator('button.cell[aria-expanded="true"]').count(), 1);
  }
  assert.equal(await page.locator(`${shown} figure`).count(), 0, "nothing happened there that could be told");
  await page.click('button[data-cell="cell-1"]');
  await page.waitForSelector('button[data-cell="cell-1"][aria-expanded="true"]');
  assert.equal(await page.locator(`${shown} figure`).count(), 3, "the three worst");
  assert.equal(await page.locator(`${shown} figure >> nth=0`).isVisible(), true);
  await page.locator(`${shown} summary`, { hasText: "second worst" }).click();
  assert.equal(await page.locator(`${shown} figure >> nth=1`).isVisible(), true);
  await done();
});

test("an address with a cell opens it, and so do back and forward", async () => {
  const made = report(samples.troubled());
  const { page, done } = await open(browser, made, { hash: "#cell-4" });
  assert.match(await page.textContent(`${shown} h3`), /^exclusion/);
  await page.evaluate(() => { location.hash = "cell-1"; });
  await page.waitForFunction(() => !document.querySelector("#cell-1").hidden);
  await page.goBack();
  await page.waitForFunction(() => !document.querySelector("#cell-4").hidden);
  await done();
  const lost = await open(browser, made, { hash: "#cell-999" });
  assert.match(await lost.page.textContent(`${shown} h3`), /^trigger/, "an address of nothing shows what most needs to be seen");
  await lost.done();
});

test("by keyboard alone", async () => {
  const { page, done } = await open(browser, report(samples.swept()));
  const focused = (selector) => page.evaluate((s) => document.activeElement.matches(s), selector);
  await page.keyboard.press("Tab");
  assert.ok(await focused("button.theme"));
  await page.keyboard.press("Space");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.keyboard.press("Tab");
  while (!(await focused("button.cell"))) await page.keyboard.press("Tab");
  assert.ok(await focused('[data-cell="cell-1"]'));
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "the focus is seen");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  assert.ok(await focused('[data-cell="cell-5"]'));
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.ok(await focused('[data-cell="cell-2"]'), "at the edge it stays");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#cell-2:not([hidden])");
  assert.ok(await focused("#cell-2 h3"), "the reader is taken there");
  while (!(await focused("#cell-2 > div > details summary"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.parentElement.open), true);
  while (!(await focused(".latency .legend input"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  assert.equal(await page.evaluate(() => document.activeElement.checked), false);
  while (!(await focused("button.copy"))) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("button.copy").textContent !== "Copy");
  await done();
});

test("the command is copied, or selected where that is not allowed", async () => {
  const { page, done } = await open(browser, report(samples.swept()));
  assert.equal(await page.textContent(".command pre"), "pgrace run claim --seed 42 --rounds 2000");
  await page.click("button.copy");
  await page.waitForFunction(() => ["Copied", "Selected"].includes(document.querySelector("button.copy").textContent));
  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error("not allowed")); });
  await page.waitForFunction(() => document.querySelector("button.copy").textContent === "Copy");
  await page.click("button.copy");
  await page.waitForFunction(() => document.querySelector("button.copy").textContent === "Selected");
  assert.equal(await page.evaluate(() => getSelection().toString()), "pgrace run claim --seed 42 --rounds 2000");
  await done();
});

/* ---- colours ---- */

/* Of text: the smallest ratio of its colour and what is behind it, with a piece of it. */
function worstContrast(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
    const light = (rgb) => {
      const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      if (!element) return [255, 255, 255];
      const ground = rgba(getComputedStyle(element).backgroundColor);
      return ground[3] === 0 ? behind(element.parentElement) : over(ground, ground[3] < 1 ? behind(element.parentElement) : [0, 0, 0]);
    };
    let worst = { ratio: 21, text: "" };
    for (const element of document.querySelectorAll("body *:not(script, svg *)")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
      if (!own || !element.checkVisibility()) continue;
      const ground = behind(element);
      const a = light(over(rgba(getComputedStyle(element).color), ground)), b = light(ground);
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < worst.ratio) worst = { ratio, text: `${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}` };
    }
    return worst;
  });
}

for (const colorScheme of ["light", "dark"])
  test(`${colorScheme}: every text can be read`, async () => {
    for (const document of [samples.troubled(), read("documents/0.1-first/run-explore.json"), samples.judged(read("documents/0.1-first/bench.json"))]) {
      const { page, done } = await open(browser, report(document), { colorScheme });
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(Number(/\d+/.exec(ground)[0]) < 128, colorScheme === "dark");
      const worst = await worstContrast(page);
      assert.ok(worst.ratio >= 4.5, `${worst.ratio.toFixed(2)}: ${worst.text}`);
      await done();
    }
  });

test("the switch turns the colours, charts too, and is remembered", async () => {
  const { page, done } = await open(browser, report(samples.swept()), { colorScheme: "light" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const axes = () => page.evaluate(() => document.querySelector(".latency canvas").toDataURL());
  const before = await ground(), drawn = await axes();
  await page.click("button.theme");
  assert.notEqual(await ground(), before);
  await page.waitForFunction((old) => document.querySelector(".latency canvas").toDataURL() !== old, drawn);
  assert.equal(await page.textContent("button.theme"), "Light");
  await page.reload();
  await page.waitForSelector("main h1");
  assert.notEqual(await ground(), before);
  await page.click("button.theme");
  assert.equal(await ground(), before);
  await done();
});

test("colour is never alone: each verdict stands in words, with its own sign", async () => {
  const { page, done } = await open(browser, report(samples.troubled(), read("documents/0.1-first/explore.json")));
  const looks = await page.$$eval("button.cell", (cells) => cells.map((cell) => [cell.className, cell.querySelector(".sign").textContent, cell.querySelector(".word").textContent]));
  const byClass = new Map(looks.map(([name, sign]) => [name, sign]));
  assert.equal(new Set(byClass.values()).size, byClass.size, "another colour has another sign");
  for (const [, , word] of looks) assert.notEqual(word.trim(), "");
  await done();
});

/* ---- paper ---- */

test("on paper everything is open and light, and afterwards as before", async () => {
  const { page, done } = await open(browser, report(samples.troubled()), { colorScheme: "dark" });
  assert.equal(await page.locator(".panel:empty").count(), 4, "only one was made so far");
  await page.evaluate(() => addEventListener("beforeprint", () => {
    window.printed = {
      closed: document.querySelectorAll("details:not([open])").length, empty: document.querySelectorAll(".panel:empty").length,
      theme: document.documentElement.dataset.theme,
    };
  }));
  const paper = await page.pdf({ format: "A4", printBackground: true });
  assert.equal(paper.subarray(0, 5).toString(), "%PDF-");
  assert.deepEqual(await page.evaluate(() => window.printed), { closed: 0, empty: 0, theme: "light" });
  assert.ok(await page.locator("details:not([open])").count() > 0);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
  await page.emulateMedia({ media: "print" });
  const seen = await page.$$eval(".panel", (panels) => panels.map((panel) => getComputedStyle(panel).display));
  assert.deepEqual(new Set(seen), new Set(["block"]));
  assert.equal(await page.locator("#tools").isVisible(), false);
  await done();
});

/* ---- small screens ---- */

test("on a narrow screen nothing is wider than it, and a cell says what column it is of", async () => {
  for (const document of [samples.swept(), samples.troubled(), read("documents/0.1-first/run-explore.json"), samples.judged(read("documents/0.1-first/bench.json"))]) {
    const { page, done } = await open(browser, report(document), { viewport: { width: 390, height: 844 } });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    const label = await page.$eval("table.matrix td:has(button)", (cell) => getComputedStyle(cell, "::before").content);
    assert.notEqual(label, "none");
    assert.equal(await page.getAttribute("table.matrix", "role"), "table", "it stays a table to those who do not see it");
    await done();
  }
});
