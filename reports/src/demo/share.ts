/* What is shown, for somebody else: as an address, and as a command. */
import { h } from "../dom";
import type { Client } from "./client";
import type { State } from "./protocol";

export interface Wanted {
  strategy: string | null;
  gap_ns: number | null;
  stepping: boolean;
  order: string | null;
}

const gapMost_ns = 5e9;

/* As the command line reads it, to the nanosecond: "2s", "500ms". */
function durationOf(ns: number): string {
  const [unit, size] = ([["s", 1e9], ["ms", 1e6], ["us", 1e3]] as const).find((one) => ns >= one[1]) ?? ["ns", 1];
  return ns === 0 ? "0" : `${ns / size}${unit}`;
}

function orderOf(state: State): string {
  return state.setting.stepping ? state.seats.order : "";
}

/* "#strategy=naive&gap=2s&order=ABBA" */
export function fragmentOf(state: State): string {
  const { strategy, gap_ns, stepping } = state.setting;
  const parts = new URLSearchParams({ strategy, gap: durationOf(gap_ns) });
  if (stepping) parts.set("step", "1");
  if (orderOf(state)) parts.set("order", orderOf(state));
  return `#${parts}`;
}

/* What a fragment asks for; null: nothing. What is not understood is left out. */
export function parseFragment(fragment: string): Wanted | null {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const gap = /^(\d+(?:\.\d+)?)(ns|us|ms|s)?$/.exec(parts.get("gap") ?? "");
  const unit = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 }[gap?.[2] ?? "s"] ?? 0;
  const order = parts.get("order") ?? "";
  const wanted = {
    strategy: parts.get("strategy"),
    gap_ns: gap ? Math.min(gapMost_ns, Math.round(Number(gap[1]) * unit)) : null,
    stepping: parts.get("step") === "1",
    order: /^[AB]{1,64}$/.test(order) ? order : null,
  };
  return wanted.strategy || wanted.gap_ns !== null || wanted.stepping || wanted.order ? wanted : null;
}

/* What is still to be done for it. Others watch the same inbox: what stands already is not done to them again. */
export function missingOf(wanted: Wanted, state: State): Wanted {
  const { strategy, gap_ns, stepping } = state.setting;
  const known = state.cast.strategies.some((one) => one.name === wanted.strategy);
  return {
    strategy: known && wanted.strategy !== strategy ? wanted.strategy : null,
    gap_ns: wanted.gap_ns === gap_ns ? null : wanted.gap_ns,
    stepping: wanted.stepping && !stepping,
    order: wanted.order === orderOf(state) ? null : wanted.order,
  };
}

export function commandOf(state: State): string {
  const { strategy, gap_ns, stepping } = state.setting;
  const order = orderOf(state);
  const how = order ? ` --order ${order}` : stepping ? " --step" : "";
  return `pgrace demo --strategy ${strategy} --gap ${durationOf(gap_ns)}${how}`;
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
  private state: State | null = null;

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

  show(state: State): void {
    this.state = state;
    const command = commandOf(state);
    if (this.command.textContent !== command) this.command.textContent = command;
  }
}
