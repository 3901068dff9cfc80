/* One line for those who watch from afar: what to do first, then what became of it. */
import { count, list, setting } from "../words";
import { agentName } from "./inbox";
import type { State } from "./protocol";

export interface Headline {
  text: string;
  wrong: boolean;
}

/* What to do until somebody has done it. */
function hintOf(state: State): string {
  const [first, second] = state.cast.agents.map((one) => one.name);
  if (state.setting.stepping) return `Press Claim at ${first} and at ${second}, then choose whose statement goes next.`;
  if (state.setting.gap_ns === 0) return "Press “Both at once”: without a pause between check and use a hand is too slow.";
  return `Press Claim at ${first}, then within ${setting(state.setting.gap_ns)} at ${second}.`;
}

export function headlineOf(state: State): Headline {
  const { contest, explanation, cast, seats } = state;
  if (state.setting.database === "preparing")
    return { text: `Preparing the database for ${state.setting.strategy} …`, wrong: false };
  if (!contest) return { text: hintOf(state), wrong: false };
  const what = `${cast.key} ${contest.key}`;
  const wrong = contest.doubled !== null;
  if (explanation?.contest === contest.contest) return { text: explanation.title, wrong };
  if (wrong) return { text: `Two agents own ${what}`, wrong };
  const at = seats.seats.filter((seat) => seat.busy !== null && seat.key === contest.key)
    .map((seat) => agentName(state, seat.agent));
  const took = new Set(contest.steps.map((step) => step.agent));
  const absent = cast.agents.filter((one) => !took.has(one.agent) && !at.includes(one.name)).map((one) => one.name);
  if (at.length === 0) return { text: hintOf(state), wrong: false };
  if (absent.length > 0 && !state.setting.stepping) return { text: `Now press Claim at ${list(absent)} too`, wrong: false };
  return { text: `${list(at)} ${at.length === 1 ? "is" : "are"} at ${what} …`, wrong: false };
}

/* "1 duplicate" */
export function scoreOf({ counts }: State): { number: string; word: string; some: boolean } {
  return { number: count(counts.doubled), word: counts.doubled === 1 ? "duplicate" : "duplicates", some: counts.doubled > 0 };
}
