/* Documents made for the tests: what real ones of a moment cannot have all at once. Every number is made of the cell's
 * place, so that a mix-up shows. */

const latency = (count, ns) => ({ count, p50: ns, p95: ns * 3, p99: ns * 5, max: ns * 40 });

/* As harness/latency/curve.c thins one: denser to the right, the maximum last. */
export function curve(ns, count) {
  const points = [];
  for (let left = 1; left > 1 / count; left *= 0.8) points.push([Number((1 - left * 0.8).toFixed(6)), Math.round(ns * (1 - Math.log10(left * 0.8) * 1.7))]);
  points.push([1, ns * 40]);
  return points;
}

const environment = {
  pgrace: "0.1.0", started_at: "2026-01-02T03:04:05Z", server: "private", target: null, in_memory: true, server_version: "15.18",
  libpq_version: 150018, machine: "Linux 6.1 x86_64", cpus: 2, startup_ns: 240123456,
  server_settings: "fsync=off full_page_writes=off max_connections=12 synchronous_commit=on",
};

export const claim = {
  name: "claim", title: "two agents claim one conversation", file: "scenarios/claim/claim.yaml",
  lesson: "Reading first and writing after leaves a gap in which another agent reads the same.", key: "conversation", capacity: 1,
  owns: "one owner a conversation", broken: "The customer got two answers.",
  operations: [{ name: "claim", when: "start" }, { name: "reply", when: "after" }, { name: "release", when: "end" }], main: "claim",
  rejections: [{ sqlstate: "23514", constraint: "conversation_texter_assignment_constraint", field: "texter_id", message: "This conversation is already checked out" }],
};

function step(agent, call, back, sql, rest = {}) {
  return { call_ns: call, return_ns: back, agent, operation: "claim", sql, value: null, rows: 1, sqlstate: null, outcome: null,
    ready_ns: call, waited_for: null, waited_until_ns: null, ...rest };
}

export function witness(round, first = 3, second = 5) {
  const t = 1_000_000 * round;
  return { round, key: round, rule: "one owner a conversation", second_owner: second, steps: [
    step(first, t, t + 40_000, `SELECT texter_id IS NULL AS free FROM conversations WHERE id = ${round}`, { value: "t" }),
    step(second, t + 11_000, t + 52_000, `SELECT texter_id IS NULL AS free FROM conversations WHERE id = ${round}`, { value: "t", ready_ns: t + 2000 }),
    step(first, t + 94_000, t + 130_000, `UPDATE conversations SET texter_id = ${first} WHERE id = ${round}`, { outcome: "ok" }),
    step(second, t + 101_000, t + 171_000, `UPDATE conversations SET texter_id = ${second} WHERE id = ${round}`,
      { outcome: "ok", waited_for: first, waited_until_ns: t + 130_000 }),
  ] };
}

/* A sampled cell. of: strategy, isolation, gap, duplicates … `n` makes its numbers its own. */
export function cell(n, of) {
  const rounds = 2000 + n;
  const duplicates = of.duplicates ?? 0;
  const winner = latency(16_000 + n, 200_000 + n * 1000), loser = latency(14_000 + n, 310_000 + n * 1000);
  const share = duplicates / rounds;
  return {
    scenario: "claim", strategy: "naive", isolation: "read committed", expect: duplicates ? "race" : "safe",
    verdict: duplicates ? "race" : "none-seen", why: null, method: "sampled", as_expected: true, complete: true, rounds, contested: rounds,
    share_interval: duplicates ? [Math.max(0, share - 0.01), Math.min(1, share + 0.01)] : null, upper_bound: duplicates ? null : 3 / rounds,
    rules: [{ rule: "one owner a conversation", by: "history", broken: duplicates }], unexplained: 0, served: 8, schedules: null, classes: null,
    outcomes: { claim: { ok: 4101 + n, refused: 11_899, rejected: duplicates ? 0 : 77, failed: 0, unknown: 0 }, reply: { ok: 4101 + n, refused: 0, rejected: 0, failed: 0, unknown: 0 } },
    retries: { claim: n, reply: 0 },
    latency_ns: { claim: { ok: winner, refused: loser }, reply: {} }, response_ns: { claim: { ok: winner, refused: loser }, reply: {} },
    winner_ns: winner, loser_ns: loser, pool_wait_ns: latency(0, 0), start_skew_ns: latency(rounds, 32_400),
    elapsed_ns: 1_700_000_000 + n, rounds_per_s: 1176.5, statements_per_s: 28512.4 + n, errors: [], proof: null,
    rejections: duplicates ? [] : [{ ...claim.rejections[0], count: 77 }],
    witness: duplicates ? witness(17) : null, more_witnesses: duplicates ? [witness(23), witness(31, 1, 2)] : [],
    line: 14 + n, summary: "look, then take", gap_ns: 0,
    curves: { winner: curve(200_000 + n * 1000, 16_000), loser: curve(310_000 + n * 9000, 14_000) },
    throughput: { slice_ns: 100_000_000, ended: Array.from({ length: 17 }, (_, i) => 2400 + n * 10 + ((i * 37) % 11) * 40) },
    ...of, duplicates,
  };
}

export function document(cells, rest = {}) {
  return {
    format: 1, command: "run", exit_status: 0, complete: true, interrupted: false, note: null, error: null,
    repeat: "pgrace run claim --seed 42 --rounds 2000", seed: 42,
    settings: { agents: 8, contenders: 8, connections: 8, threads: 1, rounds: 2000, duration_ns: null, gap_ns: 0, gaps_ns: [0], budget_ns: null,
      max_tries: null, protocol: "prepared", durable: false },
    environment, scenario: claim, cells, ...rest,
  };
}

