/* What a document says, in sentences: the page's first line, and a cell's verdict with what it rests on. */
import type { BenchCell, BenchDocument, Cell, RaceDocument, ResultDocument } from "./model";
import { count, duration, figure, interval, list, many, percent, setting, shareOf, short, verdictWords } from "./words";

/* How a verdict looks: a class of style.css, and the sign that stands before the word. */
export type Tone = "race" | "safe" | "none" | "doubt" | "error" | "absent";
export const signs: Record<Tone, string> = { race: "✗", safe: "✓", none: "○", doubt: "?", error: "!", absent: "–" };

/* ---- a cell of a race ---- */

export function wasRun(cell: Cell): boolean {
  return cell.method === "explored" ? cell.proof !== null : cell.rounds > 0 || cell.rules.length > 0;
}

/* The scenario says otherwise. */
export function contradicts(cell: Cell): boolean {
  return !cell.as_expected && cell.expect !== null && cell.verdict !== "inconclusive";
}

export function toneOf(cell: Cell): Tone {
  if (!wasRun(cell)) return "absent";
  switch (cell.verdict) {
    case "race": return "race";
    case "safe": return "safe";
    case "none-seen": return "none";
    case "inconclusive": return "doubt";
    case "error": return "error";
  }
}

export function verdictOf(cell: Cell): string {
  return wasRun(cell) ? verdictWords(cell.verdict) : "not run";
}

/* "1,987 / 2,000 contested" rounds, "6 schedules", "broken by schedule 3". */
export function countsOf(cell: Cell): string {
  if (cell.method === "sampled") return `${count(cell.duplicates)} / ${count(cell.contested)} contested`;
  if (cell.verdict !== "race") return many(cell.contested, "schedule");
  const proof = cell.proof;
  if (proof === null || proof.proved || proof.exhausted || proof.broken > 1)
    return `${count(proof?.broken ?? cell.duplicates)} / ${many(proof ? cell.schedules ?? cell.contested : cell.contested, "schedule")}`;
  return `broken by schedule ${count(proof.found_after ?? 0)}`;
}

/* "99.4 %", "≤ 0.15 %", "proved"; null when there is nothing to say. */
export function strengthOf(cell: Cell): string | null {
  if (cell.method === "explored") return cell.verdict === "safe" ? "proved" : null;
  if (cell.contested === 0) return null;
  if (cell.duplicates > 0) return percent(shareOf(cell));
  return cell.upper_bound === null ? null : `≤ ${percent(cell.upper_bound, "up")}`;
}

export function retriesOf(cell: { retries: Record<string, number> }): number {
  return Object.values(cell.retries).reduce((sum, n) => sum + n, 0);
}

function sampledEvidence(cell: Cell): string {
  const rounds = many(cell.contested, "contested round");
  if (cell.contested === 0) return `Of ${many(cell.rounds, "round")} none was contested: no two agents met.`;
  if (cell.duplicates === 0)
    return `No rule was broken in ${rounds}` + (cell.upper_bound === null ? "." :
      `: with 95 % confidence the true share is below ${percent(cell.upper_bound, "up")}. That is a sample, not a proof.`);
  const share = `A rule was broken in ${count(cell.duplicates)} of ${rounds}: ${percent(shareOf(cell))}`;
  const range = cell.share_interval;
  return range ? `${share} (95 % interval ${interval(range[0], range[1])}).` : `${share}.`;
}

function exploredEvidence(cell: Cell): string {
  const proof = cell.proof;
  if (!proof) return "";
  const witness = cell.witness as { replayed?: number; broke?: number } | null;
  const again = witness?.replayed ? ` Replayed, it broke ${count(witness.broke ?? 0)} of ${many(witness.replayed, "time")}.` : "";
  const agents = many(proof.agents, "agent");
  if (cell.verdict === "race")
    return proof.proved || proof.exhausted || proof.broken > 1
      ? `With ${agents} ${count(proof.broken)} of ${many(cell.schedules ?? 0, "schedule")} break a rule.${again}`
      : `With ${agents} schedule ${count(proof.found_after ?? 0)} breaks a rule.${again}`;
  if (proof.proved) return `Proved for ${agents}: no order of their statements breaks a rule.`;
  return `Explored with ${agents}: ${many(cell.schedules ?? 0, "schedule")}, none of which broke a rule.`;
}

