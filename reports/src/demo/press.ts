/* Buttons that do nothing for a while, and the press that lets both seats claim. */
import type { Call } from "./client";
import type { Conversation, State } from "./protocol";

/* Says by aria-disabled whether it does something now, so that who stands on it by keyboard stays there. */
export function enable(button: HTMLButtonElement, enabled: boolean): void {
  if (enabled) button.removeAttribute("aria-disabled");
  else button.setAttribute("aria-disabled", "true");
}

export function isEnabled(button: HTMLButtonElement): boolean {
  return !button.hasAttribute("aria-disabled");
}

/* The newest conversation of theirs that nobody was told anything of. */
export function untouchedOf(state: State): Conversation | null {
  return state.conversations.findLast((one) => !one.campaign && one.told.length === 0
    && !state.seats.seats.some((seat) => seat.key === one.key)) ?? null;
}

const arrives_ms = 3000;

/* Both claim the newest untouched conversation; one comes first when there is none. */
export class ClaimBoth {
  private state: State | null = null;
  private wantedUntil = -Infinity; /* of the page's clock, in milliseconds: what comes later was not for this press */

  constructor(private readonly call: Call) {}

  press(): void {
    if (!this.state || this.wantedUntil > performance.now() || this.claim(this.state)) return;
    this.wantedUntil = performance.now() + arrives_ms;
    void this.call("/arrive", { count: 1 });
  }

  show(state: State): void {
    this.state = state;
    if (this.wantedUntil > performance.now() && this.claim(state)) this.wantedUntil = -Infinity;
  }

  private claim(state: State): boolean {
    const conversation = untouchedOf(state);
    if (conversation) void this.call("/both", { key: conversation.key });
    return conversation !== null;
  }
}
