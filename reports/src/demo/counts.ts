/* Running counts of the strategy in use, and what may be concluded from them. */
import { foreign, h } from "../dom";
import { count, many } from "../words";
import type { Cast, Counts, StrategyInfo } from "./protocol";
import type { Known } from "./state";

interface Fact {
  name: string;
  means: string;
  value: number;
  wrong?: string; /* what more than none of them is called */
}

export function factsOf(counts: Counts, cast: Cast): Fact[] {
  return [
    { name: "Contradicting answers", means: `${cast.key}s that two owners at once answered`, value: counts.doubly_answered,
      wrong: "answered twice" },
    { name: "Told yes", means: `${cast.acquire}s that ended ok`, value: counts.ok },
    { name: "Refusals", means: "the script saw that it may not", value: counts.refused },
    { name: "Rejections", means: "the database said no, as declared", value: counts.rejected },
    { name: "Failures", means: "an error that nobody declared", value: counts.failed, wrong: "a bug" },
    { name: "Unknown", means: "the connection was lost: it may have happened", value: counts.unknown },
    { name: "Retries", means: `${cast.acquire}s tried again`, value: counts.retried },
  ];
}

/* Strategies that this page has seen contested, the one in use last: "naive: 2 of 2 contested conversations had two owners",
 * "trigger: 0 of 2". Nothing while there is nothing to compare. */
export function contrastOf(strategy: string, counts: Counts, seen: Known["seen"], cast: Cast): string[] {
  const others = Object.entries(seen ?? {}).filter(([name]) => name !== strategy);
  const all = [...others, [strategy, counts] as const].filter(([, one]) => one.contested > 0);
  if (all.length < 2) return [];
  return all.map(([name, { doubled, contested }], i) => i > 0 ? `${name}: ${count(doubled)} of ${count(contested)}`
    : `${name}: ${count(doubled)} of ${many(contested, `contested ${cast.key}`)} had two owners`);
}

/* What the number of duplicates shows. Zero proves nothing where it is not known that the same clicks can collide. */
export function conclusionOf(counts: Counts, cast: Cast, strategy: StrategyInfo | undefined, seen?: Known["seen"]): string {
  const contested = many(counts.contested, `contested ${cast.key}`);
  if (counts.doubled > 0) return `${count(counts.doubled)} of ${contested} had two owners at once.`;
  if (counts.contested === 0) return `No ${cast.key} was contested yet, so this shows nothing.`;
  const found = `0 of ${contested} had two owners.`;
  if (strategy?.expect === "race") return `${found} That proves nothing: this strategy is expected to collide.`;
  const raced = cast.strategies.find(({ name, expect }) => expect === "race" && (seen?.[name]?.doubled ?? 0) > 0);
  if (raced) return `${found} With ${raced.name}, the control, there were two: clicks like these do collide.`;
  const control = cast.strategies.find(({ expect }) => expect === "race")?.name;
  const must = control ? `: do the same with ${control}, the control, which must collide` : "";
  return `${found} Zero proves nothing without a control${must}.`;
}

function fact({ name, means, value, wrong }: Fact): HTMLElement {
  const alarm = wrong !== undefined && value > 0;
  return h("div", { class: `count${alarm ? " wrong" : ""}` },
    h("dt", {}, name, h("small", {}, means)),
    h("dd", {}, count(value), alarm && h("span", { class: "remark" }, wrong)));
}

function duplicates(counts: Counts, cast: Cast): HTMLElement {
  const some = counts.doubled > 0;
  return h("p", { class: `duplicates${some ? " some" : ""}` },
    h("strong", { class: "duplicates-count" }, count(counts.doubled)), " ",
    h("span", {}, counts.doubled === 1 ? "duplicate" : "duplicates",
      h("small", {}, `${some ? (counts.doubled > 1 ? `${cast.key}s` : cast.key) : `no ${cast.key}`} with two owners`)));
}

export class CountsPanel {
  readonly element: HTMLElement;
  private readonly told = h("div");
  private shown: { counts: Counts; cast: Cast; strategy: string; seen: Known["seen"] } | null = null;

  constructor() {
    this.element = h("section", { class: "panel counts-panel", "aria-labelledby": "counts-heading" },
      h("h2", { id: "counts-heading" }, "Counted"), this.told);
  }

  show({ counts, cast, setting, seen }: Known): void {
    const { shown } = this;
    if (shown?.counts === counts && shown.cast === cast && shown.strategy === setting.strategy && shown.seen === seen) return;
    this.shown = { counts, cast, strategy: setting.strategy, seen };
    const contrast = contrastOf(setting.strategy, counts, seen, cast);
    const strategy = cast.strategies.find(({ name }) => name === setting.strategy);
    this.told.replaceChildren(
      h("p", { class: "counts-of" }, "with ", h("b", {}, foreign(setting.strategy)),
        strategy?.summary && h("span", { class: "quiet" }, ": ", foreign(strategy.summary))),
      duplicates(counts, cast),
      h("p", { class: "conclusion" }, conclusionOf(counts, cast, strategy, seen)),
      ...(contrast.length > 0 ? [h("ul", { class: "contrast" }, ...contrast.map((one) => h("li", {}, foreign(one))))] : []),
      h("dl", { class: "counts" }, ...factsOf(counts, cast).map(fact)));
  }
}
