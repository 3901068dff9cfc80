/* pgrace demo by HTTP alone. demo_http.mjs PART LINK [PID]: demo_http.sh starts the demo and says which part is played. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { Demo } from "./demo_client.mjs";

const [part, link, argument] = process.argv.slice(2);

/* ---- the whole of it, as the page does it ---- */

async function door() {
  const demo = new Demo(link);
  for (const path of ["/", "/events", "/result.json", "/report.html", "/demo.js"]) assert.equal((await demo.get(path)).status, 403, `${path} without a session`);
  const wrong = await demo.get(`/?token=${"0".repeat(32)}`);
  assert.equal(wrong.status, 403);
  assert.match(wrong.text, /address/, "the page says what to do");
  await demo.enter();
  const used = await new Demo(link).get(new URL(link).pathname + new URL(link).search);
  assert.equal(used.status, 403, "a link works once");
  const page = await demo.get("/");
  assert.equal(page.status, 200);
  assert.match(page.headers["content-type"], /^text\/html; charset=utf-8/);
  assert.equal(page.headers["content-security-policy"], "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  for (const [name, value] of [["x-content-type-options", "nosniff"], ["referrer-policy", "no-referrer"], ["cache-control", "no-store"],
    ["cross-origin-opener-policy", "same-origin"], ["cross-origin-resource-policy", "same-origin"]]) assert.equal(page.headers[name], value, name);
  assert.match((await demo.get("/demo.js")).headers["content-type"], /^text\/javascript/);
  assert.match((await demo.get("/demo.css")).headers["content-type"], /^text\/css/);
  return demo;
}

async function collide(demo, viewer) {
  const [key, other] = await viewer.inbox("naive");
  const mark = viewer.mark;
  await demo.does("/claim", { agent: 1, key });
  await demo.does("/claim", { agent: 2, key });
  assert.match(await demo.refuses(409, "/claim", { agent: 1, key: other }), /Ada/, "a seat does one thing at a time");
  await demo.does("/gap", { gap_ns: 100_000_000 });
  for (const agent of [1, 2]) await viewer.told(`agent ${agent}'s reply`, mark, (t) => t.agent === agent && t.operation === "reply" && t.outcome === "ok");
  const claims = viewer.moments(mark, "told").filter((t) => t.operation === "claim");
  assert.deepEqual(claims.map((t) => [t.outcome, t.message, t.owns, t.answer, t.key]), [1, 2].map(() => ["ok", "Conversation claimed successfully", true, null, key]));
  const replies = viewer.moments(mark, "told").filter((t) => t.operation === "reply");
  assert.ok(replies.every((t) => t.replied && t.answer), "what each answered");
  assert.notEqual(replies[0].answer, replies[1].answer);
  const doubled = viewer.moments(mark, "doubled");
  assert.equal(doubled.length, 1);
  assert.deepEqual([doubled[0].key, doubled[0].owners], [key, 2]);
  const counted = await viewer.until("the count of duplicates", (e) => e.name === "counts" && e.data.doubly_answered === 1, mark);
  assert.deepEqual(counted.data, { ok: 2, refused: 0, rejected: 0, failed: 0, unknown: 0, retried: 0, replies: 2, contested: 1, doubled: 1, doubly_answered: 1 });
  await viewer.atRest();
  const explained = await viewer.until("an explanation", (e) => e.name === "explained", mark);
  assert.equal(explained.data.sentences.length, 3);
  assert.equal(explained.data.key, key);
  assert.ok(explained.data.sentences.some((s) => s.sql), "with its SQL");
  const sent = viewer.moments(mark, "sent"), answered = viewer.moments(mark, "answered");
  assert.deepEqual(sent.map((m) => m.step).sort(), answered.map((m) => m.step).sort(), "every statement is answered");
  assert.ok(sent.some((m) => m.sql.startsWith("SELECT")) && sent.some((m) => m.sql.startsWith("UPDATE")));
  return { key, doubled: doubled[0].agent };
}