/* What the verdict rests on. */
export function evidenceOf(cell: Cell): string {
  if (!wasRun(cell)) return "It did not run.";
  return cell.method === "explored" ? exploredEvidence(cell) : sampledEvidence(cell);
}

/* "As the scenario says.", or what it says instead; "" when it says nothing. */
export function expectationOf(cell: Cell): string {
  if (cell.expect === null || !wasRun(cell)) return "";
  const says = cell.expect === "race" ? "the scenario says that it races" : "the scenario says that it is safe";
  if (contradicts(cell)) return `Not expected: ${says}.`;
  return cell.as_expected ? "As the scenario says." : `${says[0]?.toUpperCase()}${says.slice(1)}.`;
}

/* "naive at read committed, gap 1 ms": only what tells it from the others. */
export function nameOf(document: RaceDocument, cell: Cell): string {
  const parts = [cell.strategy];
  if (document.cells.some((other) => other.isolation !== cell.isolation)) parts.push(` at ${cell.isolation}`);
  if (isSwept(document)) parts.push(`, gap ${setting(cell.gap_ns ?? 0)}`);
  return parts.join("");
}

export function isSwept(document: RaceDocument): boolean {
  return document.cells.some((cell) => cell.gap_ns !== document.cells[0]?.gap_ns);
}

/* ---- the first line ---- */

type Standing = "error" | "race" | "inconclusive" | "none-seen" | "safe" | "not-run";
const standings: Standing[] = ["error", "race", "inconclusive", "none-seen", "safe", "not-run"];

/* A strategy's is its worst cell's. */
function standingsOf(document: RaceDocument): Map<Standing, string[]> {
  const worst = new Map<string, number>();
  for (const cell of document.cells) {
    const rank = standings.indexOf(wasRun(cell) ? cell.verdict : "not-run");
    worst.set(cell.strategy, Math.min(rank, worst.get(cell.strategy) ?? standings.length));
  }
  const found = new Map<Standing, string[]>();
  for (const [strategy, rank] of worst) {
    const standing = standings[rank] ?? "not-run";
    found.set(standing, [...(found.get(standing) ?? []), strategy]);
  }
  return found;
}

/* "naive and transaction race", "12 strategies are proved safe". */
function clause(names: string[], one: string, several: string): string {
  const subject = names.length <= 3 ? list(names.map((name) => short(name))) : `${count(names.length)} strategies`;
  return `${subject} ${names.length === 1 ? one : several}`;
}

const clauses: Record<Standing, [string, string]> = {
  error: ["ended in errors", "ended in errors"],
  race: ["races", "race"],
  inconclusive: ["is inconclusive", "are inconclusive"],
  "none-seen": ["showed no race", "showed no race"],
  safe: ["is proved safe", "are proved safe"],
  "not-run": ["did not run", "did not run"],
};

/* How often, of one strategy that was raced: " in 93.0 % of contested rounds", " in 100 contested rounds". */
function howOften(document: RaceDocument, standing: Standing, strategy: string): string {
  const cells = document.cells.filter((cell) => cell.strategy === strategy && cell.method === "sampled" && cell.contested > 0);
  if (cells.length === 0) return "";
  if (standing === "none-seen")
    return ` in ${many(cells.reduce((sum, cell) => sum + cell.contested, 0), "contested round")}`;
  if (standing !== "race") return "";
  return ` in ${cells.length > 1 ? "up to " : ""}${percent(Math.max(...cells.map(shareOf)))} of contested rounds`;
}

function raceSentence(document: RaceDocument): string {
  const found = standingsOf(document);
  const parts: string[] = [];
  for (const standing of ["race", "error", "safe", "none-seen", "inconclusive", "not-run"] as const) {
    const names = found.get(standing);
    if (!names) continue;
    parts.push(clause(names, ...clauses[standing]) + (names.length === 1 ? howOften(document, standing, names[0] as string) : ""));
  }
  if (parts.length === 0) return `Nothing was ${{ run: "raced", explore: "explored", demo: "played" }[document.command]}.`;
  return `${parts.join("; ")}.`;
}

/* Duplicates of a bench count as broken rules do. */
export function broke(cell: BenchCell): boolean {
  return cell.duplicates > 0 || cell.rows_broken > 0;
}

export function wasMeasured(cell: BenchCell): boolean {
  return cell.repetitions > 0;
}

