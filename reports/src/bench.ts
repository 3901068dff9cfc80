/* A bench's own: its cells in the matrix and their panels, figures side by side, thresholds, changes. */
import { code, foreign, h, type Child } from "./dom";
import type { BenchCell, BenchDocument, Change, Figure, StoryOperation } from "./model";
import type { Entry } from "./matrix";
import { byOutcome, errorsOf, outcomesTable, panelHeading, rejectionsOf, timesTable, type NamedTimes } from "./panel";
import { facts, fold, table } from "./table";
import { broke, retriesOf, signs, wasMeasured, type Tone } from "./verdict";
import { count, duration, figure, many, setting } from "./words";

/* ---- figures by name ---- */

function valueOf(cell: BenchCell, name: string): string | null {
  const found = cell.figures[name];
  return found ? figure(found.value, found.unit) : null;
}

/* The operation that acquires: the scenario says, else the first. */
function mainOperation(document: BenchDocument, cell: BenchCell): string {
  return document.scenario?.main ?? Object.keys(cell.outcomes)[0] ?? "";
}

function lostTail(cell: BenchCell, main: string): string {
  const tails = ["refused", "rejected"].map((outcome) => cell.figures[`response.${main}.${outcome}.p99`]?.value)
    .filter((value): value is number => typeof value === "number");
  return tails.length > 0 ? figure(Math.max(...tails), "ns") : "–";
}

/* ---- cells ---- */

function toneOf(cell: BenchCell): Tone {
  if (!wasMeasured(cell)) return "absent";
  if (broke(cell)) return "race";
  return cell.trouble !== null || !cell.complete ? "doubt" : cell.verified ? "none" : "absent";
}

function verdictOf(cell: BenchCell): string {
  if (!wasMeasured(cell)) return "not run";
  if (cell.duplicates > 0) return many(cell.duplicates, "duplicate");
  if (cell.rows_broken > 0) return `${many(cell.rows_broken, "key")} broken`;
  return cell.verified ? "no duplicates" : "not verified";
}

function isWrong(cell: BenchCell): boolean {
  return broke(cell) && cell.expect === "safe";
}

export function benchEntry(document: BenchDocument, cell: BenchCell, id: string, row: string): Entry {
  const main = mainOperation(document, cell);
  const costs: [string, string][] = [["p99", valueOf(cell, `response.${main}.ok.p99`) ?? valueOf(cell, "transaction.p99") ?? "–"],
    ["retries", count(retriesOf(cell))]];
  return {
    id, row, column: String(cell.clients), name: cell.name, tone: toneOf(cell), verdict: verdictOf(cell),
    remark: isWrong(cell) ? "not expected" : null,
    evidence: wasMeasured(cell) ? [`${figure(cell.figures.tps?.value, "count")} transactions/s`] : [],
    costs: wasMeasured(cell) ? costs : [],
    panel: () => benchPanel(document, cell),
  };
}

/* What the words in the matrix mean. */
export function benchNotes(document: BenchDocument): HTMLElement {
  const main = document.cells.map((cell) => mainOperation(document, cell)).find((name) => name !== "");
  const meanings: [string, Child[]][] = [
    ["duplicates", ["acquires that were told yes and were one too many"]],
    ["p99", main ? ["of ", foreign(main), " that was told yes, from its intended start"] : ["of a transaction"]],
  ];
  return h("dl", { class: "meanings" }, ...meanings.map(([word, meaning]) => h("div", {}, h("dt", {}, word), " ", h("dd", {}, ...meaning))));
}

function moment(operation: StoryOperation): Child[] {
  return [`agent ${operation.agent}`, foreign(operation.operation), `${duration(operation.call_ns)}`, `${duration(operation.return_ns)}`,
    operation.sqlstate === null ? operation.outcome : `${operation.outcome} (${operation.sqlstate})`];
}