/* Who comes now sees what the others saw. */
async function latecomer(demo, viewer, { key, doubled }) {
  const late = await demo.watch(), state = late.state;
  const conversation = state.conversations.find((c) => c.key === key);
  assert.deepEqual([conversation.owners, conversation.owners_most, conversation.replies], [2, 2, 2]);
  const mine = (agent) => conversation.told.find((t) => t.agent === agent);
  for (const agent of [1, 2]) assert.deepEqual([mine(agent).owns, mine(agent).replied], [true, true]);
  assert.notEqual(mine(1).answer, mine(2).answer);
  assert.deepEqual([state.contest.key, state.contest.doubled], [key, doubled]);
  assert.ok(state.contest.steps.length >= 4);
  assert.deepEqual(state.explanation, viewer.since(0, "explained").at(-1));
  assert.deepEqual(state.counts, viewer.since(0, "counts").at(-1));
  assert.equal(state.cast.strategies.length, 13);
  assert.deepEqual(state.cast.agents, [{ agent: 1, name: "Ada" }, { agent: 2, name: "Ben" }]);
  const info = (name) => state.cast.strategies.find((s) => s.name === name);
  assert.equal(info("naive").install, null);
  assert.match(info("trigger").install, /CREATE .*TRIGGER/);
  assert.deepEqual(info("for-update").scripts.map((s) => s.operation), state.cast.operations);
  assert.match(info("for-update").scripts[0].sql, /FOR UPDATE/);
  late.close();
}

async function reject(demo, viewer) {
  let mark = viewer.mark;
  await demo.does("/strategy", { strategy: "naive" });
  assert.match(await demo.refuses(400, "/strategy", { strategy: "triger" }), /trigger/, "the nearest name");
  await demo.does("/strategy", { strategy: "trigger" });
  const [key] = await viewer.inbox("trigger", mark);
  const settings = viewer.since(mark, "setting");
  assert.deepEqual([settings[0].strategy, settings[0].database], ["trigger", "preparing"], "nothing came of the strategy that was in use");
  mark = viewer.mark;
  await demo.does("/both", { key });
  const no = await viewer.told("a rejection", mark, (t) => t.operation === "claim" && t.outcome === "rejected");
  const yes = await viewer.told("an owner", mark, (t) => t.operation === "claim" && t.outcome === "ok");
  assert.deepEqual([no.data.sqlstate, no.data.message, no.data.owns], ["23514", "This conversation is already checked out", false]);
  assert.equal(no.data.agent + yes.data.agent, 3);
  assert.equal(viewer.moments(mark, "answered").find((m) => m.sqlstate === "23514").constraint, "conversation_texter_assignment_constraint");
  await viewer.told("the owner's reply", mark, (t) => t.operation === "reply");
  await viewer.atRest();
  const counts = (await viewer.until("counts", (e) => e.name === "counts" && e.data.replies === 1, mark)).data;
  assert.deepEqual([counts.ok, counts.rejected, counts.doubled, counts.contested], [1, 1, 0, 1]);
  mark = viewer.mark;
  await demo.refuses(409, "/release", { agent: no.data.agent, key });
  await demo.does("/release", { agent: yes.data.agent, key });
  const released = await viewer.told("the release", mark, (t) => t.operation === "release");
  assert.deepEqual([released.data.outcome, released.data.owns, released.data.owners], ["ok", false, 0]);
  await viewer.atRest();
  mark = viewer.mark;
  await demo.does("/claim", { agent: no.data.agent, key });
  const now = await viewer.told("the other to have it", mark, (t) => t.operation === "claim");
  assert.deepEqual([now.data.outcome, now.data.agent], ["ok", no.data.agent]);
  await viewer.told("its reply", mark, (t) => t.operation === "reply");
  await viewer.atRest();
}

/* A viewer decides whose statement goes next. */
async function stepwise(demo, viewer) {
  const keys = viewer.since(0, "arrived").at(-1).map((c) => c.key);
  let mark = viewer.mark;
  await demo.does("/stepping", { stepping: true });
  await viewer.until("stepping", (e) => e.name === "setting" && e.data.stepping, mark);
  await demo.refuses(409, "/step", { agent: 1 });
  await demo.does("/claim", { agent: 1, key: keys[1] });
  for (let over = false; !over;) {
    const parked = await viewer.until("a parked seat", (e) => e.name === "moment" && e.data.kind === "parked", mark);
    const at = viewer.events.indexOf(parked) + 1;
    await viewer.until("the seat to show it", (e) => e.name === "seats" && e.data.seats[0].parked === parked.data.sql, at);
    await demo.does("/step", { agent: 1 });
    const sent = await viewer.until("the statement", (e) => e.name === "moment" && e.data.kind === "sent", at);
    assert.equal(sent.data.sql, parked.data.sql);
    mark = viewer.events.indexOf(sent) + 1;
    const next = await viewer.until("what comes next", (e) => e.name === "moment" && (e.data.kind === "parked" || (e.data.kind === "told" && e.data.operation === "reply")), mark);
    over = next.data.kind === "told";
  }
  mark = viewer.mark;
  await demo.does("/stepping", { stepping: false });
  await viewer.until("no stepping", (e) => e.name === "setting" && !e.data.stepping, mark);
  mark = viewer.mark;
  await demo.does("/play", { order: "ABAB" });
  const played = await viewer.until("the order to be played", (e) => e.name === "seats" && e.data.order.startsWith("ABAB") && e.data.order_left === 0, mark);
  assert.equal(played.data.trouble, null);
  const went = viewer.moments(mark, "sent").map((m) => "AB"[m.agent - 1]).join("");
  assert.ok(went.startsWith("ABAB"), `as asked: ${went}`);
  await demo.does("/stepping", { stepping: false });
  await viewer.atRest();
}

