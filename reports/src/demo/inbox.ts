/* One agent's inbox: what it sees of the conversations, which is what it was told and no more, and what it can do. */
import { code, foreign, h, unseen } from "../dom";
import { kindOf } from "../story";
import { setting } from "../words";
import type { Call } from "./client";
import { enable, isEnabled } from "./press";
import type { Conversation, Outcome, Seat, State, Told } from "./protocol";

/* ---- words ---- */

export interface Doing {
  text: string;
  left: number | null; /* of the time it thinks, from 1 to 0; null: it does not think */
}

export function agentName(state: State, agent: number): string {
  return state.cast.agents.find((one) => one.agent === agent)?.name ?? `agent ${agent}`;
}

const verbs = { reads: "reading", writes: "writing", control: "working", other: "working" };

/* What a busy seat is at; null: it is free. */
export function doingOf(state: State, seat: Seat, now_ns: number): Doing | null {
  if (seat.busy === null) return null;
  if (state.setting.database === "away") return { text: "cut off from the database", left: null };
  if (seat.waits) {
    const whose = seat.waits_for === null ? "a" : `${agentName(state, seat.waits_for)}'s`;
    return { text: `waits for ${whose} lock`, left: null };
  }
  if (seat.parked !== null) return { text: "stands before the next statement", left: null };
  if (seat.thinks_until_ns !== null && seat.thinks_until_ns > now_ns) {
    const left_ns = seat.thinks_until_ns - now_ns;
    const time = left_ns < 1e8 ? setting(Math.ceil(left_ns / 1e6) * 1e6) : `${(left_ns / 1e9).toFixed(1)} s`;
    return { text: `thinking ${time}`, left: Math.min(1, left_ns / Math.max(state.setting.gap_ns, 1)) };
  }
  const step = state.contest?.steps.findLast((one) => one.agent === seat.agent && one.answered_ns === null);
  return { text: `${seat.in_flight && step ? verbs[kindOf(step.sql)] : seat.busy} …`, left: null };
}

const endings: Record<Outcome, { tone: string; sign: string }> = {
  ok: { tone: "good", sign: "✓" }, refused: { tone: "bad", sign: "✕" }, rejected: { tone: "bad", sign: "✕" },
  failed: { tone: "trouble", sign: "!" }, unknown: { tone: "trouble", sign: "?" }, retried: { tone: "again", sign: "↻" },
};

/* ---- a conversation ---- */

/* By either seat: its row then has in both inboxes the height that what they are told may need, so that rows stay where
 * they are and side by side. */
function isTouched({ key, told }: Conversation, { cast, seats }: State): boolean {
  return seats.seats.some((seat) => seat.busy !== null && seat.key === key)
    || told.some((one) => cast.agents.some(({ agent }) => agent === one.agent));
}

class Letter {
  readonly element: HTMLElement;
  private readonly claim: HTMLButtonElement;
  private readonly release: HTMLButtonElement;
  private readonly told = h("p", { class: "letter-told" });
  private readonly answer = h("p", { class: "letter-answer" });
  private readonly doing = h("span", {});
  private readonly bar: HTMLProgressElement;
  private readonly work: HTMLElement;
  private readonly verb = new Text("Claim"); /* of its button */
  private shown: { conversation: Conversation; seat: Seat | null; busy: boolean; ready: boolean; touched: boolean } | null = null;

  constructor(private readonly agent: number, name: string, conversation: Conversation, state: State, call: Call) {
    const { key, customer, question } = conversation;
    const about = h("span", { class: unseen }, ` ${customer}'s ${state.cast.key} ${key} as ${name}`);
    const button = (verb: Node, path: string): HTMLButtonElement => {
      const made: HTMLButtonElement = h("button", { type: "button", class: path, click: () => {
        if (isEnabled(made)) void call(`/${path}`, { agent, key });
      } }, verb, about.cloneNode(true));
      return made;
    };
    this.claim = button(this.verb, "claim");
    this.release = button(new Text("Release"), "release");
    this.release.hidden = true;
    this.bar = h("progress", { max: 1, "aria-hidden": "true" });
    this.work = h("p", { class: "letter-doing", hidden: true }, this.doing, this.bar);
    this.told.hidden = true;
    this.answer.hidden = true;
    this.element = h("li", { class: "letter", "data-key": key },
      h("p", { class: "letter-from" }, h("b", {}, foreign(customer)), " ",
        h("span", { class: "quiet" }, `${state.cast.key} ${key}`)),
      h("p", { class: "letter-question" }, foreign(question)), this.told, this.answer, this.work,
      h("div", { class: "letter-buttons" }, this.claim, this.release));
  }

