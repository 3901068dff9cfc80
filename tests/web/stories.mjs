/* Documents with stories, for the tests of the timeline: with all that no real one has at once. And modules of the page
 * for tests that want them alone. */
import { join } from "node:path";
import { build, root } from "./support.mjs";

/* Modules of reports/src as one script; format: as esbuild's. */
export async function bundle(names, format) {
  const files = names.map((name) => join(root, "reports/src", `${name}.ts`));
  const made = await build({
    stdin: { contents: files.map((file) => `export * from ${JSON.stringify(file)};`).join("\n"), resolveDir: root },
    bundle: true, write: false, format, globalName: "parts", target: ["es2022"], logLevel: "warning",
  });
  return made.outputFiles[0].text;
}

export function sampled(agent, from, to, sql, rest = {}) {
  return { call_ns: from, return_ns: to, agent, operation: "withdraw", sql, value: null, rows: -1, sqlstate: null,
    outcome: null, ready_ns: from, waited_for: null, waited_until_ns: null, ...rest };
}

export const scenario = {
  name: "overdraft", title: "", file: "", lesson: null, key: "account", capacity: null, owns: null,
  broken: "The account was overdrawn.", main: "withdraw", operations: [{ name: "withdraw", when: "start" }],
  rejections: [],
};

const made = { scenario: "overdraft", strategy: "made", isolation: "read committed", verdict: "race" };

export function raced(witness, rest = {}, of = {}) {
  const cell = { ...made, method: "sampled", witness, ...of };
  return { command: "run", scenario: { ...scenario, ...rest }, cells: [cell] };
}

export function explored(steps, of = {}) {
  const witness = { kind: "pgrace-witness", isolation: "read committed", agents: 3, key: 1, oracle: "rules",
    rule: "no account below zero", why: "The account was overdrawn.", steps, ...of };
  return { command: "explore", scenario, cells: [{ ...made, method: "explored", witness }] };
}

export const balance = "SELECT balance >= 60 AS enough FROM accounts WHERE id = 44";
export const withdraw = "UPDATE accounts SET balance = balance - 60 WHERE id = 44";

/* Agent 2 waits for a connection, then for agent 7's row; between reading and writing nobody does anything for 5 ms. */
export function waiting() {
  const us = 1000, t = 70_000_000;
  return raced({ round: 44, key: 44, rule: "no account below zero", second_owner: null, steps: [
    sampled(7, t, t + 27 * us, "BEGIN"),
    sampled(2, t + us, t + 30 * us, "BEGIN", { ready_ns: t - 22 * us }),
    sampled(7, t + 28 * us, t + 92 * us, balance, { value: "t", rows: 1 }),
    sampled(2, t + 31 * us, t + 88 * us, balance, { value: "t", rows: 1 }),
    sampled(7, t + 5093 * us, t + 5124 * us, withdraw, { rows: 1 }),
    sampled(2, t + 5110 * us, t + 5159 * us, withdraw, { rows: 1, waited_for: 7, waited_until_ns: t + 5157 * us }),
    sampled(7, t + 5125 * us, t + 5157 * us, "COMMIT", { outcome: "ok" }),
    sampled(2, t + 5160 * us, t + 5172 * us, "COMMIT", { outcome: "ok" }),
  ] });
}

export const released = [
  { agent: 2, operation: "withdraw", sql: "BEGIN" },
  { agent: 2, operation: "withdraw", sql: balance, result: "t", value: "t" },
  { agent: 2, operation: "withdraw", sql: withdraw, result: "1 row" },
  { agent: 1, operation: "withdraw", sql: withdraw, waits: true, released_by: 5, result: "ERROR 23514" },
  { agent: 3, operation: "audit", sql: "LOCK TABLE accounts", waits: true },
  { agent: 2, operation: "withdraw", sql: "COMMIT", outcome: "ok" },
  { agent: 1, operation: "withdraw", sql: "ROLLBACK", outcome: "rejected" },
  { agent: 1, operation: "withdraw", attempt: 2, sql: balance, result: "f", outcome: "refused", breaks: true },
];

export const split = [
  { agent: 2, operation: "withdraw", sql: balance, result: "t", value: "t" },
  { agent: 2, operation: "withdraw", sql: withdraw, yields: true },
  { agent: 1, operation: "withdraw", sql: withdraw, waits: true },
  { agent: 2, operation: "withdraw", sql: withdraw, goes_on: true, result: "1 row", outcome: "ok" },
  { agent: 1, operation: "withdraw", sql: withdraw, goes_on: true, result: "1 row", outcome: "ok", breaks: true },
];

/* 32 steps of 8 agents, some of them within less than a thousandth of the whole. */
export function crowd() {
  const steps = [];
  for (let agent = 1; agent <= 8; agent++) {
    let t = 1_000_000 + agent * 700;
    const send = (sql, took, rest) => {
      steps.push(sampled(agent, t, t + took, sql, { operation: "claim", ...rest }));
      t += took + 1500;
    };
    send("BEGIN", 9000 + agent * 2100);
    send("SELECT texter_id IS NULL AS free FROM conversations WHERE id = 7", 30_000 + agent * 1300, { value: "t" });
    send(`UPDATE conversations SET texter_id = ${agent} WHERE id = 7`, 12_000 * agent,
      { rows: 1, ...(agent > 1 && { waited_for: agent - 1, waited_until_ns: t + 12_000 * agent - 900 }) });
    send("COMMIT", agent === 8 ? 40_000_000 : 800, { outcome: "ok" });
  }
  steps.sort((a, b) => a.call_ns - b.call_ns);
  return raced({ round: 7, key: 7, rule: "one owner a conversation", second_owner: 2, steps },
    { key: "conversation", capacity: 1, main: "claim" });
}
