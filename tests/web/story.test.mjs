/* Stories of documents (reports/src/story.ts), and what is concluded from their statements. No page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, explored, raced, waiting } from "./stories.mjs";
import { read } from "./support.mjs";

const script = await bundle(["model", "story"], "esm");
const parts = await import(`data:text/javascript;base64,${Buffer.from(script).toString("base64")}`);

test("the stories of a cell: the worst first, none without a witness", () => {
  const one = waiting().cells[0].witness;
  const document = raced(one, {}, { more_witnesses: [{ ...one, round: 45 }, { ...one, round: 46 }] });
  const rounds = (from) => {
    const known = parts.normalise(from);
    return known.cells.map((cell) => parts.storiesOf(cell, known).map((story) => story.round));
  };
  assert.deepEqual(rounds(document), [[44, 45, 46]]);
  assert.deepEqual(rounds(read("documents/0.1-first/run.json")), [[22], []]);
});

test("what statements do, by their text", () => {
  const cases = {
    "SELECT a FROM t FOR UPDATE": "reads", "  -- UPDATE t\n SELECT 1 FROM t": "reads", "(SELECT a FROM t)": "reads",
    "SELECT pg_advisory_xact_lock(1)": "other", "SELECT ' FROM '": "other", "TABLE t": "reads", "VALUES (1)": "other",
    "insert into t values (1)": "writes", "DELETE FROM t": "writes", "MERGE INTO t USING s ON true": "writes",
    "WITH a AS (SELECT 1 FROM t FOR NO KEY UPDATE) SELECT * FROM a": "reads",
    "WITH a AS (SELECT 'update t') SELECT * FROM a": "reads",
    "WITH a AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM a": "writes",
    "/* x */ begin": "control", "COMMIT": "control", "LOCK TABLE t": "other", "": "other",
  };
  for (const [sql, kind] of Object.entries(cases)) assert.equal(parts.kindOf(sql), kind, sql);
});

test("snapshots: each statement's at READ COMMITTED, else the transaction's first", () => {
  /* "!" before a statement: it fails. */
  const snapshots = (isolation, texts) => {
    const steps = texts.map((sql) => ({
      agent: 1, sql: sql.replace("!", ""), result: sql.startsWith("!") ? "ERROR 40001" : "",
    }));
    const known = parts.normalise(explored(steps, { isolation }));
    return [...parts.snapshotsOf(parts.storiesOf(known.cells[0], known)[0])];
  };
  const texts = ["BEGIN", "SELECT pg_advisory_xact_lock(1)", "SELECT 1", "COMMIT", "SELECT 1", "SELECT 1"];
  assert.deepEqual(snapshots("read committed", texts), [1, 2, 4, 5]);
  assert.deepEqual(snapshots("repeatable read", texts), [1, 4, 5]);
  assert.deepEqual(snapshots("serializable", ["BEGIN", "LOCK TABLE t", "SELECT 1", "SELECT 2"]), [2]);
  const lower = ["BEGIN ISOLATION LEVEL READ COMMITTED", "SELECT 1", "SELECT 2", "COMMIT"];
  assert.deepEqual(snapshots("serializable", lower), [1, 2]);
  const higher = ["BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE  READ", "SELECT 1", "SELECT 2"];
  assert.deepEqual(snapshots("read committed", higher), [2]);
  assert.deepEqual(snapshots("read committed", ["BEGIN", "!SELECT 1", "SELECT 2", "ROLLBACK", "SELECT 3"]), [1, 4]);
  const saved = ["BEGIN", "SAVEPOINT s", "!SELECT 1", "ROLLBACK TO s", "SELECT 3"];
  assert.deepEqual(snapshots("read committed", saved), [2, 4]);
});

test("windows: of every try that read before it wrote, up to the answer", () => {
  const windows = (steps) => {
    const known = parts.normalise(explored(steps));
    return parts.windowsOf(parts.storiesOf(known.cells[0], known)[0])
      .map(({ agent, read, write, from, to }) => [agent, read, write, from, to]);
  };
  const step = (agent, sql, rest) => ({ agent, sql, result: "1 row", ...rest });
  const reads = "SELECT a FROM t", writes = "UPDATE t SET a = 1";
  assert.deepEqual(windows([step(1, reads), step(2, writes), step(1, reads), step(1, writes), step(1, writes)]),
    [[1, 0, 3, 0, 4]], "from the first read to the first write");
  assert.deepEqual(windows([step(1, writes), step(1, reads), step(1, writes)]), [], "it wrote first");
  assert.deepEqual(windows([step(1, reads, { outcome: "refused" }), step(1, writes)]), [], "another operation's");
  assert.deepEqual(windows([step(1, reads), step(1, writes, { outcome: "retried" }), step(1, reads), step(1, writes)]),
    [[1, 0, 1, 0, 2], [1, 2, 3, 2, 4]], "each try has its own");
  const failed = step(1, writes, { result: "ERROR 40001" });
  assert.deepEqual(windows([step(1, reads), failed, step(1, reads), step(1, writes)]),
    [[1, 0, 1, 0, 2], [1, 2, 3, 2, 4]], "a race does not say where a try ends but by its error");
  assert.deepEqual(windows([step(1, reads), step(2, writes), step(1, writes, { waits: true, released_by: 3 }),
    step(2, "COMMIT")]), [[1, 0, 2, 0, 4]], "a wait is part of it");
});

test("endings in words", () => {
  const known = parts.normalise(explored([
    { agent: 1, operation: "save", sql: "UPDATE t SET a = 1", result: "ERROR 40001" },
    { agent: 1, operation: "save", sql: "ROLLBACK", outcome: "retried" },
    { agent: 2, operation: "save", sql: "UPDATE t SET a = 1", result: "ERROR 23505", outcome: "failed" },
    { agent: 1, operation: "save", attempt: 2, sql: "COMMIT", outcome: "unknown" },
    { agent: 3, operation: "save", sql: "COMMIT", outcome: "refused" },
    { agent: 3, operation: "save", sql: "COMMIT", outcome: "rejected" },
  ]));
  const [story] = parts.storiesOf(known.cells[0], known);
  assert.deepEqual([1, 2, 3, 4, 5].map((i) => parts.endingInWords(story, i)),
    ["save again: try 2", "save failed 23505", "save unknown", "save refused", "save rejected"]);
  assert.deepEqual([0, 1, 2].map((i) => parts.resultInWords(story.steps[i])),
    ["ERROR 40001 serialization failure", "", "ERROR 23505 unique violation"]);
});
