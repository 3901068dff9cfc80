/* The matrix: a row a strategy, a column an isolation level, a gap or a number of clients; each cell a button that shows its
 * panel. Panels are made when they are first shown: of a hundred cells a reader opens a few. */
import { h, unseen, type Child } from "./dom";
import { signs, type Tone } from "./verdict";

export interface Entry {
  id: string; /* of the panel, and the address that links to it */
  row: string;
  column: string;
  name: string;
  tone: Tone;
  verdict: string; /* in words */
  remark: string | null; /* "not expected" */
  evidence: (string | null)[]; /* "1,987 / 2,000 rounds", "99.4 %" */
  costs: [string, string][]; /* "p99", "904 µs" */
  panel: () => HTMLElement;
}

export interface MatrixOptions {
  caption: string;
  rowName: string;
  rows: { key: string; heading: Child }[];
  columns: { key: string; heading: string }[];
  entries: Entry[];
}

export interface Matrix {
  table: HTMLElement;
  panels: HTMLElement;
  /* Shows a panel; false when it has no such one. `go`: moves the focus there. */
  select: (id: string, go: boolean) => boolean;
  /* Makes all of them: for printing. */
  openAll: () => void;
}

function cellButton(entry: Entry, choose: () => void): HTMLButtonElement {
  return h("button", {
    type: "button", class: `cell ${entry.tone}`, "data-cell": entry.id, "aria-controls": entry.id, "aria-expanded": "false",
    click: choose,
  },
    h("span", { class: "verdict" }, h("span", { class: "sign", "aria-hidden": "true" }, signs[entry.tone]), " ",
      h("span", { class: "word" }, entry.verdict), entry.remark !== null && h("span", { class: "remark" }, entry.remark)),
    h("span", { class: "evidence" }, ...entry.evidence.filter((text) => text !== null).map((text, i) =>
      h("span", { class: i === 0 ? "counts" : "strength" }, text))),
    h("span", { class: "costs" }, ...entry.costs.map(([name, value]) =>
      h("span", {}, h("span", { class: "cost" }, name), " ", h("span", { class: "value" }, value)))));
}

/* Left, right, up and down go from cell to cell, as in a grid. */
function moveByKeys(table: HTMLElement): void {
  table.addEventListener("keydown", (event) => {
    const from = event.target instanceof Element ? event.target.closest("td") : null;
    const line = from?.parentElement;
    if (!from || !line) return;
    const lines = [...(line.parentElement?.children ?? [])];
    const steps: Record<string, [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!step) return;
    let row = lines.indexOf(line), column = [...line.children].indexOf(from);
    for (;;) {
      row += step[0];
      column += step[1];
      const place = lines[row]?.children[column];
      if (!place) return;
      const button = place.querySelector("button");
      if (!button) continue;
      event.preventDefault();
      button.focus();
      return;
    }
  });
}

export function matrix(options: MatrixOptions): Matrix {
  const { entries, rows, columns } = options;
  const places = new Map<string, Entry[]>();
  const placeOf = (row: string, column: string): string => JSON.stringify([row, column]);
  for (const entry of entries) {
    const place = placeOf(entry.row, entry.column);
    places.set(place, [...(places.get(place) ?? []), entry]);
  }
  const made = new Map<string, HTMLElement>();
  const frames = new Map(entries.map((entry) =>
    [entry.id, h("section", { id: entry.id, class: "panel", hidden: true, "aria-label": entry.name.slice(0, 200) })]));
  const buttons = new Map(entries.map((entry) => [entry.id, cellButton(entry, () => {
    if (location.hash === `#${entry.id}`) select(entry.id, true);
    else location.hash = entry.id;
  })]));

  const make = (entry: Entry): void => {
    if (made.has(entry.id)) return;
    const panel = entry.panel();
    made.set(entry.id, panel);
    frames.get(entry.id)?.append(panel);
  };
  function select(id: string, go: boolean): boolean {
    const entry = entries.find((one) => one.id === id);
    if (!entry) return false;
    make(entry);
    for (const [other, frame] of frames) frame.hidden = other !== id;
    for (const [other, button] of buttons) button.setAttribute("aria-expanded", String(other === id));
    if (go) {
      const frame = frames.get(id);
      frame?.querySelector<HTMLElement>("h3")?.focus({ preventScroll: true });
      frame?.scrollIntoView({ block: "start" });
    }
    return true;
  }

  /* Roles are named since narrow screens lay the table out as blocks, which takes its meaning away. */
  const grid = h("table", { class: columns.length > 1 ? "matrix" : "matrix single", role: "table" },
    h("caption", { class: unseen }, options.caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      h("th", { scope: "col", role: "columnheader" }, options.rowName),
      ...columns.map((column) => h("th", { scope: "col", role: "columnheader" }, column.heading)))),
    h("tbody", { role: "rowgroup" }, ...rows.map((row) => h("tr", { role: "row" },
      h("th", { scope: "row", role: "rowheader" }, row.heading),
      ...columns.map((column) => {
        const here = places.get(placeOf(row.key, column.key)) ?? [];
        return h("td", { role: "cell", "data-column": column.heading, class: here.length ? null : "nothing" },
          ...(here.length ? here.map((entry) => buttons.get(entry.id)) : [h("span", { title: "not run there" }, "–")]));
      })))));
  moveByKeys(grid);
  return {
    table: h("div", { class: "scroll" }, grid),
    panels: h("div", { class: "panels" }, ...frames.values()),
    select,
    openAll: () => entries.forEach(make),
  };
}
