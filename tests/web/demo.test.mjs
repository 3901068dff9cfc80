/* The demo as people see it: pgrace demo with a database of its own, and pages in a real browser that watch and play at
 * the same time, each let in by a link that works once. One story, told in order. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { launch, overhear } from "./support.mjs";

const patience_ms = 60_000; /* of a machine that has much else to do; nothing takes that long */
const gap = ["--gap", "5s"]; /* two clicks come within it, however slowly a page is driven */

/* ---- the program ---- */

/* What it printed, and its links in the order in which they appear. */
class Program {
  out = "";
  err = "";
  taken = 0;

  constructor(port = "0") {
    this.child = spawn(process.env.PGRACE, ["demo", "--port", port, ...gap], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.on("data", (text) => { this.out += text; });
    this.child.stderr.on("data", (text) => { this.err += text; });
    this.ended = once(this.child, "exit");
  }

  /* The next that nobody has opened yet. */
  async link() {
    for (const end = Date.now() + patience_ms; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
      const links = this.out.match(/http:\/\/\S+\/\?token=\S+(?=\s)/g) ?? [];
      if (links.length > this.taken) return links[this.taken++];
      assert.equal(this.child.exitCode, null, this.err);
    }
    assert.fail(`no link in: ${this.out}`);
  }

  /* Of its own server. */
  postmaster() {
    const processes = execFileSync("ps", ["-eo", "pid=,ppid=,comm="]).toString().trim().split("\n")
      .map((line) => line.trim().split(/\s+/)).map(([pid, parent, name]) => ({ pid: Number(pid), parent: Number(parent), name }));
    const below = (pid) => processes.filter((one) => one.parent === pid).flatMap((one) => [one, ...below(one.pid)]);
    const found = below(this.child.pid).find((one) => one.name.startsWith("postgres"));
    assert.ok(found, "it has a server of its own");
    return found.pid;
  }

  async interrupt() {
    this.child.kill("SIGINT");
    return (await this.ended)[0];
  }
}

/* ---- pages ---- */

let browser, program, ada, ben;
const pages = [];

/* A browser of its own. Whatever it asked for elsewhere, and complained of, is found by `clean`. */
async function watch(link, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patience_ms);
  const { requests, complaints } = overhear(page);
  const response = await page.goto(link);
  const watched = { page, context, response, requests, complaints, origin: new URL(link).origin };
  pages.push(watched);
  await page.locator(".inbox").nth(1).waitFor();
  return watched;
}

function clean({ requests, complaints, origin }) {
  assert.deepEqual(requests.filter((url) => new URL(url).origin !== origin), [], "asked for elsewhere");
  assert.deepEqual(complaints, []);
}

function letter(page, agent, key) {
  return page.locator(`.inbox-${agent} .letter[data-key="${key}"]`);
}

function claim(page, agent, key) {
  return letter(page, agent, key).getByRole("button", { name: /^Claim/ }).click();
}

/* Ada's is under way when Ben claims. */
async function claimInTurn(key) {
  await letter(ben.page, 2, key).waitFor();
  await claim(ada.page, 1, key);
  await claim(ben.page, 2, key);
}

/* A conversation that nobody has touched. */
async function fresh(page) {
  const before = await page.locator(".inbox-1 .letter").evaluateAll((all) => all.map((one) => Number(one.dataset.key)));
  await page.getByRole("button", { name: "New conversations" }).click();
  const newest = (last) => {
    const keys = [...document.querySelectorAll(".inbox-1 .letter")].map((one) => Number(one.dataset.key));
    return Math.max(...keys) > last ? Math.max(...keys) : false;
  };
  return (await page.waitForFunction(newest, Math.max(0, ...before))).jsonValue();
}

async function told(page, agent, key, words) {
  await letter(page, agent, key).locator(".letter-told", { hasText: words }).waitFor();
}

async function explained(page) {
  await page.locator(".explain-sentences > li").nth(2).waitFor();
  return page.locator(".explain-panel").evaluate((panel) => ({
    title: panel.querySelector("h3").textContent,
    sentences: [...panel.querySelectorAll(".explain-sentences > li > p")].map((one) => one.textContent),
    sql: [...panel.querySelectorAll(".explain-sentences code")].map((one) => one.textContent),
    note: panel.querySelector(".explain-note").hidden ? "" : panel.querySelector(".explain-note").textContent,
  }));
}

