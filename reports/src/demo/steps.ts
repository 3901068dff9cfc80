/* Step by step: the viewer says whose statement goes next, by button or by key, or gives an order to play. */
import { code, foreign, h } from "../dom";
import { many } from "../words";
import type { Call } from "./client";
import { agentName } from "./inbox";
import { ClaimBoth, enable, isEnabled } from "./press";
import type { Seat, State } from "./protocol";
import { isIdle, isReady } from "./state";

/* ---- in words ---- */

const orderMost = 64;
const letters = "AB"; /* of the seats, in their order */
const examples = ["ABAB", "AABB"];

/* Why the seat's next statement cannot be sent now; null: it can. */
export function reasonOf(state: State, seat: Seat): string | null {
  const { database } = state.setting;
  if (database !== "ready") return database === "away" ? "The database does not answer." : "The database is being prepared.";
  if (seat.waits)
    return seat.waits_for === null ? "It waits for a lock." : `It waits for ${agentName(state, seat.waits_for)}'s lock.`;
  if (seat.in_flight) return "Its statement runs.";
  if (seat.parked !== null) return null;
  if (seat.busy !== null) return "It is about to say what it sends next.";
  return "Idle: press Claim in the inbox, or let both claim below.";
}

export function standsInWords(name: string, seat: Seat): string {
  return `${name}'s next statement${seat.busy === null ? "" : ` (${seat.busy})`}.`;
}

/* What is wrong with an order as it was typed; null: it can be played. */
export function faultOf(order: string): string | null {
  if (order === "") return `Type who goes first, second and so on: ${examples.join(" or ")}.`;
  if (/[^AB]/.test(order)) return "An order is made of the letters A and B.";
  return order.length > orderMost ? `An order has at most ${orderMost} letters.` : null;
}

export function wentInWords({ seats }: State): string {
  if (seats.order === "" && seats.order_left === 0) return "Nothing was sent in this contest yet.";
  const left = seats.order_left > 0 ? `, ${many(seats.order_left, "step")} of the order left` : "";
  return `Went so far: ${seats.order === "" ? "nobody" : seats.order}${left}`;
}

/* ---- the panel ---- */

class SeatSteps {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly statement = h("pre", { class: "sql" });
  private readonly reason: HTMLElement;

  constructor(private readonly call: Call, private readonly agent: number, private readonly name: string,
    letter: string) {
    const reason = `steps-reason-${agent}`;
    this.reason = h("p", { class: "quiet steps-reason", id: reason });
    this.button = h("button", { type: "button", class: "step-button", "aria-describedby": reason, click: () => this.send() },
      foreign(name), " sends it ", h("kbd", {}, letter.toLowerCase()));
    this.element = h("div", { class: "step-seat", "data-agent": agent },
      h("h3", {}, foreign(name)), this.statement, this.reason, this.button);
  }

  send(): void {
    if (!isEnabled(this.button)) return;
    enable(this.button, false); /* one press, one statement */
    void this.call("/step", { agent: this.agent });
  }

  show(state: State, seat: Seat): void {
    const reason = reasonOf(state, seat);
    const sql = seat.parked ?? "";
    if (this.statement.textContent !== sql) this.statement.replaceChildren(code(sql));
    this.statement.hidden = sql === "";
    const words = reason ?? standsInWords(this.name, seat);
    if (this.reason.textContent !== words) this.reason.textContent = words;
    enable(this.button, reason === null);
  }
}

/* Keys are ours where nobody writes: a slider, a checkbox and a list take no letters of ours. */
function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches("input:not([type=range], [type=checkbox]), textarea"));
}

const settles_ms = 500; /* the news of what was asked for is here by then */

