/* The customer's phone: what they asked, and every answer that they got. */
import { foreign, h, unseen } from "../dom";
import { list } from "../words";
import { agentName } from "./inbox";
import type { Conversation, State, Told } from "./protocol";
import { conversationOf } from "./state";

/* The conversation that is shown: the last that the two contested, else the newest that is theirs. */
export function phoneOf(state: State): Conversation | null {
  const contested = state.contest ? conversationOf(state, state.contest.key) : null;
  return contested ?? state.conversations.findLast((one) => !one.campaign) ?? state.conversations.at(-1) ?? null;
}

/* In the order in which they were given, as far as it was seen. */
export function answersOf(conversation: Conversation, state: State): Told[] {
  const given = (one: Told): number => {
    const seen = state.contest?.key === conversation.key && state.contest.steps.findLast((step) =>
      step.agent === one.agent && step.outcome === "ok" && step.operation !== state.cast.acquire);
    return seen ? seen.sent_ns : 0;
  };
  return conversation.told.filter((one) => one.replied && one.answer !== null).sort((a, b) => given(a) - given(b));
}

const small = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];

/* What is to be said of the answers, or null. Who answers what was handed over contradicts nobody. */
export function verdictOf(conversation: Conversation, state: State): { wrong: boolean; text: string } | null {
  const { answered_by, contradicted } = conversation;
  if (answered_by < 2) return null;
  if (contradicted) return { wrong: true, text: `${small[answered_by] ?? answered_by} agents answered. They disagree.` };
  const names = answersOf(conversation, state).map((one) => agentName(state, one.agent));
  return names.length < 2 ? null : { wrong: false, text: `${names[0]} answered, later ${list(names.slice(1))}.` };
}

export class Phone {
  readonly element: HTMLElement;
  private readonly customer = h("h2", {});
  private readonly messages = h("div", { class: "messages", tabindex: 0, role: "log", "aria-label": "The customer's messages" });
  private readonly verdict = h("p", { class: "phone-verdict", role: "status" });
  private seen: unknown[] = [];
  private shown = ""; /* the messages, which are not made anew while they are the same */

  constructor() {
    this.element = h("section", { class: "phone-place", "aria-label": "The customer's phone" },
      h("div", { class: "phone" }, h("div", { class: "phone-head" }, h("span", { class: "phone-camera", "aria-hidden": "true" }),
        this.customer, h("p", { class: "quiet" }, "the customer's phone")), this.messages, this.verdict));
  }

  show(state: State): void {
    const conversation = phoneOf(state);
    if (this.seen[0] === conversation && this.seen[1] === state.contest) return;
    this.seen = [conversation, state.contest];
    const answers = conversation ? answersOf(conversation, state) : [];
    const messages = JSON.stringify([conversation?.key, answers.map((one) => [one.agent, one.answer])]);
    const verdict = conversation ? verdictOf(conversation, state) : null;
    const text = verdict ? `${verdict.wrong ? "⚠ " : ""}${verdict.text}` : "";
    if (this.verdict.textContent !== text) this.verdict.textContent = text;
    this.verdict.classList.toggle("wrong", verdict?.wrong ?? false);
    if (messages === this.shown) return;
    this.shown = messages;
    this.showMessages(state, conversation, answers);
    this.messages.scrollTop = this.messages.scrollHeight;
  }

  private showMessages(state: State, conversation: Conversation | null, answers: Told[]): void {
    this.customer.replaceChildren(conversation ? foreign(conversation.customer) : "Nobody yet");
    if (!conversation) {
      this.messages.replaceChildren();
      return;
    }
    this.messages.replaceChildren(
      h("p", { class: "quiet about-messages" }, `${state.cast.key} ${conversation.key}`),
      h("p", { class: "bubble asked" }, foreign(conversation.question)),
      ...answers.map((one) => h("p", { class: `bubble answered of-${one.agent}` },
        h("b", {}, foreign(agentName(state, one.agent))), h("span", { class: unseen }, ": "), foreign(one.answer ?? ""))),
      ...(answers.length === 0 ? [h("p", { class: "quiet waiting" }, "no answer yet")] : []));
  }
}