function storyTable(cell: BenchCell): HTMLElement | null {
  const story = cell.story;
  if (!story) return null;
  const { first, second } = story;
  const key = second.key;
  const after = first ? ` ${duration(Math.max(0, second.return_ns - first.return_ns))} after agent ${first.agent}` : "";
  return h("div", {}, h("h4", {}, story.what === "duplicate" ? "The first duplicate" : "The first unexplained refusal"),
    h("p", {}, story.what === "duplicate" ? `Of key ${key} agent ${second.agent} was told ${second.outcome}${after}.`
      : `Of key ${key} agent ${second.agent} was turned away, and nobody can have owned it.`),
    table({
      caption: "Times since the phase's begin",
      columns: [{ name: "agent" }, { name: "operation" }, { name: "sent", number: true }, { name: "answered", number: true }, { name: "told" }],
      rows: (first ? [first, second] : [second]).map(moment),
      kind: "story",
    }));
}

function spread(found: Figure): string {
  if (found.low === null || found.high === null || found.each.length < 2) return "–";
  return `${figure(found.low, found.unit)} … ${figure(found.high, found.unit)}`;
}

function figureRows(cell: BenchCell): Child[][] {
  return Object.entries(cell.figures).map(([name, found]) =>
    [code(name), figure(found.value, found.unit), figure(found.median, found.unit), spread(found)]);
}

function statementsTable(cell: BenchCell): HTMLElement | null {
  if (cell.statements.length === 0) return null;
  return table({
    caption: "Statements",
    columns: [{ name: "statement" }, { name: "SQL" }, { name: "at" }, { name: "count", number: true }, { name: "p50", number: true },
      { name: "p99", number: true }, { name: "max", number: true }],
    rows: cell.statements.map((statement): Child[] => {
      const times = statement.latency_ns;
      return [h("span", {}, foreign(statement.operation), ` ${statement.number}`), code(statement.sql), code(`${statement.file}:${statement.line}`),
        count(times?.count ?? 0), ...(times ? [times.p50, times.p99, times.max].map((ns) => duration(ns)) : ["–", "–", "–"])];
    }),
    kind: "statements",
  });
}

function waitsTable(cell: BenchCell): HTMLElement | null {
  if (!cell.waits || cell.waits.length === 0) return null;
  return table({
    caption: "Where the server's processes were",
    columns: [{ name: "doing" }, { name: "on average", number: true }, { name: "seen", number: true }],
    rows: cell.waits.map((wait): Child[] => [code(wait.what), figure(wait.processes, "count"), count(wait.seen)]),
    kind: "waits",
  });
}

function serverFacts(cell: BenchCell): HTMLElement | null {
  if (!cell.server) return null;
  const words = (name: string, value: number): string =>
    name.endsWith("_ns") ? duration(value) : name.endsWith("_bytes") ? figure(value, "bytes")
      : name.endsWith("_s") ? duration(Math.round(value * 1e9)) : figure(value, "count");
  return facts(Object.entries(cell.server).map(([name, value]): [string, Child] =>
    [name.replace(/_(ns|s|bytes)$/, "").replaceAll("_", " "), value === null ? "not known" : words(name, value)]));
}

