/* The page: reads the documents that pgrace put into it, shows each, and follows the address. */
import { benchEntry, benchNotes, changesSection, figuresSection, thresholdsSection } from "./bench";
import { redrawCharts } from "./chart";
import { foreign, h, type Child } from "./dom";
import { benchLatency, benchThroughput, gapSection, raceLatency, raceThroughput } from "./latency";
import { matrix, type Matrix, type MatrixOptions } from "./matrix";
import { readDocuments, type AnyShownDocument, type BenchDocument, type Cell, type ResultDocument, type TriggerDocument } from "./model";
import { raceMatrix, raceNotes } from "./race";
import { settingsSection } from "./settings";
import { themeSwitch } from "./theme";
import { triggersSection, triggersSentence } from "./triggers";
import { contradicts, sentenceOf, setupOf, signs, statusOf, wasRun } from "./verdict";
import { count } from "./words";

interface Shown {
  section: HTMLElement;
  matrix: Matrix;
  first: string | null; /* the cell to show when the address names none */
}

/* ---- a document ---- */

function benchMatrix(document: BenchDocument, idOf: (cell: number) => string): MatrixOptions {
  const mixed = document.cells.some((cell) => cell.isolation !== document.cells[0]?.isolation);
  const rows = new Map<string, Child>();
  const clients = [...new Set(document.cells.map((cell) => cell.clients))].sort((a, b) => a - b);
  const rowOf = (strategy: string, isolation: string): string => JSON.stringify([strategy, mixed ? isolation : ""]);
  for (const cell of document.cells)
    rows.set(rowOf(cell.strategy, cell.isolation), h("span", {}, foreign(cell.strategy),
      mixed && h("small", {}, foreign(cell.isolation)), cell.summary !== null && h("small", {}, foreign(cell.summary))));
  return {
    caption: "What each strategy got done, by number of clients",
    rowName: "strategy",
    rows: [...rows].map(([key, heading]) => ({ key, heading })),
    columns: clients.map((n) => ({ key: String(n), heading: `${count(n)} ${n === 1 ? "client" : "clients"}` })),
    entries: document.cells.map((cell, i) => benchEntry(document, cell, idOf(i), rowOf(cell.strategy, cell.isolation))),
  };
}

/* The cell that most needs to be seen: one that the scenario contradicts, else one with a story, else the first. */
function mostWanted(document: ResultDocument): number {
  if (document.command === "bench") return Math.max(0, document.cells.findIndex((cell) => cell.story !== null));
  const by = (test: (cell: Cell) => boolean): number => document.cells.findIndex((cell) => wasRun(cell) && test(cell));
  return [by((cell) => contradicts(cell) && cell.witness !== null), by(contradicts), by((cell) => cell.witness !== null), 0]
    .find((found) => found >= 0) ?? 0;
}

/* "claim · two agents claim one conversation" */
function aboutOf(document: ResultDocument): Child[] {
  const name = document.scenario?.name ?? document.cells[0]?.scenario;
  const title = document.scenario?.title;
  return [document.command, ...(name ? [" · ", h("b", {}, foreign(name))] : []), ...(title ? [": ", foreign(title)] : [])];
}

function notesOf(document: ResultDocument): Child[] {
  return [
    document.error !== null && h("p", { class: "note error" }, h("strong", {}, "Stopped: "), foreign(document.error)),
    document.note !== null && h("p", { class: "note doubt" }, foreign(document.note)),
    document.scenario?.lesson && h("p", { class: "lesson" }, foreign(document.scenario.lesson)),
  ];
}

function showDocument(document: ResultDocument, index: number, alone: boolean): Shown {
  const prefix = alone ? "" : `result-${index + 1}-`;
  const idOf = (cell: number): string => `${prefix}cell-${cell + 1}`;
  const isBench = document.command === "bench";
  const shown = matrix(isBench ? benchMatrix(document, idOf) : raceMatrix(document, idOf));
  const status = statusOf(document);
  const sentence = [foreign(sentenceOf(document))];
  const section = h("article", { id: `result-${index + 1}`, class: "result" },
    h("header", {},
      h("p", { class: "about" }, ...aboutOf(document)),
      alone ? h("h1", {}, ...sentence) : h("h2", {}, ...sentence),
      h("p", { class: "status" }, h("span", { class: `pill ${status.tone}` }, h("span", { "aria-hidden": "true" }, signs[status.tone]),
        ` ${status.text}`), " ", h("span", { class: "setup" }, foreign(setupOf(document))))),
    ...notesOf(document),
    document.cells.length > 0 && shown.table,
    ...(document.command === "bench" ? [benchNotes(document)] : raceNotes(document, idOf)),
    shown.panels,
    ...(document.command === "bench"
      ? [figuresSection(document), thresholdsSection(document), changesSection(document), benchLatency(document), benchThroughput(document)]
      : [gapSection(document), raceLatency(document), raceThroughput(document)]),
    settingsSection(document));
  return { section, matrix: shown, first: document.cells.length > 0 ? idOf(mostWanted(document)) : null };
}

