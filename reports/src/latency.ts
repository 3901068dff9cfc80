/* What it cost: percentile curves, throughput over time, duplicates against the gap. */
import { chart, logTicks, roundTicks, type Group, type Line, type Point, type Tick } from "./chart";
import { foreign, h, type Child } from "./dom";
import type { BenchCell, BenchDocument, Cell, Curve, Latency, RaceDocument, Series } from "./model";
import { fold, table } from "./table";
import { isSwept, nameOf, strengthOf, verdictOf, wasRun } from "./verdict";
import { count, duration, interval, percent, setting, shareOf } from "./words";

const shownAtFirst = 6; /* cells: more lines are too many to follow */

interface Named<C> {
  name: string;
  cell: C;
}

function namedCells(document: RaceDocument): Named<Cell>[] {
  return document.cells.filter(wasRun).map((cell) => ({ name: nameOf(document, cell), cell }));
}

function namedBenchCells(document: BenchDocument): Named<BenchCell>[] {
  return document.cells.filter((cell) => cell.repetitions > 0).map((cell) => ({ name: cell.name, cell }));
}

/* ---- percentile curves ---- */

const shareTicks: [number, string][] = [
  [0, "0 %"], [0.5, "50 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"], [0.9999, "99.99 %"], [0.99999, "99.999 %"],
];

/* The place of a share on an axis where each step leaves a tenth: log10(1/(1−share)). The maximum, share 1, is put where
 * one of `samples` would be alone. */
function placeOf(share: number, samples: number): number {
  return -Math.log10(Math.max(1 - share, 1 / Math.max(samples, 1)));
}

/* Times as logarithms. A curve that does not begin at 0 is drawn from its first point. */
function curvePoints(curve: Curve, samples: number): Point[] {
  const points: Point[] = [];
  for (const [share, ns] of curve) {
    const x = placeOf(share, samples);
    const last = points[points.length - 1];
    if (last && x <= last[0]) last[1] = Math.max(last[1], Math.log10(Math.max(ns, 1)));
    else points.push([x, Math.log10(Math.max(ns, 1))]);
  }
  return points;
}

function samplesOf(curve: Curve, latency: Latency | undefined): number {
  if (latency && latency.count > 0) return latency.count;
  const before = [...curve].reverse().find(([share]) => share < 1);
  return before ? 2 / (1 - before[0]) : 2;
}

function curveLines(curves: { winner: Curve; loser: Curve }, winner?: Latency, loser?: Latency): Line[] {
  const lines: Line[] = [];
  if (curves.winner.length > 0)
    lines.push({ dashed: false, points: curvePoints(curves.winner, samplesOf(curves.winner, winner)) });
  if (curves.loser.length > 0)
    lines.push({ dashed: true, points: curvePoints(curves.loser, samplesOf(curves.loser, loser)) });
  return lines;
}

function percentileChart(groups: Group[]): HTMLElement {
  const points = groups.flatMap((group) => group.lines.flatMap((line) => line.points));
  const high = Math.max(...points.map(([x]) => x), 1);
  const values = points.map(([, y]) => y);
  const low = Math.min(...values), top = Math.max(...values);
  const margin = Math.max((top - low) * 0.05, 0.05);
  const ticks: Tick[] = shareTicks.map(([share, text]) => ({ at: -Math.log10(1 - share), text }))
    .filter((tick) => tick.at <= high + 1e-9);
  return chart({
    title: "How long it took, by percentile",
    note: "Each step to the right leaves a tenth of the operations. Solid: told yes; dashed: turned away.",
    groups,
    x: { low: 0, high, ticks, name: "share of operations that took no longer" },
    y: {
      low: low - margin, high: top + margin, ticks: logTicks(low - margin, top + margin, setting), name: "time, logarithmic",
    },
    words: (y) => duration(Math.round(10 ** y)),
    where: (x) => `at ${percent(1 - 10 ** -x)}`,
  });
}

/* What the curves show, and what a document without them has. */
function latencyRows(name: string, winner: Latency, loser: Latency): Child[][] {
  const row = (kind: string, times: Latency): Child[] => [foreign(name), kind, count(times.count),
    ...[times.p50, times.p95, times.p99, times.max].map((ns) => duration(ns))];
  const rows: Child[][] = [];
  if (winner.count > 0) rows.push(row("told yes", winner));
  if (loser.count > 0) rows.push(row("turned away", loser));
  return rows;
}

function latencyTable(rows: Child[][]): HTMLElement {
  return table({
    caption: "Times of the operation that is contested",
    columns: [{ name: "cell" }, { name: "outcome" }, { name: "operations", number: true }, { name: "p50", number: true },
      { name: "p95", number: true }, { name: "p99", number: true }, { name: "max", number: true }],
    rows,
    kind: "latencies",
  });
}

