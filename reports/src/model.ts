/* The result document, as docs/result.md describes it, with its names. An older document lacks fields: `normalise` fills
 * them in, so that the rest of the page never asks whether a field is there. Nothing here touches the page. */

export type Verdict = "race" | "safe" | "none-seen" | "inconclusive" | "error";
export type Outcome = "ok" | "refused" | "rejected" | "failed" | "unknown";
export const outcomes: readonly Outcome[] = ["ok", "refused", "rejected", "failed", "unknown"];

/* Of times in nanoseconds; without any, count is 0. A race has fewer figures than a bench. */
export interface Latency {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
  mean?: number;
  p90?: number;
  p999?: number;
  p9999?: number;
}

/* [share in (0, 1], ns], rising. */
export type Curve = [number, number][];

export interface DeclaredRejection {
  sqlstate: string;
  constraint: string | null;
  field: string | null;
  message: string | null;
}

export interface MetRejection extends DeclaredRejection {
  count: number;
}

export interface MetError {
  sqlstate: string | null;
  message: string;
  operation: string;
  file: string | null;
  line: number | null;
  count: number;
}

export interface Rule {
  rule: string;
  by: "history" | "rows";
  broken: number | null;
}

export interface Scenario {
  name: string;
  title: string;
  file: string;
  lesson: string | null;
  key: string;
  capacity: number | null;
  owns: string | null;
  broken: string | null;
  operations: { name: string; when: "start" | "after" | "end" }[];
  main: string;
  rejections: DeclaredRejection[];
}

/* Of a race: times since the race's start. */
export interface SampledStep {
  call_ns: number;
  return_ns: number;
  agent: number;
  operation: string;
  sql: string;
  value: string | null;
  rows: number;
  sqlstate: string | null;
  outcome: Outcome | null;
  ready_ns: number; /* < call_ns where it waited for a connection; call_ns in documents that do not know */
  waited_for: number | null;
  waited_until_ns: number | null;
}

export interface SampledWitness {
  round: number;
  key: number;
  rule: string;
  second_owner: number | null;
  steps: SampledStep[];
}

/* docs/witness.md: a step has only what it has something to say of. */
export interface ExploredStep {
  agent: number;
  operation?: string;
  attempt?: number;
  file?: string;
  line?: number;
  text?: string;
  goes_on?: boolean;
  sql?: string;
  waits?: boolean;
  yields?: boolean;
  released_by?: number;
  result?: string;
  value?: string | null;
  outcome?: Outcome | "retried";
  breaks?: boolean;
}

export interface ExploredWitness {
  kind: "pgrace-witness";
  scenario: string;
  strategy: string;
  isolation: string;
  protocol: string;
  operations: string;
  agents: number;
  key: number;
  seed: number;
  split: boolean;
  oracle: "rules" | "serial" | "state";
  steps: ExploredStep[];
  rule?: string;
  why?: string;
  preemptions?: number;
  switches?: number;
  replayed?: number;
  broke?: number;
}

export interface Proof {
  agents: number;
  proved: boolean;
  reduced: boolean;
  split: boolean;
  bound: number | null;
  exhausted: boolean;
  digest: string | null;
  coverage: string | null;
  broken: number;
  serial: number;
  random: number;
  cut: number;
  left: number;
  depth: number;
  found_after: number | null;
}

interface AnyCell {
  scenario: string | null;
  strategy: string;
  isolation: string;
  expect: "race" | "safe" | null;
  complete: boolean;
  line: number | null; /* of the strategy in the scenario's file */
  summary: string | null;
  curves: { winner: Curve; loser: Curve };
  outcomes: Record<string, Record<Outcome, number>>;
  retries: Record<string, number>;
  latency_ns: Record<string, Record<string, Latency>>;
  response_ns: Record<string, Record<string, Latency>>;
  pool_wait_ns: Latency;
  rejections: MetRejection[];
  errors: MetError[];
  duplicates: number;
  unexplained: number;
}

