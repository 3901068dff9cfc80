/* What the demo's server says and is told: the shapes that harness/demo/site.c writes and reads. Times are nanoseconds
 * since the demo began (moments) on the server's clock. Agents 1 and 2 are the two people in the page, 3 … 52 the crowd.
 *
 * GET /events is a stream of server-sent events. Who begins to watch, or is too far behind, gets "state"; then come, in
 * order, each with an id:
 *   state      State         everything, anew
 *   moment     Moment        something happened
 *   seats      SeatsNow      how the two seats and the crowd stand now; after the moments that say why
 *   arrived    Conversation[] new in the inbox, in order of key; what is then more than `kept` leaves it, oldest first
 *   counts     Counts        at most one between two flushes
 *   setting    Setting       strategy, gap, stepping or the database changed; with "preparing" the inbox is empty: no
 *                            conversations, no contest, no explanation
 *   explained  Explanation   of the contest that just ended; again when more is done in it
 * An id is "run-number"; that of a state is the last event's.
 *
 * POST, each with the header X-Pgrace-Token: State.token and a JSON body; 204, or an Answer with a 4xx. A gap is 0 … 5 s, a
 * count 1 … 200, an order 1 … 64 of A and B. While the database is away /strategy only says with which to come back:
 *   /strategy {strategy}   /gap {gap_ns}   /stepping {stepping}
 *   /arrive {count}        /claim {agent, key}   /both {key}   /release {agent, key}
 *   /campaign {count}      /step {agent}         /play {order}
 *   /link {} → 200 {link: "http://127.0.0.1:8734/?token=…"}: an address that works once, for somebody else
 * GET /result.json, /report.html: what was seen until now, as pgrace run writes it. */

export type Outcome = "ok" | "refused" | "rejected" | "failed" | "unknown" | "retried";

export interface StrategyInfo {
  name: string;
  summary: string;
  isolation: string; /* the level the demo runs it at */
  expect: "race" | "safe" | null;
  scripts: { operation: string; sql: string }[]; /* as the scenario's files have them */
  install: string | null; /* what it installs, SQL */
}

export interface Cast {
  name: string; /* scenario */
  title: string;
  key: string; /* "conversation" */
  operations: string[];
  acquire: string; /* "claim" */
  release: string | null;
  strategies: StrategyInfo[];
  agents: { agent: number; name: string }[]; /* of the two seats */
}

export interface Setting {
  strategy: string;
  gap_ns: number;
  stepping: boolean;
  database: "preparing" | "ready" | "away";
  why: string | null; /* of "away" */
  server: string; /* "PostgreSQL 15.18, private"; "" before it is known */
  forgotten: boolean; /* the database was lost, and what was seen in it; until the next claim or strategy */
}

export interface Seat {
  agent: number;
  busy: string | null; /* the operation it is at */
  key: number | null;
  parked: string | null; /* step by step: the statement it would send */
  in_flight: boolean;
  waits: boolean; /* for a lock */
  waits_for: number | null; /* the agent that holds it, where that is known */
  thinks_until_ns: number | null;
}

export interface SeatsNow {
  now_ns: number;
  seats: Seat[];
  crowd_busy: number;
  order: string; /* who went, in the contest that is shown: "ABBA" */
  order_left: number;
  trouble: string | null; /* why an order was not played to its end */
}

export interface Told {
  agent: number;
  operation: string;
  outcome: Outcome;
  sqlstate: string | null;
  message: string; /* what the agent reads */
  owns: boolean;
  replied: boolean;
  answer: string | null; /* what it answered the customer, once it has */
}

export interface Conversation {
  key: number;
  campaign: boolean;
  customer: string;
  question: string;
  owners: number;
  owners_most: number;
  replies: number;
  answered_by: number; /* agents that have answered it, each counted once */
  contradicted: boolean; /* two agents answered it who owned it at the same time; not after a hand-over */
  told: Told[]; /* of the seats and the first few others, each agent's last */
}

export interface Counts {
  ok: number; /* claims by outcome */
  refused: number;
  rejected: number;
  failed: number;
  unknown: number;
  retried: number;
  replies: number;
  contested: number; /* conversations, as the next two */
  doubled: number;
  doubly_answered: number; /* contradicted */
}

/* A statement of a seat in the contest that is shown. */
export interface Step {
  step: number;
  agent: number;
  operation: string;
  sql: string;
  sent_ns: number;
  answered_ns: number | null;
  waits_ns: number | null;
  waits_for: number | null;
  inferred: boolean; /* nobody saw it wait: the times of the statements say that it probably did */
  rows: number; /* -1: failed, or no count */
  value: string | null; /* first column of the first row, "NULL" for SQL NULL; null: it returned no row */
  sqlstate: string | null;
  error: string | null;
  outcome: Outcome | null; /* of its operation, when that ended with it */
}

export interface Contest {
  contest: number;
  key: number;
  steps: Step[];
  cut: boolean;
  doubled: number | null; /* the agent that became a second owner */
}

export interface Explanation {
  contest: number;
  key: number;
  title: string;
  sentences: { text: string; sql: string | null }[];
  inferred: { step: number; waits_ns: number; waits_for: number }[]; /* steps that probably waited: no moment told of it */
}

export interface State {
  version: string;
  token: string;
  now_ns: number;
  kept: number; /* conversations in the inbox at most */
  cast: Cast;
  setting: Setting;
  seats: SeatsNow;
  conversations: Conversation[];
  counts: Counts;
  contest: Contest | null;
  explanation: Explanation | null;
}

/* Fields that a kind has nothing to say of are left out. */
export type Moment =
  | { kind: "started"; at_ns: number; agent: number; key: number; operation: string; contest: number }
  | { kind: "parked"; at_ns: number; agent: number; key: number; operation: string; sql: string }
  | { kind: "sent"; at_ns: number; agent: number; key: number; operation: string; contest: number; step: number; sql: string }
  | { kind: "waits"; at_ns: number; agent: number; key: number; contest: number; step: number; for_agent: number | null }
  | {
      kind: "answered"; at_ns: number; agent: number; key: number; operation: string; contest: number; step: number;
      rows: number; value: string | null; sqlstate: string | null; constraint: string | null; error: string | null;
    }
  | { kind: "paused"; at_ns: number; agent: number; key: number; until_ns: number }
  | {
      kind: "told"; at_ns: number; agent: number; key: number; operation: string; outcome: Outcome;
      sqlstate: string | null; message: string; owns: boolean; replied: boolean; answer: string | null;
      owners: number; owners_most: number; replies: number; /* of the conversation, now */
      answered_by: number; contradicted: boolean; /* as of a Conversation */
      contest: number; step: number; /* of a seat: the statement it ended with; 0: none */
    }
  | { kind: "doubled"; at_ns: number; agent: number; key: number; owners: number; contest: number };

/* Why a call was refused: one sentence for the person. */
export interface Answer {
  error: string;
}