  show(conversation: Conversation, state: State, seat: Seat): void {
    const here = seat.key === conversation.key && seat.busy !== null ? seat : null;
    const ready = state.setting.database === "ready";
    const busy = seat.busy !== null;
    const touched = isTouched(conversation, state);
    const was = this.shown;
    if (was && was.conversation === conversation && was.seat === here && was.busy === busy && was.ready === ready
      && was.touched === touched) return;
    this.shown = { conversation, seat: here, busy, ready, touched };
    const told = conversation.told.find((one) => one.agent === this.agent) ?? null;
    this.showTold(told, here !== null && here.busy === state.cast.acquire);
    const owns = told?.owns ?? false;
    this.verb.data = here && here.busy === state.cast.acquire ? "Claiming …" : owns ? "Claimed" : "Claim";
    enable(this.claim, ready && !busy && !owns);
    if (!owns && document.activeElement === this.release) this.claim.focus();
    this.release.hidden = !owns || state.cast.release === null;
    enable(this.release, ready && !busy);
    this.element.classList.toggle("at", here !== null);
    this.element.classList.toggle("touched", touched);
    this.element.classList.toggle("owned", owns);
    this.work.hidden = here === null;
  }

  /* again: it tries anew, what it was told before is no news. */
  private showTold(told: Told | null, again: boolean): void {
    this.told.hidden = told === null || again;
    this.answer.hidden = !told?.replied || told.answer === null;
    if (!told) return;
    const { tone, sign } = endings[told.outcome];
    this.told.className = `letter-told ${tone}`;
    this.told.replaceChildren(h("span", { "aria-hidden": "true" }, `${sign} `), foreign(told.message),
      ...(told.sqlstate && told.outcome !== "ok" ? [" ", code(told.sqlstate)] : []));
    if (told.answer !== null) this.answer.replaceChildren(h("span", { class: "quiet" }, "Answered: "), foreign(told.answer));
  }

  showDoing(doing: Doing): void {
    if (this.doing.textContent !== doing.text) this.doing.textContent = doing.text;
    this.bar.hidden = doing.left === null;
    if (doing.left !== null) this.bar.value = doing.left;
  }
}

/* ---- the inbox ---- */

/* What came for the crowd is not in it: that is the campaign's. */
export class Inbox {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "letters" });
  private readonly nobody = h("p", { class: "quiet letters-none" }, "Nobody has written. Press “New conversations”.");
  private readonly now = h("span", { class: "inbox-now quiet" });
  private readonly letters = new Map<number, Letter>();

  constructor(private readonly agent: number, private readonly name: string, private readonly call: Call) {
    const id = `inbox-${agent}`;
    this.element = h("section", { class: `inbox inbox-${agent}`, "aria-labelledby": id },
      h("header", { class: "inbox-head" },
        h("span", { class: "avatar", "aria-hidden": "true" }, name.slice(0, 1)),
        h("h2", { id }, foreign(name), h("span", { class: unseen }, "'s inbox")), this.now),
      this.nobody, this.list);
  }

  show(state: State): void {
    const seat = state.seats.seats.find((one) => one.agent === this.agent);
    if (!seat) return;
    const shown = state.conversations.filter((one) => !one.campaign);
    const keys = new Set(shown.map((one) => one.key));
    for (const [key, letter] of this.letters)
      if (!keys.has(key)) {
        letter.element.remove();
        this.letters.delete(key);
      }
    for (const conversation of shown) {
      let letter = this.letters.get(conversation.key);
      if (!letter) {
        letter = new Letter(this.agent, this.name, conversation, state, this.call);
        this.letters.set(conversation.key, letter);
        this.list.prepend(letter.element); /* in order of key: the newest is on top */
      }
      letter.show(conversation, state, seat);
    }
    this.nobody.hidden = shown.length > 0;
  }

  /* What changes with time alone. true: it goes on to. */
  tick(state: State, now_ns: number): boolean {
    const seat = state.seats.seats.find((one) => one.agent === this.agent);
    const doing = seat ? doingOf(state, seat, now_ns) : null;
    const text = doing?.text ?? "free";
    if (this.now.textContent !== text) this.now.textContent = text;
    if (seat && doing && seat.key !== null) this.letters.get(seat.key)?.showDoing(doing);
    return doing !== null && doing.left !== null;
  }
}
