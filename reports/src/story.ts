/* A story: which agent sent which statement when, what it waited for, what it was told. One form for what a document's
 * witnesses tell and for what the demo sees live, so that timeline.ts draws both. Nothing here touches the page.
 *
 * Moments are numbers that only grow: nanoseconds since the race's start where `unit` is "time", places in the schedule
 * where it is "order": step k, from 0, takes place from k to k + 1. */

import { isExplored } from "./model";
import type { Cell, ExploredStep, ExploredWitness, Outcome, RaceDocument, SampledStep, SampledWitness } from "./model";
import { count } from "./words";

export interface Wait {
  from: number;
  to: number | null; /* null: it still waits */
  forAgent: number | null; /* null: not known */
  inferred: boolean; /* from times: nobody saw it wait */
}

export interface StoryStep {
  agent: number;
  operation: string;
  attempt: number; /* which try of the operation, from 1 */
  sql: string;
  ready: number; /* < from: it waited for a connection since then */
  from: number; /* sent */
  to: number | null; /* answered; null: it is still running */
  waits: Wait[]; /* for locks */
  result: string; /* in words: "t", "1 row", "" */
  value: string | null; /* what it read: the first column of the first row */
  error: string | null; /* SQLSTATE */
  outcome: Outcome | "retried" | null; /* with it the operation, or its try, ended */
  breaks: boolean; /* from its answer on the rule is broken: one step at most */
  yields: boolean; /* it stands between reading and writing */
  goesOn: boolean; /* the rest of the agent's statement that stood; nothing is sent */
  releasedBy: number | null; /* the later step that its answer came with: its place in `steps` */
}

export interface Story {
  unit: "time" | "order";
  isolation: string; /* the level of a transaction that does not say another */
  agents: { agent: number; name: string }[]; /* the lanes, in their order */
  steps: StoryStep[]; /* as they were sent */
  until: number; /* the last moment known: statements still running are drawn up to it */
  title: string;
  key: string;
  round: number | null;
  rule: string;
  why: string;
  breakLabel: string;
  breakNote: string; /* what the label means, the end of a sentence */
}

/* ---- from a document ---- */

/* The worst violations of a cell that can be told: of a race up to three, of an exploration the witness. */
export function storiesOf(cell: Cell, document: RaceDocument): Story[] {
  if (!cell.witness) return [];
  if (isExplored(cell.witness)) return [exploredStory(cell.witness, document)];
  return [cell.witness, ...cell.more_witnesses].map((witness) => sampledStory(witness, cell, document));
}

function lanesOf(steps: StoryStep[]): Story["agents"] {
  const agents = [...new Set(steps.map((step) => step.agent))].sort((a, b) => a - b);
  return agents.map((agent) => ({ agent, name: `agent ${agent}` }));
}

/* "": there was no count. */
export function rowsInWords(rows: number): string {
  return rows < 0 ? "" : `${rows} row${rows === 1 ? "" : "s"}`;
}

function sampledStep(step: SampledStep): StoryStep {
  const waits: Wait[] = [];
  if (step.waited_for !== null && step.waited_until_ns !== null)
    waits.push({
      from: step.call_ns,
      to: Math.min(Math.max(step.waited_until_ns, step.call_ns), step.return_ns),
      forAgent: step.waited_for,
      inferred: true,
    });
  return {
    agent: step.agent,
    operation: step.operation,
    attempt: 1,
    sql: step.sql,
    ready: Math.min(step.ready_ns, step.call_ns),
    from: step.call_ns,
    to: Math.max(step.return_ns, step.call_ns),
    waits,
    result: step.sqlstate !== null ? "" : step.value ?? rowsInWords(step.rows),
    value: step.value,
    error: step.sqlstate,
    outcome: step.outcome,
    breaks: false,
    yields: false,
    goesOn: false,
    releasedBy: null,
  };
}