function show(groups: Group[]): Group[] {
  return groups.map((group, i) => ({ ...group, shown: i < shownAtFirst }));
}

export function raceLatency(document: RaceDocument): HTMLElement | null {
  const cells = namedCells(document).filter(({ cell }) => cell.winner_ns.count > 0 || cell.loser_ns.count > 0);
  if (cells.length === 0) return null;
  const groups = show(cells.map(({ name, cell }) =>
    ({ name, shown: true, lines: curveLines(cell.curves, cell.winner_ns, cell.loser_ns) }))
    .filter((group) => group.lines.length > 0));
  const numbers = latencyTable(cells.flatMap(({ name, cell }) => latencyRows(name, cell.winner_ns, cell.loser_ns)));
  return h("section", { class: "latency" }, h("h3", {}, "Latency"),
    ...(groups.length > 0 ? [percentileChart(groups), fold("The same in numbers", false, numbers)] : [numbers]));
}

/* ---- over time ---- */

/* x: seconds. */
function overTime(title: string, note: string, groups: Group[], name: string, words: (y: number) => string,
  ticks: (high: number) => Tick[]): HTMLElement {
  const points = groups.flatMap((group) => group.lines.flatMap((line) => line.points));
  const end = Math.max(...points.map(([x]) => x), 1e-6);
  const yTicks = ticks(Math.max(...points.map(([, y]) => y), 0));
  return chart({
    title, note, groups, stepped: true,
    x: { low: 0, high: end, ticks: roundTicks(end, (at) => at === 0 ? "0" : setting(Math.round(at * 1e9)))
      .filter((tick) => tick.at <= end * 1.0001), name: "time" },
    y: { low: 0, high: yTicks[yTicks.length - 1]?.at ?? 1, ticks: yTicks, name },
    words,
    where: (x) => `at ${duration(Math.max(0, Math.round(x * 1e9)))}`,
  });
}

/* Slices of a race, the last of which may be short, hence looks slow: it is left out where there are others. */
function throughputPoints(throughput: NonNullable<Cell["throughput"]>, elapsed: number): Point[] {
  const seconds = throughput.slice_ns / 1e9;
  const whole = throughput.ended.length > 2 && elapsed < throughput.ended.length * throughput.slice_ns
    ? throughput.ended.slice(0, -1) : throughput.ended;
  const points = whole.map((ended, i): Point => [i * seconds, ended / seconds]);
  const last = points[points.length - 1];
  return last ? [...points, [whole.length * seconds, last[1]]] : [];
}

export function raceThroughput(document: RaceDocument): HTMLElement | null {
  const groups = show(namedCells(document).flatMap(({ name, cell }): Group[] => {
    const points = cell.throughput ? throughputPoints(cell.throughput, cell.elapsed_ns) : [];
    return points.length > 0 ? [{ name, shown: true, lines: [{ dashed: false, points }] }] : [];
  }));
  const rows = namedCells(document).filter(({ cell }) => cell.rounds_per_s > 0).map(({ name, cell }): Child[] => [
    foreign(name), duration(cell.elapsed_ns), count(cell.rounds_per_s), count(cell.statements_per_s)]);
  if (rows.length === 0) return null;
  const numbers = table({
    caption: "Of each whole race",
    columns: [{ name: "cell" }, { name: "took", number: true }, { name: "rounds/s", number: true }, { name: "statements/s", number: true }],
    rows,
    kind: "rates",
  });
  return h("section", { class: "throughput" }, h("h3", {}, "Throughput"),
    ...(groups.length > 0
      ? [overTime("Operations a second", "Since each race's start; all operations, whatever their outcome.", groups,
        "operations a second", (y) => `${count(y)} /s`, (high) => roundTicks(high, count)), fold("The same in numbers", false, numbers)]
      : [numbers]));
}

/* By second, of all repetitions together: `merge` makes one number of theirs. What ended after the last whole second of the
 * window was cut short, hence looks slow: it is left out. */
function perSecond(cell: BenchCell, values: (one: Series) => (number | null)[], merge: (all: number[]) => number): Point[] {
  const { series } = cell;
  const whole = Math.floor(cell.window_ns / cell.repetitions / (series[0]?.width_ns ?? 1e9) + 1e-6);
  const seconds = Math.min(Math.max(whole, 1), Math.max(0, ...series.map((one) => values(one).length)));
  const points: Point[] = [];
  for (let i = 0; i < seconds; i++) {
    const all = series.map((one) => values(one)[i]).filter((value): value is number => typeof value === "number");
    if (all.length > 0) points.push([(i * (series[0]?.width_ns ?? 1e9)) / 1e9, merge(all)]);
  }
  const last = points[points.length - 1];
  return last ? [...points, [last[0] + (series[0]?.width_ns ?? 1e9) / 1e9, last[1]]] : [];
}