export class StepsPanel {
  readonly element: HTMLElement;
  private readonly seats = h("div", { class: "step-seats" });
  private readonly both: HTMLButtonElement;
  private readonly plays: HTMLButtonElement[];
  private readonly order: HTMLInputElement;
  private readonly fault = h("p", { class: "steps-fault", id: "steps-fault", role: "alert" });
  private readonly went = h("p", { class: "steps-went", role: "status" });
  private readonly trouble = h("p", { class: "note doubt steps-trouble", role: "alert", hidden: true });
  private readonly known = new Map<number, SeatSteps>();
  private state: State | null = null;
  private readonly claims: ClaimBoth;

  constructor(private readonly send: Call) {
    this.claims = new ClaimBoth(this.call);
    this.both = h("button", { type: "button", click: () => this.claimBoth() }, "Both claim a new conversation");
    this.order = h("input", {
      type: "text", id: "steps-order", name: "order", size: 12, maxlength: orderMost, autocomplete: "off", spellcheck: "false",
      autocapitalize: "characters", "aria-describedby": "steps-fault", placeholder: examples[0],
    });
    this.plays = [h("button", { type: "submit" }, "Play"),
      ...examples.map((order) => h("button", { type: "button", "data-order": order, click: () => this.play(order) }, order))];
    const play = h("form", { class: "steps-play", submit: (event) => this.onPlay(event) },
      h("label", { for: "steps-order" }, "Order to play"), this.order, ...this.plays);
    this.element = h("section", { class: "panel steps-panel", "aria-labelledby": "steps-heading", hidden: true },
      h("h2", { id: "steps-heading" }, "Step by step: whose statement goes next?"),
      this.seats, h("div", { class: "steps-more" }, this.both, play), this.fault, this.went, this.trouble);
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(state: State): void {
    this.state = state;
    this.element.hidden = !state.setting.stepping;
    if (this.known.size !== state.cast.agents.length) this.seat(state);
    for (const seat of state.seats.seats) this.known.get(seat.agent)?.show(state, seat);
    for (const button of [this.both, ...this.plays]) enable(button, isReady(state) && isIdle(state));
    const words = wentInWords(state);
    if (this.went.textContent !== words) this.went.textContent = words;
    const trouble = state.seats.trouble ?? "";
    if (this.trouble.textContent !== trouble) this.trouble.textContent = trouble;
    this.trouble.hidden = trouble === "";
    this.claims.show(state);
  }

  /* What a press has switched off is as the state has it again, also when the press was refused. */
  private readonly call: Call = async (path, body) => {
    await this.send(path, body);
    window.setTimeout(() => this.state && this.show(this.state), settles_ms);
  };

  private seat(state: State): void {
    this.known.clear();
    state.cast.agents.forEach(({ agent, name }, i) =>
      this.known.set(agent, new SeatSteps(this.call, agent, name, letters[i] ?? "")));
    const keys = state.cast.agents.map(({ name }, i) => [
      h("kbd", {}, (letters[i] ?? "").toLowerCase()), " for ", foreign(name), i === 0 ? ", " : "."]).flat();
    this.seats.replaceChildren(...[...this.known.values()].map(({ element }) => element),
      h("p", { class: "quiet step-keys" }, "By keyboard: ", ...keys));
  }

  private claimBoth(): void {
    if (!isEnabled(this.both)) return;
    enable(this.both, false);
    this.claims.press();
  }

  private onPlay(event: Event): void {
    event.preventDefault();
    this.play(this.order.value.replace(/\s+/g, "").toUpperCase());
  }

  private play(order: string): void {
    const fault = faultOf(order);
    this.fault.textContent = fault ?? "";
    this.order.setAttribute("aria-invalid", String(fault !== null));
    this.order.value = order;
    if (fault === null && this.plays.every(isEnabled)) void this.call("/play", { order });
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.state?.setting.stepping || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
    if (writes(event.target)) return;
    const place = letters.indexOf(event.key.toUpperCase());
    const agent = event.key.length === 1 && place >= 0 ? this.state.cast.agents[place]?.agent : undefined;
    if (agent === undefined) return;
    event.preventDefault(); /* a list would choose what begins with the letter */
    this.known.get(agent)?.send();
  }
}
