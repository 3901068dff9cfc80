/* How the result was made, and how to make it again. */
import { code, foreign, h, type Child } from "./dom";
import type { ResultDocument } from "./model";
import { facts } from "./table";
import { count, duration, setting } from "./words";

const names: Record<string, string> = {
  max_tries: "most tries",
  key_count: "number of keys",
  keys: "key distribution",
  gaps_ns: "gaps",
  max_lag_ns: "most lag",
};

const absent: Record<string, string> = {
  max_tries: "as the scenario says",
  rounds: "by time",
  transactions: "by time",
};

function wordsOf(name: string, value: unknown): string | null {
  if (value === null || value === undefined) return absent[name] ?? null;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((one) => wordsOf(name, one) ?? "–").join(", ");
  if (typeof value === "number") return name.endsWith("_ns") ? setting(value) : count(value);
  if (typeof value === "object") {
    const { from, to } = value as { from?: number; to?: number };
    return from === undefined ? JSON.stringify(value) : from === to ? `${count(from)} /s` : `${count(from)}..${count(to ?? from)} /s`;
  }
  return String(value);
}

function settingsFacts(document: ResultDocument): HTMLElement {
  return facts([["seed", String(document.seed)], ...Object.entries(document.settings).map(([name, value]): [string, Child] => {
    const words = wordsOf(name, value);
    return [names[name] ?? name.replace(/_ns$/, "").replaceAll("_", " "), words === null ? null : foreign(words)];
  })]);
}

/* 150018 → "15.18": as libpq counts since PostgreSQL 10. */
function libraryVersion(version: number): string {
  return `${Math.floor(version / 10000)}.${version % 10000}`;
}

function environmentFacts(document: ResultDocument): HTMLElement {
  const e = document.environment;
  const serverSettings = (e.server_settings ?? "").split(" ").filter((text) => text !== "");
  return facts([
    ["started", e.started_at ? h("time", { datetime: e.started_at }, e.started_at.replace("T", " ").replace("Z", " UTC")) : null],
    ["pgrace", foreign(e.pgrace ?? "")],
    ["PostgreSQL", foreign(e.server_version ?? "")],
    ["server", e.server === "given" ? "the user's" : `private${e.in_memory ? ", in memory" : ""}`],
    ["target", e.target ? foreign(e.target) : null],
    ["server settings", serverSettings.length > 0 ? h("span", { class: "lines" }, ...serverSettings.map(code)) : null],
    ["libpq", typeof e.libpq_version === "number" ? libraryVersion(e.libpq_version) : null],
    ["machine", foreign(e.machine ?? "")],
    ["processors", typeof e.cpus === "number" ? count(e.cpus) : null],
    ["time to the first round", e.startup_ns ? duration(e.startup_ns) : null],
  ]);
}

/* Browsers refuse the clipboard in some settings: then the command is selected, to be copied by hand. */
async function copy(text: string, source: HTMLElement, button: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

function repeatPart(document: ResultDocument): HTMLElement {
  if (document.repeat === null)
    return h("p", { class: "quiet" }, "The document does not say by which command it was made; its seed and settings are below.");
  const line = h("code", { dir: "ltr", tabindex: 0 }, document.repeat);
  const text = document.repeat;
  const button: HTMLButtonElement = h("button", { type: "button", class: "copy", "aria-live": "polite", click: () => void copy(text, line, button) }, "Copy");
  return h("div", { class: "command" }, h("pre", {}, line), button);
}

export function settingsSection(document: ResultDocument): HTMLElement {
  const scenario = document.scenario;
  return h("section", { class: "settings" }, h("h3", {}, "How to repeat it"),
    repeatPart(document),
    scenario?.file ? h("p", { class: "quiet" }, "The scenario: ", code(scenario.file), ".") : null,
    h("div", { class: "columns" },
      h("div", {}, h("h4", {}, "Settings"), settingsFacts(document)),
      h("div", {}, h("h4", {}, "Environment"), environmentFacts(document))));
}
