/* What the page knows, and how it changes with each event of the server. Pure: a state that was given out never changes,
 * and what of it an event does not concern is the same object as before, so that whoever draws sees what is new. */
import type {
  Contest, Conversation, Counts, Explanation, Moment, Seat, SeatsNow, Setting, State, Step, Told,
} from "./protocol";

/* What the page itself adds to what the server tells. */
export interface Known extends State {
  seen?: Readonly<Record<string, Counts>> | undefined; /* of other strategies than the one in use, when they were left */
  asked?: { contest: number; length: number } | undefined; /* letters of the order that somebody had played; what came after was not asked for */
  campaignAfter?: number | undefined; /* the contest that was shown when a campaign arrived; 0: none */
}

const stepsMost = 64; /* of a contest; what comes after is left out, as the server does */
const toldMost = 8; /* agents of one conversation that are known by name */

type Of<K extends Moment["kind"]> = Extract<Moment, { kind: K }>;

const free = { busy: null, key: null, parked: null, in_flight: false, waits: false, waits_for: null, thinks_until_ns: null };

function withSeat(state: State, agent: number, change: Partial<Seat>): State {
  const seats = state.seats.seats.map((seat) => (seat.agent === agent ? { ...seat, ...change } : seat));
  return { ...state, seats: { ...state.seats, seats } };
}

