/* The timeline of a story (reports/src/timeline.ts), drawn in a browser from documents and looked at there, alone in a
 * page that forbids what the demo's and the report's forbid. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  balance, bundle, crowd, explored, raced, released, sampled, scenario, split, waiting, withdraw,
} from "./stories.mjs";
import { launch, read, root } from "./support.mjs";

let browser, page, html, faults;

/* ---- the page ---- */

before(async () => {
  const script = await bundle(["model", "story", "timeline"], "iife");
  const style = ["style.css", "timeline.css"].map((name) => readFileSync(join(root, "reports/src", name), "utf8"));
  html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-n'; style-src 'nonce-n'">
    <title>A story</title><style nonce="n">${style.join("\n")} body { margin: 1rem; }</style><body></body>
    <script nonce="n">${script}</script></html>`;
  browser = await launch();
});

after(() => browser?.close());

async function open(options = {}) {
  await page?.close();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  faults = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("dialog", (dialog) => faults.push(dialog.message()));
  await page.setContent(html);
}

/* Until it was laid out for the width that it has. */
function settled() {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
}

async function show(document, { cell = 0, story = 0, ...options } = {}) {
  await open(options);
  await page.evaluate(([from, cell, story]) => {
    const { normalise, storiesOf, timeline } = globalThis.parts;
    const known = normalise(from);
    globalThis.document.body.replaceChildren(timeline(storiesOf(known.cells[cell], known)[story]));
  }, [document, cell, story]);
  await settled();
  return look();
}

async function showStory(story, options = {}) {
  await open(options);
  await page.evaluate((story) => globalThis.document.body.replaceChildren(globalThis.parts.timeline(story)), story);
  await settled();
  return look();
}

/* What is on the page, as far as a reader sees it. */
function look() {
  return page.evaluate(() => {
    const all = (selector, within = document) => [...within.querySelectorAll(selector)];
    const texts = (selector, within) => all(selector, within).map((element) => element.textContent);
    const place = (element) => {
      const { top, bottom, left, right } = element.getBoundingClientRect();
      return { top, bottom, left, right };
    };
    const places = (selector, within) => all(selector, within).map(place);
    const steps = all(".timeline-steps > li").map((item) => {
      const i = item.dataset.step;
      const drawn = document.querySelector(`.timeline-drawn[data-step="${i}"]`);
      return {
        kind: drawn.getAttribute("class").split(" ")[1],
        box: place(drawn.querySelector(".timeline-box")),
        running: drawn.querySelector(".timeline-box").classList.contains("running"),
        locks: all(".timeline-lock", drawn).map((lock) => ({ ...place(lock), fill: lock.getAttribute("fill") })),
        pools: places(".timeline-pool", drawn),
        held: places(".timeline-held", drawn),
        sql: item.querySelector(".timeline-sql").textContent,
        title: item.querySelector("button").title,
        notes: texts(".timeline-note", item),
        result: texts(".timeline-result", item).join(),
        endings: texts(".timeline-endings > span", item),
        snapshot: item.querySelector(".timeline-snapshot") !== null,
      };
    });
    return {
      steps,
      caption: texts("figcaption").join(),
      agents: texts(".timeline-agent"),
      agentPlaces: places(".timeline-agent"),
      windows: places(".timeline-window-edge"),
      breaks: places(".timeline-lanes .timeline-break"),
      gaps: places(".timeline-lanes .timeline-gap"),
      ticks: texts(".timeline-tick"),
      tickPlaces: places(".timeline-tick"),
      legend: texts(".timeline-legend li"),
      detail: texts(".timeline-detail").join(),
      facts: texts(".timeline-detail li"),
      rows: all(".timeline-text tbody tr").map((row) => texts(":is(th, td)", row)),
      chosen: all(".chosen").map((element) => `${element.localName} ${element.dataset.step}`),
      stops: all("button.timeline-step[tabindex='0']").map((button) => button.dataset.step),
      focus: document.activeElement?.dataset.step ?? null,
      markup: all("script:not([nonce]), img, iframe, a, [style*='url'], b, [onerror], [onclick]").length,
      tooWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      height: document.querySelector(".timeline-body").getBoundingClientRect().height,
    };
  });
}

function close(a, b, what) {
  assert.ok(Math.abs(a - b) < 2.5, `${what}: ${a} is not ${b}`);
}

function sound(seen) {
  assert.deepEqual(faults, []);
  assert.equal(seen.tooWide, false);
}

/* ---- what is drawn ---- */

test("a race: a box a statement, in its agent's lane and at its time", async () => {
  const document = read("documents/0.1-first/run.json");
  const steps = document.cells[0].witness.steps;
  const seen = await show(document);
  sound(seen);
  assert.equal(seen.caption, "How two agents got key 22, round 22.");
  assert.deepEqual(seen.agents, ["agent 5", "agent 6"]);
  assert.deepEqual(seen.steps.map((step) => step.title), steps.map((step) => step.sql));
  assert.deepEqual(seen.steps.map((step) => step.sql), steps.map((step) => step.sql));
  assert.deepEqual(seen.steps.map((step) => step.kind), ["reads", "reads", "writes", "writes"]);
  assert.deepEqual(seen.steps.map((step) => step.result), ["→ t", "→ t", "→ 1 row", "→ 1 row"]);
  assert.deepEqual(seen.steps.map((step) => step.endings), [[], [], ["claim ok"], ["second owner", "claim ok"]]);
  steps.forEach((step, i) => {
    const { left, right } = seen.agentPlaces[seen.agents.indexOf(`agent ${step.agent}`)];
    const { box } = seen.steps[i];
    assert.ok(box.left > left && box.right < right, `step ${i} in its lane`);
  });
  const edges = steps.flatMap((step, i) => [
    [step.call_ns, seen.steps[i].box.top],
    [step.return_ns, seen.steps[i].box.bottom],
  ]);
  for (const [moment, y] of edges)
    for (const [other, below] of edges)
      assert.ok(moment >= other || y < below + 2.5, `${moment} stands above ${other}`);
});

test("a race: the red line is where the second owner was told yes", async () => {
  const seen = await show(read("documents/0.1-first/run.json"));
  assert.equal(seen.breaks.length, 1);
  close(seen.breaks[0].top, seen.steps[3].box.bottom, "the line");
  assert.deepEqual(seen.ticks, ["0 µs", "1 µs", "21 µs", "39 µs", "126 µs", "202 µs"]);
  close(seen.breaks[0].top, (seen.tickPlaces[5].top + seen.tickPlaces[5].bottom) / 2, "its time");
  assert.deepEqual(seen.facts, ["took a snapshot", "decided by what step 2 read: 201 µs from check to use",
    "returned 1 row", "claim ok", "second owner: from here “one owner a conversation” is broken"]);
});

test("a race: each agent's window from check to use, and nothing that does not occur", async () => {
  const seen = await show(read("documents/0.1-first/run.json"));
  assert.equal(seen.windows.length, 2);
  const [five, six] = seen.windows;
  close(five.top, seen.steps[1].box.top, "agent 5's");
  close(five.bottom, seen.steps[3].box.bottom, "agent 5's");
  close(six.top, seen.steps[0].box.top, "agent 6's");
  close(six.bottom, seen.steps[2].box.bottom, "agent 6's");
  assert.ok(seen.steps.every((step) => step.snapshot && !step.locks.length && !step.pools.length && !step.held.length));
  assert.equal(seen.gaps.length, 0);
  assert.deepEqual(seen.legend, ["reads", "writes", "from check to use", "takes a snapshot", "second owner",
    "Time runs down, not to scale."]);
});

test("one too many where a key has room for several", async () => {
  const document = read("documents/0.1-first/run.json");
  document.scenario = { ...scenario, key: "seat", capacity: 2, main: "claim" };
  Object.assign(document.cells[0].witness, { key: 1234, round: 5678 });
  const seen = await show(document);
  assert.match(seen.caption, /^How more than 2 agents got seat 1,234, round 5,678\./);
  assert.deepEqual(seen.steps[3].endings, ["one too many", "claim ok"]);
});

test("the second owner is told by the operation that acquires", async () => {
  const steps = [sampled(1, 0, 10, "SELECT 1 FROM t", { operation: "look", outcome: "ok" }),
    sampled(2, 20, 30, "UPDATE t SET a = 1", { operation: "claim", outcome: "ok" }),
    sampled(1, 40, 50, "UPDATE t SET a = 2", { operation: "claim", outcome: "ok" })];
  const witness = { round: 1, key: 1, rule: "one", second_owner: 1, steps };
  const seen = await show(raced(witness, { capacity: 1, main: "claim" }));
  close(seen.breaks[0].top, seen.steps[2].box.bottom, "the line");
});

test("waits: hatched for a lock, faint for a connection, inferred where nobody saw them", async () => {
  const seen = await show(waiting());
  sound(seen);
  assert.equal(seen.caption,
    "How account 44 broke the rule “no account below zero”, round 44. The account was overdrawn.");
  assert.deepEqual(seen.steps.map((step) => step.locks.length), [0, 0, 0, 0, 0, 1, 0, 0]);
  const { box, locks, notes } = seen.steps[5];
  assert.match(locks[0].fill, /^url\(#timeline-\d+-hatch\)$/);
  close(locks[0].top, box.top, "the hatching");
  assert.ok(locks[0].bottom < box.bottom, "it is over before the answer");
  close(locks[0].bottom, seen.steps[6].box.bottom, "it is over with the other's COMMIT");
  assert.deepEqual(notes, ["probably waited for agent 7 (inferred from times)"]);
  assert.deepEqual(seen.steps.map((step) => step.pools.length), [0, 1, 0, 0, 0, 0, 0, 0]);
  close(seen.steps[1].pools[0].bottom, seen.steps[1].box.top, "the wait for a connection");
  assert.deepEqual(seen.steps.map((step) => step.kind),
    ["control", "control", "reads", "reads", "writes", "writes", "control", "control"]);
  assert.deepEqual(seen.steps.map((step) => step.snapshot), [false, false, true, true, true, true, false, false]);
  assert.deepEqual(seen.legend, ["reads", "writes", "waits for a lock (inferred from times)", "waits for a connection",
    "from check to use", "takes a snapshot", "rule broken", "time left out", "Time runs down, not to scale."]);
});

test("where nothing happens time is left out, and says how much", async () => {
  const seen = await show(waiting());
  assert.equal(seen.gaps.length, 1);
  assert.ok(seen.gaps[0].top > seen.steps[2].box.bottom && seen.gaps[0].bottom < seen.steps[4].box.top);
  assert.ok(seen.ticks.includes("+5.00 ms"), seen.ticks.join());
  assert.ok(seen.ticks.includes("5,093 µs"), seen.ticks.join());
  assert.ok(seen.height < 700, `${seen.height}`);
  for (const { box } of seen.steps) assert.ok(box.bottom - box.top >= 20, "each can be read");
});

test("rows are asked after the round: the line is at its last answer", async () => {
  const seen = await show(waiting());
  close(seen.breaks[0].top, seen.steps[7].box.bottom, "the line");
  assert.deepEqual(seen.steps[7].endings, ["rule broken", "withdraw ok"]);
  assert.equal(seen.facts.at(-1),
    "rule broken: the rows, asked after the round, say that “no account below zero” is broken");
});

test("a proof: step by step, and where the rule breaks", async () => {
  const document = read("documents/0.1-first/explore.json");
  const seen = await show(document);
  sound(seen);
  assert.equal(seen.caption, "How key 1 breaks the rule “one owner a conversation”. The customer got two answers.");
  assert.deepEqual(seen.steps.map((step) => step.sql), document.cells[0].witness.steps.map((step) => step.sql));
  assert.deepEqual(seen.ticks, ["1", "2", "3", "4"]);
  seen.steps.slice(1).forEach((step, i) => close(step.box.top, seen.steps[i].box.bottom, `step ${i + 2}`));
  close(seen.breaks[0].top, seen.steps[3].box.bottom, "the line");
  assert.deepEqual(seen.steps[3].endings, ["rule broken", "claim ok"]);
  assert.equal(seen.windows.length, 2);
  close(seen.windows[1].top, seen.steps[0].box.top, "agent 2's window");
  close(seen.windows[1].bottom, seen.steps[3].box.bottom, "agent 2's window");
  assert.equal(seen.legend.at(-1), "Step by step, downwards.");
});

test("a proof: the rule of ownership has a second owner", async () => {
  const document = read("documents/0.1-first/explore.json");
  document.scenario = { ...scenario, key: "conversation", capacity: 1, owns: "one owner a conversation" };
  const seen = await show(document);
  assert.match(seen.caption, /^How two agents get conversation 1\. /);
  assert.deepEqual(seen.steps[3].endings, ["second owner", "claim ok"]);
});

test("a proof: a statement that waits lasts until the step that its answer came with", async () => {
  const seen = await show(explored(released));
  sound(seen);
  const waited = seen.steps[3];
  close(waited.box.bottom, seen.steps[5].box.bottom, "its box");
  assert.equal(waited.locks.length, 1);
  close(waited.locks[0].top, waited.box.top, "the hatching");
  assert.ok(waited.locks[0].bottom > seen.steps[5].box.top && waited.locks[0].bottom < waited.box.bottom - 8);
  assert.deepEqual(waited.notes, ["waited for agent 2"]);
  assert.equal(waited.result, "ERROR 23514 check violation");
  assert.equal(seen.rows[3][5], "step 6");
  assert.deepEqual(seen.steps.map((step) => step.endings),
    [[], [], [], [], [], ["withdraw ok"], ["withdraw rejected 23514"], ["rule broken", "withdraw refused"]]);
  assert.equal(seen.windows.length, 1, "who did not read before has no window, nor who did not write after");
  assert.ok(seen.legend.includes("waits for a lock"));
});

test("a proof: what is never answered stays open to the end", async () => {
  const seen = await show(explored(released));
  const open = seen.steps[4];
  assert.equal(open.running, true);
  close(open.box.bottom, seen.steps[7].box.bottom, "its box");
  close(open.locks[0].bottom, open.box.bottom, "the hatching");
  assert.deepEqual(open.notes, ["waits for a lock"]);
  assert.equal(open.snapshot, false, "LOCK takes none");
  assert.equal(seen.rows[4][5], "still running");
});

test("a proof: a statement that stands between reading and writing", async () => {
  const seen = await show(explored(split, { split: true }));
  sound(seen);
  assert.deepEqual(seen.steps[1].notes, ["has read, has not written"]);
  assert.equal(seen.steps[1].held.length, 1);
  close(seen.steps[1].held[0].top, seen.steps[1].box.bottom, "it stands");
  close(seen.steps[1].held[0].bottom, seen.steps[3].box.top, "until it goes on");
  assert.deepEqual([3, 4].map((i) => seen.steps[i].sql), ["… goes on", "… goes on"]);
  assert.deepEqual(seen.steps.map((step) => step.snapshot), [true, true, true, false, false]);
  close(seen.steps[2].box.bottom, seen.steps[4].box.top, "the wait lasts until it goes on");
  close(seen.windows[0].bottom, seen.steps[3].box.bottom, "the window ends with the answer");
  assert.equal(seen.windows.length, 1);
  assert.equal(seen.rows[4][3], `… goes on: ${withdraw}`);
  assert.ok(seen.legend.includes("stands between reading and writing"));
});

test("statements that still run, as the demo has them", async () => {
  await open();
  const step = (agent, from, to, waits) => ({
    agent, operation: "claim", attempt: 1, sql: withdraw, ready: from, from, to, waits,
    result: to === null ? "" : "1 row", value: null, error: null, outcome: null, breaks: false, yields: false,
    goesOn: false, releasedBy: null,
  });
  const seen = await showStory({
    unit: "time", isolation: "read committed", agents: [{ agent: 1, name: "Ada" }, { agent: 2, name: "Bo" }],
    steps: [step(1, 0, 40_000, []), step(2, 9000, null, [{ from: 9000, to: null, forAgent: 1, inferred: false }])],
    until: 60_000, title: "Now", key: "1", round: null, rule: "", why: "", breakLabel: "", breakNote: "",
  });
  sound(seen);
  assert.deepEqual(seen.agents, ["Ada", "Bo"]);
  assert.deepEqual(seen.steps.map((step) => step.running), [false, true]);
  assert.ok(seen.steps[1].box.bottom > seen.steps[0].box.bottom, "up to the last moment known");
  assert.deepEqual(seen.steps[1].notes, ["waits for Ada"]);
  assert.equal(seen.breaks.length, 0);
  assert.equal(seen.rows[1][5], "still running");
});

test("times are in one unit, which the story's length asks for, and fit the axis", async () => {
  const until = async (to) => {
    const story = going(2);
    story.steps[1].to = to;
    await openLive({ ...story, until: to });
    const fits = await page.evaluate(() => [...document.querySelectorAll(".timeline-tick")].every((tick) =>
      tick.getBoundingClientRect().left >= document.querySelector(".timeline-axis").getBoundingClientRect().left));
    assert.ok(fits, String(to));
    return (await look()).rows.map((row) => row[5]);
  };
  assert.deepEqual(await until(9e6), ["1 µs", "9,000 µs"]);
  assert.deepEqual(await until(999e6), ["0.0 ms", "999.0 ms"]);
  assert.deepEqual(await until(9.9999e9), ["0.0000 s", "9.9999 s"]);
  assert.deepEqual(await until(599.5e9), ["0.00 s", "599.50 s"]);
});

/* ---- a story that goes on ---- */

/* A story of the demo's: Ada's statements one after the other, the last running when `until` is past it. */
function going(count, { until = count * 1000, running = false, key = "1", agents = ["Ada", "Bo"], start = 0 } = {}) {
  const steps = Array.from({ length: count }, (_, i) => ({
    agent: 1 + (i % 2), operation: "claim", attempt: 1, sql: `${withdraw} /* ${i} */`, ready: start + i * 1000,
    from: start + i * 1000, to: running && i === count - 1 ? null : start + i * 1000 + 900, waits: [], result: "1 row",
    value: null, error: null, outcome: null, breaks: false, yields: false, goesOn: false, releasedBy: null,
  }));
  return { unit: "time", isolation: "read committed", agents: agents.map((name, i) => ({ agent: i + 1, name })), steps,
    until, title: `Story ${key}`, key, round: null, rule: "", why: "", breakLabel: "second owner", breakNote: "" };
}

async function openLive(story) {
  await open();
  await page.evaluate(() => {
    globalThis.live = globalThis.parts.liveTimeline();
    document.body.replaceChildren(globalThis.live.element);
  });
  return showLive(story);
}

async function showLive(story) {
  await page.evaluate((story) => globalThis.live.show(story), story);
  await settled();
  return look();
}

test("a story that goes on: nothing yet, then the latest statement is told", async () => {
  await open();
  await page.evaluate((story) => {
    globalThis.live = globalThis.parts.liveTimeline();
    document.body.replaceChildren(globalThis.live.element);
    globalThis.live.show(story);
  }, going(0));
  await settled();
  assert.equal(await page.locator("figure").innerText(), "Story 1.");
  let seen = await showLive(going(1));
  sound(seen);
  assert.deepEqual(seen.agents, ["Ada", "Bo"], "a lane also for who sent nothing");
  assert.deepEqual([seen.steps.length, seen.stops], [1, ["0"]]);
  seen = await showLive(going(3));
  assert.deepEqual([seen.steps.length, seen.stops, seen.rows.length], [3, ["2"], 3]);
  assert.ok(seen.detail.startsWith("Step 3 of 3"), seen.detail);
  const broken = going(4);
  broken.steps[1].breaks = true;
  assert.deepEqual((await showLive(broken)).stops, ["1"], "what breaks the rule is worth more than the latest");
});

test("a story that goes on keeps choice, focus, place and what is unfolded", async () => {
  await openLive(going(30));
  await page.locator("summary").click();
  await page.locator("button[data-step='3']").focus();
  const before = await page.evaluate(() => {
    globalThis.focused = document.activeElement;
    globalThis.blurred = 0;
    globalThis.focused.addEventListener("blur", () => globalThis.blurred++);
    const scroll = document.querySelector(".timeline-scroll");
    scroll.scrollTop = 60;
    return scroll.scrollTop;
  });
  assert.equal(before, 60, "it can be scrolled");
  for (const story of [going(31, { running: true, until: 31_000 }), going(31, { running: true, until: 90_000 }), going(32)]) {
    const seen = await showLive(story);
    sound(seen);
    assert.deepEqual([seen.focus, seen.stops, seen.chosen.includes("g 3")], ["3", ["3"], true]);
    assert.ok(seen.detail.startsWith(`Step 4 of ${story.steps.length}`), seen.detail);
    assert.equal(seen.rows.length, story.steps.length);
  }
  assert.deepEqual(await page.evaluate(() => [document.activeElement === globalThis.focused, globalThis.blurred,
    document.querySelector(".timeline-scroll").scrollTop, document.querySelector("details").open]), [true, 0, 60, true]);
  await page.keyboard.press("ArrowDown");
  assert.equal((await look()).focus, "4", "and keys lead on from there");
});

test("a story that goes on: a resting pointer chooses nothing as boxes move under it", async () => {
  await openLive(going(2));
  await page.locator("button[data-step='0']").hover();
  assert.deepEqual((await look()).stops, ["0"]);
  await page.evaluate(() => {
    const [first, second] = [...document.querySelectorAll(".timeline-step")].map((step) => step.getBoundingClientRect());
    const lanes = document.querySelector(".timeline-lanes");
    lanes.style.left = `${first.left - second.left}px`;
    lanes.style.top = `${first.top - second.top}px`;
  });
  for (const count of [3, 4, 5]) {
    await showLive(going(count));
    await page.waitForTimeout(150);
    assert.deepEqual((await look()).stops, ["0"]);
  }
  await page.mouse.move(0, 0);
  await page.locator("button[data-step='1']").hover();
  assert.deepEqual((await look()).stops, ["1"], "one that moves does");
});

test("a story that goes on: who looks at its end sees what comes", async () => {
  await openLive(going(30));
  const left = () => page.evaluate(() => {
    const scroll = document.querySelector(".timeline-scroll");
    return Math.round(scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop);
  });
  await page.evaluate(() => document.querySelector(".timeline-scroll").scrollTo(0, 1e6));
  await showLive(going(34));
  assert.equal(await left(), 0);
});

test("another story begins without the choice of the one before", async () => {
  await openLive(going(5));
  await page.locator("button[data-step='1']").hover();
  assert.deepEqual((await look()).stops, ["1"]);
  let seen = await showLive(going(3, { key: "2", start: 100 }));
  assert.deepEqual([seen.steps.length, seen.stops], [3, ["2"]]);
  await page.locator("button[data-step='2']").focus();
  seen = await showLive(going(1, { key: "3", start: 200 }));
  assert.deepEqual([seen.steps.length, seen.stops, seen.focus], [1, ["0"], "0"], "focus stays in the figure");
});

test("what runs grows with time, and nothing else moves", async () => {
  await openLive(going(3, { running: true, until: 3000 }));
  let before = await look();
  const heights = [];
  for (const ms of [200, 400, 1000, 2000, 3000, 60_000]) {
    const seen = await showLive(going(3, { running: true, until: ms * 1e6 }));
    sound(seen);
    seen.steps.slice(0, 2).forEach(({ box }, i) => close(box.bottom, before.steps[i].box.bottom, `step ${i}`));
    assert.equal(seen.gaps.length, 0, "time that still passes is not left out");
    heights.push(seen.steps[2].box.bottom - seen.steps[2].box.top);
    before = seen;
  }
  assert.ok(heights.every((height, i) => i === 0 || height >= heights[i - 1]), heights.join());
  assert.ok(heights[4] > heights[0] + 60, heights.join());
  assert.ok(heights[5] < 300, "not without end");
  assert.ok(before.ticks.includes("60.000 s"), before.ticks.join());
  const over = going(3);
  over.steps[2].to = 60e9;
  assert.equal((await showLive(over)).gaps.length, 0, "nor of one that worked all the time");
  over.steps[2].waits = [{ from: 2000, to: 60e9, forAgent: 2, inferred: false }];
  assert.equal((await showLive(over)).gaps.length, 1, "but of a wait that is over");
});

/* ---- in words ---- */

test("the table says the same as the document", async () => {
  const seen = await show(waiting());
  const t = 70_000_000;
  const steps = waiting().cells[0].witness.steps;
  const us = (moment) => `${String((moment - t) / 1000).replace(/\B(?=(\d{3})+$)/g, ",")} µs`;
  assert.deepEqual(seen.rows, steps.map((step, i) => [
    String(i + 1), `agent ${step.agent}`, "withdraw", step.sql, us(step.call_ns), us(step.return_ns),
    i === 1 ? "for a connection, 23.0 µs" : i === 5 ? "probably waited for agent 7 (inferred from times)" : "",
    step.value ?? (step.rows === 1 ? "1 row" : ""),
    step.outcome ? `withdraw ok${i === 7 ? " · rule broken" : ""}` : "",
  ]));
});

test("in print the table is open, and nothing is scrolled away", async () => {
  await show(crowd(), { viewport: { width: 720, height: 400 } });
  const state = () => page.evaluate(() => {
    const [table, scroll, plane, detail] = ["text table", "scroll", "plane", "detail"]
      .map((name) => document.querySelector(`.timeline-${name}`));
    return {
      table: table.checkVisibility() && table.getBoundingClientRect().height > 100,
      scrolls: scroll.scrollHeight > scroll.clientHeight + 1,
      fits: plane.getBoundingClientRect().right <= document.documentElement.clientWidth,
      detail: detail.checkVisibility(),
    };
  });
  assert.deepEqual(await state(), { table: false, scrolls: true, fits: false, detail: true });
  await page.emulateMedia({ media: "print" });
  assert.deepEqual(await state(), { table: true, scrolls: false, fits: true, detail: false });
});

test("texts that would be markup are texts", async () => {
  const name = "n".repeat(10_000);
  const evil = `SELECT '<img src=x onerror="alert(1)">' AS "<script>alert(2)</script>", "${name}" -- \u202e&amp;`;
  const document = raced({ round: 1, key: 1, rule: `<b>'"\u202erule`, second_owner: 2, steps: [
    sampled(1, 0, 1000, evil,
      { operation: "<script>alert(3)</script>", value: `"><img src=x onerror=alert(4)>${name}` }),
    sampled(2, 500, 2000, "UPDATE t SET a = 1", { operation: "שלום", rows: 1, outcome: "ok" }),
  ] }, { key: "<b>key</b>", broken: "</figure><script>alert(5)</script>" });
  for (const width of [1280, 390]) {
    const seen = await show(document, { viewport: { width, height: 900 } });
    sound(seen);
    assert.equal(seen.markup, 0);
    assert.equal(seen.steps[0].title, evil);
    assert.ok(seen.steps[0].sql.startsWith(evil.slice(0, 100)) && seen.steps[0].sql.endsWith("…"));
    assert.ok(seen.rows[0].includes(evil), "complete in the table");
    assert.ok(seen.steps[0].result.length < 100 && seen.steps[0].result.startsWith('→ "><img'), "the start of what it read");
    assert.ok(seen.rows[0][7].startsWith('"><img src=x onerror=alert(4)>'));
    assert.match(seen.caption, /<b>key<\/b>.*<\/figure><script>alert\(5\)<\/script>/);
    await page.locator("button[data-step='0']").focus();
    assert.ok((await look()).detail.includes(evil), "complete in the detail");
  }
  const isolated = await page.evaluate((texts) => texts.every((text) =>
    [...document.querySelectorAll("bdi, code[dir=auto]")].some((element) => element.textContent === text)),
  [evil, "<script>alert(3)</script>", "</figure><script>alert(5)</script>"]);
  assert.ok(isolated, "foreign text does not turn what stands beside it");
});

