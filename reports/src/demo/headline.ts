/* One line for those who watch from afar: what to do first, then what became of it. */
import { count, list, many, setting } from "../words";
import { campaignOf } from "./campaign";
import { agentName } from "./inbox";
import type { Known } from "./state";

export interface Headline {
  text: string;
  wrong: boolean;
}

const handNeeds_ns = 1e9; /* to click in both inboxes */

/* Whether the script that claims waits between its check and its use; true where it is not known. */
function hasGap({ cast, setting: { strategy } }: Known): boolean {
  const scripts = cast.strategies.find(({ name }) => name === strategy)?.scripts;
  const script = scripts?.find(({ operation }) => operation === cast.acquire);
  return !script || /:gap\b/.test(script.sql);
}

/* What to do until somebody has done it. */
function hintOf(state: Known): string {
  const [first, second] = state.cast.agents.map((one) => one.name);
  const { gap_ns } = state.setting;
  if (state.setting.stepping) return `Press Claim at ${first} and at ${second}, then choose whose statement goes next.`;
  if (!hasGap(state)) return "This one has no gap between check and use: press “Both at once”.";
  if (gap_ns === 0) return "Press “Both at once”: without a pause between check and use a hand is too slow.";
  if (gap_ns < handNeeds_ns) return `Press “Both at once”: no hand clicks twice within ${setting(gap_ns)}.`;
  return `Press Claim at ${first}, then within ${setting(gap_ns)} at ${second}.`;
}

/* Nobody has begun a contest since. Of one that came before the page did, the order of keys tells. */
function isCampaignLast({ campaignAfter, contest, conversations }: Known): boolean {
  if (campaignAfter !== undefined) return campaignAfter === (contest?.contest ?? 0);
  const first = conversations.find((one) => one.campaign);
  return first !== undefined && (contest === null || contest.key < first.key);
}

function campaignLine(state: Known): Headline | null {
  const conversations = campaignOf(state);
  if (conversations.length === 0 || !isCampaignLast(state) || state.seats.seats.some((seat) => seat.busy !== null)) return null;
  const doubled = conversations.filter((one) => one.owners_most > 1).length;
  const all = many(conversations.length, state.cast.key);
  if (doubled > 0) return { text: `${count(doubled)} of ${all} ${doubled === 1 ? "has" : "have"} two owners`, wrong: true };
  if (state.seats.crowd_busy > 0) return { text: `${many(state.seats.crowd_busy, "agent")} claim ${all} …`, wrong: false };
  return { text: `None of ${all} has two owners`, wrong: false };
}

export function headlineOf(state: Known): Headline {
  const { contest, explanation, cast, seats } = state;
  if (state.setting.database === "preparing")
    return { text: `Preparing the database for ${state.setting.strategy} …`, wrong: false };
  if (state.setting.database === "away")
    return { text: "The database is away: nobody can claim until it is back", wrong: false };
  const campaign = campaignLine(state);
  if (campaign) return campaign;
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
export function scoreOf({ counts }: Known): { number: string; word: string; some: boolean } {
  return { number: count(counts.doubled), word: counts.doubled === 1 ? "duplicate" : "duplicates", some: counts.doubled > 0 };
}