/* The place of a key among conversations, which are in order of key; -1: it has left the inbox. */
function placeOf(conversations: Conversation[], key: number): number {
  let low = 0;
  let high = conversations.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (conversations[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return conversations[low]?.key === key ? low : -1;
}

export function conversationOf(state: State, key: number): Conversation | null {
  return state.conversations[placeOf(state.conversations, key)] ?? null;
}

function withConversation(state: State, key: number, change: (was: Conversation) => Partial<Conversation>): State {
  const place = placeOf(state.conversations, key);
  const was = state.conversations[place];
  if (!was) return state;
  return { ...state, conversations: state.conversations.with(place, { ...was, ...change(was) }) };
}

/* A contest that is not known yet has begun. */
function inContest(state: State, contest: number, key: number): State {
  if (!contest || state.contest?.contest === contest) return state;
  return { ...state, contest: { contest, key, steps: [], cut: false, doubled: null } };
}

function withContest(state: State, contest: number, change: (was: Contest) => Partial<Contest>): State {
  const was = state.contest;
  if (!was || was.contest !== contest) return state;
  return { ...state, contest: { ...was, ...change(was) } };
}

function withStep(state: State, contest: number, step: number, change: Partial<Step>): State {
  return withContest(state, contest, ({ steps }) => ({
    steps: steps.map((was) => (was.step === step ? { ...was, ...change } : was)),
  }));
}

function addStep(state: State, m: Of<"sent">): State {
  const step: Step = {
    step: m.step, agent: m.agent, operation: m.operation, sql: m.sql, sent_ns: m.at_ns, answered_ns: null, waits_ns: null,
    waits_for: null, inferred: false, rows: -1, value: null, sqlstate: null, error: null, outcome: null,
  };
  return withContest(inContest(state, m.contest, m.key), m.contest, ({ steps }) =>
    (steps.length < stepsMost ? { steps: [...steps, step] } : { cut: true }));
}

/* Agents as they were told something first, but the seats before the crowd. */
function addTold(known: Told[], told: Told, isSeat: boolean, seats: number): Told[] {
  const place = known.findIndex((one) => one.agent === told.agent);
  if (place >= 0) return known.with(place, told);
  if (!isSeat) return known.length < toldMost ? [...known, told] : known;
  const before = known.filter((one) => one.agent < told.agent && one.agent <= seats).length;
  return known.toSpliced(before, 0, told).slice(0, toldMost);
}

function isSeat(state: State, agent: number): boolean {
  return state.cast.agents.some((one) => one.agent === agent);
}

/* That it owns a conversation is what an agent still reads when it has answered, as the server has it. */
function toldOf(state: State, m: Of<"told">, was: Told | undefined): Told {
  const { agent, operation, outcome, message, owns, replied } = m;
  const answer = m.answer ?? null;
  const follows = operation !== state.cast.acquire && operation !== state.cast.release && outcome === "ok";
  if (was && owns && follows) return { ...was, replied, answer };
  return { agent, operation, outcome, sqlstate: m.sqlstate ?? null, message, owns, replied, answer };
}

function told(state: State, m: Of<"told">): State {
  const seat = isSeat(state, m.agent);
  const next = withConversation(state, m.key, (was) => ({
    owners: m.owners, owners_most: m.owners_most, replies: m.replies, answered_by: m.answered_by,
    contradicted: m.contradicted,
    told: addTold(was.told, toldOf(state, m, was.told.find((one) => one.agent === m.agent)), seat, state.cast.agents.length),
  }));
  if (!seat) return next;
  const ended = m.step ? withStep(next, m.contest, m.step, { outcome: m.outcome }) : next;
  return m.outcome === "retried" ? ended : withSeat(ended, m.agent, free);
}

/* What probably waited is drawn so: no moment told of it. */
function explained(state: State, explanation: Explanation): State {
  return explanation.inferred.reduce<State>((now, { step, waits_ns, waits_for }) =>
    withStep(now, explanation.contest, step, { waits_ns, waits_for, inferred: true }), { ...state, explanation });
}

function moment(state: State, m: Moment): State {
  switch (m.kind) {
    case "started":
      return withSeat(inContest(state, m.contest, m.key), m.agent, { ...free, busy: m.operation, key: m.key });
    case "parked":
      return withSeat(state, m.agent, { parked: m.sql, in_flight: false, thinks_until_ns: null });
    case "sent":
      return withSeat(addStep(state, m), m.agent, { parked: null, in_flight: true, thinks_until_ns: null });
    case "waits":
      return withSeat(withStep(state, m.contest, m.step, { waits_ns: m.at_ns, waits_for: m.for_agent ?? null }), m.agent,
        { waits: true, waits_for: m.for_agent ?? null });
    case "answered":
      return withSeat(withStep(state, m.contest, m.step, {
        answered_ns: m.at_ns, rows: m.rows, value: m.value ?? null, sqlstate: m.sqlstate ?? null, error: m.error ?? null,
      }), m.agent, { in_flight: false, waits: false, waits_for: null });
    case "paused":
      return withSeat(state, m.agent, { thinks_until_ns: m.until_ns });
    case "told":
      return told(state, m);
    case "doubled":
      return withConversation(withContest(state, m.contest, () => ({ doubled: m.agent })), m.key, (was) =>
        ({ owners: m.owners, owners_most: Math.max(was.owners_most, m.owners) }));
  }
}

function arrived(state: Known, more: Conversation[]): Known {
  const last = state.conversations.at(-1)?.key ?? -Infinity;
  const conversations = [...state.conversations, ...more.filter((one) => one.key > last)];
  const next = { ...state, conversations: conversations.slice(-state.kept) };
  return more.some((one) => one.campaign) ? { ...next, campaignAfter: state.contest?.contest ?? 0 } : next;
}

/* Counts are those of the strategy in use only once its database has stood. */
function seenBy(state: Known, next: Setting): Known["seen"] {
  const { strategy, database } = state.setting;
  if (next.forgotten && !state.setting.forgotten) return undefined;
  if (next.strategy === strategy || database === "preparing") return state.seen;
  return { ...state.seen, [strategy]: state.counts };
}

/* A database that is being prepared has an empty inbox. */
function setting(state: Known, next: Setting): Known {
  const was = state.setting;
  const isNew = next.strategy !== was.strategy || (next.database === "preparing" && was.database !== "preparing");
  const seen = seenBy(state, next);
  if (!isNew) return { ...state, setting: next, seen };
  return { ...state, setting: next, seen, conversations: [], contest: null, explanation: null, asked: undefined,
    campaignAfter: undefined };
}

/* What an order asked for is known while some of it is left. */
function seats(state: Known, next: SeatsNow): Known {
  const { contest } = state;
  const asked = next.order_left > 0 && contest
    ? { contest: contest.contest, length: next.order.length + next.order_left } : state.asked;
  return { ...state, seats: next, asked, now_ns: Math.max(state.now_ns, next.now_ns) };
}

/* Everything anew; what the page alone knows stays while it is the same program that tells. */
function everything(was: Known | null, next: State): Known {
  if (!was || was.token !== next.token) return next;
  return { ...next, seen: seenBy(was, next.setting), asked: was.asked };
}

/* ---- troubles: whatever a call was refused for ---- */

export type Trouble = "database" | "busy" | null;

export function isReady(state: State): boolean {
  return state.setting.database === "ready";
}

export function isIdle(state: State): boolean {
  return state.seats.seats.every((seat) => seat.busy === null);
}

/* What a call that is refused now was probably refused for. */
export function troubleOf(state: State): Trouble {
  return !isReady(state) ? "database" : isIdle(state) ? null : "busy";
}

export function isOver(trouble: Trouble, state: State): boolean {
  return trouble === "database" ? isReady(state) : trouble === "busy" && isIdle(state);
}

/* What is known after an event. Only "state" may come first; an event of an unknown name changes nothing. */
export function apply(state: Known | null, event: string, data: unknown): Known {
  if (event === "state") return everything(state, data as State);
  if (state === null) throw new Error(`"${event}" came before "state"`);
  switch (event) {
    case "moment": {
      const m = data as Moment;
      return { ...moment(state, m), now_ns: Math.max(state.now_ns, m.at_ns) };
    }
    case "seats": return seats(state, data as SeatsNow);
    case "arrived": return arrived(state, data as Conversation[]);
    case "counts": return { ...state, counts: data as Counts };
    case "setting": return setting(state, data as Setting);
    case "explained": return explained(state, data as Explanation);
    default: return state;
  }
}