/* Two strategies at two levels, the gap swept. */
export function swept() {
  const gaps = [0, 1_000_000, 5_000_000];
  const cells = [];
  for (const isolation of ["read committed", "repeatable read"])
    for (const strategy of ["naive", "trigger"])
      gaps.forEach((gap_ns, i) => cells.push(cell(cells.length, { strategy, isolation, gap_ns, duplicates: strategy === "naive" ? 200 + i * 700 : 0 })));
  const d = document(cells);
  d.settings = { ...d.settings, gap_ns: null, gaps_ns: gaps };
  return d;
}

/* What contradicts the scenario, failed, was not run, or says nothing. */
export function troubled() {
  const none = { rounds: 0, contested: 0, rules: [], winner_ns: latency(0, 0), loser_ns: latency(0, 0), curves: { winner: [], loser: [] }, throughput: null,
    rounds_per_s: 0, upper_bound: null };
  return document([
    cell(1, { strategy: "naive", duplicates: 1987 }),
    cell(2, { strategy: "trigger", duplicates: 3, expect: "safe", as_expected: false, why: "the guard looks before it locks" }),
    cell(3, { strategy: "for-update", verdict: "error", as_expected: false, why: "4 operations failed",
      errors: [{ sqlstate: "42703", message: 'column "texter" does not exist', operation: "claim", file: "scenarios/claim/claim.sql", line: 6, count: 3 },
        { sqlstate: null, message: "the shell command failed", operation: "reply", file: "mine.sql", line: null, count: 1 }] }),
    cell(4, { strategy: "exclusion", verdict: "inconclusive", as_expected: false, why: "no control raced" }),
    cell(5, { strategy: "late", verdict: "inconclusive", as_expected: false, complete: false, ...none }),
  ], { exit_status: 1, complete: false, note: "Interrupted: what ran is shown, and incomplete." });
}

/* 25 strategies at two levels with two gaps. */
export function hundred() {
  const gaps = [0, 2_000_000];
  const cells = [];
  for (let k = 0; k < 25; k++)
    for (const isolation of ["read committed", "serializable"])
      for (const gap_ns of gaps)
        cells.push(cell(cells.length, { strategy: `strategy-${k + 1}`, isolation, gap_ns, duplicates: k % 5 === 0 ? 10 + cells.length : 0 }));
  const d = document(cells);
  d.settings = { ...d.settings, gap_ns: null, gaps_ns: gaps };
  return d;
}

export const hostileName = '"><img src=x onerror=alert(1)><script>alert(2)</script>\'&amp;';
export const rightToLeft = "\u202Eevil\u202C \u05E9\u05DC\u05D5\u05DD 123";
export const endless = "n".repeat(10_000);

/* Every text that comes from elsewhere is one of the three. */
export function hostile() {
  const texts = [hostileName, rightToLeft, endless];
  const cells = texts.map((text, n) => {
    const w = witness(17 + n);
    w.rule = text;
    for (const s of w.steps) Object.assign(s, { sql: `SELECT ${text}`, operation: text, value: text });
    return cell(n, {
      strategy: text, summary: text, scenario: text, duplicates: 100, why: text, witness: w, more_witnesses: [], isolation: "read committed",
      rules: [{ rule: text, by: "rows", broken: 100 }], outcomes: { [text]: { ok: 1, refused: 2, rejected: 3, failed: 4, unknown: 5 } }, retries: { [text]: 6 },
      latency_ns: { [text]: { ok: latency(5, 1000) } }, response_ns: { [text]: { ok: latency(5, 1000) } },
      rejections: [{ sqlstate: "23514", constraint: text, field: text, message: text, count: 1 }],
      errors: [{ sqlstate: "42703", message: text, operation: text, file: text, line: 6, count: 3 }],
    });
  });
  const text = texts[0];
  return document(cells, { note: texts.join(" "), error: text, repeat: `pgrace run '${text}'`, scenario: { ...claim, name: text, title: texts[1], file: texts[2], lesson: text,
    key: text, owns: text, broken: text, main: text, operations: texts.map((name) => ({ name, when: "start" })) } });
}

/* From a real bench: thresholds, a baseline, times by the second. */
export function judged(bench) {
  const d = structuredClone(bench);
  const name = d.cells[0].name;
  d.exit_status = 1;
  d.thresholds = [
    { text: "tps > 5000", where: "--threshold", crossings: [{ cell: name, value: d.cells[0].figures.tps.value }] },
    { text: "transaction.p99 < 1s", where: "claim.yaml:12:5", crossings: [] },
  ];
  d.baseline = "baseline.json";
  d.changes = [
    { cell: name, figure: "tps", before: 3301, after: 2923.5, p: 0.002, significant: true, worse: true },
    { cell: name, figure: "transaction.p50", before: 559615, after: 459615, p: 0.0004, significant: true, worse: false },
    { cell: name, figure: "transaction.p99", before: 3101000, after: 3102000, p: 0.41, significant: false, worse: false },
  ];
  d.cells.forEach((c, k) => {
    c.curves = { winner: curve(300_000 + k * 90_000, 8000), loser: curve(200_000 + k * 90_000, 3000) };
    c.series = [1, 2].map((repetition) => ({ repetition, width_ns: 1_000_000_000, transactions: Array.from({ length: 8 }, (_, i) => 2900 - k * 300 + repetition * 20 + ((i * 7) % 5) * 50),
      errors: Array(8).fill(0), p50_ns: Array(8).fill(400_000), p99_ns: Array.from({ length: 8 }, (_, i) => i === 3 ? null : 900_000 + i * 50_000 + k * 100_000), max_ns: Array(8).fill(4_000_000) }));
  });
  return d;
}