function mean(all: number[]): number {
  return all.reduce((sum, value) => sum + value, 0) / all.length;
}

export function benchThroughput(document: BenchDocument): HTMLElement | null {
  const cells = namedBenchCells(document).filter(({ cell }) => cell.series.length > 0);
  if (cells.length === 0) return null;
  const groups = (values: (one: Series) => (number | null)[], merge: (all: number[]) => number): Group[] =>
    show(cells.map(({ name, cell }) => ({
      name, shown: true, lines: [{ dashed: false, points: perSecond(cell, values, merge) }],
    })).filter((group) => (group.lines[0]?.points.length ?? 0) > 0));
  const several = cells.some(({ cell }) => cell.repetitions > 1);
  const rates = groups((one) => one.transactions.map((n) => (n * 1e9) / one.width_ns), mean);
  const tails = groups((one) => one.p99_ns, (all) => Math.max(...all));
  return h("section", { class: "throughput" }, h("h3", {}, "Over time"),
    rates.length > 0 && overTime("Transactions a second", several ? "By second of the window, mean of the repetitions." : "By second of the window.",
      rates, "transactions a second", (y) => `${count(y)} /s`, (high) => roundTicks(high, count)),
    tails.length > 0 && overTime("p99 of a transaction", several ? "By second of the window, the worst of the repetitions." : "By second of the window.",
      tails, "time", (y) => duration(Math.round(y)), (high) => roundTicks(high, setting)));
}

export function benchLatency(document: BenchDocument): HTMLElement | null {
  const groups = show(namedBenchCells(document).map(({ name, cell }) => ({ name, shown: true, lines: curveLines(cell.curves) }))
    .filter((group) => group.lines.length > 0));
  if (groups.length === 0) return null;
  return h("section", { class: "latency" }, h("h3", {}, "Latency"), percentileChart(groups));
}

/* ---- the gap ---- */

/* Duplicates against the gap between check and use, when it was swept. Gaps stand side by side, whatever their size. */
export function gapSection(document: RaceDocument): HTMLElement | null {
  if (!isSwept(document)) return null;
  const gaps = [...new Set(document.cells.map((cell) => cell.gap_ns ?? 0))].sort((a, b) => a - b);
  const levels = document.cells.some((cell) => cell.isolation !== document.cells[0]?.isolation);
  const byLine = new Map<string, Cell[]>();
  for (const cell of document.cells.filter((one) => one.method === "sampled" && one.contested > 0)) {
    const name = levels ? `${cell.strategy} at ${cell.isolation}` : cell.strategy;
    byLine.set(name, [...(byLine.get(name) ?? []), cell]);
  }
  const groups = show([...byLine].map(([name, cells]): Group => {
    const sorted = [...cells].sort((a, b) => (a.gap_ns ?? 0) - (b.gap_ns ?? 0));
    const at = (cell: Cell): number => gaps.indexOf(cell.gap_ns ?? 0);
    return { name, shown: true, lines: [{
      dashed: false,
      points: sorted.map((cell): Point => [at(cell), shareOf(cell)]),
      bars: sorted.map((cell): [number, number, number] =>
        [at(cell), cell.share_interval?.[0] ?? 0, cell.share_interval?.[1] ?? cell.upper_bound ?? 0]),
    }] };
  }));
  if (groups.length === 0) return null;
  const rows = [...byLine].flatMap(([name, cells]) => cells.map((cell): Child[] => [foreign(name), setting(cell.gap_ns ?? 0),
    count(cell.duplicates), count(cell.contested), strengthOf(cell),
    cell.share_interval ? interval(cell.share_interval[0], cell.share_interval[1]) : "–", verdictOf(cell)]));
  const inner = gaps.length - 1;
  return h("section", { class: "gaps" }, h("h3", {}, "Duplicates against the gap"),
    chart({
      title: "Share of contested rounds in which a rule was broken",
      note: "By the gap between check and use. Bars: 95 % intervals; where nothing was seen, up to the bound.",
      groups, dots: true,
      x: { low: -0.25, high: inner + 0.25, ticks: gaps.map((gap, at) => ({ at, text: setting(gap) })), name: "gap" },
      y: { low: -0.02, high: 1.02, ticks: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: percent(at) })), name: "share" },
      words: (y) => percent(y),
      where: (x) => `gap ${setting(gaps[Math.max(0, Math.min(inner, Math.floor(x + 1e-9)))] ?? 0)}`,
    }),
    fold("The same in numbers", false, table({
      caption: "Duplicates by gap",
      columns: [{ name: "cell" }, { name: "gap", number: true }, { name: "broken", number: true }, { name: "contested", number: true },
        { name: "share", number: true }, { name: "95 % interval", number: true }, { name: "verdict" }],
      rows, kind: "gap-numbers",
    })));
}