function counted(page) {
  return page.locator(".counts-panel").evaluate((panel) => ({
    strategy: panel.querySelector(".counts-of b").textContent,
    duplicates: Number(panel.querySelector(".duplicates-count").textContent),
    ...Object.fromEntries([...panel.querySelectorAll(".count")].map((one) =>
      [one.querySelector("dt").firstChild.textContent, parseInt(one.querySelector("dd").textContent, 10)])),
  }));
}

async function countsAre(page, wanted) {
  const found = (wanted) => {
    const panel = document.querySelector(".counts-panel");
    const numbers = { duplicates: Number(panel.querySelector(".duplicates-count").textContent) };
    for (const one of panel.querySelectorAll(".count"))
      numbers[one.querySelector("dt").firstChild.textContent] = parseInt(one.querySelector("dd").textContent, 10);
    return Object.entries(wanted).every(([name, value]) => numbers[name] === value);
  };
  await page.waitForFunction(found, wanted).catch(async () => assert.deepEqual(await counted(page), wanted));
}

async function useStrategy(page, name) {
  await page.getByLabel("Strategy").selectOption(name);
  await page.locator(".counts-of b", { hasText: new RegExp(`^${name}$`) }).waitFor();
  await page.locator(".inbox-1 .letter").first().waitFor();
}

/* Step by step: the agent stands before a statement. */
async function ready(page, agent) {
  await page.locator(`.step-seat[data-agent="${agent}"] .step-button:not([aria-disabled])`).waitFor();
}

/* Step by step: nobody is at anything, not even an order that is played. */
async function atRest(page) {
  for (const agent of [1, 2]) await page.locator(`.step-seat[data-agent="${agent}"] .steps-reason`, { hasText: /^Idle/ }).waitFor();
}

async function setStepping(page, stepping) {
  await page.getByRole("switch", { name: "Step by step" }).setChecked(stepping);
  await page.locator(".steps-panel").waitFor({ state: stepping ? "visible" : "hidden" });
}

before(async () => {
  browser = await launch();
  program = new Program();
});

after(async () => {
  await browser?.close();
  if (program?.child.exitCode === null) {
    program.child.kill("SIGINT");
    await program.ended;
  }
});

/* ---- the story ---- */

test("two viewers are let in, each by a link that works once", async () => {
  const link = await program.link();
  ada = await watch(link);
  const policy = ada.response.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.ok(!ada.page.url().includes("token"), "the token does not stay in the address");
  const other = await browser.newContext();
  const page = await other.newPage();
  assert.equal((await page.goto(link)).status(), 403, "it has been used");
  assert.match(await page.locator("body").innerText(), /address/);
  assert.equal((await page.goto(new URL(link).origin)).status(), 403, "nor is there a way without");
  await other.close();
  ben = await watch(await program.link());
  for (const { page } of [ada, ben])
    assert.deepEqual(await page.locator(".inbox h2").allInnerTexts().then((all) => all.map((one) => one.slice(0, 3))),
      ["Ada", "Ben"]);
});

test("the policy is honoured: a script that is put into the page does not run", async () => {
  const { page } = await watch(await program.link());
  const violated = await page.evaluate(() => new Promise((done) => {
    document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = true";
    document.body.append(script);
  }));
  assert.match(violated, /^script-src/);
  assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  await pages.pop().context.close();
});