/* ---- choosing ---- */

test("arrow keys lead from step to step, and the detail and the table follow", async () => {
  let seen = await show(waiting());
  assert.deepEqual(seen.stops, ["7"], "one stop in the order of focus: where the rule breaks");
  assert.deepEqual(seen.chosen, ["g 7", "line 7", "li 7", "button 7", "tr 7"]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  if ((await look()).focus !== "7") await page.locator("button[data-step='7']").focus();
  const press = async (key) => {
    await page.keyboard.press(key);
    seen = await look();
    assert.deepEqual(seen.stops, [seen.focus]);
    assert.ok(seen.chosen.includes(`tr ${seen.focus}`) && seen.chosen.includes(`g ${seen.focus}`));
    assert.ok(seen.detail.startsWith(`Step ${Number(seen.focus) + 1} of 8`), seen.detail);
    return seen.focus;
  };
  assert.equal(await press("ArrowDown"), "7", "the last has none below");
  assert.equal(await press("ArrowUp"), "6");
  assert.equal(await press("ArrowLeft"), "5", "the nearest of agent 2");
  assert.equal(seen.facts[0], "probably waited for agent 7 (inferred from times), 47.0 µs");
  assert.equal(await press("ArrowLeft"), "5", "nobody is further left");
  assert.equal(await press("ArrowRight"), "6", "the nearest of agent 7");
  assert.equal(await press("ArrowRight"), "6");
  assert.equal(await press("Home"), "0");
  assert.equal(await press("ArrowUp"), "0");
  assert.equal(await press("ArrowDown"), "1");
  assert.equal(seen.facts[0], "waited 23.0 µs for a connection");
  assert.equal(await press("End"), "7");
  assert.equal(await press("Control+Home"), "7", "the browser's own keys are left to it");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, "solid");
});

