/* What is shown of a cell when it is chosen. First of a race's: its verdict, how it came about, then the counts. */
import { code, foreign, h, type Child } from "./dom";
import {
  outcomes, type BenchCell, type Cell, type Latency, type MetError, type MetRejection, type RaceDocument, type Scenario,
} from "./model";
import { storiesOf } from "./story";
import { facts, fold, table } from "./table";
import { timeline } from "./timeline";
import { contradicts, evidenceOf, expectationOf, nameOf, signs, toneOf, verdictOf, wasRun } from "./verdict";
import { count, duration, many } from "./words";

/* ---- parts that a bench's cell has, too ---- */

export function panelHeading(name: string, tone: string, sign: string, verdict: string): HTMLElement {
  return h("h3", { tabindex: -1 }, foreign(name), " ",
    h("span", { class: `pill ${tone}` }, h("span", { "aria-hidden": "true" }, sign), " ", verdict));
}

/* Operations that did anything, with how they ended. */
export function outcomesTable(cell: Cell | BenchCell): HTMLElement | null {
  const rows = Object.entries(cell.outcomes).map(([operation, of]): Child[] => [foreign(operation),
    ...outcomes.map((outcome) => count(of[outcome] ?? 0)), count(cell.retries[operation] ?? 0)]);
  if (rows.length === 0) return null;
  return table({
    caption: "How operations ended",
    columns: [{ name: "operation" }, ...outcomes.map((name) => ({ name, number: true })), { name: "retries", number: true }],
    rows,
    kind: "outcomes",
  });
}

const quantiles: [keyof Latency, string][] = [
  ["p50", "p50"], ["p90", "p90"], ["p95", "p95"], ["p99", "p99"], ["p999", "p99.9"], ["p9999", "p99.99"], ["max", "max"],
];

export interface NamedTimes {
  name: Child;
  times: Latency;
}

/* Times that were taken; only figures that any of them has. */
export function timesTable(caption: string, named: NamedTimes[]): HTMLElement | null {
  const taken = named.filter(({ times }) => times.count > 0);
  if (taken.length === 0) return null;
  const shown = quantiles.filter(([key]) => taken.some(({ times }) => times[key] !== undefined));
  return table({
    caption,
    columns: [{ name: "of" }, { name: "count", number: true }, ...shown.map(([, name]) => ({ name, number: true }))],
    rows: taken.map(({ name, times }): Child[] => [name, count(times.count),
      ...shown.map(([key]) => (times[key] === undefined ? "–" : duration(times[key])))]),
    kind: "times",
  });
}

export function byOutcome(times: Record<string, Record<string, Latency>>): NamedTimes[] {
  return Object.entries(times).flatMap(([operation, of]) => Object.entries(of)
    .map(([outcome, latency]) => ({ name: h("span", {}, foreign(operation), ` ${outcome}`), times: latency })));
}

/* What an application shows to whoever lost. */
export function rejectionsOf(cell: Cell | BenchCell, scenario: Scenario | null): HTMLElement | null {
  const met: MetRejection[] = cell.rejections;
  if (met.length === 0) return null;
  const item = (rejection: MetRejection): HTMLElement => h("li", {},
    rejection.message !== null && h("blockquote", {}, foreign(rejection.message)),
    h("p", { class: "quiet" }, rejection.field !== null && h("span", {}, foreign(rejection.field), "; "),
      "SQLSTATE ", code(rejection.sqlstate), rejection.constraint !== null && h("span", {}, ", ", code(rejection.constraint)),
      `; ${many(rejection.count, "time")}`));
  return h("div", { class: "rejections" }, h("h4", {}, scenario ? "What the loser is told" : "Rejections"),
    h("ul", { class: "bare" }, ...met.map(item)));
}

function placeOf(error: MetError): string | null {
  if (error.file === null) return null;
  return error.line === null ? error.file : `${error.file}:${error.line}`;
}

export function errorsOf(cell: Cell | BenchCell): HTMLElement | null {
  if (cell.errors.length === 0) return null;
  return table({
    caption: "Errors that the scenario does not declare",
    columns: [{ name: "message" }, { name: "SQLSTATE" }, { name: "operation" }, { name: "where" }, { name: "count", number: true }],
    rows: cell.errors.map((error): Child[] => {
      const place = placeOf(error);
      return [foreign(error.message), error.sqlstate === null ? "–" : code(error.sqlstate), foreign(error.operation),
        place === null ? "–" : code(place), count(error.count)];
    }),
    kind: "errors",
  });
}