test("naive: two clicks collide, both are told yes, and the customer gets two answers", async () => {
  const key = await fresh(ada.page);
  await claimInTurn(key);
  for (const { page } of [ada, ben]) {
    await told(page, 1, key, "Conversation claimed successfully");
    await told(page, 2, key, "Conversation claimed successfully");
    await page.locator(".bubble.answered").nth(1).waitFor();
    const answers = await page.locator(".bubble.answered").allInnerTexts();
    assert.equal(new Set(answers).size, 2, answers.join());
    await countsAre(page, { duplicates: 1, "Contradicting answers": 1, "Told yes": 2, Refusals: 0, Rejections: 0 });
    const { title, sentences, sql } = await explained(page);
    assert.match(title, new RegExp(`\\b${key}\\b`));
    assert.ok(sentences.every((one) => one.length > 20 && one.endsWith(".")), sentences.join());
    assert.ok(sql.length >= 2 && sql.some((one) => one.startsWith("UPDATE conversations")), sql.join());
  }
  assert.match(await ada.page.locator(".conclusion").innerText(), /^1 of 1 contested conversation had two owners/);

  await ada.page.reload(); /* what the server knows is what it told */
  for (const agent of [1, 2]) await told(ada.page, agent, key, "Conversation claimed successfully");
  await ada.page.locator(".bubble.answered").nth(1).waitFor();
  assert.deepEqual(await explained(ada.page), await explained(ben.page));
});

test("the timeline shows both sessions, and where the second owner was told yes", async () => {
  for (const { page } of [ada, ben]) {
    const lanes = await page.locator(".timeline-agent").allInnerTexts();
    assert.deepEqual(lanes, ["Ada", "Ben"]);
    await page.locator(".timeline-steps > li").nth(5).waitFor();
    await page.locator(".live-panel .timeline-break-label").waitFor();
    await page.locator(".live-panel .timeline-box.running").waitFor({ state: "detached" });
    const seen = await page.locator(".live-panel").evaluate((panel) => ({
      sql: [...panel.querySelectorAll(".timeline-step")].map((step) => step.title.split(" ")[0]),
      breaks: panel.querySelectorAll(".timeline-break-label").length,
      running: panel.querySelectorAll(".timeline-box.running").length,
    }));
    assert.deepEqual(seen.sql.toSorted(), ["INSERT", "INSERT", "SELECT", "SELECT", "UPDATE", "UPDATE"]);
    assert.deepEqual([seen.breaks, seen.running], [1, 0]);
  }
});

test("trigger: the second is told that it is checked out; given back, the other gets it", async () => {
  await useStrategy(ada.page, "trigger");
  await ben.page.locator(".counts-of b", { hasText: /^trigger$/ }).waitFor();
  assert.equal(await ben.page.getByLabel("Strategy").inputValue(), "trigger", "everybody sees the same");
  const code = ben.page.locator(".strategy-code");
  await code.locator("summary").click();
  assert.deepEqual(await code.locator("figcaption").allInnerTexts(), ["claim", "reply", "release", "installed before"]);
  assert.match(await code.locator("pre").first().innerText(), /^SELECT texter_id IS NULL AS free[^]*:gap us/);
  assert.match(await code.locator("pre").last().innerText(), /CREATE TRIGGER conversation_texter_assignment_constraint/);
  const key = await fresh(ada.page);
  await claimInTurn(key);
  for (const { page } of [ada, ben]) {
    await told(page, 1, key, "Conversation claimed successfully");
    await told(page, 2, key, "This conversation is already checked out");
    assert.equal(await letter(page, 1, key).getByRole("button", { name: /^Claimed .* as Ada$/ }).count(), 1, "named as it reads");
    assert.match(await letter(page, 2, key).locator(".letter-told").innerText(), /23514/);
    await countsAre(page, { duplicates: 0, "Told yes": 1, Rejections: 1, "Contradicting answers": 0 });
    assert.match((await explained(page)).sentences.join(" "), /conversation_texter_assignment_constraint/);
  }
  assert.match(await ada.page.locator(".conclusion").innerText(), /With naive, the control, there were two/);
  assert.deepEqual(await ada.page.locator(".contrast li").allInnerTexts(),
    ["naive: 1 of 1 contested conversation had two owners", "trigger: 0 of 1"]);
  assert.equal(await ada.page.locator(".bubble.answered").count(), 1);

  await letter(ada.page, 1, key).getByRole("button", { name: /^Release/ }).click();
  await told(ben.page, 1, key, "Conversation given back");
  await claim(ben.page, 2, key);
  for (const { page } of [ada, ben]) await told(page, 2, key, "Conversation claimed successfully");
  await countsAre(ada.page, { duplicates: 0, "Told yes": 2, Rejections: 1, "Contradicting answers": 0 });
  assert.equal(await ada.page.locator(".phone-verdict.wrong").count(), 0, "a hand-over contradicts nobody");
});