test("pointing at a step marks its row, and at a row its step", async () => {
  await show(waiting());
  await page.locator("button[data-step='2']").hover();
  let seen = await look();
  assert.deepEqual(seen.chosen, ["g 2", "li 2", "button 2", "tr 2"]);
  assert.ok(seen.detail.includes(balance));
  assert.ok(seen.facts.includes("used in step 5: 5.10 ms from check to use"), seen.facts.join());
  await page.locator("summary").click();
  await page.locator("tr[data-step='4'] code").hover();
  seen = await look();
  assert.deepEqual(seen.chosen, ["g 4", "li 4", "button 4", "tr 4"]);
});

/* ---- any size ---- */

test("32 steps of 8 agents: no box on another, no word cut off that has no other place", async () => {
  for (const width of [1280, 390]) {
    const seen = await show(crowd(), { viewport: { width, height: 900 } });
    sound(seen);
    assert.equal(seen.steps.length, 32);
    assert.equal(seen.agents.length, 8);
    assert.equal(seen.steps.filter((step) => step.locks.length).length, 7);
    assert.equal(seen.windows.length, 8);
    const lanes = new Map();
    for (const { box } of seen.steps) {
      const above = lanes.get(box.left);
      assert.ok(above === undefined || box.top >= above, "below the agent's step before");
      lanes.set(box.left, box.bottom);
    }
    assert.equal(lanes.size, 8);
    const cut = await page.evaluate(() => [...document.querySelectorAll(".timeline-step")].flatMap((step) => {
      const box = step.getBoundingClientRect();
      return [...step.querySelectorAll(".timeline-sql, .timeline-note, .timeline-result")]
        .filter((part) => part.getBoundingClientRect().bottom > box.bottom + 1).map((part) => part.textContent);
    }));
    assert.deepEqual(cut, []);
    for (let i = 1; i < seen.tickPlaces.length; i++)
      assert.ok(seen.tickPlaces[i].top >= seen.tickPlaces[i - 1].bottom - 2, "times do not overlap");
  }
});