/* The step with which the rule was broken. Rows are asked after the round, so it is the last answer then. */
function breakingStep(steps: StoryStep[], secondOwner: number | null, main: string | undefined): StoryStep | undefined {
  if (secondOwner === null)
    return steps.reduce<StoryStep | undefined>((last, step) => (last && last.to! > step.to! ? last : step), undefined);
  const told = steps.filter((step) => step.agent === secondOwner && step.outcome === "ok");
  return told.find((step) => step.operation === main) ?? told[0];
}

function sampledStory(witness: SampledWitness, cell: Cell, document: RaceDocument): Story {
  const scenario = document.scenario;
  const capacity = scenario?.capacity ?? 1;
  const steps = witness.steps.map(sampledStep);
  const breaking = breakingStep(steps, witness.second_owner, scenario?.main);
  if (breaking) breaking.breaks = true;
  const key = `${scenario?.key ?? "key"} ${count(witness.key)}`;
  const owners = capacity > 1 ? `more than ${count(capacity)} agents` : "two agents";
  const owned = witness.second_owner !== null;
  return {
    unit: "time",
    isolation: cell.isolation,
    agents: lanesOf(steps),
    steps,
    until: Math.max(0, ...steps.map((step) => step.to!)),
    title: owned ? `How ${owners} got ${key}` : `How ${key} broke the rule “${witness.rule}”`,
    key: String(witness.key),
    round: witness.round,
    rule: witness.rule,
    why: scenario?.broken ?? "",
    breakNote: `${owned ? "from here" : "the rows, asked after the round, say that"} “${witness.rule}” is broken`,
    breakLabel: !owned ? "rule broken" : capacity > 1 ? "one too many" : "second owner",
  };
}

/* The next step of the same agent, after step i; its length when there is none. */
function nextOfAgent(steps: ExploredStep[], i: number): number {
  for (let k = i + 1; k < steps.length; k++) if (steps[k]!.agent === steps[i]!.agent) return k;
  return steps.length;
}

/* Until when a step took, and what it waited for meanwhile. One that waits and has no answer went on, at the latest,
 * where its agent's next step is; without a next step it waits to the end. */
function exploredTimes(steps: ExploredStep[], i: number): Pick<StoryStep, "to" | "waits" | "releasedBy"> {
  const step = steps[i]!;
  const by = step.released_by;
  if (by !== undefined && by > i && by < steps.length) {
    const wait = { from: i, to: by + 0.5, forAgent: steps[by]!.agent, inferred: false };
    return { to: by + 1, waits: [wait], releasedBy: by };
  }
  if (!step.waits) return { to: i + 1, waits: [], releasedBy: null };
  const answered = step.result !== undefined || step.outcome !== undefined || step.yields === true;
  const next = nextOfAgent(steps, i);
  const to = answered ? i + 1 : next < steps.length ? next : null;
  return { to, waits: [{ from: i, to: answered ? i + 0.5 : to, forAgent: null, inferred: false }], releasedBy: null };
}

function exploredStep(steps: ExploredStep[], i: number): StoryStep {
  const step = steps[i]!;
  const result = step.result ?? "";
  const error = /^ERROR ([0-9A-Z]{5})$/.exec(result)?.[1] ?? null;
  return {
    agent: step.agent,
    operation: step.operation ?? "",
    attempt: step.attempt ?? 1,
    sql: step.sql || step.text || "",
    ready: i,
    from: i,
    ...exploredTimes(steps, i),
    result: error ? "" : result,
    value: step.value ?? null,
    error,
    outcome: step.outcome ?? null,
    breaks: step.breaks === true,
    yields: step.yields === true,
    goesOn: step.goes_on === true,
  };
}

