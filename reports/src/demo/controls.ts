/* What a viewer sets, and the buttons that make something happen. */
import { foreign, h } from "../dom";
import { setting } from "../words";
import { campaignSize } from "./campaign";
import type { Call } from "./client";
import { ClaimBoth, enable, isEnabled } from "./press";
import type { State, StrategyInfo } from "./protocol";
import { isIdle, isReady } from "./state";

export const gaps_ns = [
  0, 1e6, 2e6, 5e6, 10e6, 20e6, 50e6, 100e6, 200e6, 500e6, 1e9, 1.5e9, 2e9, 3e9, 4e9, 5e9,
];

/* The place on the dial that is nearest. */
export function dialOf(gap_ns: number): number {
  const far = gaps_ns.map((one) => Math.abs(one - gap_ns));
  return far.indexOf(Math.min(...far));
}

export function gapInWords(gap_ns: number): string {
  return gap_ns === 0 ? "none" : setting(gap_ns);
}

const groups: [StrategyInfo["expect"], string][] = [["race", "Race"], ["safe", "Prevent the race"], [null, "Nobody says"]];
const pills = { race: ["race", "✕", "races"], safe: ["safe", "✓", "prevents it"] } as const;
const arriveAtOnce = 5;

/* What runs, and what is installed for it; in pgbench's language. */
export function textsOf(info: StrategyInfo): { title: string; text: string }[] {
  const scripts = info.scripts.map(({ operation, sql }) => ({ title: operation, text: sql.trimEnd() }));
  return info.install === null ? scripts : [...scripts, { title: "installed before", text: info.install.trimEnd() }];
}

function pressed(name: string, press: () => void): HTMLButtonElement {
  const button: HTMLButtonElement = h("button", { type: "button", click: () => isEnabled(button) && press() }, name);
  return button;
}

/* started: is called when a campaign was asked for. */
export class Controls {
  readonly element: HTMLElement;
  private readonly strategy: HTMLSelectElement;
  private readonly summary = h("p", { class: "strategy-summary" });
  private readonly scripts = h("div", { class: "scripts" });
  private readonly gap: HTMLInputElement;
  private readonly gapWords = h("output", { for: "gap" });
  private readonly stepping: HTMLInputElement;
  private readonly claims: ClaimBoth;
  private readonly both: HTMLButtonElement;
  private readonly others: HTMLButtonElement[]; /* that need a database */
  private state: State | null = null;

  constructor(call: Call, started: () => void) {
    this.claims = new ClaimBoth(call);
    this.both = pressed("Both at once", () => this.claims.press());
    this.both.classList.add("main-button");
    this.others = [
      pressed("New conversations", () => void call("/arrive", { count: arriveAtOnce })),
      pressed("50 agents claim a campaign", () => {
        started();
        void call("/campaign", { count: campaignSize });
      }),
    ];
    this.strategy = h("select", { id: "strategy", change: () => void call("/strategy", { strategy: this.strategy.value }) });
    this.gap = h("input", { id: "gap", type: "range", min: 0, max: gaps_ns.length - 1, step: 1,
      input: () => this.sayGap(gaps_ns[this.gap.valueAsNumber]!),
      change: () => void call("/gap", { gap_ns: gaps_ns[this.gap.valueAsNumber]! }) });
    this.stepping = h("input", { id: "stepping", type: "checkbox", role: "switch",
      change: () => void call("/stepping", { stepping: this.stepping.checked }) });
    this.element = h("section", { class: "controls", "aria-label": "Settings" },
      h("div", { class: "control" }, h("label", { for: "strategy" }, "Strategy"), this.strategy, this.summary,
        h("details", { class: "strategy-code" }, h("summary", {}, "The code"), this.scripts)),
      h("div", { class: "control gap" }, h("label", { for: "gap" }, "Time between check and use: ", this.gapWords),
        h("div", { class: "dial quiet" }, h("span", { "aria-hidden": "true" }, "0"), this.gap,
          h("span", { "aria-hidden": "true" }, "5 s")),
        h("label", { class: "switch" }, this.stepping, " Step by step")),
      h("div", { class: "control buttons" }, this.both, ...this.others));
  }

  show(state: State): void {
    const was = this.state;
    this.state = state;
    if (was?.cast !== state.cast) this.fillStrategies(state);
    if (was?.setting !== state.setting || was.cast !== state.cast) this.showSetting(state);
    enable(this.both, isReady(state) && isIdle(state));
    for (const button of this.others) enable(button, isReady(state));
    this.claims.show(state);
  }

  private fillStrategies(state: State): void {
    this.strategy.replaceChildren(...groups.flatMap(([expect, label]) => {
      const of = state.cast.strategies.filter((one) => one.expect === expect);
      return of.length === 0 ? [] : [h("optgroup", { label }, ...of.map((one) => h("option", { value: one.name }, one.name)))];
    }));
  }

  private showSetting(state: State): void {
    const { strategy, gap_ns, stepping } = state.setting;
    this.strategy.value = strategy;
    const info = state.cast.strategies.find((one) => one.name === strategy);
    const pill = info?.expect ? pills[info.expect] : null;
    this.summary.replaceChildren(
      ...(pill
        ? [h("span", { class: `pill ${pill[0]}` }, h("span", { "aria-hidden": "true" }, `${pill[1]} `), pill[2]), " "] : []),
      ...(info ? [foreign(info.summary), h("span", { class: "quiet isolation" }, `, at ${info.isolation.toUpperCase()}`)] : []));
    this.scripts.replaceChildren(...(info ? textsOf(info).map(({ title, text }) =>
      h("figure", {}, h("figcaption", {}, foreign(title)), h("pre", { tabindex: 0 }, text))) : []));
    this.gap.value = String(dialOf(gap_ns));
    this.sayGap(gap_ns);
    this.stepping.checked = stepping;
  }

  private sayGap(gap_ns: number): void {
    this.gapWords.textContent = gapInWords(gap_ns);
    this.gap.setAttribute("aria-valuetext", gapInWords(gap_ns));
  }
}
