/* The parts of the demo's page (reports/src/demo) that need no browser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle } from "./stories.mjs";

/* ---- state, inbox, phone, controls, campaign, share: the page's first half ---- */

{
  const modules = ["state", "inbox", "phone", "press", "controls", "campaign", "share", "headline"].map((name) => `demo/${name}`);
  const script = await bundle(modules, "esm");
  const parts = await import(`data:text/javascript;base64,${Buffer.from(script).toString("base64")}`);

  const idle = (agent) => ({ agent, busy: null, key: null, parked: null, in_flight: false, waits: false, waits_for: null,
    thinks_until_ns: null });
  const conversation = (key, rest = {}) => ({ key, campaign: false, customer: "Mira", question: "Open on Sunday?",
    owners: 0, owners_most: 0, replies: 0, answered_by: 0,
    contradicted: false, told: [], ...rest });
  const told = (agent, rest = {}) => ({ agent, operation: "reply", outcome: "ok", sqlstate: null, message: "Answer sent",
    owns: true, replied: true, answer: `answer of ${agent}`, ...rest });
  const cast = { name: "claim", title: "", key: "conversation", operations: ["claim", "reply", "release"], acquire: "claim",
    release: "release", strategies: [], agents: [{ agent: 1, name: "Ada" }, { agent: 2, name: "Ben" }] };
  const begin = (rest = {}) => ({
    version: "", token: "t", now_ns: 0, kept: 4, cast,
    setting: { strategy: "naive", gap_ns: 2e9, stepping: false, database: "ready", why: null, server: "" },
    seats: { now_ns: 0, seats: [idle(1), idle(2)], crowd_busy: 0, order: "", order_left: 0, trouble: null },
    conversations: [conversation(6), conversation(7)],
    counts: { ok: 0, refused: 0, rejected: 0, failed: 0, unknown: 0, retried: 0, replies: 0, contested: 0, doubled: 0, doubly_answered: 0 },
    contest: null, explanation: null, ...rest });

  /* What is given out must stay as it was: a change of it throws. */
  const freeze = (value) => {
    if (value && typeof value === "object" && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  const after = (state, ...moments) => moments.reduce((was, moment) => freeze(parts.apply(was, "moment", freeze(moment))), freeze(state));
  let at = 0;
  const moment = (kind, agent, rest = {}) => ({ kind, at_ns: ++at, agent, key: 7, operation: "claim", contest: 1, ...rest });
  const answered = (agent, step, rest = {}) => moment("answered", agent, { step, rows: 1, value: "t", sqlstate: null,
    constraint: null, error: null, ...rest });
  const tells = (agent, rest = {}) => moment("told", agent, { outcome: "ok", sqlstate: null, message: "Got it", owns: true,
    replied: false, answer: null, owners: 1, owners_most: 1, replies: 0, answered_by: 0, contradicted: false, step: 0, ...rest });

  test("state: only a state may come first, and it replaces what was known", () => {
    assert.throws(() => parts.apply(null, "seats", {}));
    const state = begin();
    assert.equal(parts.apply(null, "state", state), state);
    assert.equal(parts.apply(begin({ version: "0" }), "state", state).version, state.version);
    assert.equal(parts.apply(state, "news", {}), state, "an unknown event changes nothing");
  });

  test("state: a claim from its start to what the agent is told", () => {
    let state = after(begin(), moment("started", 1));
    assert.deepEqual([state.seats.seats[0].busy, state.seats.seats[0].key, state.contest.contest], ["claim", 7, 1]);
    state = after(state, moment("sent", 1, { step: 1, sql: "SELECT 1" }));
    assert.equal(state.seats.seats[0].in_flight, true);
    assert.equal(state.contest.steps[0].answered_ns, null);
    state = after(state, answered(1, 1));
    assert.deepEqual([state.seats.seats[0].in_flight, state.contest.steps[0].answered_ns, state.contest.steps[0].value], [false, at, "t"]);
    state = after(state, { kind: "paused", at_ns: ++at, agent: 1, key: 7, until_ns: 500 });
    assert.equal(state.seats.seats[0].thinks_until_ns, 500);
    state = after(state, moment("sent", 1, { step: 2, sql: "UPDATE t SET a = 1" }));
    assert.equal(state.seats.seats[0].thinks_until_ns, null);
    state = after(state, moment("waits", 1, { step: 2, for_agent: 2 }));
    assert.deepEqual([state.seats.seats[0].waits, state.seats.seats[0].waits_for, state.contest.steps[1].waits_for], [true, 2, 2]);
    state = after(state, answered(1, 2), tells(1, { step: 2 }));
    assert.deepEqual(state.seats.seats[0], idle(1));
    assert.equal(state.contest.steps[1].outcome, "ok");
    assert.deepEqual(state.conversations[1].told.map(({ agent, message, owns }) => [agent, message, owns]), [[1, "Got it", true]]);
    assert.equal(state.conversations[1].owners, 1);
    assert.equal(state.now_ns, at);
  });

  test("state: what an event does not concern stays the same object", () => {
    const state = begin();
    const next = after(state, tells(1));
    assert.equal(next.conversations[0], state.conversations[0]);
    assert.notEqual(next.conversations[1], state.conversations[1]);
    assert.equal(after(state, tells(1, { key: 99 })).conversations, state.conversations, "it has left the inbox");
  });

  test("state: another contest begins with the first moment that names it", () => {
    const state = after(begin(), moment("started", 1), moment("sent", 1, { step: 1, sql: "SELECT 1" }),
      moment("started", 2, { contest: 2, key: 6 }));
    assert.deepEqual([state.contest.contest, state.contest.key, state.contest.steps.length], [2, 6, 0]);
    assert.equal(after(state, answered(1, 1)).contest, state.contest, "an answer to the contest before is no part of it");
  });

  test("state: a contest keeps 64 statements and says that there were more", () => {
    const many = Array.from({ length: 65 }, (_, i) => moment("sent", 1, { step: i + 1, sql: "SELECT 1" }));
    assert.equal(after(begin(), ...many.slice(0, 64)).contest.cut, false);
    const { contest } = after(begin(), ...many);
    assert.deepEqual([contest.steps.length, contest.cut], [64, true]);
  });

  test("state: a second owner", () => {
    const state = after(begin(), moment("started", 2), tells(2, { owners: 2, owners_most: 2 }), moment("doubled", 2, { owners: 2 }));
    assert.equal(state.contest.doubled, 2);
    assert.equal(state.conversations[1].owners_most, 2);
    const crowd = after(begin(), { kind: "doubled", at_ns: ++at, agent: 9, key: 6, owners: 2 });
    assert.equal(crowd.contest, null, "the crowd has no contest");
    assert.equal(crowd.conversations[0].owners_most, 2);
  });

  test("state: who got a conversation goes on to read that, not that the answer was sent", () => {
    const reply = tells(1, { operation: "reply", message: "Answer sent", replied: true, answer: "Yes." });
    const messages = (state) => state.conversations[1].told.map(({ message, answer }) => [message, answer]);
    assert.deepEqual(messages(after(begin(), tells(1), reply)), [["Got it", "Yes."]]);
    const released = tells(1, { operation: "release", message: "Given back", owns: false });
    assert.deepEqual(messages(after(begin(), tells(1), reply, released)), [["Given back", null]]);
    const failed = tells(1, { operation: "reply", outcome: "failed", message: "Something went wrong" });
    assert.deepEqual(messages(after(begin(), tells(1), failed)), [["Something went wrong", null]]);
    const ended = after(begin(), tells(1), reply).conversations[1].told[0];
    assert.deepEqual([ended.operation, ended.owns, ended.replied], ["claim", true, true], "as the server has it");
  });

  test("state: what probably waited is known with the explanation", () => {
    const sent = after(begin(), moment("started", 1), moment("sent", 1, { step: 1, sql: "UPDATE t SET a = 1" }), answered(1, 1));
    const explanation = { contest: 1, key: 7, title: "How", sentences: [], inferred: [{ step: 1, waits_ns: 3, waits_for: 2 }] };
    const [step] = parts.apply(sent, "explained", explanation).contest.steps;
    assert.deepEqual([step.waits_ns, step.waits_for, step.inferred], [3, 2, true]);
    const other = parts.apply(sent, "explained", { ...explanation, contest: 2 });
    assert.deepEqual([other.contest.steps[0].waits_ns, other.explanation.contest], [null, 2], "of another contest");
  });

  test("state: a try that is to be made again leaves the agent at it", () => {
    const state = after(begin(), moment("started", 1), tells(1, { outcome: "retried", owns: false }));
    assert.equal(state.seats.seats[0].busy, "claim");
  });

  test("state: eight agents of a conversation are known by name, the seats first", () => {
    const crowd = Array.from({ length: 10 }, (_, i) => tells(i + 3));
    let state = after(begin(), ...crowd);
    assert.deepEqual(state.conversations[1].told.map((one) => one.agent), [3, 4, 5, 6, 7, 8, 9, 10]);
    state = after(state, tells(2), tells(1), tells(4, { message: "again" }));
    assert.deepEqual(state.conversations[1].told.map((one) => one.agent), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(state.conversations[1].told[3].message, "again");
  });

  test("state: arrivals are kept once, and the oldest leave", () => {
    const keys = (state) => state.conversations.map((one) => one.key);
    const state = parts.apply(begin(), "arrived", [conversation(7), conversation(8), conversation(9), conversation(10)]);
    assert.deepEqual(keys(state), [7, 8, 9, 10]);
    assert.equal(parts.conversationOf(state, 9).key, 9);
    assert.equal(parts.conversationOf(state, 6), null);
  });

  test("state: a database that is being prepared empties the inbox, another gap does not", () => {
    const contested = after(begin(), moment("started", 1));
    const { setting } = contested;
    for (const next of [{ ...setting, strategy: "trigger" }, { ...setting, database: "preparing" }]) {
      const state = parts.apply(contested, "setting", next);
      assert.deepEqual([state.conversations, state.contest, state.explanation, state.setting], [[], null, null, next]);
    }
    const state = parts.apply(contested, "setting", { ...setting, gap_ns: 0 });
    assert.equal(state.conversations, contested.conversations);
    assert.equal(state.contest, contested.contest);
    const away = parts.apply(contested, "setting", { ...setting, database: "away", why: "gone" });
    assert.equal(away.conversations, contested.conversations, "what was seen stays while nobody answers");
  });

  test("inbox: what a seat is at, in words", () => {
    const words = (change, now = 0, state = begin()) => parts.doingOf(state, { ...idle(1), busy: "claim", key: 7, ...change }, now);
    assert.equal(parts.doingOf(begin(), idle(1), 0), null);
    assert.deepEqual(words({ waits: true, waits_for: 2, in_flight: true }), { text: "waits for Ben's lock", left: null });
    assert.equal(words({ waits: true, waits_for: 17, in_flight: true }).text, "waits for agent 17's lock");
    assert.equal(words({ waits: true, in_flight: true }).text, "waits for a lock");
    assert.deepEqual(words({ thinks_until_ns: 1.3e9 }), { text: "thinking 1.3 s", left: 0.65 });
    assert.equal(words({ thinks_until_ns: 5e6 }).text, "thinking 5 ms");
    assert.equal(words({ thinks_until_ns: 1e9 }, 2e9).left, null, "its time is over");
    assert.equal(words({ thinks_until_ns: 9e9 }).left, 1, "the dial was turned meanwhile");
    const at = (sql) => words({ in_flight: true }, 0, after(begin(), moment("started", 1), moment("sent", 1, { step: 1, sql }))).text;
    assert.equal(at("SELECT a FROM t"), "reading …");
    assert.equal(at("UPDATE t SET a = 1"), "writing …");
    assert.equal(at("COMMIT"), "working …");
    assert.equal(words({}).text, "claim …");
    assert.equal(words({ parked: "SELECT 1" }).text, "stands before the next statement");
    const away = begin({ setting: { ...begin().setting, database: "away" } });
    assert.deepEqual(words({ thinks_until_ns: 1e9 }, 0, away), { text: "cut off from the database", left: null });
  });

  test("phone: the contested conversation, else the newest that is theirs", () => {
    const crowd = conversation(8, { campaign: true });
    const state = begin({ conversations: [conversation(6), conversation(7), crowd] });
    assert.equal(parts.phoneOf(state).key, 7);
    assert.equal(parts.phoneOf(after(state, moment("started", 1, { key: 6 }))).key, 6);
    assert.equal(parts.phoneOf(after(state, moment("started", 1, { key: 1 }))).key, 7, "that one has left the inbox");
    assert.equal(parts.phoneOf(begin({ conversations: [] })), null);
  });

  test("phone: answers in the order in which they were sent", () => {
    const replied = after(begin({ conversations: [conversation(7, { told: [told(1), told(2), told(3, { replied: false, answer: null })] })] }),
      moment("started", 1), ...[2, 1].flatMap((agent, i) => [
        moment("sent", agent, { operation: "reply", step: i + 1, sql: "INSERT" }), answered(agent, i + 1)]));
    const ended = { ...replied, contest: { ...replied.contest, steps: replied.contest.steps.map((step) => ({ ...step, outcome: "ok" })) } };
    assert.deepEqual(parts.answersOf(ended.conversations[0], ended).map((one) => one.agent), [2, 1]);
  });

  test("phone: agents are counted, not answers, and only two owners at once disagree", () => {
    const verdict = (rest) => parts.verdictOf(conversation(7, { told: [told(1), told(2)], ...rest }), begin());
    assert.equal(verdict({ replies: 1, answered_by: 1 }), null);
    assert.equal(verdict({ replies: 3, answered_by: 1, owners_most: 2 }), null, "one agent, three times");
    assert.deepEqual(verdict({ replies: 3, answered_by: 2, contradicted: true }),
      { wrong: true, text: "Two agents answered. They disagree." });
    assert.deepEqual(verdict({ replies: 3, answered_by: 2, owners_most: 2 }),
      { wrong: false, text: "Ada answered, later Ben." }, "after a hand-over");
    const state = after(begin(), tells(1, { answered_by: 2, contradicted: true }));
    assert.deepEqual([state.conversations[1].answered_by, state.conversations[1].contradicted], [2, true]);
  });

  test("controls: the dial's places, and the gap in words", () => {
    for (const [place, gap] of parts.gaps_ns.entries()) assert.equal(parts.dialOf(gap), place);
    assert.ok(parts.gaps_ns.every((gap, i) => i === 0 || gap > parts.gaps_ns[i - 1]));
    assert.deepEqual([parts.gaps_ns[0], parts.gaps_ns.at(-1)], [0, 5e9]);
    assert.equal(parts.gaps_ns[parts.dialOf(1.9e9)], 2e9);
    assert.deepEqual([0, 5e6, 1.5e9].map(parts.gapInWords), ["none", "5 ms", "1.5 s"]);
  });

  test("press: both claim the newest conversation that nobody touched", () => {
    assert.equal(parts.untouchedOf(begin()).key, 7);
    assert.equal(parts.untouchedOf(after(begin(), moment("started", 1))).key, 6, "somebody is at it");
    assert.equal(parts.untouchedOf(begin({ conversations: [conversation(6, { campaign: true }), conversation(7, { told: [told(1)] })] })), null);
  });

  test("press: where there is no conversation one comes first, and is claimed once", () => {
    const calls = [];
    const both = new parts.ClaimBoth(async (path, body) => { calls.push([path, body]); });
    both.press();
    assert.deepEqual(calls, [], "nothing is known yet");
    both.show(begin({ conversations: [] }));
    both.press();
    both.press();
    assert.deepEqual(calls, [["/arrive", { count: 1 }]], "one press is enough");
    both.show(begin());
    both.show(begin({ conversations: [conversation(8)] }));
    assert.deepEqual(calls.slice(1), [["/both", { key: 7 }]], "what comes later is nobody's");
    both.press();
    assert.deepEqual(calls.slice(2), [["/both", { key: 8 }]]);
  });

  test("campaign: the last 200 of the crowd's, and what became of them", () => {
    const of = (n) => Array.from({ length: n }, (_, i) => conversation(i + 1, { campaign: true }));
    const all = parts.campaignOf(begin({ conversations: [...of(250), conversation(251)] }));
    assert.deepEqual([all.length, all[0].key, all.at(-1).key], [200, 51, 250]);
    const ended = [conversation(1, { owners_most: 2, replies: 2, contradicted: true }), conversation(2, { owners_most: 3, replies: 1 }), conversation(3, { owners_most: 1 })];
    assert.equal(parts.captionOf(ended, false), "Of 3 conversations 2 have two owners or more, and 1 customer got two answers or more.");
    assert.equal(parts.captionOf([conversation(1, { owners_most: 1 }), conversation(2)], true), "Of 2 conversations none has two owners. 1 is still open.");
  });

  test("share: an address says what is shown, and is understood", () => {
    const shown = (setting, order = "") => {
      const state = begin();
      return { ...state, setting: { ...state.setting, ...setting }, seats: { ...state.seats, order } };
    };
    assert.equal(parts.fragmentOf(shown({})), "#strategy=naive&gap=2s");
    assert.equal(parts.fragmentOf(shown({ stepping: true }, "ABBA")), "#strategy=naive&gap=2s&step=1&order=ABBA");
    assert.equal(parts.fragmentOf(shown({}, "ABBA")), "#strategy=naive&gap=2s", "nobody chose that order");
    assert.equal(parts.commandOf(shown({ gap_ns: 5e6 })), "pgrace demo --strategy naive --gap 5ms");
    assert.equal(parts.commandOf(shown({ stepping: true })), "pgrace demo --strategy naive --gap 2s --step");
    assert.equal(parts.commandOf(shown({ stepping: true }, "ABBA")), "pgrace demo --strategy naive --gap 2s --order ABBA");
    for (const gap_ns of [...parts.gaps_ns, 1234567, 250e3]) {
      const wanted = parts.parseFragment(parts.fragmentOf(shown({ gap_ns, stepping: true }, "AB")));
      assert.deepEqual(wanted, { strategy: "naive", gap_ns, stepping: true, order: "AB", faults: [] });
    }
  });

  test("share: an order is what was asked for, not what followed it to the end", () => {
    const stepping = { ...begin().setting, stepping: true };
    const order = (state) => /--order (\S+)/.exec(parts.commandOf(state))?.[1];
    let state = after(begin({ setting: stepping }), moment("started", 1));
    state = parts.apply(state, "seats", { ...state.seats, order: "A", order_left: 3 });
    state = parts.apply(state, "seats", { ...state.seats, order: "ABBABBAB", order_left: 0 });
    assert.equal(order(state), "ABBA");
    assert.match(parts.fragmentOf(state), /order=ABBA$/);
    state = after(state, moment("started", 1, { contest: 2, key: 6 }));
    state = parts.apply(state, "seats", { ...state.seats, order: "ABABAB", order_left: 0 });
    assert.equal(order(state), "ABABAB", "clicked in the next contest");
  });

  test("share: what stands already is not done again to those who watch", () => {
    const strategies = [{ name: "naive" }, { name: "trigger" }];
    const state = begin({ cast: { ...cast, strategies }, seats: { ...begin().seats, order: "AB" },
      setting: { ...begin().setting, stepping: true } });
    const nothing = { strategy: null, gap_ns: null, stepping: null, order: null };
    assert.deepEqual(parts.missingOf({ strategy: "naive", gap_ns: 2e9, stepping: true, order: "AB" }, state), nothing);
    const other = { strategy: "trigger", gap_ns: 1e9, stepping: false, order: "ABBA" };
    assert.deepEqual(parts.missingOf(other, state), other);
    assert.deepEqual(parts.missingOf({ ...nothing, stepping: true, strategy: "nobody's" }, state), nothing, "a strategy that is not known");
    assert.equal(parts.missingOf(parts.parseFragment("#strategy=naive&gap=2s"), state).stepping, false, "off, where it does not name it");
    const free = { ...state, setting: { ...state.setting, stepping: false } };
    assert.deepEqual(parts.missingOf({ ...nothing, stepping: true, order: "AB" }, free), { ...nothing, stepping: true, order: "AB" });
  });

  test("share: of an address only what is understood is taken", () => {
    assert.equal(parts.parseFragment(""), null);
    assert.equal(parts.parseFragment("#live-heading"), null);
    const { faults, ...rest } = parts.parseFragment("#strategy=a%20b&gap=soon&order=ABC&step=2");
    assert.deepEqual(rest, { strategy: "a b", gap_ns: null, stepping: false, order: null });
    assert.equal(faults.length, 3);
    const fault = (fragment) => parts.faultOfLink(parts.parseFragment(fragment), begin({ cast: { ...cast, strategies: [{ name: "naive" }] } }));
    assert.equal(fault("#strategy=naive&gap=5s&step=1&order=AB"), null);
    assert.match(fault("#strategy=nobodys"), /^Of this link was left out: the strategy “nobodys”/);
    assert.match(fault("#gap=90s"), /the gap “90s”, which goes from 0 to 5s/);
    assert.match(fault(`#order=${"A".repeat(65)}`), /the order “A+”/);
    assert.equal(parts.parseFragment("#gap=90s").gap_ns, null, "not another than it says");
  });

  test("headline: what to do, and what became of it", () => {
    const text = (state) => parts.headlineOf(state).text;
    assert.equal(text(begin()), "Press Claim at Ada, then within 2 s at Ben.");
    assert.match(text(begin({ setting: { ...begin().setting, gap_ns: 0 } })), /^Press “Both at once”/);
    assert.match(text(begin({ setting: { ...begin().setting, stepping: true } })), /choose whose statement goes next/);
    assert.equal(text(begin({ setting: { ...begin().setting, database: "preparing" } })), "Preparing the database for naive …");
    assert.match(text(begin({ setting: { ...begin().setting, database: "away" } })), /^The database is away/);
    assert.match(text(begin({ setting: { ...begin().setting, gap_ns: 50e6 } })), /^Press “Both at once”: no hand clicks twice within 50 ms/);
    const scripted = (sql) => begin({ cast: { ...cast, strategies: [{ name: "naive", scripts: [{ operation: "claim", sql }] }] } });
    assert.match(text(scripted("UPDATE t SET a = 1;")), /^This one has no gap between check and use: press “Both at once”/);
    assert.match(text(scripted("SELECT 1;\n\\sleep :gap us\nUPDATE t SET a = 1;")), /^Press Claim at Ada/);
    let state = after(begin(), moment("started", 1));
    assert.equal(text(state), "Now press Claim at Ben too");
    state = after(state, moment("started", 2), moment("sent", 1, { step: 1, sql: "SELECT 1" }), moment("sent", 2, { step: 2, sql: "SELECT 1" }));
    assert.equal(text(state), "Ada and Ben are at conversation 7 …");
    state = after(state, tells(1), tells(2), moment("doubled", 2, { owners: 2 }));
    assert.deepEqual(parts.headlineOf(state), { text: "Two agents own conversation 7", wrong: true });
    const explained = parts.apply(state, "explained", { contest: 1, key: 7, title: "How it was", sentences: [], inferred: [] });
    assert.equal(text(explained), "How it was");
    assert.match(text(after(explained, moment("started", 1, { contest: 2, key: 6 }))), /^Now press/, "that was the contest before");
  });

  test("headline: what became of a campaign, until the next contest", () => {
    const crowd = (...owners) => owners.map((owners_most, i) => conversation(20 + i, { campaign: true, owners_most }));
    const contested = after(begin({ kept: 100 }), moment("started", 1), tells(1));
    const line = (...owners) => parts.headlineOf(parts.apply(contested, "arrived", crowd(...owners)));
    assert.deepEqual(line(2, 1, 3), { text: "2 of 3 conversations have two owners", wrong: true });
    assert.deepEqual(line(2, 1), { text: "1 of 2 conversations has two owners", wrong: true });
    assert.deepEqual(line(1, 1), { text: "None of 2 conversations has two owners", wrong: false });
    const next = after(parts.apply(contested, "arrived", crowd(2)), moment("started", 2, { contest: 2, key: 6 }));
    assert.match(parts.headlineOf(next).text, /^Now press/);
  });

  test("state: what strategies have shown is kept while the database is", () => {
    const counts = { contested: 2, doubled: 2 };
    const { setting } = begin();
    const prepared = parts.apply(begin({ counts }), "setting", { ...setting, strategy: "trigger", database: "preparing" });
    const ready = parts.apply(prepared, "setting", { ...setting, strategy: "trigger" });
    assert.deepEqual(ready.seen, { naive: counts });
    const other = parts.apply(prepared, "setting", { ...setting, strategy: "queue", database: "preparing" });
    assert.deepEqual(other.seen, { naive: counts }, "what has not stood yet has counted nothing");
    assert.deepEqual(parts.apply(ready, "state", begin()).seen.naive, counts, "the same program tells anew");
    assert.equal(parts.apply(ready, "state", begin({ token: "u" })).seen, undefined, "another does not know of it");
    assert.equal(parts.apply(ready, "setting", { ...ready.setting, forgotten: true }).seen, undefined);
  });

  test("state: what a refusal complains of is over when the database or the seats are free", () => {
    const away = begin({ setting: { ...begin().setting, database: "away" } });
    const busy = after(begin(), moment("started", 1));
    assert.deepEqual([away, busy, begin()].map(parts.troubleOf), ["database", "busy", null]);
    assert.deepEqual([away, begin()].map((state) => parts.isOver("database", state)), [false, true]);
    assert.deepEqual([busy, begin()].map((state) => parts.isOver("busy", state)), [false, true]);
    assert.equal(parts.isOver(null, begin()), false);
  });
}

/* ---- live, explain, steps, counts: the page's second half ---- */

{
  const script = await bundle(["demo/live", "demo/explain", "demo/steps", "demo/counts", "story"], "esm");
  const { storyOf, inFlight, noteOf, reasonOf, faultOf, standsInWords, wentInWords, factsOf, conclusionOf, contrastOf,
    endingInWords, waitInWords } = await import(`data:text/javascript;base64,${Buffer.from(script).toString("base64")}`);

  const strategies = [{ name: "naive", isolation: "read committed", expect: "race" },
    { name: "serializable", isolation: "serializable", expect: "safe" }];
  const cast = { name: "claim", key: "conversation", operations: ["claim", "reply", "release"], acquire: "claim",
    release: "release", strategies, agents: [{ agent: 1, name: "Ada" }, { agent: 2, name: "Ben" }] };
  const setting = { strategy: "naive", gap_ns: 2e9, stepping: true, database: "ready", why: null, server: "" };
  let sent = 0;
  const step = (agent, sent_ns, answered_ns, sql, rest = {}) => ({
    step: ++sent, agent, operation: "claim", sql, sent_ns, answered_ns, waits_ns: null, waits_for: null,
    rows: answered_ns === null ? -1 : 1, value: null, sqlstate: null, error: null, outcome: null, ...rest });
  const select = "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 1007";
  const update = "UPDATE conversations SET texter_id = 1 WHERE id = 1007";
  const contestOf = (steps, rest = {}) => ({ contest: 1, key: 1007, steps, cut: false, doubled: null, ...rest });
  const told = (steps, rest, now = 0) => storyOf(contestOf(steps, rest), cast, setting, now);

  test("live: a contest of one is a story with both lanes, in time", () => {
    const story = told([step(1, 100, 300, select, { value: "t" }), step(1, 500, 900, update, { outcome: "ok" })]);
    assert.equal(story.unit, "time");
    assert.deepEqual(story.agents, cast.agents, "also of who sent nothing");
    assert.equal(story.title, "Ada at conversation 1007");
    assert.equal(story.isolation, "read committed");
    assert.deepEqual(story.steps.map(({ from, to, ready, result }) => [ready, from, to, result]),
      [[100, 100, 300, "t"], [500, 500, 900, "1 row"]]);
    assert.equal(endingInWords(story, 1), "claim ok");
    assert.equal(story.until, 900, "the clock of a story that is over stands");
    assert.ok(story.steps.every(({ breaks }) => !breaks));
  });

  test("live: the strategy in use says the isolation level", () => {
    const other = storyOf(contestOf([step(1, 0, 1, select)]), cast, { ...setting, strategy: "serializable" }, 0);
    assert.equal(other.isolation, "serializable");
  });

  test("live: what is in flight lasts until now, and has no result", () => {
    const steps = [step(1, 100, 300, select, { value: "t" }), step(2, 400, null, select)];
    const story = told(steps, {}, 7000);
    assert.ok(inFlight(contestOf(steps)));
    assert.deepEqual([story.steps[1].to, story.steps[1].result, story.until], [null, "", 7000]);
    assert.equal(story.title, "Ada and Ben at conversation 1007");
    assert.equal(told(steps, {}, 50).until, 400, "a clock that is behind does not end it before it began");
    assert.ok(!inFlight(contestOf(steps.slice(0, 1))));
  });

  test("live: a wait for a lock, while it lasts and when it is over", () => {
    const waits = { waits_ns: 420, waits_for: 1 }; /* seen by the first look: it began with the sending */
    const now = told([step(2, 400, null, update, waits)], {}, 900);
    assert.deepEqual(now.steps[0].waits, [{ from: 400, to: null, forAgent: 1, inferred: false }]);
    assert.equal(waitInWords(now, now.steps[0].waits[0]), "waits for Ada");
    const over = told([step(2, 400, 800, update, waits)]);
    assert.equal(waitInWords(over, over.steps[0].waits[0]), "waited for Ada");
    assert.equal(over.steps[0].waits[0].to, 800);
    const late = told([step(2, 0, null, update, { waits_ns: 300e6, waits_for: 1 })], {}, 400e6);
    assert.equal(late.steps[0].waits[0].from, 300e6, "it ran before it waited");
    const unknown = told([step(2, 400, 800, update, { waits_ns: 420 })]);
    assert.equal(waitInWords(unknown, unknown.steps[0].waits[0]), "waited for a lock");
  });

  test("live: a statement that failed shows its code and no rows", () => {
    const story = told([step(2, 0, 10, update, { rows: -1, sqlstate: "23514", error: "already", outcome: "rejected" })]);
    assert.deepEqual([story.steps[0].error, story.steps[0].result], ["23514", ""]);
    assert.equal(endingInWords(story, 0), "claim rejected 23514");
    assert.equal(told([step(2, 0, 10, "COMMIT", { rows: -1 })]).steps[0].result, "", "no count is no word");
    assert.equal(told([step(2, 0, 10, select, { value: "NULL" })]).steps[0].result, "NULL");
  });

  test("live: tries are counted for each agent and operation", () => {
    const again = { rows: -1, sqlstate: "40001", outcome: "retried" };
    const story = told([step(1, 0, 10, select), step(2, 1, 11, select), step(2, 12, 20, update, again),
      step(2, 21, 30, select), step(2, 31, 40, update, again), step(2, 41, 50, select, { outcome: "refused" }),
      step(1, 51, 60, update, { outcome: "ok" }), step(1, 61, 70, "INSERT", { operation: "reply", outcome: "ok" }),
      step(2, 71, 80, select)]);
    assert.deepEqual(story.steps.map(({ attempt }) => attempt), [1, 1, 1, 2, 2, 3, 1, 1, 1]);
    assert.equal(endingInWords(story, 4), "claim again: try 3");
  });

  test("live: a try ends where the operation goes on after an error, but for its ROLLBACK", () => {
    const fails = { rows: -1, sqlstate: "40001" };
    const story = told([step(2, 0, 1, "BEGIN"), step(1, 1, 2, "BEGIN"), step(2, 3, 4, update, fails),
      step(2, 5, 6, "ROLLBACK"), step(1, 6, 7, select), step(2, 7, 8, "BEGIN"), step(2, 9, 10, update, fails),
      step(2, 11, 12, "ROLLBACK", { outcome: "failed" }), step(2, 13, 14, select)]);
    assert.deepEqual(story.steps.map(({ outcome }) => outcome),
      [null, null, null, "retried", null, null, null, "failed", null]);
    assert.deepEqual(story.steps.map(({ attempt }) => attempt), [1, 1, 1, 1, 1, 2, 2, 2, 1]);
    assert.equal(endingInWords(story, 3), "claim again: try 2");
  });

  test("live: the rule breaks where the second owner was told yes", () => {
    const steps = [step(1, 0, 10, select), step(2, 1, 11, select), step(1, 20, 30, update, { outcome: "ok" }),
      step(1, 31, 33, "INSERT", { operation: "reply", outcome: "ok" }), step(2, 35, 40, update, { outcome: "ok" }),
      step(2, 50, 60, "INSERT", { operation: "reply", outcome: "ok" })];
    const story = told(steps, { doubled: 2 });
    assert.deepEqual(story.steps.map(({ breaks }) => breaks), [false, false, false, false, true, false]);
    assert.equal(story.title, "How two agents got conversation 1007");
    assert.ok(story.breakLabel && story.breakNote.endsWith("two owners"));
    const early = told(steps.slice(0, 4), { doubled: 2 });
    assert.ok(early.steps.every(({ breaks }) => !breaks), "before its yes is known, nowhere");
  });

  test("what happened: words for before, during and after", () => {
    const contest = contestOf([]);
    const explanation = { contest: 1, key: 1007, title: "", sentences: [] };
    assert.match(noteOf({ cast, contest: null, explanation: null }), /Ada and Ben have both wanted the same conversation/);
    assert.match(noteOf({ cast, contest, explanation: null }), /as both are done/);
    assert.equal(noteOf({ cast, contest, explanation }), "");
    assert.match(noteOf({ cast, contest: { ...contest, contest: 2 }, explanation }), /contest before/);
  });

  const seat = { agent: 2, busy: "claim", key: 1007, parked: null, in_flight: false, waits: false, waits_for: null,
    thinks_until_ns: null };
  const stateOf = (rest = {}) => ({ cast, setting, conversations: [],
    seats: { now_ns: 0, seats: [], crowd_busy: 0, order: "", order_left: 0, trouble: null }, ...rest });

  test("steps: why a statement cannot go now", () => {
    const reason = (of, database = "ready") =>
      reasonOf(stateOf({ setting: { ...setting, database } }), { ...seat, ...of });
    assert.equal(reason({ parked: update }), null);
    assert.equal(standsInWords("Ben", seat), "Ben's next statement (claim).");
    assert.equal(reason({ in_flight: true, waits: true, waits_for: 1 }), "It waits for Ada's lock.");
    assert.equal(reason({ in_flight: true, waits: true }), "It waits for a lock.");
    assert.equal(reason({ in_flight: true }), "Its statement runs.");
    assert.match(reason({ busy: null, key: null }), /^Idle: press Claim/);
    assert.match(reason({}), /about to/);
    assert.match(reason({ parked: update }, "away"), /does not answer/);
    assert.match(reason({ parked: update }, "preparing"), /being prepared/);
  });

  test("steps: orders that can be played, and what went", () => {
    for (const order of ["ABAB", "A", "B".repeat(64)]) assert.equal(faultOf(order), null, order);
    for (const order of ["", "ABC", "ab", "A B", "A".repeat(65)]) assert.ok(faultOf(order), order);
    const went = (order, order_left) => wentInWords(stateOf({ seats: { order, order_left } }));
    assert.equal(went("ABBA", 0), "Went so far: ABBA");
    assert.equal(went("AB", 2), "Went so far: AB, 2 steps of the order left");
    assert.equal(went("", 1), "Went so far: nobody, 1 step of the order left");
    assert.match(went("", 0), /^Nothing was sent/);
  });

  const none = { ok: 0, refused: 0, rejected: 0, failed: 0, unknown: 0, retried: 0, replies: 0, contested: 0, doubled: 0,
    doubly_answered: 0 };

  test("counts: each outcome has its number, and wrong ones a word", () => {
    const facts = factsOf({ ...none, ok: 1, refused: 2, rejected: 3, failed: 4, unknown: 5, retried: 6, doubly_answered: 7 },
      cast);
    assert.deepEqual(Object.fromEntries(facts.map(({ name, value }) => [name, value])), { "Contradicting answers": 7,
      "Told yes": 1, Refusals: 2, Rejections: 3, Failures: 4, Unknown: 5, Retries: 6 });
    assert.deepEqual(facts.filter(({ wrong }) => wrong).map(({ name }) => name), ["Contradicting answers", "Failures"]);
  });

  test("counts: zero duplicates is not called a proof", () => {
    const [naive, serializable] = strategies;
    const conclude = (counts, strategy) => conclusionOf({ ...none, ...counts }, cast, strategy);
    assert.match(conclude({}, naive), /^No conversation was contested yet/);
    assert.equal(conclude({ contested: 3, doubled: 2 }, naive), "2 of 3 contested conversations had two owners at once.");
    assert.match(conclude({ contested: 1 }, serializable),
      /^0 of 1 contested conversation had two owners\. Zero proves nothing without a control: .* naive,/);
    assert.match(conclude({ contested: 5 }, naive), /expected to collide/);
    assert.match(conclusionOf({ ...none, contested: 1 }, { ...cast, strategies: [serializable] }, serializable),
      /without a control\.$/);
  });

  test("counts: a control that raced is shown beside", () => {
    const raced = { naive: { ...none, contested: 2, doubled: 2 } };
    const conclude = (seen) => conclusionOf({ ...none, contested: 2 }, cast, strategies[1], seen);
    assert.match(conclude(raced), /^0 of 2 .* With naive, the control, there were two/);
    assert.doesNotMatch(conclude(raced), /without a control/);
    assert.match(conclude({ naive: { ...none, contested: 2 } }), /without a control/, "it was run, and did not race");
    assert.deepEqual(contrastOf("trigger", { ...none, contested: 2 }, raced, cast),
      ["naive: 2 of 2 contested conversations had two owners", "trigger: 0 of 2"]);
    assert.deepEqual(contrastOf("trigger", none, raced, cast), [], "nothing to compare yet");
    assert.deepEqual(contrastOf("naive", raced.naive, raced, cast), [], "itself");
  });
}
