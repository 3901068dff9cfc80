/* JUnit read by somebody else: npm's junit2json, which actions for GitHub use. No page. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { read, root } from "./support.mjs";

const { parse } = await import(pathToFileURL(join(process.env.PGR_PAGE_TOOLS, "node_modules/junit2json/dist/esm/index.js")));

function junit(...paths) {
  const files = paths.map((path) => join(root, "tests", path));
  const ran = spawnSync(process.env.PGRACE, ["report", ...files, "--format", "junit"], { encoding: "utf8" });
  assert.equal(ran.stderr, "");
  return parse(ran.stdout);
}

const isFailure = (cell) => cell.verdict === "error" || (cell.verdict === "race" && cell.expect === "safe") ||
  (cell.verdict === "safe" && cell.expect === "race");

for (const path of ["documents/0.1-first/run-explore.json", "documents/0.1-first/explore.json", "golden/failed.json",
  "golden/interrupted.json", "golden/rows.json"])
  test(`a case a cell: ${path}`, async () => {
    const { cells } = read(path);
    const { tests, failures, testsuite: [suite] } = await junit(path);
    const cases = suite.testcase;
    assert.equal(tests, cells.length);
    assert.equal(failures, cells.filter(isFailure).length);
    cells.forEach((cell, i) => {
      assert.ok(cases[i].name.startsWith(`${cell.strategy} / ${cell.isolation}`), cases[i].name);
      assert.equal(cases[i].classname, `pgrace.${cell.scenario}`);
      assert.equal(Boolean(cases[i].failure), isFailure(cell));
      assert.equal(Boolean(cases[i].skipped), !isFailure(cell) && (cell.verdict === "inconclusive" || !cell.complete));
    });
  });

test("a failure tells its story", async () => {
  const { testsuite: [suite] } = await junit("golden/failed.json");
  const failed = suite.testcase.filter(({ failure }) => failure);
  assert.ok(failed.length > 0);
  for (const { failure: [{ inner, message }] } of failed) assert.ok(message.length > 0 && inner.length > message.length);
});

test("several documents are several suites", async () => {
  const { testsuite } = await junit("documents/0.1-first/run.json", "documents/0.1-first/run-stock.json",
    "documents/0.1-first/bench.json");
  assert.deepEqual(testsuite.map(({ name }) => name), ["claim", "stock", "claim"]);
  assert.equal(new Set(testsuite.flatMap(({ testcase }) => testcase.map(({ classname, name }) => `${classname}.${name}`))).size,
    testsuite.reduce((sum, { tests }) => sum + tests, 0));
});