test("for update: who waits for a lock is seen waiting, in the timeline and step by step", async () => {
  await useStrategy(ada.page, "for-update");
  await setStepping(ada.page, true);
  await atRest(ada.page);
  await ada.page.getByRole("button", { name: "Both claim a new conversation" }).click();
  const seat = (agent) => ada.page.locator(`.step-seat[data-agent="${agent}"]`);
  const send = async (agent, statement) => {
    await seat(agent).locator("pre", { hasText: statement }).waitFor();
    await ready(ada.page, agent);
    await seat(agent).getByRole("button").click();
  };
  await send(1, /^BEGIN/);
  await send(1, /^SELECT/);
  await send(2, /^BEGIN/);
  await send(2, /^SELECT/);
  await seat(2).locator(".steps-reason", { hasText: "waits for Ada" }).waitFor();
  assert.equal(await seat(2).getByRole("button").getAttribute("aria-disabled"), "true");
  await ben.page.locator(".timeline-note", { hasText: "waits for Ada" }).waitFor();
  const height = () => ben.page.locator(".timeline-lanes .timeline-lock").last().evaluate((lock) => lock.getBoundingClientRect().height);
  const first = await height();
  await ben.page.waitForFunction((first) =>
    [...document.querySelectorAll(".timeline-lanes .timeline-lock")].at(-1).getBoundingClientRect().height > first + 10, first);
  assert.ok(await height() > first + 10, "and grows while it waits");
  await send(1, /^UPDATE/);
  await send(1, /^COMMIT/);
  await ben.page.locator(".timeline-note", { hasText: "waited for Ada" }).waitFor();
  await setStepping(ada.page, false);
  await countsAre(ada.page, { duplicates: 0, "Told yes": 1, Refusals: 1 });
});

test("step by step: ABAB doubles, played as an order and by keys", async () => {
  await useStrategy(ada.page, "naive");
  await setStepping(ben.page, true);
  await ada.page.locator(".steps-panel").waitFor();
  const { duplicates } = await counted(ada.page);
  await atRest(ada.page);
  await ada.page.getByRole("button", { name: "ABAB", exact: true }).click();
  for (const { page } of [ada, ben]) {
    await countsAre(page, { duplicates: duplicates + 1 });
    await page.locator(".steps-went", { hasText: /: ABAB/ }).waitFor();
  }
  await atRest(ada.page);
  await ada.page.getByRole("button", { name: "AABB", exact: true }).click();
  await ada.page.locator(".steps-went", { hasText: /: AABB?/ }).waitFor();
  await ada.page.locator(".explain-note").waitFor({ state: "hidden" });
  assert.equal((await counted(ada.page)).duplicates, duplicates + 1, "one after the other does not");

  await atRest(ben.page);
  await ben.page.getByRole("button", { name: "Both claim a new conversation" }).click();
  const went = (words) => ben.page.locator(".steps-went", { hasText: words }).waitFor();
  await ready(ben.page, 1);
  await ready(ben.page, 2);
  const order = ben.page.getByLabel("Order to play");
  await order.pressSequentially("abc");
  await order.press("Enter");
  assert.match(await ben.page.locator(".steps-fault").innerText(), /letters A and B/);
  await ben.page.getByLabel("Strategy").focus(); /* a list takes no letters of ours, nor does it choose by them */
  await went(/^Nothing was sent/);
  assert.equal(await ben.page.getByRole("button", { name: "Both at once" }).getAttribute("aria-disabled"), "true", "they are busy");
  for (const [i, key] of [..."abab"].entries()) {
    await ready(ben.page, key === "a" ? 1 : 2);
    await ben.page.keyboard.press(key);
    await went(new RegExp(`: ${"ABAB".slice(0, i + 1)}$`));
  }
  await countsAre(ben.page, { duplicates: duplicates + 2 });
});

