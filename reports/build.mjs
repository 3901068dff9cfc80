/* Bundles src/ and its styles: node build.mjs SOURCE_FOLDER OUT_FOLDER. report.html is one file with a marker left, where
 * pgrace puts its documents (harness/report/page.c); demo.html, demo.js and demo.css are served (harness/demo/site.c). */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [source, out] = process.argv.slice(2);
const modules = createRequire(import.meta.url);
const marker = "@DOCUMENTS@";

/* MIT asks for its notice in copies; uPlot's source names itself only. */
function notice() {
  const license = readFileSync(join(modules.resolve("uplot/package.json"), "../LICENSE"), "utf8");
  return `/*! uPlot\n${license.trim()}\n*/`;
}

async function script(entry) {
  const made = await build({
    entryPoints: [join(source, entry)],
    bundle: true,
    write: false,
    minify: true,
    charset: "ascii",
    legalComments: "none",
    target: ["es2022"],
    format: "iife",
    nodePaths: [fileURLToPath(new URL("node_modules", import.meta.url))], // sources stand elsewhere
    logLevel: "warning",
  });
  return made.outputFiles[0].text;
}

async function style(sheets) {
  const made = await build({
    stdin: { contents: sheets.map((sheet) => `@import ${JSON.stringify(sheet)};`).join("\n"), loader: "css", resolveDir: source },
    bundle: true,
    write: false,
    minify: true,
    charset: "ascii",
    target: ["es2022"],
    logLevel: "warning",
  });
  return made.outputFiles[0].text;
}

/* What would end the element early, or be taken for a marker, cannot be in it. */
function fits(text, end) {
  if (text.toLowerCase().includes(end) || text.includes(marker)) throw new Error(`the page's parts must not hold ${end} or ${marker}`);
  return text;
}

async function report() {
  const uplot = join(modules.resolve("uplot/package.json"), "../dist/uPlot.min.css");
  const code = fits(`${notice()}\n${await script("src/main.ts")}`, "</script");
  const looks = fits(await style([uplot, join(source, "src/style.css"), join(source, "src/timeline.css")]), "</style");
  const hash = createHash("sha256").update(code).digest("base64");
  const page = readFileSync(join(source, "index.html"), "utf8")
    .replace("@SCRIPT_HASH@", () => `'sha256-${hash}'`)
    .replace("@STYLE@", () => looks)
    .replace("@SCRIPT@", () => code);
  if (page.split(marker).length !== 2) throw new Error(`the page must hold ${marker} once`);
  writeFileSync(join(out, "report.html"), page);
}

async function demo() {
  writeFileSync(join(out, "demo.html"), readFileSync(join(source, "demo.html")));
  writeFileSync(join(out, "demo.js"), await script("src/demo/main.ts"));
  const sheets = ["style.css", "timeline.css", "demo/demo.css", "demo/panels.css"].map((sheet) => join(source, "src", sheet));
  writeFileSync(join(out, "demo.css"), await style(sheets));
}

await report();
await demo();