function benchSentence(document: BenchDocument): string {
  const measured = document.cells.filter(wasMeasured);
  if (measured.length === 0) return "Nothing was measured.";
  const holds = measured.filter((cell) => !broke(cell)), broken = measured.filter(broke);
  const tps = (cell: BenchCell): number => cell.figures.tps?.value ?? 0;
  const fastest = [...(holds.length ? holds : measured)].sort((a, b) => tps(b) - tps(a))[0] as BenchCell;
  const speed = `${figure(tps(fastest), "count")} transactions a second`;
  const parts = [measured.length === 1 ? `${short(fastest.name)} did ${speed}`
    : `${short(fastest.name)} is the fastest${broken.length > 0 && holds.length > 0 ? " that kept the rules" : ""}: ${speed}`];
  const wrongs = new Map<string, { duplicates: number; rows: number }>();
  for (const cell of broken) {
    const sum = wrongs.get(cell.strategy) ?? { duplicates: 0, rows: 0 };
    wrongs.set(cell.strategy, { duplicates: sum.duplicates + cell.duplicates, rows: sum.rows + cell.rows_broken });
  }
  if (wrongs.size > 3) parts.push(`${count(wrongs.size)} strategies broke the rules`);
  else if (wrongs.size > 0)
    parts.push(list([...wrongs].map(([strategy, { duplicates, rows }]) =>
      `${short(strategy)} had ${duplicates > 0 ? many(duplicates, "duplicate") : many(rows, "broken row")}`)));
  const crossed = document.thresholds.filter((threshold) => threshold.crossings.length > 0).length;
  if (crossed > 0) parts.push(many(crossed, "threshold is crossed", "thresholds are crossed"));
  const worse = document.changes.filter((change) => change.significant && change.worse).length;
  if (worse > 0) parts.push(many(worse, "figure is worse", "figures are worse"));
  return `${parts.join("; ")}.`;
}

/* The verdict of a document in a sentence. */
export function sentenceOf(document: ResultDocument): string {
  const any = document.command === "bench" ? document.cells.some(wasMeasured) : document.cells.some(wasRun);
  if (document.error !== null && !any) return "The run could not be made.";
  return document.command === "bench" ? benchSentence(document) : raceSentence(document);
}

export interface Status {
  tone: Tone;
  text: string;
}

/* Whether all is as it should be, from the exit status that the program gave. */
export function statusOf(document: ResultDocument): Status {
  if (document.error !== null) return { tone: "error", text: "stopped by its environment" };
  switch (document.exit_status) {
    case 0:
      if (document.command === "bench")
        return { tone: "safe", text: document.thresholds.length ? "every threshold is kept" : "measured" };
      return { tone: "safe", text: "as expected" };
    case 1: return { tone: "race", text: document.command === "bench" ? "not as it should be" : "not as expected" };
    case 2: return { tone: "doubt", text: document.complete ? "inconclusive" : "incomplete" };
    default: return { tone: "error", text: "ended in an error" };
  }
}

/* "8 agents over 4 connections, 1 thread · seed 42" */
export function setupOf(document: ResultDocument): string {
  const s = document.settings as Record<string, number>;
  const e = document.environment;
  const server = e.server === "given" ? "a PostgreSQL of the user's" : "private PostgreSQL";
  const parts = [`pgrace ${e.pgrace}`, `${server} ${e.server_version}${e.server === "given" ? "" : s.durable ? ", durable" : ", not durable"}`];
  if (document.command === "bench") {
    const clients = [...new Set(document.cells.map((cell) => count(cell.clients)))];
    parts.push(`${clients.join(", ")} ${clients.join() === "1" ? "client" : "clients"}, ${many(s.threads ?? 1, "thread")}`);
  } else if (document.command === "demo") { /* nobody drew by a seed there */
    const seats = s.contenders ?? 0;
    return [...parts, `played by hand: ${many(seats, "seat")} and a crowd of ${count((s.agents ?? 0) - seats)}`].join(" · ");
  } else {
    const over = (s.connections ?? 0) < (s.agents ?? 0) ? ` over ${many(s.connections ?? 0, "connection")}` : "";
    parts.push(`${many(s.agents ?? 0, "agent")}${over}, ${many(s.threads ?? 1, "thread")}`);
  }
  parts.push(`seed ${document.seed}`);
  return parts.join(" · ");
}

/* "p99 904 µs": of the winners; null where no time was taken. */
export function tailOf(cell: Cell): string | null {
  return cell.winner_ns.count > 0 ? duration(cell.winner_ns.p99) : null;
}
