/* The shapes that the page's protocol.ts declares, read out of it, so that what the server says is held against the one
 * place that the page is checked by, too. Only what that file uses of TypeScript's types is understood. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

function tokens(source) {
  const text = source.replace(/\/\*[\s\S]*?\*\//g, "");
  return text.match(/"[^"]*"|[A-Za-z_]\w*|[{}[\]|:;,=]/g);
}

class Parser {
  constructor(source) {
    this.tokens = tokens(source);
    this.at = 0;
  }
  is(token) { return this.tokens[this.at] === token; }
  next() { return this.tokens[this.at++]; }
  take(token) { assert.equal(this.next(), token, `token ${this.at} of protocol.ts`); }
  skip(token) { if (this.is(token)) this.at++; }

  declarations() {
    const all = new Map();
    while (this.at < this.tokens.length) {
      this.take("export");
      const kind = this.next(), name = this.next();
      if (kind === "type") this.take("=");
      all.set(name, this.type());
      this.skip(";");
    }
    return all;
  }
  type() {
    this.skip("|");
    const choices = [this.list()];
    while (this.is("|")) {
      this.next();
      choices.push(this.list());
    }
    return choices.length === 1 ? choices[0] : { choices };
  }
  list() {
    let type = this.is("{") ? this.object() : this.name();
    while (this.is("[")) {
      this.next();
      this.take("]");
      type = { list: type };
    }
    return type;
  }
  name() {
    const token = this.next();
    return token.startsWith('"') ? { literal: token.slice(1, -1) } : { name: token };
  }
  object() {
    const fields = {};
    this.take("{");
    while (!this.is("}")) {
      const name = this.next();
      this.take(":");
      fields[name] = this.type();
      this.skip(";");
    }
    this.take("}");
    return { fields };
  }
}

const declared = new Parser(readFileSync(`${process.env.PGR_SOURCE_DIR}/reports/src/demo/protocol.ts`, "utf8")).declarations();

/* What is wrong with a value, "" for nothing. */
function fault(value, type, place) {
  if (type.choices) {
    const faults = type.choices.map((choice) => fault(value, choice, place));
    if (faults.includes("")) return "";
    /* Of several shapes the one that is meant says best what is wrong: that of the same kind. */
    const meant = type.choices.findIndex((choice) => value?.kind !== undefined && choice.fields?.kind?.literal === value.kind);
    return meant < 0 ? `${place}: ${JSON.stringify(value)} is none of ${type.choices.length}` : faults[meant];
  }
  if (type.literal !== undefined) return value === type.literal ? "" : `${place}: ${JSON.stringify(value)}, not "${type.literal}"`;
  if (type.list) {
    if (!Array.isArray(value)) return `${place}: no list`;
    return value.map((one, i) => fault(one, type.list, `${place}[${i}]`)).find((what) => what) ?? "";
  }
  if (type.fields) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `${place}: no object`;
    const unknown = Object.keys(value).find((key) => !(key in type.fields));
    if (unknown) return `${place}: has "${unknown}"`;
    for (const [key, of] of Object.entries(type.fields)) {
      if (!(key in value)) return `${place}: lacks "${key}"`;
      const what = fault(value[key], of, `${place}.${key}`);
      if (what) return what;
    }
    return "";
  }
  if (type.name === "null") return value === null ? "" : `${place}: not null`;
  if (["string", "number", "boolean"].includes(type.name)) return typeof value === type.name ? "" : `${place}: ${JSON.stringify(value)} is no ${type.name}`;
  assert.ok(declared.has(type.name), `protocol.ts declares ${type.name}`);
  return fault(value, declared.get(type.name), place);
}

const ofEvent = {
  state: { name: "State" }, moment: { name: "Moment" }, seats: { name: "SeatsNow" }, arrived: { list: { name: "Conversation" } },
  counts: { name: "Counts" }, setting: { name: "Setting" }, explained: { name: "Explanation" },
};

export function checkEvent(name, data) {
  assert.ok(name in ofEvent, `there is an event ${name}`);
  assert.equal(fault(data, ofEvent[name], name), "");
}

export function checkAnswer(data) {
  assert.equal(fault(data, { name: "Answer" }, "answer"), "");
  assert.ok(data.error.length > 8, "a sentence");
}