/* ---- the page ---- */

/* Of several documents. */
function overall(documents: ResultDocument[]): Child[] {
  const good = documents.filter((document) => statusOf(document).tone === "safe").length;
  const sentence = good === documents.length ? `All ${count(good)} results are as they should be.`
    : good === 0 ? `None of ${count(documents.length)} results is as it should be.`
      : `${count(good)} of ${count(documents.length)} results ${good === 1 ? "is as it" : "are as they"} should be.`;
  return [h("h1", {}, sentence), h("nav", { "aria-label": "Results" }, h("ol", {}, ...documents.map((document, i) => {
    const status = statusOf(document);
    return h("li", {}, h("a", { href: `#result-${i + 1}` }, ...aboutOf(document)), " ",
      h("span", { class: `pill ${status.tone}` }, h("span", { "aria-hidden": "true" }, signs[status.tone]), ` ${status.text}`),
      h("br"), h("span", { class: "quiet" }, foreign(sentenceOf(document))));
  })))];
}

/* On paper everything is open and light. */
function printWhole(shown: Shown[]): void {
  const opened: HTMLDetailsElement[] = [];
  let theme: string | undefined;
  addEventListener("beforeprint", () => {
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    for (const one of shown) one.matrix.openAll();
    for (const fold of document.querySelectorAll("details"))
      if (!fold.open) {
        fold.open = true;
        opened.push(fold);
      }
    redrawCharts();
  });
  addEventListener("afterprint", () => {
    if (theme === undefined) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const fold of opened.splice(0)) fold.open = false;
    redrawCharts();
  });
}

function follow(shown: Shown[], go: boolean): void {
  const id = decodeURIComponent(location.hash.slice(1));
  for (const one of shown) if (one.matrix.select(id, go)) return;
}

function isOfTriggers(document: AnyShownDocument): document is TriggerDocument {
  return document.command === "schema";
}

/* The window's. */
function titleOf(results: ResultDocument[], triggers: TriggerDocument[]): string {
  if (results.length > 1) return `${results.length} results – pgrace`;
  const [result] = results;
  const [first] = triggers;
  return `${result ? sentenceOf(result) : first ? triggersSentence(first) : "No result"} – pgrace`.slice(0, 300);
}

function start(): void {
  const data = document.getElementById("documents")?.textContent ?? "[]";
  const main = document.querySelector("main") as HTMLElement;
  const documents = readDocuments(data);
  const triggers = documents.filter(isOfTriggers);
  const results = documents.filter((one): one is ResultDocument => !isOfTriggers(one));
  const alone = results.length === 1;
  const shown = results.map((one, i) => showDocument(one, i, alone));
  for (const one of shown) if (one.first !== null) one.matrix.select(one.first, false);
  main.append(...(alone || results.length === 0 ? [] : overall(results).filter((child): child is Node => child instanceof Node)),
    ...shown.map((one) => one.section),
    ...triggers.map((one, i) => triggersSection(one, i === 0 ? "triggers" : `triggers-of-${i + 1}`, results.length + i === 0 ? "h1" : "h2")));
  if (results.length > 0 && triggers.length > 0)
    document.querySelector("#tools")?.append(h("a", { class: "to-triggers", href: "#triggers" }, "Triggers"));
  document.querySelector("#tools")?.append(themeSwitch(redrawCharts));
  document.title = titleOf(results, triggers);
  printWhole(shown);
  addEventListener("hashchange", () => follow(shown, true));
  if (location.hash.length > 1) {
    follow(shown, true);
    if (!alone || triggers.length > 0) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }
}

try {
  start();
} catch (problem) {
  document.querySelector("main")?.append(h("p", { class: "note error" },
    `This report cannot be shown: ${problem instanceof Error ? problem.message : String(problem)}`));
  throw problem;
}