/* Of run, explore or demo. */
export interface Cell extends AnyCell {
  method: "sampled" | "explored";
  verdict: Verdict;
  why: string | null;
  as_expected: boolean;
  rounds: number;
  contested: number;
  share_interval: [number, number] | null;
  upper_bound: number | null;
  rules: Rule[];
  served: number;
  winner_ns: Latency;
  loser_ns: Latency;
  start_skew_ns: Latency;
  elapsed_ns: number;
  rounds_per_s: number;
  statements_per_s: number;
  schedules: number | null;
  classes: number | null;
  proof: Proof | null;
  witness: SampledWitness | ExploredWitness | null;
  more_witnesses: SampledWitness[];
  gap_ns: number | null;
  throughput: { slice_ns: number; ended: number[] } | null;
}

export interface Figure {
  value: number | null;
  median: number | null;
  low: number | null;
  high: number | null;
  bounded: boolean;
  unit: "count" | "per_s" | "ns" | "share" | "bytes";
  better: "lower" | "higher" | null;
  each: (number | null)[];
}

export interface Series {
  repetition: number;
  width_ns: number;
  transactions: number[];
  errors: number[];
  p50_ns: (number | null)[];
  p99_ns: (number | null)[];
  max_ns: (number | null)[];
}

export interface StoryOperation {
  agent: number;
  operation: string;
  attempt: number;
  key: number;
  round: number;
  intended_ns: number;
  call_ns: number;
  return_ns: number;
  outcome: string;
  sqlstate: string | null;
}

export interface BenchCell extends AnyCell {
  method: "load";
  name: string;
  clients: number;
  connections: number;
  threads: number;
  repetitions: number;
  window_ns: number;
  figures: Record<string, Figure>;
  transaction_ns: Latency;
  lag_ns: Latency | null;
  loop_lag_ns: Latency;
  statements: {
    operation: string;
    number: number;
    file: string;
    line: number;
    sql: string;
    latency_ns: Latency | null;
  }[];
  waits: { what: string; seen: number; processes: number }[] | null;
  server: Record<string, number | null> | null;
  verified: boolean;
  verify_limited: boolean;
  verified_operations: number;
  story: { what: "duplicate" | "unexplained"; first: StoryOperation | null; second: StoryOperation } | null;
  rules: string | null;
  rows_broken: number;
  trouble: string | null;
  series: Series[];
}

export interface Environment {
  pgrace: string;
  started_at: string;
  startup_ns: number;
  server: string;
  target: string | null;
  in_memory: boolean;
  server_version: string;
  server_settings: string;
  libpq_version: number;
  machine: string;
  cpus: number;
}

interface AnyDocument {
  format: number;
  exit_status: number;
  complete: boolean;
  interrupted: boolean;
  note: string | null;
  error: string | null; /* what of the environment ended the run */
  repeat: string | null; /* the command that repeats it */
  seed: number;
  settings: Record<string, unknown>;
  environment: Environment;
  scenario: Scenario | null;
}

export interface RaceDocument extends AnyDocument {
  command: "run" | "explore" | "demo";
  cells: Cell[];
}

export interface Threshold {
  text: string;
  where: string;
  crossings: { cell: string; value: number | null }[];
}

export interface Change {
  cell: string;
  figure: string;
  before: number | null;
  after: number | null;
  p: number | null;
  significant: boolean;
  worse: boolean;
}

export interface BenchDocument extends AnyDocument {
  command: "bench";
  thresholds: Threshold[];
  baseline: string | null;
  changes: Change[];
  cells: BenchCell[];
}

export type ResultDocument = RaceDocument | BenchDocument;

/* ---- pgrace schema doc ---- */

export interface RuleColumn {
  name: string;
  allow: string;
  insert: string | null;
  states: string[];
  allowed: boolean[][]; /* from, to: a row and a column a state */
  begins: boolean[] | null; /* by state; null: new rows are free */
}