async function rest(demo, viewer) {
  let mark = viewer.mark;
  await demo.does("/gap", { gap_ns: 1_000_000 });
  await viewer.until("the gap", (e) => e.name === "setting" && e.data.gap_ns === 1_000_000, mark);
  mark = viewer.mark;
  await demo.does("/arrive", { count: 3 });
  const arrived = (await viewer.until("arrivals", (e) => e.name === "arrived", mark)).data.map((c) => c.key);
  assert.deepEqual(arrived, [0, 1, 2].map((i) => arrived[0] + i));
  const linked = await demo.call("/link", {});
  assert.equal(linked.status, 200);
  const { link: fresh, ...nothing } = JSON.parse(linked.text);
  assert.deepEqual(nothing, {});
  const second = await new Demo(fresh).enter();
  assert.notEqual(second.headers.Cookie, demo.headers.Cookie, "a session of its own");
  const guest = await second.watch();
  await second.does("/arrive", { count: 1 });
  await viewer.until("what the guest did", (e) => e.name === "arrived" && e.data[0].key === arrived[2] + 1, mark);
  guest.close();
  mark = viewer.mark;
  await demo.does("/strategy", { strategy: "naive" });
  const again = await viewer.inbox("naive", mark);
  assert.equal(again.length, 8);
  assert.ok(again[0] > viewer.state.conversations.length, "conversations that are new");
  await viewer.until("what is known of naive", (e) => e.name === "counts" && e.data.doubled === 1, mark);
  const result = await demo.get("/result.json");
  assert.equal(result.status, 200);
  const document = JSON.parse(result.text);
  writeFileSync(argument, result.text);
  assert.deepEqual(document.cells.map((c) => c.strategy), ["naive", "trigger"]);
  const report = await demo.get("/report.html");
  if ((await demo.get("/")).text.includes("/demo.js")) {
    assert.equal(report.status, 200);
    assert.match(report.text, /^<!doctype html>/i);
  } else {
    assert.ok(report.status >= 400, "this build has no report");
  }
}

async function whole() {
  const demo = await door();
  const viewer = await demo.watch();
  assert.equal(viewer.state.setting.strategy, "naive");
  const collision = await collide(demo, viewer);
  await latecomer(demo, viewer, collision);
  await reject(demo, viewer);
  await stepwise(demo, viewer);
  await rest(demo, viewer);
  const ids = viewer.events.map((e) => e.id);
  assert.ok(ids.every((id, i) => i === 0 || id === ids[i - 1] + 1), "every event once, in order");
  assert.equal(viewer.since(0, "state").length, 1, "told the whole state once");
  viewer.close();
}

/* ---- every strategy, and haste; the demo is told to begin with an order ---- */