/* ---- a race's ---- */

function storiesPart(cell: Cell, document: RaceDocument): Child[] {
  const stories = storiesOf(cell, document);
  const [first, ...others] = stories;
  if (!first) return [];
  return [h("h4", {}, "How it came about"), timeline(first),
    ...others.map((story, i) => fold(`Another: the ${i === 0 ? "second" : "third"} worst`, false, timeline(story)))];
}

function rulesTable(cell: Cell): HTMLElement | null {
  if (cell.rules.length === 0) return null;
  return table({
    caption: "Rules",
    columns: [{ name: "rule" }, { name: "checked by" }, { name: "broken in rounds", number: true }],
    rows: cell.rules.map((rule): Child[] => [foreign(rule.rule), rule.by === "history" ? "what agents were told" : "the rows",
      rule.broken === null ? "not checked" : count(rule.broken)]),
    kind: "rules",
  });
}

function proofFacts(cell: Cell): HTMLElement | null {
  const proof = cell.proof;
  if (!proof) return null;
  return facts([
    ["agents", count(proof.agents)],
    ["schedules", cell.schedules === null ? null : count(cell.schedules)],
    ["different ends", cell.classes === null ? null : count(cell.classes)],
    ["broke a rule", count(proof.broken)],
    ["longest", many(proof.depth, "step")],
    ["statements split", proof.split ? "between reading and writing" : "no"],
    ["bound", proof.bound === null ? "none" : `at most ${many(proof.bound, "preemption")}`],
    ["left", proof.left > 0 ? many(proof.left, "known branch was not run", "known branches were not run") : null],
    ["took", duration(cell.elapsed_ns)],
    ["digest of outcomes", proof.digest === null ? null : code(proof.digest)],
  ]);
}

function raceFacts(cell: Cell): HTMLElement | null {
  if (cell.method !== "sampled") return null;
  return facts([
    ["rounds", count(cell.rounds)],
    ["contested", count(cell.contested)],
    ["agents served", count(cell.served)],
    ["unexplained refusals", cell.unexplained > 0 ? count(cell.unexplained) : null],
    ["took", duration(cell.elapsed_ns)],
    ["rounds a second", count(cell.rounds_per_s)],
    ["statements a second", count(cell.statements_per_s)],
  ]);
}

function strategyPlace(document: RaceDocument, cell: Cell): Child {
  if (cell.line === null || !document.scenario?.file) return null;
  return code(`${document.scenario.file}:${cell.line}`);
}

export function racePanel(document: RaceDocument, cell: Cell): HTMLElement {
  const main = document.scenario?.main;
  const expectation = expectationOf(cell);
  const times = timesTable("Times, from the first statement", [
    { name: main ? h("span", {}, foreign(main), " told yes") : "told yes", times: cell.winner_ns },
    { name: main ? h("span", {}, foreign(main), " turned away") : "turned away", times: cell.loser_ns },
    ...(cell.pool_wait_ns.max > 0 ? [{ name: "waiting for a connection", times: cell.pool_wait_ns }] : []),
    { name: "first to last agent's start", times: cell.start_skew_ns },
  ]);
  const all = timesTable("By operation and outcome, from the first statement", byOutcome(cell.latency_ns));
  const response = timesTable("From the intended start, waits included", byOutcome(cell.response_ns));
  const place = strategyPlace(document, cell);
  return h("div", {},
    panelHeading(nameOf(document, cell), toneOf(cell), signs[toneOf(cell)], verdictOf(cell)),
    cell.summary !== null && h("p", { class: "summary" }, foreign(cell.summary)),
    h("p", { class: "evidence-words" }, evidenceOf(cell), cell.proof?.coverage ? [" ", `Coverage: ${cell.proof.coverage}.`].join("") : ""),
    cell.why !== null && h("p", { class: "why" }, h("strong", {}, "Why: "), foreign(cell.why), "."),
    expectation !== "" && h("p", { class: contradicts(cell) ? "expectation wrong" : "expectation" }, expectation),
    ...storiesPart(cell, document),
    rejectionsOf(cell, document.scenario),
    errorsOf(cell),
    h("div", { class: "tables" }, wasRun(cell) && outcomesTable(cell), times, rulesTable(cell)),
    all && fold("Times of every operation", false, all, response),
    wasRun(cell) && (proofFacts(cell) ?? raceFacts(cell)),
    place !== null && h("p", { class: "quiet" }, "The strategy is at ", place, "."));
}
