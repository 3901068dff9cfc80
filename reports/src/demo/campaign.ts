/* The campaign: many conversations that a crowd claims, a cell each, marked by how many owners it had at once. */
import { foreign, h } from "../dom";
import { count, list, many } from "../words";
import { agentName } from "./inbox";
import type { Conversation, State } from "./protocol";

export const campaignSize = 200;
const answersShown = 3; /* of one conversation */

/* Those of the last one. */
export function campaignOf(state: State): Conversation[] {
  return state.conversations.filter((one) => one.campaign).slice(-campaignSize);
}

/* "Of 200 conversations 63 have two owners or more, and 61 customers got two answers or more." */
export function captionOf(conversations: Conversation[], busy: boolean): string {
  const doubled = conversations.filter((one) => one.owners_most > 1).length;
  const answered = conversations.filter((one) => one.contradicted).length;
  const open = conversations.filter((one) => one.owners_most === 0).length;
  const owners = doubled === 0 ? "none has two owners" : `${count(doubled)} ${doubled === 1 ? "has" : "have"} two owners or more`;
  const answers = answered === 0 ? "" : `, and ${many(answered, "customer")} got two answers or more`;
  const rest = open === 0 ? "" : ` ${count(open)} ${open === 1 ? "is" : "are"} ${busy ? "still open" : "open"}.`;
  return `Of ${many(conversations.length, "conversation")} ${owners}${answers}.${rest}`;
}

function ownersIn(conversation: Conversation): string {
  return conversation.owners_most === 0 ? "open" : many(conversation.owners_most, "owner");
}

/* One stop of the Tab key; arrow keys go from cell to cell. */
export class Campaign {
  readonly element: HTMLElement;
  private readonly grid = h("div", { class: "grid", role: "group", "aria-label": "Conversations of the campaign" });
  private readonly crowd = h("small", {});
  private readonly caption = h("p", { class: "grid-caption", role: "status" });
  private readonly detail = h("p", { class: "grid-detail quiet" });
  private readonly cells = new Map<number, { button: HTMLButtonElement; shown: Conversation }>();
  private chosen: number | null = null;
  private state: State | null = null;

  constructor() {
    this.element = h("section", { class: "panel campaign", "aria-labelledby": "campaign-title", hidden: true },
      h("h2", { id: "campaign-title" }, "The campaign ", this.crowd), this.caption, this.grid,
      h("p", { class: "grid-key quiet", "aria-hidden": "true" }, h("span", { class: "grid-cell" }), " open ",
        h("span", { class: "grid-cell one" }), " one owner ", h("span", { class: "grid-cell more" }, "2"), " two or more"),
      this.detail);
    this.grid.addEventListener("click", (event) => this.choose(keyOf(event.target)));
    this.grid.addEventListener("focusin", (event) => this.choose(keyOf(event.target)));
    this.grid.addEventListener("pointerover", (event) => this.tell(keyOf(event.target) ?? this.chosen));
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(state: State): void {
    this.state = state;
    const conversations = campaignOf(state);
    this.element.hidden = conversations.length === 0;
    const keys = new Set(conversations.map((one) => one.key));
    for (const [key, cell] of this.cells)
      if (!keys.has(key)) {
        cell.button.remove();
        this.cells.delete(key);
      }
    if (this.chosen === null || !keys.has(this.chosen)) this.choose(conversations[0]?.key ?? null);
    for (const conversation of conversations) this.showCell(conversation);
    const busy = state.seats.crowd_busy > 0;
    this.crowd.textContent = busy ? `${many(state.seats.crowd_busy, "agent")} at work` : "";
    const text = captionOf(conversations, busy);
    this.caption.setAttribute("aria-busy", String(busy)); /* its numbers are read out when they stand */
    if (this.caption.textContent !== text) this.caption.textContent = text;
    this.caption.classList.toggle("wrong", conversations.some((one) => one.owners_most > 1));
  }

  private showCell(conversation: Conversation): void {
    let cell = this.cells.get(conversation.key);
    if (cell?.shown === conversation) return;
    if (!cell) {
      const { key } = conversation;
      const button = h("button", { type: "button", "data-key": key, tabindex: key === this.chosen ? 0 : -1 });
      this.grid.append(button);
      cell = { button, shown: conversation };
      this.cells.set(conversation.key, cell);
    }
    cell.shown = conversation;
    const owners = conversation.owners_most;
    cell.button.className = `grid-cell ${owners === 0 ? "" : owners === 1 ? "one" : "more"}`;
    cell.button.textContent = owners > 1 ? String(owners) : "";
    cell.button.setAttribute("aria-label", `${this.state?.cast.key ?? ""} ${conversation.key}: ${ownersIn(conversation)}`);
    if (conversation.key === this.chosen) this.tell(this.chosen);
  }

  private choose(key: number | null): void {
    if (key === null && this.cells.size > 0) return;
    if (this.chosen !== null) this.cells.get(this.chosen)?.button.setAttribute("tabindex", "-1");
    this.chosen = key;
    if (key !== null) this.cells.get(key)?.button.setAttribute("tabindex", "0");
    this.tell(key);
  }

  private tell(key: number | null): void {
    const conversation = key === null ? undefined : this.cells.get(key)?.shown;
    const state = this.state;
    if (!conversation || !state) {
      this.detail.textContent = "";
      return;
    }
    const owners = conversation.told.filter((one) => one.owns).map((one) => agentName(state, one.agent));
    const answers = conversation.told.filter((one) => one.replied && one.answer !== null);
    const shown = answers.slice(0, answersShown);
    this.detail.replaceChildren(h("b", {}, `Conversation ${conversation.key}, `, foreign(conversation.customer)),
      `: ${ownersIn(conversation)}${owners.length > 0 ? ` (${list(owners)})` : ""}.`,
      ...shown.flatMap((one) => [` ${agentName(state, one.agent)}: `, h("q", {}, foreign(one.answer ?? ""))]),
      answers.length > shown.length ? " …" : "");
  }

  private onKey(event: KeyboardEvent): void {
    if (this.chosen === null || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const keys = [...this.cells.keys()];
    const row = Math.max(1, getComputedStyle(this.grid).gridTemplateColumns.split(" ").length);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -keys.length, End: keys.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const to = keys[Math.min(keys.length - 1, Math.max(0, keys.indexOf(this.chosen) + step))];
    if (to !== undefined) this.cells.get(to)?.button.focus();
  }
}

function keyOf(target: EventTarget | null): number | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>("button[data-key]") : null;
  return cell ? Number(cell.dataset.key) : null;
}
