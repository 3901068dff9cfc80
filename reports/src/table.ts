/* Tables: a caption, headings, rows. Numbers stand to the right. A wide one scrolls inside its frame, which the keyboard
 * reaches. */
import { h, type Child } from "./dom";

export interface Column {
  name: string;
  number?: boolean;
}

export interface TableOptions {
  caption: Child;
  columns: Column[];
  rows: Child[][]; /* the first of each is its heading */
  kind?: string; /* a class */
}

export function table(options: TableOptions): HTMLElement {
  const { caption, columns, rows } = options;
  const sides = columns.map((column) => (column.number ? "number" : null));
  return h("div", { class: "scroll" },
    h("table", { class: options.kind ? `plain ${options.kind}` : "plain" },
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...columns.map((column, i) => h("th", { scope: "col", class: sides[i] }, column.name)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell, i) =>
        i === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: sides[i] }, cell)))))));
}

/* Names and what they are. Those without a value are left out. */
export function facts(pairs: [string, Child][]): HTMLElement {
  return h("dl", { class: "facts" }, ...pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/* A part of the page that opens. */
export function fold(summary: Child, open: boolean, ...children: Child[]): HTMLElement {
  return h("details", { class: "fold", open }, h("summary", {}, summary), ...children);
}