test("endings have room of their own below their box", async () => {
  for (const width of [1280, 390]) {
    await show(explored(released), { viewport: { width, height: 900 } });
    const covered = await page.evaluate(() => {
      const places = (selector) => [...document.querySelectorAll(selector)].map((e) => e.getBoundingClientRect());
      const boxes = places(".timeline-box");
      const body = document.querySelector(".timeline-body").getBoundingClientRect();
      return places(".timeline-endings > span").filter((e) => e.bottom > body.bottom ||
        boxes.some((b) => e.left < b.right && b.left < e.right && e.top < b.bottom - 1 && b.top < e.bottom - 1)).length;
    });
    assert.equal(covered, 0, `at ${width}`);
  }
});

test("narrow lanes get more lines, and keep what was chosen", async () => {
  const wide = await show(waiting());
  await page.locator("button[data-step='3']").focus();
  await page.setViewportSize({ width: 390, height: 844 });
  const taller = (height) => document.querySelector(".timeline-body").clientHeight > height + 40;
  await page.waitForFunction(taller, wide.height);
  const seen = await look();
  sound(seen);
  assert.equal(seen.focus, "3");
  assert.deepEqual(seen.stops, ["3"]);
  const sql = page.locator("button[data-step='3'] .timeline-sql");
  assert.ok(await sql.evaluate((element) => element.clientHeight / 16) >= 3);
});

/* Words that contrast less than 4.5 : 1 with what they stand on. */
function poorWords() {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = rgba(colour).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const box = e.matches("button") && document.querySelector(`.timeline-drawn[data-step="${e.dataset.step}"] rect`);
      const colour = box ? getComputedStyle(box).fill : getComputedStyle(e).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const words = [".timeline-sql code", ".timeline-note span", ".timeline-result span", ".timeline-endings > span",
    ".timeline-tick", ".timeline-agent", ".timeline-legend li", ".timeline-detail *", ".timeline-text th",
    ".timeline-text td", "figcaption", "summary"];
  return [...document.querySelectorAll(words)].map((element) => ({
    words: element.textContent, contrast: contrast(getComputedStyle(element).color, ground(element)),
  })).filter((found) => found.contrast < 4.5);
}

test("every word is legible on its ground, in both colour schemes", async () => {
  for (const colorScheme of ["light", "dark"])
    for (const document of [waiting(), explored(released)]) {
      await show(document, { colorScheme });
      await page.locator("summary").click();
      assert.deepEqual(await page.evaluate(poorWords), [], colorScheme);
    }
});