export interface Fires {
  name: string;
  table: string;
  timing: string;
  events: string[];
  columns: string[];
  row: boolean;
  when: string | null;
  function: string;
  comment: string | null;
}

export interface TriggerVersion {
  number: number;
  file: string;
  comment: string | null;
  migrations: string[] | null; /* null: nobody looked at them */
}

export interface Trigger {
  name: string;
  table: string;
  declaration: string;
  why: string | null;
  rule: { words: string; columns: RuleColumn[] } | null;
  fires: Fires[];
  error: { sqlstate: string; constraint: string; message: string | null; field: string | null; shown: string | null } | null;
  log: string;
  versions: TriggerVersion[];
  decision: string | null;
}

/* Shown beside results; it has no cells and no verdict. */
export interface TriggerDocument {
  command: "schema";
  folder: string;
  triggers: Trigger[];
}

export type AnyShownDocument = ResultDocument | TriggerDocument;

export function isExplored(witness: SampledWitness | ExploredWitness): witness is ExploredWitness {
  return (witness as ExploredWitness).kind === "pgrace-witness";
}

/* ---- reading ---- */

type Loose = Record<string, unknown>;

function asObject(value: unknown): Loose {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Loose) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

const noTimes: Latency = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 };

function asLatency(value: unknown): Latency {
  return { ...noTimes, ...asObject(value) };
}

const anyCellDefaults = {
  scenario: null,
  expect: null,
  complete: true,
  line: null,
  summary: null,
  outcomes: {},
  retries: {},
  latency_ns: {},
  response_ns: {},
  rejections: [],
  errors: [],
  duplicates: 0,
  unexplained: 0,
};

function curvesOf(cell: Loose): { winner: Curve; loser: Curve } {
  const curves = asObject(cell.curves);
  return { winner: asList(curves.winner) as Curve, loser: asList(curves.loser) as Curve };
}

function sampledStep(value: unknown): SampledStep {
  const step = asObject(value);
  return {
    value: null, rows: -1, sqlstate: null, outcome: null, ready_ns: step.call_ns, waited_for: null, waited_until_ns: null,
    ...step,
  } as SampledStep;
}

function witnessOf(value: unknown): SampledWitness | ExploredWitness | null {
  if (value === null || value === undefined) return null;
  const witness = asObject(value);
  const steps = asList(witness.steps);
  if (witness.kind === "pgrace-witness") return { ...witness, steps } as unknown as ExploredWitness;
  return { second_owner: null, ...witness, steps: steps.map(sampledStep) } as unknown as SampledWitness;
}

function raceCell(value: unknown, settings: Loose): Cell {
  const cell = asObject(value);
  const found = {
    why: null, as_expected: true, method: "sampled", rounds: 0, contested: 0, share_interval: null, upper_bound: null,
    rules: [], served: 0, elapsed_ns: 0, rounds_per_s: 0, statements_per_s: 0, schedules: null, classes: null, proof: null,
    gap_ns: settings.gap_ns ?? null, throughput: null,
    ...anyCellDefaults,
    ...cell,
    curves: curvesOf(cell),
    witness: witnessOf(cell.witness),
    more_witnesses: asList(cell.more_witnesses).map(witnessOf),
    winner_ns: asLatency(cell.winner_ns),
    loser_ns: asLatency(cell.loser_ns),
    pool_wait_ns: asLatency(cell.pool_wait_ns),
    start_skew_ns: asLatency(cell.start_skew_ns),
  };
  return found as unknown as Cell;
}

