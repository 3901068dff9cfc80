/* What the seats' sessions do, live: the contest that is shown as a story, drawn by the report's timeline. While a
 * statement runs the figure grows by the page's own clock, which goes on from the server's. */
import { h } from "../dom";
import { rowsInWords, type Story, type StoryStep, type Wait } from "../story";
import { liveTimeline } from "../timeline";
import { list } from "../words";
import type { Cast, Contest, Setting, State, Step } from "./protocol";

/* ---- a contest as a story ---- */

const looks_ns = 50e6;

/* The server looks every few milliseconds for who waits: a wait that the first looks saw began with the sending. */
function waitsOf(step: Step): Wait[] {
  if (step.waits_ns === null) return [];
  const from = step.waits_ns - step.sent_ns > looks_ns ? step.waits_ns : step.sent_ns;
  return [{ from, to: step.answered_ns, forAgent: step.waits_for, inferred: step.inferred ?? false }];
}

/* A try ended where the agent goes on with the operation after an error, with more than a ROLLBACK: the server does not
 * tell it by a moment of its own. */
function withTries(steps: Step[]): Step[] {
  const told = [...steps];
  const last = new Map<number, number>(); /* each agent's step before */
  const failed = new Set<number>();
  steps.forEach((step, i) => {
    const { agent } = step;
    const before = told[last.get(agent) ?? -1];
    const goesOn = before?.outcome === null && before.operation === step.operation;
    if (goesOn && failed.has(agent) && !/^\s*rollback\b/i.test(step.sql)) {
      told[last.get(agent)!] = { ...before, outcome: "retried" };
      failed.delete(agent);
    }
    if (step.outcome !== null) failed.delete(agent);
    else if (step.sqlstate !== null) failed.add(agent);
    last.set(agent, i);
  });
  return told;
}

/* Tries of the step's operation by its agent that were over before it, and itself. */
function attemptOf(steps: Step[], i: number): number {
  const { agent, operation } = steps[i]!;
  const own = steps.slice(0, i).filter((step) => step.agent === agent && step.operation === operation);
  const ended = own.findLastIndex((step) => step.outcome !== null && step.outcome !== "retried");
  return own.slice(ended + 1).filter((step) => step.outcome === "retried").length + 1;
}

function resultOf(step: Step): string {
  if (step.answered_ns === null || step.sqlstate !== null) return "";
  return step.value ?? rowsInWords(step.rows);
}

function storyStep(steps: Step[], i: number): StoryStep {
  const step = steps[i]!;
  return {
    agent: step.agent,
    operation: step.operation,
    attempt: attemptOf(steps, i),
    sql: step.sql,
    ready: step.sent_ns,
    from: step.sent_ns,
    to: step.answered_ns,
    waits: waitsOf(step),
    result: resultOf(step),
    value: step.value,
    error: step.sqlstate,
    outcome: step.outcome,
    breaks: false,
    yields: false,
    goesOn: false,
    releasedBy: null,
  };
}

function titleOf(contest: Contest, cast: Cast): string {
  const key = `${cast.key} ${contest.key}`;
  if (contest.doubled !== null) return `How two agents got ${key}`;
  const present = cast.agents.filter(({ agent }) => contest.steps.some((step) => step.agent === agent));
  return present.length > 0 ? `${list(present.map(({ name }) => name))} at ${key}` : key;
}

/* now_ns: the server's clock; what still runs is drawn up to it. */
export function storyOf(contest: Contest, cast: Cast, setting: Setting, now_ns: number): Story {
  const told = withTries(contest.steps);
  const steps = told.map((_, i) => storyStep(told, i));
  const second = steps.find((step) =>
    step.agent === contest.doubled && step.operation === cast.acquire && step.outcome === "ok");
  if (second) second.breaks = true;
  const last = Math.max(0, ...contest.steps.map((step) => step.answered_ns ?? step.waits_ns ?? step.sent_ns));
  return {
    unit: "time",
    isolation: cast.strategies.find(({ name }) => name === setting.strategy)?.isolation ?? "read committed",
    agents: cast.agents,
    steps,
    until: inFlight(contest) ? Math.max(now_ns, last) : last,
    title: titleOf(contest, cast),
    key: String(contest.key),
    round: null,
    rule: "",
    why: "",
    breakLabel: "second owner",
    breakNote: `from here the ${cast.key} has two owners`,
  };
}

export function inFlight(contest: Contest): boolean {
  return contest.steps.some((step) => step.answered_ns === null);
}

/* ---- the panel ---- */

const growsEvery_ms = 100;
const drawnEvery_ms = 40; /* moments that come together are drawn together */

export class LivePanel {
  readonly element: HTMLElement;
  private readonly empty = h("p", { class: "quiet" });
  private readonly cut = h("p", { class: "quiet", hidden: true },
    "Only the first statements of this contest are shown: it has more than fit.");
  private readonly figure = liveTimeline();
  private state: State | null = null;
  private drawn: { contest: Contest | null; cast: Cast; strategy: string } | null = null;
  private drawnAt = -Infinity; /* of the page's clock, in milliseconds, as the next */
  private heardAt = 0; /* when the server's clock was `state.now_ns` */
  private timer: number | undefined;

  constructor() {
    this.element = h("section", { class: "panel live-panel", "aria-labelledby": "live-heading" },
      h("h2", { id: "live-heading" }, "Both sessions, live"), this.empty, this.figure.element, this.cut);
    this.figure.element.hidden = true;
  }

  show(state: State): void {
    if (state.now_ns !== this.state?.now_ns) this.heardAt = performance.now();
    this.state = state;
    const { contest, cast, setting } = state;
    const same = this.drawn?.contest === contest && this.drawn.cast === cast && this.drawn.strategy === setting.strategy;
    if (!same) this.drawIn(drawnEvery_ms);
  }

  /* So many milliseconds after it was drawn last, or now. */
  private drawIn(distance: number): void {
    clearTimeout(this.timer);
    const left = this.drawnAt + distance - performance.now();
    if (left <= 0) this.draw();
    else this.timer = window.setTimeout(() => this.draw(), left);
  }

  private draw(): void {
    const { contest, cast, setting, now_ns } = this.state!;
    this.drawn = { contest, cast, strategy: setting.strategy };
    this.drawnAt = performance.now();
    const told = contest !== null && contest.steps.length > 0;
    this.empty.textContent = emptyWords(this.state!);
    this.empty.hidden = told;
    this.figure.element.hidden = !told;
    this.cut.hidden = !contest?.cut;
    if (!told) return;
    this.figure.show(storyOf(contest, cast, setting, now_ns + (this.drawnAt - this.heardAt) * 1e6));
    if (inFlight(contest)) this.drawIn(growsEvery_ms);
  }
}

function emptyWords({ cast, contest }: State): string {
  const names = list(cast.agents.map(({ name }) => name));
  if (contest) return `The statements of ${cast.key} ${contest.key} will stand here as soon as one is sent.`;
  return `The statements that ${names} send will stand here, side by side, when one of them claims a ${cast.key}: ` +
    "each from its sending to its answer, and what it waited for.";
}