async function strategies() {
  const demo = await new Demo(link).enter();
  const viewer = await demo.watch();
  const seatsOf = (e) => (e.name === "state" ? e.data.seats : e.name === "seats" ? e.data : undefined);
  const played = await viewer.until("the order to be played", (e) => seatsOf(e)?.order.startsWith("ABBA") && seatsOf(e).order_left === 0);
  assert.equal(seatsOf(played).trouble, null);
  const { contest } = (await demo.watch()).state;
  const went = contest.steps.map((s) => "AB"[s.agent - 1]).join("");
  assert.ok(went.startsWith("ABBA"), `as asked: ${went}`);
  await demo.does("/stepping", { stepping: false });
  for (const { name, expect } of viewer.state.cast.strategies) {
    if (name === "naive") continue;
    let mark = viewer.mark;
    await demo.does("/strategy", { strategy: name });
    const keys = await viewer.inbox(name, mark);
    assert.equal(keys.length, 8, `${name}: conversations come by themselves`);
    mark = viewer.mark;
    await demo.does("/both", { key: keys[0] });
    const claims = () => viewer.moments(mark, "told").filter((t) => t.operation === "claim" && t.outcome !== "retried");
    await viewer.until(`${name}: both to be told`, () => claims().length === 2, mark);
    await viewer.atRest();
    const counts = (await demo.watch()).state.counts;
    assert.equal(counts.doubled, expect === "race" ? 1 : 0, name);
    assert.equal(counts.ok, expect === "race" ? 2 : 1, name);
    const explained = await viewer.until(`${name}: an explanation`, (e) => e.name === "explained", mark);
    assert.equal(explained.data.key, keys[0]);
  }
  await hasty(demo, viewer);
  viewer.close();
}

/* Another strategy before the last one is there, and while seats are at work. */
async function hasty(demo, viewer) {
  const keys = viewer.since(0, "arrived").at(-1).map((c) => c.key);
  const asked = viewer.mark;
  await demo.does("/both", { key: keys[1] });
  const names = ["naive", "trigger", "for-update", "naive", "exclusion"];
  await Promise.all(names.map((strategy) => demo.does("/strategy", { strategy })));
  const left = await viewer.until("the seats' strategy to be left", (e) => e.name === "setting" && e.data.database === "preparing", asked);
  const mark = viewer.events.indexOf(left);
  const last = (await viewer.until("the last one", (e) => e.name === "setting" && e.data.database === "ready", mark)).data.strategy;
  const late = await demo.watch();
  assert.equal(late.state.setting.strategy, last);
  await viewer.inbox(last, mark);
  assert.deepEqual(viewer.moments(mark, "told"), [], "what was under way is told to nobody");
  assert.deepEqual([...new Set(viewer.since(mark, "setting").map((s) => s.database))], ["preparing", "ready"]);
}

/* ---- bad input ---- */

const wrongBodies = ["", "x", "null", "[]", "7", '"text"', "{", '{"count":1}x', '{"a":1,"a":1}', "\xff\xfe", "[".repeat(4000)];
const calls = {
  "/strategy": { good: { strategy: "naive" }, bad: [{ strategy: 1 }, { strategy: "" }, { strategy: "x".repeat(3000) }, { strategy: "nai\u0000ve" }] },
  "/gap": { good: { gap_ns: 1 }, bad: [{ gap_ns: -1 }, { gap_ns: 1.5 }, { gap_ns: "1" }, { gap_ns: 5_000_000_001 }, '{"gap_ns":99999999999999999999}'] },
  "/stepping": { good: { stepping: false }, bad: [{ stepping: 0 }, { stepping: "true" }, { stepping: null }] },
  "/arrive": { good: { count: 1 }, bad: [{ count: 0 }, { count: -1 }, { count: 1e9 }, { count: true }] },
  "/claim": { good: { agent: 1, key: 1 }, bad: [{ agent: 0, key: 1 }, { agent: 3, key: 1 }, { agent: 1 }, { agent: 1, key: -1 }, { agent: 1, key: 2 ** 52 }] },
  "/both": { good: { key: 1 }, bad: [{ key: "1" }, { key: null }] },
  "/release": { good: { agent: 1, key: 1 }, bad: [{ agent: 4294967297, key: 1 }, { key: 1 }] },
  "/campaign": { good: { count: 1 }, bad: [{ count: 201 }, { count: [1] }] },
  "/step": { good: { agent: 1 }, bad: [{ agent: -1 }, {}] },
  "/play": { good: { order: "AB" }, bad: [{ order: "" }, { order: "ABC" }, { order: "A".repeat(65) }, { order: ["A"] }] },
  "/link": { good: {}, bad: [] },
};

