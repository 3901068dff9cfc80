/* demo.mjs REPETITIONS: the figures of demo.sh. PGRACE, PGR_PAGE_TOOLS, PGR_CHROMIUM as for the web tests. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { launch } from "../web/support.mjs";
import { Demo } from "../live/demo_client.mjs";

const repetitions = Number(process.argv[2]);
process.on("exit", () => Run.last?.child.kill("SIGINT")); /* whatever ended this */
const now = () => performance.timeOrigin + performance.now();
const sorted = (figures) => [...figures].sort((a, b) => a - b);
const median = (figures) => sorted(figures)[Math.floor(figures.length / 2)];
const say = (what, figures, unit = "ms") => {
  const all = sorted(figures);
  const at = (share) => all[Math.min(all.length - 1, Math.floor(share * all.length))].toFixed(1);
  console.log(`${what.padEnd(58)} median ${median(all).toFixed(1)} ${unit}, p99 ${at(0.99)}, most ${all.at(-1).toFixed(1)} (${all.length})`);
};

class Run {
  constructor(...args) {
    this.began = now();
    this.child = spawn(process.env.PGRACE, ["demo", "--port", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.out = "";
    Run.last = this;
    this.child.stdout.setEncoding("utf8").on("data", (text) => { this.out += text; });
  }

  /* The n-th address that it printed. */
  async link(n = 0) {
    for (;;) {
      const found = this.out.match(/http:\S+/g)?.[n];
      if (found) return found;
      await Promise.race([once(this.child.stdout, "data"), once(this.child, "exit").then(() => { throw new Error("pgrace demo ended"); })]);
    }
  }

  async end() {
    const ended = once(this.child, "exit");
    this.child.kill("SIGINT");
    await ended;
  }

  processor() { /* seconds it has used */
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}

async function opened(browser, link) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  const page = await context.newPage();
  await page.goto(link, { waitUntil: "commit" });
  await page.waitForFunction(() => document.querySelector(".inbox-2 button.claim:not([aria-disabled])"), undefined, { polling: "raf" });
  return page;
}

async function usable(browser) {
  const took = [], listening = [];
  for (let i = 0; i < repetitions; i++) {
    const run = new Run();
    const link = await run.link();
    listening.push(now() - run.began);
    const page = await opened(browser, link);
    took.push(now() - run.began);
    await page.context().close();
    await run.end();
  }
  say("from the command to the printed address", listening);
  say("from the command to a page whose Claim can be pressed", took);
}

/* The wall clock when the demo's clock was zero: an answer is read later than it was written, so the least is nearest. */
async function origin(demo) {
  let least = Infinity;
  for (let i = 0; i < 40; i++) {
    const viewer = await demo.watch(undefined, false);
    least = Math.min(least, now() - viewer.state.now_ns / 1e6);
    viewer.close();
  }
  return least;
}

/* Resolves when this agent's message of this conversation is painted: the page changes itself as a frame begins, and what
 * is posted to ourselves then comes when that frame is done. */
const painted = (page, agent, key) => page.evaluate(([a, k]) => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => resolve(performance.timeOrigin + performance.now());
  const look = () => {
    const told = document.querySelector(`.inbox-${a} li[data-key="${k}"] .letter-told`);
    if (!told || told.hidden) return;
    observer.disconnect();
    port2.postMessage(null);
  };
  const observer = new MutationObserver(look);
  observer.observe(document.querySelector(`.inbox-${a}`), { subtree: true, childList: true, attributes: true, characterData: true });
  look(); /* it may have been quicker than we */
}), [agent, key]);

async function onScreen(run, browser, demo, page, what) {
  const zero = await origin(demo);
  const viewer = await demo.watch(undefined, false);
  await demo.does("/gap", { gap_ns: 0 });
  const late = [];
  for (let i = 0; i < 40; i++) {
    const mark = viewer.mark;
    await demo.does("/arrive", { count: 1 });
    const { key } = (await viewer.until("a conversation", (e) => e.name === "arrived", mark)).data[0];
    const seen = [1, 2].map((agent) => painted(page, agent, key));
    await demo.does("/both", { key });
    for (const agent of [1, 2]) {
      const told = await viewer.told("the end", mark, (m) => m.agent === agent && m.key === key && m.operation === "claim");
      late.push(await seen[agent - 1] - (zero + told.data.at_ns / 1e6));
    }
    await viewer.atRest();
  }
  viewer.close();
  say(what, late);
  const over = late.flatMap((ms, i) => (ms > 100 ? [i + 1] : []));
  if (over.length > 0) console.log(`  over 100 ms: number ${over.join(", ")}`);
}

/* Everything that everybody was told since, each exactly once and in order. */
function same(viewers, marks) {
  const said = viewers.map((viewer, i) => viewer.events.slice(marks[i]));
  const first = said[0];
  return said.every((events) => events.length === first.length && events.every((event, k) => event.id === first[k].id && event.name !== "state"));
}

async function crowded(run, demo, page) {
  const viewers = [];
  for (let i = 0; i < 99; i++) viewers.push(await demo.watch(undefined, false)); /* the page is the hundredth */
  await demo.does("/gap", { gap_ns: 20e6 });
  const shares = [], rates = [], whole = [];
  for (let i = 0; i < Math.max(3, Math.floor(repetitions / 3)); i++) {
    const marks = viewers.map((viewer) => viewer.mark);
    const began = now(), processor = run.processor();
    await demo.does("/campaign", { count: 200 });
    await viewers[0].until("the campaign to end", (e) => e.name === "seats" && e.data.crowd_busy === 0 && viewers[0].events.indexOf(e) > marks[0] + 50, marks[0]);
    const took = (now() - began) / 1000;
    shares.push(100 * (run.processor() - processor) / took);
    const last = viewers[0].events.at(-1).id;
    await Promise.all(viewers.map((viewer, k) => viewer.until("the last event", (e) => e.id >= last, marks[k])));
    rates.push((viewers[0].mark - marks[0]) / took);
    whole.push(same(viewers, marks));
  }
  console.log(`99 viewers and the page, a campaign of 200 conversations, ${whole.length} times: ` +
    (whole.every(Boolean) ? "every viewer was told every event once, in order" : "EVENTS WERE DROPPED"));
  say("  events a second, to each viewer", rates, "/s");
  say("  pgrace's processor, of one", shares, "%");
  return viewers;
}

const browser = await launch();
await usable(browser);
const run = new Run();
const page = await opened(browser, await run.link());
const demo = await new Demo(await run.link(1)).enter();
(await demo.watch(undefined, false)).close(); /* learns the token */
await onScreen(run, browser, demo, page, "from an event to its frame on the screen, one viewer");
const viewers = await crowded(run, demo, page);
await onScreen(run, browser, demo, page, "the same with 99 viewers beside");
for (const viewer of viewers) viewer.close();
await browser.close();
await run.end();
