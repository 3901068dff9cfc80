/* Numbers as the terminal words them (harness/core/units.c, harness/report/columns.c), so that all outputs of a run agree. */
import type { Cell, Figure, Verdict } from "./model";

/* 1234567 → "1,234,567". */
export function count(n: number): string {
  const digits = String(Math.abs(Math.round(n)));
  return (n < 0 ? "-" : "") + digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/* Three significant digits and a unit: "812 ns", "94.1 µs", "1.20 ms", "3.41 s". */
export function duration(ns: number): string {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]] as const) {
    const value = ns / size;
    if (value < 0.9995) continue;
    return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
  }
  return `${Math.trunc(ns)} ns`;
}

/* A duration that somebody set: "5 ms", "30 s", "2 min", without zeros that nobody wrote. Minutes and hours when whole. */
export function setting(ns: number): string {
  if (ns === 0) return "0";
  for (const [unit, size] of [["h", 3600e9], ["min", 60e9], ["s", 1e9], ["ms", 1e6], ["µs", 1e3]] as const)
    if (ns >= size && (size <= 1e9 || ns % size === 0)) return `${Number((ns / size).toPrecision(6))} ${unit}`;
  return `${ns} ns`;
}

export type Rounding = "nearest" | "up" | "down";

/* "99.4", "0.031": two or three digits that matter, never rounded to a flat 0 or 100 when it is neither. The ends of an
 * interval are rounded outward: what is shown was found, and no more. */
export function percentNumber(share: number, how: Rounding = "nearest"): string {
  const value = share * 100;
  const digits = value === 0 || value === 100 ? 0 : value > 99.9 ? 2 : value >= 1 ? 1 : 1 - Math.floor(Math.log10(value));
  const scale = 10 ** digits;
  const exact = value * scale;
  let scaled = how === "up" ? Math.ceil(exact - 1e-9) : how === "down" ? Math.floor(exact + 1e-9) : Math.round(exact);
  if (value < 100 && scaled >= 100 * scale && how !== "up") scaled = 100 * scale - 1;
  return (scaled / scale).toFixed(scaled === 100 * scale ? 0 : digits);
}

export function percent(share: number, how: Rounding = "nearest"): string {
  return `${percentNumber(share, how)} %`;
}

/* "98.9–99.7 %", the ends rounded outward. */
export function interval(low: number, high: number): string {
  return `${percentNumber(low, "down")}–${percentNumber(high, "up")} %`;
}

/* "1 round", "2,000 rounds". */
export function many(n: number, one: string, several = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : several}`;
}

/* "a", "a and b", "a, b and c". */
export function list(texts: string[]): string {
  if (texts.length < 2) return texts.join("");
  return `${texts.slice(0, -1).join(", ")} and ${texts[texts.length - 1]}`;
}

export function shareOf(cell: Cell): number {
  return cell.duplicates / (cell.contested || 1);
}

const verdicts: Record<Verdict, string> = {
  race: "race",
  safe: "safe",
  "none-seen": "none seen",
  inconclusive: "inconclusive",
  error: "error",
};

export function verdictWords(verdict: Verdict): string {
  return verdicts[verdict] ?? String(verdict);
}

/* Three digits that matter, and thousands apart: "0.042", "12.3", "2,103". */
function plainNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return count(value);
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(size >= 9.995 ? 1 : size >= 0.1 ? 2 : 3);
}

/* Two digits that matter, more where they would read 0 or 100 and it is neither. */
function plainShare(share: number): string {
  const value = share * 100;
  const size = Math.abs(value);
  if (size > 99 && size < 100) return `${(Math.sign(value) * Math.min(size, 99.99)).toFixed(2)} %`;
  if (size >= 9.95 || size === 0) return `${value.toFixed(0)} %`;
  return `${value.toFixed(size >= 1 ? 1 : Math.min(9, 1 - Math.floor(Math.log10(size))))} %`;
}

function bytes(n: number): string {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let scale = 0;
  for (; Math.abs(n) >= 1023.5 && scale + 1 < names.length; scale++) n /= 1024;
  return `${plainNumber(n)} ${names[scale]}`;
}

/* A number of a bench in its unit, as pgr_bench_value; "–" when there is none. */
export function figure(value: number | null | undefined, unit: Figure["unit"]): string {
  if (value === null || value === undefined) return "–";
  if (unit === "ns") return duration(Math.round(value));
  if (unit === "share") return plainShare(value);
  if (unit === "bytes") return bytes(value);
  return unit === "per_s" ? `${plainNumber(value)} /s` : plainNumber(value);
}

/* A name that is too long for a sentence. */
export function short(text: string, most = 48): string {
  const letters = Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}