async function wrongCalls(demo) {
  for (const [path, { good, bad }] of Object.entries(calls)) {
    for (const body of [...wrongBodies.map((b) => Buffer.from(b, "latin1")), { ...good, more: 1 }, ...bad]) await demo.refuses(400, path, body);
    if (Object.keys(good).length) await demo.refuses(400, path, {});
    assert.ok([404, 405].includes((await demo.get(path)).status), `GET ${path}`);
  }
  for (const body of ["{", '{"count":"\\u0000"}', '{"count":99999999999999999999}', "[]"])
    assert.equal(await demo.refuses(400, "/arrive", body), "the body is not the JSON this call wants");
  for (const path of ["/result.json", "/events", "/"]) assert.ok([404, 405].includes((await demo.call(path, {})).status), `POST ${path}`);
  assert.equal((await demo.call("/nowhere", {})).status, 404);
  assert.match(await demo.refuses(409, "/claim", { agent: 1, key: 9999 }), /9,?999/);
}

async function tooManyCalls(demo) {
  const answers = await Promise.all(Array.from({ length: 300 }, () => demo.once("/gap", "x")));
  const statuses = new Set(answers.map((a) => a.status));
  assert.deepEqual([...statuses].sort(), [400, 429]);
  await demo.refuses(400, "/gap", "x"); /* in a second of its own, and so are the next ones */
}

/* None of these may do anything. */
async function strangers(demo) {
  const body = { count: 1 };
  const forbidden = async (what, headers, status = 403) => assert.equal((await demo.call("/arrive", body, headers)).status, status, what);
  await forbidden("a wrong token", { "X-Pgrace-Token": "0".repeat(demo.token.length) });
  await forbidden("an empty token", { "X-Pgrace-Token": "" });
  await forbidden("another site's page", { Origin: "http://evil.example" });
  await forbidden("another port's page", { Origin: `http://${demo.host}:${demo.port + 1}` });
  await forbidden("a sandboxed page", { Origin: "null" });
  await forbidden("a form", { "Content-Type": "text/plain" }, 415);
  await forbidden("no session", { Cookie: "" });
  await forbidden("somebody else's session", { Cookie: `${demo.headers.Cookie.split("=")[0]}=${"0".repeat(32)}` });
  const token = demo.token;
  demo.token = "";
  await forbidden("no token", {});
  demo.token = token;
  for (const host of ["evil.example", `evil.example:${demo.port}`, `127.0.0.1:${demo.port + 1}`, "127.0.0.1.evil.example"]) {
    const answer = await demo.get("/", { Host: host });
    assert.equal(answer.status, 421, `Host ${host}`);
    assert.ok(!answer.text.includes("<"), "nothing of the page");
  }
}

