/* The matrix of a race or an exploration, and what is said below it. */
import { foreign, h, type Child } from "./dom";
import type { Entry, MatrixOptions } from "./matrix";
import type { Cell, RaceDocument } from "./model";
import { racePanel } from "./panel";
import { contradicts, countsOf, isSwept, nameOf, retriesOf, strengthOf, tailOf, toneOf, verdictOf, wasRun } from "./verdict";
import { count, setting } from "./words";

const levels = ["read committed", "repeatable read", "serializable"];

function levelRank(isolation: string): number {
  const rank = levels.indexOf(isolation);
  return rank < 0 ? levels.length : rank;
}

function columnKey(cell: Cell): string {
  return JSON.stringify([cell.isolation, cell.gap_ns]);
}

function columnsOf(document: RaceDocument): { key: string; heading: string }[] {
  const swept = isSwept(document);
  const mixed = document.cells.some((cell) => cell.isolation !== document.cells[0]?.isolation);
  const found = new Map(document.cells.map((cell) => [columnKey(cell), cell]));
  return [...found]
    .sort(([, a], [, b]) => levelRank(a.isolation) - levelRank(b.isolation) || (a.gap_ns ?? 0) - (b.gap_ns ?? 0))
    .map(([key, cell]) => {
      const gap = `gap ${setting(cell.gap_ns ?? 0)}`;
      return { key, heading: !swept ? cell.isolation : mixed ? `${cell.isolation}, ${gap}` : gap };
    });
}

function entryOf(document: RaceDocument, cell: Cell, id: string): Entry {
  const ran = wasRun(cell);
  const tail = tailOf(cell);
  return {
    id, row: cell.strategy, column: columnKey(cell), name: nameOf(document, cell), tone: toneOf(cell), verdict: verdictOf(cell),
    remark: ran && contradicts(cell) ? "not expected" : null,
    evidence: ran ? [countsOf(cell), strengthOf(cell)] : [],
    costs: ran && cell.method === "sampled" ? [["p99", tail ?? "–"], ["retries", count(retriesOf(cell))]] : [],
    panel: () => racePanel(document, cell),
  };
}

export function raceMatrix(document: RaceDocument, idOf: (cell: number) => string): MatrixOptions {
  const summaries = new Map<string, string | null>();
  for (const cell of document.cells) if (!summaries.get(cell.strategy)) summaries.set(cell.strategy, cell.summary);
  return {
    caption: "Verdicts by strategy and isolation level",
    rowName: "strategy",
    rows: [...summaries].map(([strategy, summary]) => ({
      key: strategy,
      heading: h("span", {}, foreign(strategy), summary !== null && h("small", {}, foreign(summary))),
    })),
    columns: columnsOf(document),
    entries: document.cells.map((cell, i) => entryOf(document, cell, idOf(i))),
  };
}

/* What the words in the matrix mean, of those that are in it; and each cell that the scenario contradicts. */
export function raceNotes(document: RaceDocument, idOf: (cell: number) => string): Child[] {
  const ran = document.cells.filter(wasRun);
  const meanings: [boolean, string, string][] = [
    [ran.some((cell) => cell.verdict === "race"), "race", "a rule was broken: in that share of contested rounds, or by that schedule"],
    [ran.some((cell) => cell.verdict === "none-seen"), "none seen", "in no round: the true share is below that bound with 95 % confidence; a sample, not a proof"],
    [ran.some((cell) => cell.verdict === "safe"), "safe", "proved for these agents: those schedules stand for all"],
    [ran.some((cell) => cell.verdict === "inconclusive"), "inconclusive", "it says nothing; its details say why"],
    [ran.some((cell) => cell.verdict === "error"), "error", "something failed that must not"],
    [ran.some((cell) => cell.method === "sampled"), "p99", "of operations that were told yes"],
  ];
  const wrong = document.cells.map((cell, i) => ({ cell, id: idOf(i) })).filter(({ cell }) => wasRun(cell) && contradicts(cell));
  return [
    wrong.length > 0 && h("div", { class: "contradictions" }, h("h3", {}, "Not what the scenario says"),
      h("ul", {}, ...wrong.map(({ cell, id }) => h("li", {}, h("a", { href: `#${id}` }, foreign(nameOf(document, cell))),
        `: ${verdictOf(cell)}, the scenario says ${cell.expect === "race" ? "that it races" : "that it is safe"}`,
        cell.why !== null && ": ", cell.why !== null && foreign(cell.why), ".")))),
    h("dl", { class: "meanings" }, ...meanings.filter(([used]) => used).map(([, word, meaning]) =>
      h("div", {}, h("dt", {}, word), " ", h("dd", {}, meaning)))),
  ];
}