function exploredStory(witness: ExploredWitness, document: RaceDocument): Story {
  const steps = witness.steps.map((_, i) => exploredStep(witness.steps, i));
  const breaking = steps.find((step) => step.breaks);
  const rule = witness.rule ?? "";
  const key = `${document.scenario?.key ?? "key"} ${count(witness.key)}`;
  const owned = rule !== "" && rule === document.scenario?.owns && (document.scenario.capacity ?? 1) === 1;
  return {
    unit: "order",
    isolation: witness.isolation,
    agents: lanesOf(steps),
    steps,
    until: steps.length,
    title: owned ? `How two agents get ${key}` : rule ? `How ${key} breaks the rule “${rule}”` : "The schedule found",
    key: String(witness.key),
    round: null,
    rule,
    why: witness.why ?? "",
    breakNote: rule ? `from here “${rule}” is broken` : "",
    breakLabel: owned && breaking?.outcome === "ok" ? "second owner" : "rule broken",
  };
}

/* ---- what statements do ---- */

export type Kind = "reads" | "writes" | "control" | "other";

const controls = new Set([
  "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "SET", "RESET",
]);
const writers = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);
const readers = new Set(["SELECT", "WITH", "TABLE", "VALUES"]);
const othersWithSnapshot = new Set(["CALL", "COPY", "DECLARE", "EXECUTE", "EXPLAIN"]);

/* Without what could hide a keyword or look like one: comments, texts, names in quotes. */
function bare(sql: string): string {
  return sql.replace(/--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (found) =>
    found.startsWith("-") || found.startsWith("/") ? " " : found[0]! + found[0]!).trim();
}

