/* What guards the database: the triggers of a folder, as pgrace schema doc describes them. */
import { code, foreign, h, type Child } from "./dom";
import type { Fires, RuleColumn, Trigger, TriggerDocument, TriggerVersion } from "./model";
import { facts, fold, table } from "./table";
import { list, many, short } from "./words";

/* "2 triggers guard conversations and orders." */
export function triggersSentence(document: TriggerDocument): string {
  const n = document.triggers.length;
  if (n === 0) return `${short(document.folder)} declares no trigger yet.`;
  const tables = [...new Set(document.triggers.map((trigger) => trigger.table).filter((name) => name !== ""))];
  if (tables.length === 0) return `${many(n, "trigger")}.`;
  const guarded = tables.length <= 3 ? list(tables.map((name) => short(name))) : many(tables.length, "table");
  return `${many(n, "trigger")} ${n === 1 ? "guards" : "guard"} ${guarded}.`;
}

/* ---- the rule ---- */

function answer(allowed: boolean): HTMLElement {
  return h("span", { class: allowed ? "allowed" : "refused" }, h("span", { "aria-hidden": "true" }, allowed ? "✓" : "✗"),
    h("span", { class: "answer" }, allowed ? " allowed" : " refused"));
}

/* From down, to across; new rows come from nothing. */
function transitions(column: RuleColumn): HTMLElement {
  const rows = column.allowed.map((row, i): Child[] => [
    h("span", {}, "from ", foreign(column.states[i] ?? "?")), ...row.map((allowed) => answer(allowed))]);
  if (column.begins !== null) rows.unshift(["a new row", ...column.begins.map((allowed) => answer(allowed))]);
  return table({
    caption: h("span", {}, "What may become of ", code(column.name)),
    columns: [{ name: "" }, ...column.states.map((state) => ({ name: h("span", {}, "to ", foreign(state)) }))],
    rows,
    kind: "transitions",
  });
}

function ruleOf(trigger: Trigger): Child[] {
  if (trigger.rule === null) {
    const what = trigger.error === null ? "does" : "forbids";
    return [h("p", { class: "quiet" }, `It was written by hand, and declares no rule: what it ${what} is in its SQL.`)];
  }
  return [h("p", { class: "rule-words" }, foreign(trigger.rule.words)),
    h("div", { class: "tables" }, ...trigger.rule.columns.map(transitions)),
    ...trigger.rule.columns.map((column) => h("p", { class: "quiet declared" }, code(column.name), " is declared as ", code(column.allow),
      column.insert !== null && h("span", {}, "; new rows begin with ", code(column.insert)), "."))];
}

/* ---- when it fires ---- */

function eventsOf(fires: Fires): string {
  const events = fires.events.map((event) => (event === "UPDATE" && fires.columns.length > 0 ? `UPDATE OF ${fires.columns.join(", ")}` : event));
  return `${fires.timing} ${events.join(" OR ")} ON ${fires.table} FOR EACH ${fires.row ? "ROW" : "STATEMENT"}`;
}

function firesPart(fires: Fires, named: boolean): HTMLElement {
  return h("div", { class: "fires" },
    h("p", {}, named && code(fires.name), named && ": ", code(eventsOf(fires)), ", which calls ", code(fires.function),
      fires.when === null ? " each time." : " when this is true:"),
    fires.when !== null && h("pre", { class: "sql", tabindex: 0 }, h("code", { dir: "auto" }, fires.when)));
}

/* ---- what the application sees ---- */

function errorPart(trigger: Trigger): HTMLElement {
  if (trigger.error === null) return h("p", { class: "quiet" }, "Nothing: it raises no error of its own.");
  const { sqlstate, constraint, message, field, shown } = trigger.error;
  const logs: Record<string, string> = {
    server: "each rejection leaves a line in the server's log", table: "each rejection leaves a row in pgrace.rejections",
  };
  return h("div", { class: "told" },
    shown !== null && h("blockquote", {}, foreign(shown)),
    facts([
      ["shown at", field === null ? null : code(field)],
      ["constraint", code(constraint)],
      ["SQLSTATE", code(sqlstate)],
      ["the server's message", message === null ? null : foreign(message)],
      ["recorded", logs[trigger.log] ?? null],
    ]));
}