test("a link opens what is seen, in one more browser", async () => {
  await ada.page.getByRole("button", { name: "Copy a link" }).click();
  await ada.page.locator(".share-link").waitFor();
  const link = (await ada.page.locator(".share-link").innerText()).trim();
  assert.match(link, /\?token=[^#]+#.*strategy=naive/);
  const third = await watch(link);
  await third.page.waitForFunction(() => !location.hash);
  assert.equal(await third.page.getByLabel("Strategy").inputValue(), "naive");
  await third.page.locator(".steps-panel").waitFor();
  assert.equal((await counted(third.page)).strategy, "naive");

  const fourth = await watch(`${await program.link()}#strategy=naive&gap=5s&order=ABC`);
  await fourth.page.locator(".toast", { hasText: "the order “ABC”" }).waitFor();
  await ada.page.locator(".steps-panel").waitFor({ state: "hidden" }); /* a link that does not name it ends it */
});

test("a campaign is told on top, which stays in the window", async () => {
  await ada.page.getByRole("button", { name: "50 agents claim a campaign" }).click();
  for (const { page } of [ada, ben]) await page.locator(".headline", { hasText: /of 200 conversations ha(s|ve) two owners$/ }).waitFor();
  await ada.page.waitForFunction(() => document.querySelector(".campaign small").textContent === "");
  assert.ok(await ada.page.locator(".top").evaluate((top) => top.getBoundingClientRect().top) >= 0);
});

test("the report of what was seen is the report that other commands write", async () => {
  const result = await (await ada.context.request.get(`${ada.origin}/result.json`)).json();
  const cells = Object.fromEntries(result.cells.map((cell) => [cell.strategy, cell]));
  assert.equal(cells.naive.verdict, "race");
  assert.equal(cells.naive.duplicates, (await counted(ada.page)).duplicates);
  assert.equal(cells.trigger.duplicates, 0);
  assert.equal(cells.trigger.outcomes.claim.rejected, 1);
  const report = await ada.context.request.get(`${ada.origin}/report.html`);
  assert.equal(report.status(), 200);
  assert.match(await report.text(), /^<!doctype html>/i);
});

test("the database is killed: a banner, then everything works again", async () => {
  process.kill(program.postmaster(), "SIGQUIT");
  const banners = [ada, ben].map(({ page }) => page.locator(".banner", { hasText: /database/i }));
  await Promise.all(banners.map((banner) => banner.waitFor())); /* at once: it is not there for long */
  await Promise.all(banners.map((banner) => banner.waitFor({ state: "hidden" })));
  await ada.page.locator(".inbox-1 .letter").first().waitFor();
  await ada.page.getByRole("button", { name: "New conversations", disabled: false }).waitFor();
  await Promise.all([ada, ben].map(({ page }) => page.locator(".lost").waitFor()));
  await ben.page.locator(".lost").getByRole("button", { name: "Close" }).click();
  await ben.page.locator(".lost").waitFor({ state: "hidden" });
  const key = await fresh(ada.page);
  await claimInTurn(key);
  for (const { page } of [ada, ben]) await told(page, 2, key, "Conversation claimed successfully");
  await ada.page.locator(".lost").waitFor({ state: "hidden" });
});

test("nothing was complained of, nor asked for elsewhere; Ctrl-C ends it", async () => {
  pages.forEach(clean);
  assert.equal(await program.interrupt(), 0);
  for (const { page } of [ada, ben]) await page.locator(".banner", { hasText: "pgrace does not answer" }).waitFor();
});

test("started again at the same address, it does not know the pages of before, and they say what to do", async () => {
  const another = new Program(new URL(ada.origin).port);
  const link = await another.link();
  for (const { page } of [ada, ben]) await page.locator(".banner", { hasText: /session is over.*address/ }).waitFor();
  await ada.page.goto(link);
  await ada.page.locator(".inbox-1 .letter").first().waitFor();
  assert.ok(await ada.page.locator(".banner").isHidden());
  assert.equal(await another.interrupt(), 0);
});

test("a first visitor gets a duplicate with two clicks", async () => {
  const another = new Program();
  const { page } = await watch(await another.link(), { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await page.locator(".inbox-1 .letter .claim").first().click();
  await page.locator(".inbox-2 .letter .claim").first().click();
  await countsAre(page, { duplicates: 1 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
  clean(pages.at(-1));
  assert.equal(await another.interrupt(), 0);
  assert.equal(another.err, "");
});