function benchPanel(document: BenchDocument, cell: BenchCell): HTMLElement {
  const others: NamedTimes[] = [
    { name: "transaction", times: cell.transaction_ns },
    { name: "waiting for a connection", times: cell.pool_wait_ns },
    ...(cell.lag_ns ? [{ name: "begun late by", times: cell.lag_ns }] : []),
    { name: "pgrace's own timers late by", times: cell.loop_lag_ns },
  ];
  const tone = toneOf(cell);
  const server = serverFacts(cell);
  return h("div", {},
    panelHeading(cell.name, tone, signs[tone], verdictOf(cell)),
    cell.summary !== null && h("p", { class: "summary" }, foreign(cell.summary)),
    wasMeasured(cell)
      ? h("p", { class: "evidence-words" }, `${figure(cell.figures.tps?.value, "count")} transactions a second with ${many(cell.clients, "client")} over `,
        `${many(cell.connections, "connection")}; ${many(cell.repetitions, "repetition")}, ${setting(cell.window_ns)} measured in all. `,
        cell.verified ? `${count(cell.verified_operations)} operations were verified${cell.verify_limited ? ", until memory for it was used up" : ""}.`
          : "Ownership was not verified.")
      : h("p", { class: "evidence-words" }, "It did not run."),
    cell.trouble !== null && h("p", { class: "why" }, h("strong", {}, "Its figures say less than they seem to: "), foreign(cell.trouble)),
    cell.rules !== null && h("p", { class: "why" }, h("strong", {}, "Rows: "), foreign(cell.rules)),
    isWrong(cell) && h("p", { class: "expectation wrong" }, "Not expected: the scenario says that it is safe."),
    storyTable(cell),
    rejectionsOf(cell, document.scenario),
    errorsOf(cell),
    h("div", { class: "tables" }, wasMeasured(cell) && outcomesTable(cell), waitsTable(cell),
      timesTable("Response times, from the intended start", byOutcome(cell.response_ns))),
    fold("Service times, and others", false, timesTable("From the first statement", byOutcome(cell.latency_ns)), timesTable("Others", others)),
    statementsTable(cell),
    server && fold("The server's counters, warm-up included", false, server),
    figureRows(cell).length > 0 && fold(`All ${count(figureRows(cell).length)} figures`, false, table({
      caption: "Figures; the median of the repetitions and its interval",
      columns: [{ name: "figure" }, { name: "value", number: true }, { name: "median", number: true }, { name: "interval", number: true }],
      rows: figureRows(cell),
      kind: "figures",
    })));
}

/* ---- side by side ---- */

type Wanted = [heading: string, of: (cell: BenchCell, main: string) => string | null];

const wanted: Wanted[] = [
  ["tps", (cell) => valueOf(cell, "tps")],
  ["±", (cell) => {
    const tps = cell.figures.tps;
    if (!tps || tps.median === null || tps.low === null || tps.high === null || tps.each.length < 2 || tps.median <= 0) return null;
    return figure((tps.high - tps.low) / 2 / tps.median, "share");
  }],
  ["p50", (cell, main) => valueOf(cell, `response.${main}.ok.p50`) ?? valueOf(cell, "transaction.p50")],
  ["p99", (cell, main) => valueOf(cell, `response.${main}.ok.p99`) ?? valueOf(cell, "transaction.p99")],
  ["p99.99", (cell, main) => valueOf(cell, `response.${main}.ok.p99.99`) ?? valueOf(cell, "transaction.p99.99")],
  ["max", (cell, main) => valueOf(cell, `response.${main}.ok.max`) ?? valueOf(cell, "transaction.max")],
  ["lost p99", (cell, main) => lostTail(cell, main)],
  ["errors", (cell) => valueOf(cell, "errors")],
  ["server CPU", (cell) => valueOf(cell, "server.cpu_per_transaction")],
  ["WAL", (cell) => valueOf(cell, "server.wal_per_transaction")],
  ["client CPU", (cell) => valueOf(cell, "client.cpu_per_transaction")],
  ["where it hurts", (cell) => {
    const all = cell.waits?.reduce((sum, wait) => sum + wait.seen, 0) ?? 0;
    const first = cell.waits?.[0];
    /* "Lock:transactionid" is long: it may break after its colon. */
    return first && all > 0 ? `${first.what.replace(":", ":\u200b")} ${figure(first.seen / all, "share").replace(" ", "\u00a0")}` : null;
  }],
];

/* A column is left out where no cell has it. */
export function figuresSection(document: BenchDocument): HTMLElement | null {
  const cells = document.cells.filter(wasMeasured);
  if (cells.length === 0) return null;
  const columns = wanted.map(([heading, of]) => ({ heading, values: cells.map((cell) => of(cell, mainOperation(document, cell))) }))
    .filter(({ values }) => values.some((value) => value !== null && value !== "–"));
  return h("section", { class: "figures" }, h("h3", {}, "Figures"),
    table({
      caption: "Times are of operations that were told yes, from their intended start; costs are a transaction's.",
      columns: [{ name: "cell" }, ...columns.map(({ heading }) => ({ name: heading, number: heading !== "where it hurts" }))],
      rows: cells.map((cell, i): Child[] => [foreign(cell.name), ...columns.map(({ values }) => values[i] ?? "–")]),
      kind: "side-by-side",
    }),
    h("p", { class: "quiet" }, "±: half of the median's interval, of the median."));
}

