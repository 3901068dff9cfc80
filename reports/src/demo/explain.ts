/* "What happened": the last contest in three sentences, each with the statement that it speaks of. */
import { code, foreign, h } from "../dom";
import type { Explanation, State } from "./protocol";

function sentence({ text, sql }: Explanation["sentences"][number]): HTMLElement {
  return h("li", {}, h("p", {}, foreign(text)), sql !== null && h("pre", { class: "sql" }, code(sql)));
}

/* What stands where nothing happened yet, and what about what stands is not the latest; "": nothing to say. */
export function noteOf({ explanation, contest, cast }: State): string {
  const names = cast.agents.map(({ name }) => name).join(" and ");
  if (!explanation)
    return contest
      ? "As soon as both are done, three sentences will say here what happened."
      : `When ${names} have both wanted the same ${cast.key}, three sentences will say here what happened, ` +
        "each with the statement that did it.";
  return contest && contest.contest > explanation.contest ? "This was the contest before; the next is under way." : "";
}

export class ExplainPanel {
  readonly element: HTMLElement;
  private readonly note = h("p", { class: "quiet explain-note" });
  private readonly told = h("div", { "aria-live": "polite" });
  private shown: Explanation | null | undefined;

  constructor() {
    this.element = h("section", { class: "panel explain-panel", "aria-labelledby": "explain-heading" },
      h("h2", { id: "explain-heading" }, "What happened"), this.note, this.told);
  }

  show(state: State): void {
    const { explanation } = state;
    const note = noteOf(state);
    if (this.note.textContent !== note) this.note.textContent = note;
    this.note.hidden = note === "";
    if (explanation === this.shown) return;
    this.shown = explanation;
    if (!explanation) this.told.replaceChildren();
    else
      this.told.replaceChildren(h("h3", {}, foreign(explanation.title)),
        h("ol", { class: "explain-sentences" }, ...explanation.sentences.map(sentence)));
  }
}