function benchCell(value: unknown): BenchCell {
  const cell = asObject(value);
  const found = {
    figures: {}, statements: [], waits: null, server: null, verified: false, verify_limited: false, verified_operations: 0,
    story: null, rules: null, rows_broken: 0, trouble: null, series: [],
    ...anyCellDefaults,
    ...cell,
    curves: curvesOf(cell),
    pool_wait_ns: asLatency(cell.pool_wait_ns),
    transaction_ns: asLatency(cell.transaction_ns),
    loop_lag_ns: asLatency(cell.loop_lag_ns),
    lag_ns: cell.lag_ns ? asLatency(cell.lag_ns) : null,
  };
  return found as unknown as BenchCell;
}

/* pgrace report has looked at results, not at these: of each value no more is taken for granted than that it is JSON. */
function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function asTexts(value: unknown): string[] {
  return asList(value).map((one) => asText(one) ?? "");
}

function asFlags(value: unknown): boolean[] {
  return asList(value).map((one) => one === true);
}

function ruleColumn(value: unknown): RuleColumn {
  const column = asObject(value);
  return {
    name: asText(column.name) ?? "", allow: asText(column.allow) ?? "", insert: asText(column.insert), states: asTexts(column.states),
    allowed: asList(column.allowed).map(asFlags), begins: Array.isArray(column.begins) ? asFlags(column.begins) : null,
  };
}

function firesOf(value: unknown): Fires {
  const fires = asObject(value);
  return {
    name: asText(fires.name) ?? "", table: asText(fires.table) ?? "", timing: asText(fires.timing) ?? "", events: asTexts(fires.events),
    columns: asTexts(fires.columns), row: fires.row === true, when: asText(fires.when), function: asText(fires.function) ?? "",
    comment: asText(fires.comment),
  };
}

function versionOf(value: unknown): TriggerVersion {
  const version = asObject(value);
  return {
    number: typeof version.number === "number" ? version.number : 0, file: asText(version.file) ?? "", comment: asText(version.comment),
    migrations: version.migrations === null ? null : asTexts(version.migrations),
  };
}

function triggerOf(value: unknown): Trigger {
  const trigger = asObject(value);
  const rule = asObject(trigger.rule);
  const error = asObject(trigger.error);
  const name = asText(trigger.name) ?? "";
  return {
    name, table: asText(trigger.table) ?? "", declaration: asText(trigger.declaration) ?? "", why: asText(trigger.why),
    rule: trigger.rule ? { words: asText(rule.words) ?? "", columns: asList(rule.columns).map(ruleColumn) } : null,
    fires: asList(trigger.fires).map(firesOf),
    error: trigger.error ? {
      sqlstate: asText(error.sqlstate) ?? "", constraint: asText(error.constraint) ?? name, message: asText(error.message),
      field: asText(error.field), shown: asText(error.shown),
    } : null,
    log: asText(trigger.log) ?? "none", versions: asList(trigger.versions).map(versionOf), decision: asText(trigger.decision),
  };
}

/* Whatever a document lacks is filled in. Throws when it is no document of pgrace at all. */
export function normalise(value: unknown): AnyShownDocument {
  const from = asObject(value);
  if (from.command === "schema")
    return { command: "schema", folder: asText(from.folder) ?? "", triggers: asList(from.triggers).map(triggerOf) };
  if (from.command !== "run" && from.command !== "explore" && from.command !== "demo" && from.command !== "bench")
    throw new Error("not a result document of pgrace");
  const settings = asObject(from.settings);
  const common = {
    complete: true, interrupted: false, note: null, error: null, repeat: null, scenario: null,
    ...from,
    settings,
    environment: asObject(from.environment),
  };
  if (from.command === "bench")
    return {
      baseline: null,
      ...common,
      thresholds: asList(from.thresholds),
      changes: asList(from.changes),
      cells: asList(from.cells).map(benchCell),
    } as unknown as BenchDocument;
  return { ...common, cells: asList(from.cells).map((cell) => raceCell(cell, settings)) } as unknown as RaceDocument;
}

/* The texts that pgrace put into the page: a list of documents. */
export function readDocuments(text: string): AnyShownDocument[] {
  return asList(JSON.parse(text)).map(normalise);
}