/* ---- versions, and the next one ---- */

function versionsTable(trigger: Trigger): HTMLElement {
  return table({
    caption: "Versions, the latest first",
    columns: [{ name: "" }, { name: "file" }, { name: "installed by" }, { name: "what it says of itself" }],
    rows: [...trigger.versions].reverse().map((version: TriggerVersion): Child[] => [
      `version ${version.number}`, code(version.file),
      version.migrations === null ? "–" : version.migrations.length === 0 ? "no migration" : h("span", { class: "lines" }, ...version.migrations.map(code)),
      version.comment === null ? "–" : h("div", {}, ...version.comment.split("\n").map((line) => h("div", {}, foreign(line))))]),
    kind: "versions",
    stacked: true,
  });
}

/* As a shell takes it. */
function word(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function changePart(trigger: Trigger): HTMLElement {
  const next = trigger.versions.reduce((most, version) => Math.max(most, version.number), 0) + 1;
  const step = code(`pgrace schema new version ${word(trigger.name)}`);
  return fold("How to change it", false,
    h("p", {}, "A version that a database has is never edited; the next one is added."),
    h("ol", {},
      ...(trigger.rule !== null
        ? [h("li", {}, "Change the rule in ", code(trigger.declaration), "."),
          h("li", {}, step, ` writes version ${next} from it, and the migration that installs it.`)]
        : [h("li", {}, step, ` copies the latest to version ${next}, and writes the migration that installs it.`), h("li", {}, "Change the copy.")]),
      h("li", {}, code("pgrace schema lint"),
        trigger.error !== null && h("span", {}, ", then ", code("pgrace schema up --check --dsn …"), ": which rows break it already?")),
      h("li", {}, code("pgrace schema up --dsn …"))));
}

/* ---- all of it ---- */

function panelOf(trigger: Trigger, id: string): HTMLElement {
  const why: Child = trigger.decision === null
    ? h("span", {}, "No record tells of the decision. ", code(`pgrace schema doc --adr ${word(trigger.name)}`), " begins one.")
    : h("span", {}, "The decision record: ", code(trigger.decision), ".");
  return h("section", { class: "panel trigger", id },
    h("h3", { tabindex: -1 }, foreign(trigger.name)),
    trigger.why !== null && h("p", { class: "why" }, foreign(trigger.why)),
    ...ruleOf(trigger),
    h("h4", {}, "When it fires"), ...trigger.fires.map((fires) => firesPart(fires, trigger.fires.length > 1)),
    h("h4", {}, "What the application sees"), errorPart(trigger),
    versionsTable(trigger), h("p", { class: "quiet" }, why), changePart(trigger));
}

function overview(document: TriggerDocument, idOf: (trigger: number) => string): HTMLElement | null {
  if (document.triggers.length < 2) return null;
  return table({
    caption: "All of them",
    columns: [{ name: "trigger" }, { name: "table" }, { name: "rule" }, { name: "version", number: true }],
    rows: document.triggers.map((trigger, i): Child[] => [
      h("a", { href: `#${idOf(i)}` }, foreign(trigger.name)), code(trigger.table),
      trigger.rule !== null ? foreign(trigger.rule.words) : trigger.why !== null ? foreign(trigger.why) : "written by hand",
      String(trigger.versions.reduce((most, version) => Math.max(most, version.number), 0))]),
    kind: "all-triggers",
    stacked: true,
  });
}

/* id: of the section; those of its triggers begin with it. heading: whether it is the page's first. */
export function triggersSection(document: TriggerDocument, id: string, heading: "h1" | "h2"): HTMLElement {
  const idOf = (trigger: number): string => `${id}-${trigger + 1}`;
  return h("article", { id, class: "result triggers" },
    h("header", {},
      h("p", { class: "about" }, "triggers · ", h("b", {}, foreign(document.folder))),
      h(heading, {}, foreign(triggersSentence(document)))),
    document.triggers.length > 0 && h("p", { class: "quiet" }, "What the database refuses by itself, whichever program writes."),
    overview(document, idOf),
    ...document.triggers.map((trigger, i) => panelOf(trigger, idOf(i))));
}