function firstWord(bareSql: string): string {
  return (/^[\s(]*([a-z]+)/i.exec(bareSql)?.[1] ?? "").toUpperCase();
}

/* What the statement does to rows, as far as its text tells: a function may do anything. */
export function kindOf(sql: string): Kind {
  const text = bare(sql);
  const word = firstWord(text);
  if (controls.has(word)) return "control";
  if (writers.has(word)) return "writes";
  if (!readers.has(word)) return "other";
  if (word === "WITH" && /\b(insert\s+into|delete\s+from|merge\s+into|(?<!\bfor\s+|\bkey\s+)update)\b/i.test(text))
    return "writes";
  return word === "TABLE" || /\bfrom\b/i.test(text) ? "reads" : "other";
}

/* ---- check to use ---- */

export interface Window {
  agent: number;
  read: number; /* its place in `steps` */
  write: number; /* the statement, or what of it goes on, that its answer came with */
  from: number;
  to: number;
}

/* The rest of the statement of step i, where that stood at a yield point; else i. */
function lastPartOf(story: Story, i: number): number {
  let last = i;
  for (let k = i + 1; k < story.steps.length; k++) {
    const step = story.steps[k]!;
    if (step.agent !== story.steps[i]!.agent) continue;
    if (!step.goesOn) break;
    last = k;
  }
  return last;
}

/* From the sending of an operation's first statement that reads to the answer to its first that writes, of every try of
 * an operation that read before it wrote. Of a race the end of a try is not told; it is an error that ends it. */
export function windowsOf(story: Story): Window[] {
  const windows: Window[] = [];
  const read = new Map<number, number | "done">(); /* by agent, of the operation it is in */
  story.steps.forEach((step, i) => {
    const kind = kindOf(step.sql);
    const seen = read.get(step.agent);
    if (kind === "reads" && seen === undefined && !step.goesOn) read.set(step.agent, i);
    if (kind === "writes" && !step.goesOn) {
      if (typeof seen === "number") {
        const write = lastPartOf(story, i);
        const to = story.steps[write]!.to ?? story.until;
        windows.push({ agent: step.agent, read: seen, write, from: story.steps[seen]!.from, to });
      }
      read.set(step.agent, "done");
    }
    if (step.outcome !== null || step.error !== null) read.delete(step.agent);
  });
  return windows;
}

/* ---- snapshots ---- */

interface Transaction {
  open: boolean;
  level: string;
  taken: boolean;
  failed: boolean;
}

function levelIn(sql: string): string | undefined {
  return /\bisolation\s+level\s+(serializable|repeatable\s+read|read\s+(?:un)?committed)/i
    .exec(sql)?.[1]?.toLowerCase().replace(/\s+/g, " ");
}

function control(transaction: Transaction, word: string, sql: string, isolation: string): void {
  if (word === "BEGIN" || word === "START")
    Object.assign(transaction, { open: true, taken: false, failed: false, level: levelIn(sql) ?? isolation });
  else if (word === "SET" && transaction.open) transaction.level = levelIn(sql) ?? transaction.level;
  else if (word === "ROLLBACK" && /\bto\b/i.test(sql)) transaction.failed = false;
  else if (word === "COMMIT" || word === "END" || word === "ROLLBACK" || word === "ABORT")
    Object.assign(transaction, { open: false, failed: false, level: isolation });
}

/* The steps at whose beginning a snapshot was taken: at READ COMMITTED each statement takes its own, at the other
 * levels the first of a transaction. */
export function snapshotsOf(story: Story): Set<number> {
  const snapshots = new Set<number>();
  const transactions = new Map<number, Transaction>();
  story.steps.forEach((step, i) => {
    const sql = bare(step.sql);
    const word = firstWord(sql);
    const fresh: Transaction = { open: false, level: story.isolation, taken: false, failed: false };
    const transaction = transactions.get(step.agent) ?? fresh;
    transactions.set(step.agent, transaction);
    if (step.goesOn) return;
    if (controls.has(word)) control(transaction, word, sql, story.isolation);
    else if ((writers.has(word) || readers.has(word) || othersWithSnapshot.has(word)) && !transaction.failed) {
      const own = !transaction.open || transaction.level.startsWith("read ");
      if (own || !transaction.taken) snapshots.add(i);
      transaction.taken = transaction.open;
    }
    if (step.error !== null && transaction.open) transaction.failed = true;
  });
  return snapshots;
}

/* ---- in words ---- */

/* Names of the errors that races end in, for those who do not know the codes. Source: PostgreSQL, errcodes.txt. */
const errors: Record<string, string> = {
  "23503": "foreign key violation",
  "23505": "unique violation",
  "23514": "check violation",
  "23P01": "exclusion violation",
  "25P02": "transaction is aborted",
  "40001": "serialization failure",
  "40P01": "deadlock",
  "55P03": "lock not available",
  "57014": "cancelled",
};

export function errorInWords(sqlstate: string): string {
  const words = Object.hasOwn(errors, sqlstate) ? ` ${errors[sqlstate]}` : "";
  return `ERROR ${sqlstate}${words}`;
}

export function resultInWords(step: StoryStep): string {
  return step.error !== null ? errorInWords(step.error) : step.result;
}

/* "claim ok", "sign-up rejected 23505", "save again: try 2". The code is the operation's last error. */
export function endingInWords(story: Story, i: number): string {
  const step = story.steps[i]!;
  if (step.outcome === null) return "";
  if (step.outcome === "retried") return `${step.operation} again: try ${step.attempt + 1}`;
  const coded = step.outcome === "rejected" || step.outcome === "failed";
  return `${step.operation} ${step.outcome} ${coded ? lastErrorOf(story, i) : ""}`.trim();
}

function lastErrorOf(story: Story, i: number): string {
  const agent = story.steps[i]!.agent;
  for (let k = i; k >= 0; k--) {
    const step = story.steps[k]!;
    if (step.agent !== agent) continue;
    if (k < i && step.outcome !== null) break;
    if (step.error !== null) return step.error;
  }
  return "";
}

export function nameOf(story: Story, agent: number): string {
  return story.agents.find((lane) => lane.agent === agent)?.name ?? `agent ${agent}`;
}

export function waitInWords(story: Story, wait: Wait): string {
  const whom = wait.forAgent === null ? "a lock" : nameOf(story, wait.forAgent);
  if (wait.inferred) return `probably waited for ${whom} (inferred from times)`;
  return `${wait.to === null ? "waits" : "waited"} for ${whom}`;
}
