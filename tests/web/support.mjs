/* What the web tests share: the report as pgrace makes it, opened in a browser that must ask for nothing and complain of
 * nothing. From CTest: PGRACE, the program; PGR_PAGE_TOOLS, the folder with node_modules; PGR_CHROMIUM. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const tools = createRequire(join(process.env.PGR_PAGE_TOOLS, "package.json"));
export const { build } = tools("esbuild");
export const { chromium } = tools("playwright-core");

const folder = mkdtempSync(join(tmpdir(), "pgrace-web-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let made = 0;

export function launch() {
  return chromium.launch({ executablePath: process.env.PGR_CHROMIUM, args: ["--no-sandbox"] });
}

/* path: below tests/. */
export function read(path) {
  return JSON.parse(readFileSync(join(root, "tests", path), "utf8"));
}

/* The page's address; documents: objects. */
export function report(...documents) {
  const n = made++;
  const files = documents.map((document, i) => {
    const file = join(folder, `${n}-${i}.json`);
    writeFileSync(file, JSON.stringify(document));
    return file;
  });
  const ran = spawnSync(process.env.PGRACE, ["report", ...files, "--format", "html"], { maxBuffer: 1 << 28 });
  assert.equal(ran.stderr.toString(), "");
  assert.ok(ran.stdout.length > 0, "pgrace report printed a page");
  const page = join(folder, `${n}.html`);
  writeFileSync(page, ran.stdout);
  return { url: pathToFileURL(page).href, size: ran.stdout.length };
}

/* What the page asks for and complains of from now on, kept up to date. */
export function overhear(page) {
  const requests = [], complaints = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { requests, complaints };
}

/* Opens it. `done` closes it, and fails when anything else was asked for (`asked`: what may be) or complained of. */
export async function open(browser, { url }, options = {}) {
  const { hash = "", empty = false, ...context } = options; /* empty: what is opened is no report yet */
  const place = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
  const page = await place.newPage();
  const { requests, complaints } = overhear(page);
  await page.goto(url + hash);
  if (!empty) await page.waitForSelector("main h1");
  const done = async (asked = url) => {
    assert.deepEqual([...new Set(requests.map((request) => request.split("#")[0]))], [asked]);
    assert.deepEqual(complaints, []);
    await place.close();
  };
  return { page, done };
}

/* ---- numbers as they are shown, read back ---- */

export function numberOf(text) {
  const found = /-?[\d,]+(\.\d+)?/.exec(text);
  assert.ok(found, `a number in "${text}"`);
  return Number(found[0].replaceAll(",", ""));
}

const units = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };

/* "94.1 µs" is ns, to three digits. */
export function assertTime(text, ns) {
  const [value, unit] = text.trim().split(" ");
  assert.ok(unit in units, `"${text}" is a time`);
  const shown = Number(value) * units[unit];
  assert.ok(Math.abs(shown - ns) <= Math.max(ns * 0.0051, 0.5), `"${text}" is ${ns} ns`);
}

/* "99.4 %" is the share, to two digits that matter. */
export function assertShare(text, share) {
  const shown = numberOf(text) / 100;
  assert.ok(Math.abs(shown - share) <= Math.max(share * 0.051, 1e-9), `"${text}" is ${share}`);
}

/* Pixels of a chart that have just the colour of a line (from 1), of a canvas in the page. */
export function pixelsOf(page, chart, line) {
  return page.evaluate(([selector, number]) => {
    const canvas = document.querySelector(`${selector} canvas`);
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = `var(--line-${number})`;
    const wanted = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
    probe.remove();
    const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height }).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200 && [0, 1, 2].every((k) => Math.abs(data[i + k] - wanted[k]) < 6)) count++;
    return count;
  }, [chart, line]);
}
