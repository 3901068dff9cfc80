/* What is shown, for somebody else: as an address, and as a command. */
import { h } from "../dom";
import type { Client } from "./client";
import type { State } from "./protocol";
import type { Known } from "./state";

export interface Wanted {
  strategy: string | null;
  gap_ns: number | null;
  stepping: boolean;
  order: string | null;
  faults: string[]; /* what it says that is not understood */
}

export interface Missing {
  strategy: string | null;
  gap_ns: number | null;
  stepping: boolean | null;
  order: string | null;
}

const gapMost_ns = 5e9;

/* As the command line reads it, to the nanosecond: "2s", "500ms". */
function durationOf(ns: number): string {
  const [unit, size] = ([["s", 1e9], ["ms", 1e6], ["us", 1e3]] as const).find((one) => ns >= one[1]) ?? ["ns", 1];
  return ns === 0 ? "0" : `${ns / size}${unit}`;
}

/* Who went in the contest that is shown, by hand or as an order asked for it: without what followed such an order to the
 * end. */
function orderOf({ setting, seats, asked, contest }: Known): string {
  if (!setting.stepping) return "";
  return asked && asked.contest === contest?.contest ? seats.order.slice(0, asked.length) : seats.order;
}

/* "#strategy=naive&gap=2s&order=ABBA" */
export function fragmentOf(state: Known): string {
  const { strategy, gap_ns, stepping } = state.setting;
  const parts = new URLSearchParams({ strategy, gap: durationOf(gap_ns) });
  if (stepping) parts.set("step", "1");
  if (orderOf(state)) parts.set("order", orderOf(state));
  return `#${parts}`;
}

/* null: no gap that can be set. */
function gapOf(text: string | null): number | null {
  const gap = /^(\d+(?:\.\d+)?)(ns|us|ms|s)?$/.exec(text ?? "");
  const unit = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 }[gap?.[2] ?? "s"] ?? 0;
  const ns = gap ? Math.round(Number(gap[1]) * unit) : Infinity;
  return ns <= gapMost_ns ? ns : null;
}

/* What a fragment asks for; null: it is none of ours. What is not understood is left out, and named among the faults. */
export function parseFragment(fragment: string): Wanted | null {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!["strategy", "gap", "step", "order"].some((name) => parts.has(name))) return null;
  const [gap, order, step] = [parts.get("gap"), parts.get("order"), parts.get("step")];
  const gap_ns = gapOf(gap);
  const isOrder = order !== null && /^[AB]{1,64}$/.test(order);
  const faults = [
    gap !== null && gap_ns === null && `the gap “${gap}”, which goes from 0 to 5s`,
    order !== null && !isOrder && `the order “${order}”, which is 1 to 64 letters A and B`,
    step !== null && step !== "1" && step !== "0" && `step “${step}”, which is 0 or 1`,
  ].filter((one) => one !== false);
  return { strategy: parts.get("strategy"), gap_ns, stepping: step === "1" || isOrder, order: isOrder ? order : null, faults };
}

function isKnown(strategy: string | null, state: State): boolean {
  return state.cast.strategies.some(({ name }) => name === strategy);
}

/* One sentence of what it says that is not understood; null: all is. */
export function faultOfLink(wanted: Wanted, state: State): string | null {
  const unknown = wanted.strategy !== null && !isKnown(wanted.strategy, state);
  const faults = [...(unknown ? [`the strategy “${wanted.strategy}”, which is not known here`] : []), ...wanted.faults];
  return faults.length === 0 ? null : `Of this link was left out: ${faults.join("; ")}.`;
}

/* What is still to be done for it. Others watch the same inbox: what stands already is not done to them again. */
export function missingOf(wanted: Wanted, state: Known): Missing {
  const { strategy, gap_ns, stepping } = state.setting;
  return {
    strategy: isKnown(wanted.strategy, state) && wanted.strategy !== strategy ? wanted.strategy : null,
    gap_ns: wanted.gap_ns === gap_ns ? null : wanted.gap_ns,
    stepping: wanted.stepping === stepping ? null : wanted.stepping,
    order: wanted.order === orderOf(state) ? null : wanted.order,
  };
}

export function commandOf(state: Known): string {
  const { strategy, gap_ns, stepping } = state.setting;
  const order = orderOf(state);
  const how = order ? ` --order ${order}` : stepping ? " --step" : "";
  return `pgrace demo --strategy ${strategy} --gap ${durationOf(gap_ns)}${how}`;
}

/* Lines break between options, not within one. */
function unbroken(command: string): (Node | string)[] {
  const parts = command.split(/ (?=--)/);
  return parts.flatMap((part, i) => [i > 0 ? " " : "", h("span", { class: "option" }, part)]);
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; /* not allowed; it can be selected */
  }
}

function copyButton(name: string, textOf: () => Promise<string | null>): HTMLElement {
  const said = h("span", { role: "status", class: "quiet" });
  const take = async (): Promise<void> => {
    const text = await textOf();
    if (text !== null) said.textContent = await copy(text) ? "Copied." : "Select the text and copy it.";
  };
  return h("span", { class: "copying" }, h("button", { type: "button", class: "copy", click: () => void take() }, name), " ", said);
}

export class Share {
  readonly element: HTMLElement;
  private readonly command = h("pre", {});
  private readonly link = h("p", { class: "share-link", hidden: true });
  private state: Known | null = null;

  constructor(client: Client) {
    const newLink = async (): Promise<string | null> => {
      const answer = await client.ask("/link", {}) as { link?: string } | null;
      if (!answer?.link || !this.state) return null;
      const link = answer.link + fragmentOf(this.state);
      this.link.replaceChildren(h("code", {}, link));
      this.link.hidden = false;
      return link;
    };
    this.element = h("section", { class: "panel share", "aria-labelledby": "share-title" },
      h("h2", { id: "share-title" }, "Show it to somebody"),
      h("p", {}, "A link works once, for one other browser that reaches this computer; whoever opens it sees this same inbox. ",
        copyButton("Copy a link", newLink)),
      this.link,
      h("p", {}, "Or the same on another computer:"),
      h("div", { class: "command" }, this.command, copyButton("Copy", async () => this.command.textContent)),
      h("p", {}, "What was seen until now: ",
        h("a", { href: "/report.html", target: "_blank", rel: "noopener" }, "report.html"), ", ", h("a", { href: "/result.json" }, "result.json"), "."));
  }

  show(state: Known): void {
    this.state = state;
    const command = commandOf(state);
    if (this.command.textContent !== command) this.command.replaceChildren(...unbroken(command));
  }
}