/* A threshold's value is in its figure's unit: the name stands in its text. */
function crossingValue(document: BenchDocument, text: string, cell: string, value: number | null): string {
  const figures = document.cells.find((one) => one.name === cell)?.figures ?? {};
  const name = Object.keys(figures).filter((one) => text.includes(one)).sort((a, b) => b.length - a.length)[0];
  return figure(value, (name !== undefined && figures[name]?.unit) || "count");
}

export function thresholdsSection(document: BenchDocument): HTMLElement | null {
  if (document.thresholds.length === 0) return null;
  const mark = (kept: boolean): HTMLElement => h("span", { class: `pill ${kept ? "safe" : "race"}` },
    h("span", { "aria-hidden": "true" }, kept ? "✓" : "✗"), kept ? " kept" : " crossed");
  const rows = document.thresholds.flatMap((threshold): Child[][] => threshold.crossings.length === 0
    ? [[code(threshold.text), mark(true), "", "", foreign(threshold.where)]]
    : threshold.crossings.map((crossing) => [code(threshold.text), mark(false), foreign(crossing.cell),
      crossingValue(document, threshold.text, crossing.cell, crossing.value), foreign(threshold.where)]));
  return h("section", { class: "thresholds" }, h("h3", {}, "Thresholds"), table({
    caption: "What was asked for",
    columns: [{ name: "threshold" }, { name: "verdict" }, { name: "cell" }, { name: "found", number: true }, { name: "from" }],
    rows, kind: "thresholds",
  }));
}

function changeRow(document: BenchDocument, change: Change): Child[] {
  const unit = document.cells.find((cell) => cell.name === change.cell)?.figures[change.figure]?.unit ?? "count";
  const by = change.before !== null && change.after !== null && change.before !== 0 ? (change.after / change.before - 1) * 100 : null;
  const kind = !change.significant ? "no significant change" : change.worse ? "worse" : "better";
  const tone = !change.significant ? "absent" : change.worse ? "race" : "safe";
  return [foreign(change.cell), code(change.figure), figure(change.before, unit), figure(change.after, unit),
    !change.significant ? "~" : by === null ? "–" : `${by >= 0 ? "+" : ""}${by.toFixed(1)} %`,
    change.p === null ? "–" : change.p < 0.001 ? "<0.001" : change.p.toFixed(3),
    h("span", { class: `pill ${tone}` }, kind)];
}

export function changesSection(document: BenchDocument): HTMLElement | null {
  if (document.baseline === null) return null;
  const kind = (change: Change): number => (!change.significant ? 2 : change.worse ? 0 : 1);
  const sorted = [...document.changes].sort((a, b) => kind(a) - kind(b));
  const part = (caption: string, changes: Change[]): HTMLElement => table({
    caption,
    columns: [{ name: "cell" }, { name: "figure" }, { name: "before", number: true }, { name: "after", number: true },
      { name: "change", number: true }, { name: "p", number: true }, { name: "verdict" }],
    rows: changes.map((change) => changeRow(document, change)),
    kind: "changes",
  });
  const significant = sorted.filter((change) => change.significant), others = sorted.filter((change) => !change.significant);
  return h("section", { class: "changes-section" }, h("h3", {}, "Changes"),
    h("p", {}, "Against ", foreign(document.baseline), ": medians, Mann–Whitney U test."),
    significant.length > 0 ? part("What changed", significant) : h("p", {}, sorted.length ? "Nothing changed significantly." : "No figure that both have."),
    others.length > 0 && fold(`${many(others.length, "figure")} without a significant change`, false, part("Not significant", others)));
}