async function hardlyHttp(demo) {
  const head = `Host: ${demo.host}:${demo.port}\r\nCookie: ${demo.headers.Cookie}\r\n`;
  const post = `POST /arrive HTTP/1.1\r\n${head}X-Pgrace-Token: ${demo.token}\r\nContent-Type: application/json\r\n`;
  const status = (answer) => Number(/^HTTP\/1\.[01] (\d+)/.exec(answer)?.[1] ?? 0);
  /* 0: the connection was closed without a word. */
  const refused = async (what, bytes, allowed) => {
    const answer = await demo.raw(bytes);
    assert.ok(allowed.includes(status(answer)), `${what}: ${answer.slice(0, 200)}`);
  };
  await refused("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [0, 400]);
  await refused("an endless request line", `GET /${"a".repeat(100_000)} HTTP/1.1\r\n${head}\r\n`, [0, 400, 404, 414, 431]);
  await refused("an endless header", `GET / HTTP/1.1\r\n${head}X-A: ${"a".repeat(200_000)}\r\n\r\n`, [0, 400, 431]);
  await refused("endless headers", `GET / HTTP/1.1\r\n${head}${"X-A: b\r\n".repeat(20_000)}\r\n`, [0, 400, 431]);
  await refused("no host", "GET / HTTP/1.1\r\n\r\n", [0, 400, 403, 421]);
  await refused("an unknown method", `BREW / HTTP/1.1\r\n${head}\r\n`, [400, 404, 405, 501]);
  await refused("a path upwards", `GET /../../etc/passwd HTTP/1.1\r\n${head}\r\n`, [400, 404]);
  await refused("a large body", `${post}Content-Length: 5000\r\n\r\n${" ".repeat(5000)}`, [413]);
  await refused("a body that claims to be huge", `${post}Content-Length: 99999999999\r\n\r\n{}`, [413]);
  await refused("a negative body", `${post}Content-Length: -1\r\n\r\n{}`, [0, 400]);
  await refused("a large body in pieces", `${post}Transfer-Encoding: chunked\r\n\r\n${`400\r\n${" ".repeat(1024)}\r\n`.repeat(8)}0\r\n\r\n`, [413]);
  await refused("a piece of a wrong size", `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, [0, 400]);
  const half = net.connect(demo.port, demo.host); /* ends in the midst of a request, and is never heard of again */
  half.on("error", () => {});
  half.write(`${post}Content-Length: 100\r\n\r\n{`);
  const gone = net.connect(demo.port, demo.host);
  gone.on("error", () => {});
  gone.write(`GET /result.json HTTP/1.1\r\n${head}\r\n`, () => gone.resetAndDestroy());
  return half;
}

async function staleIds(demo, viewer) {
  const { lastId, id: last } = viewer.events.at(-1);
  assert.ok(last > 0);
  const back = await demo.watch(lastId);
  await demo.does("/arrive", { count: 1 });
  const first = await back.until("what was missed", () => true);
  assert.deepEqual([first.name, first.id], ["arrived", last + 1], "goes on where it was");
  back.close();
  const run = lastId.split("-")[0];
  for (const id of [`${run}-999999999`, `00000000-${last}`, `${run}-`, `${run}--1`, `${run}-1e3`, `${run}-99999999999999999999999`, String(last), "x", ""]) {
    const stale = await demo.watch(id);
    const told = await stale.until("an event", () => true);
    assert.equal(told.name, "state", `Last-Event-ID ${id}`);
    stale.close();
  }
}

/* Asks for the stream and does not read it while more happens than is kept. Then it reads what follows, or the state anew
 * and what follows that: nothing is left out in silence. */
async function slowReader(demo, viewer) {
  const slow = await new Promise((resolve, reject) => {
    http.get({ host: demo.host, port: demo.port, path: "/events", headers: demo.headers, agent: false }, (answer) => {
      answer.pause();
      resolve(answer);
    }).on("error", reject);
  });
  const mark = viewer.mark;
  for (let i = 0; i < 14; i++) {
    const from = viewer.mark;
    await demo.does("/campaign", { count: 200 });
    await viewer.until("a campaign", (e) => e.name === "seats" && e.data.crowd_busy > 0, from);
    await viewer.until("its end", (e) => e.name === "seats" && e.data.crowd_busy === 0, viewer.mark - 1);
  }
  assert.equal(viewer.since(mark, "state").length, 0, "who reads does not wait for who does not");
  let text = "";
  slow.setEncoding("utf8");
  slow.on("data", (piece) => { text += piece; });
  slow.resume();
  await demo.does("/arrive", { count: 1 });
  const arrived = await viewer.until("the last arrival", (e) => e.name === "arrived" && !e.data[0].campaign && e.data.length === 1, viewer.mark - 1);
  while (!text.includes(`id: ${arrived.lastId}\n`) && !slow.closed) await new Promise((resolve) => { slow.once("data", resolve); slow.once("close", resolve); });
  const events = [...text.matchAll(/^id: [0-9a-f]+-(\d+)\nevent: (\w+)$/gm)].map((m) => ({ id: Number(m[1]), name: m[2] }));
  for (const [i, { id, name }] of events.entries())
    assert.ok(i === 0 || id === events[i - 1].id + 1 || (name === "state" && id >= events[i - 1].id), `after ${events[i - 1]?.id} comes ${name} ${id}`);
  slow.destroy();
}

async function bad() {
  const demo = await new Demo(link).enter();
  const viewer = await demo.watch();
  const [key] = await viewer.inbox("naive");
  const mark = viewer.mark;
  await wrongCalls(demo);
  await tooManyCalls(demo);
  await strangers(demo);
  const half = await hardlyHttp(demo);
  assert.deepEqual([viewer.since(mark, "arrived"), viewer.since(mark, "moment"), viewer.since(mark, "setting")], [[], [], []], "nothing came of any of it");
  await staleIds(demo, viewer);
  await slowReader(demo, viewer);
  await demo.does("/claim", { agent: 1, key: (await demo.watch()).state.conversations.at(-1).key });
  assert.ok(key);
  await viewer.told("a claim, after all that", viewer.mark - 1, (t) => t.operation === "claim" && t.outcome === "ok" && t.agent === 1);
  half.destroy();
}

/* ---- many ---- */

async function many() {
  const demo = await new Demo(link).enter();
  const first = await demo.watch();
  await first.inbox("naive");
  const viewers = await Promise.all(Array.from({ length: 100 }, () => demo.watch(undefined, false)));
  const starts = viewers.map((v) => v.mark);
  const mark = first.mark;
  await demo.does("/campaign", { count: 200 });
  await first.until("a campaign", (e) => e.name === "seats" && e.data.crowd_busy === 50, mark);
  const busy = first.mark;
  const over = await first.until("its end", (e) => e.name === "seats" && e.data.crowd_busy === 0, busy - 1);
  const lines = (viewer) => viewer.events.filter((e) => e.name === "moment" && e.data.kind === "told" && e.id <= over.id).map((e) => `${e.id} ${e.data.agent} ${e.data.key} ${e.data.operation} ${e.data.outcome}`);
  const all = lines(first);
  for (const [i, viewer] of viewers.entries()) {
    await viewer.until("the campaign's end", (e) => e.id >= over.id, starts[i]);
    assert.deepEqual(lines(viewer), all, `viewer ${i} saw what all saw`);
    assert.equal(viewer.since(0, "state").length, 1, "none was left behind");
    const ids = viewer.events.map((e) => e.id);
    assert.ok(ids.every((id, k) => k === 0 || id === ids[k - 1] + 1), `viewer ${i}: every event once, in order`);
  }
  const told = first.moments(0, "told").filter((t) => t.operation === "claim");
  const { counts } = (await demo.watch()).state;
  for (const outcome of ["ok", "refused", "rejected", "failed", "unknown"]) assert.equal(told.filter((t) => t.outcome === outcome).length, counts[outcome], outcome);
  assert.ok(counts.ok >= 200, "every conversation was claimed");
  assert.equal(new Set(first.moments(0, "doubled").map((d) => d.key)).size, counts.doubled);
  const campaign = first.since(0, "arrived").flat().filter((c) => c.campaign);
  assert.equal(campaign.length, 200);
  assert.deepEqual(new Set(told.map((t) => t.key)), new Set(campaign.map((c) => c.key)), "of those and no others");
}

/* ---- the database goes away; argument: the process of pgrace ---- */

async function lost() {
  const demo = await new Demo(link).enter();
  const viewer = await demo.watch();
  const [key, other] = await viewer.inbox("naive");
  let mark = viewer.mark;
  await demo.does("/claim", { agent: 1, key });
  await viewer.told("a claim", mark, (t) => t.operation === "reply" && t.outcome === "ok");
  await viewer.atRest();
  mark = viewer.mark;
  process.kill(Number(execFileSync("pgrep", ["-P", argument, "-x", "postgres"], { encoding: "utf8" })), "SIGKILL");
  const away = await viewer.until("the database to be away", (e) => e.name === "setting" && e.data.database === "away", mark);
  assert.ok(away.data.why.length > 8, "says why");
  await demo.refuses(409, "/claim", { agent: 1, key: other });
  const [fresh] = await viewer.inbox("naive", mark);
  mark = viewer.mark;
  await demo.does("/claim", { agent: 1, key: fresh });
  await viewer.told("a claim in the new database", mark, (t) => t.operation === "claim" && t.outcome === "ok");
  const { conversations, counts } = (await demo.watch()).state;
  assert.equal(conversations.length, 8, "the inbox is a new one");
  assert.equal(counts.ok, 1, "what was known is forgotten");
  const settings = viewer.since(0, "setting");
  assert.equal(settings[0]?.forgotten ?? false, false, "nothing was forgotten at first");
  const back = settings.findIndex((s) => s.forgotten);
  assert.ok(back > settings.findIndex((s) => s.database === "away"), "it is said that it is forgotten");
  assert.ok(settings.slice(back).some((s) => s.forgotten && s.database === "ready"));
  await viewer.until("a claim to end that", (e) => e.name === "setting" && !e.data.forgotten, mark);
  assert.doesNotMatch(away.data.why, /[.?!][.?!]|\?/);
}

/* ---- whoever watches when it ends; argument: a file that says so ---- */

async function watching() {
  const demo = await new Demo(link).enter();
  const viewers = await Promise.all(Array.from({ length: 10 }, () => demo.watch()));
  const keys = await viewers[0].inbox("naive");
  await demo.does("/both", { key: keys[0] });
  await demo.does("/campaign", { count: 50 });
  assert.ok(!existsSync(argument));
  writeFileSync(argument, "");
  await Promise.all(viewers.map((v) => v.ended));
}

await { whole, strategies, bad, many, lost, watching }[part]();
process.exit(0); /* streams that are still open hold it */
