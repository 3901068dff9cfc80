/* Tables: a caption, headings, rows. Numbers stand to the right. A wide one scrolls inside its frame, which the keyboard
 * reaches. */
import { h, type Child } from "./dom";

export interface Column {
  name: Child;
  number?: boolean;
}

export interface TableOptions {
  caption: Child;
  columns: Column[];
  rows: Child[][]; /* the first of each is its heading */
  kind?: string; /* a class */
  stacked?: boolean; /* on a narrow screen each row is a list, and stays a row to those who do not see it; names are texts */
}

export function table(options: TableOptions): HTMLElement {
  const { caption, columns, rows } = options;
  const sides = columns.map((column) => (column.number ? "number" : null));
  const role = (name: string): string | null => (options.stacked ? name : null);
  const kinds = ["plain", options.kind, options.stacked && "stacked"].filter((kind) => kind);
  return h("div", { class: "scroll" },
    h("table", { class: kinds.join(" "), role: role("table") },
      h("caption", {}, caption),
      h("thead", { role: role("rowgroup") }, h("tr", { role: role("row") },
        ...columns.map((column, i) => h("th", { scope: "col", class: sides[i], role: role("columnheader") }, column.name)))),
      h("tbody", { role: role("rowgroup") }, ...rows.map((row) => h("tr", { role: role("row") }, ...row.map((cell, i) =>
        i === 0 ? h("th", { scope: "row", role: role("rowheader") }, cell)
          : h("td", { class: sides[i], role: role("cell"), "data-column": options.stacked ? String(columns[i]?.name ?? "") : null }, cell)))))));
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
