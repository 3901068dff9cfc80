/* Line charts by uPlot, with a legend of our own: uPlot's sets markup, and names come from documents. A line is known by
 * its number, which stands at its end and in the legend, not by its colour alone. */
import uPlot from "uplot";
import { foreign, h, s } from "./dom";

export type Point = [number, number];

export interface Line {
  dashed: boolean;
  points: Point[]; /* by x, rising */
  bars?: [number, number, number][]; /* x, low, high: intervals */
}

/* What one box of the legend shows and hides. */
export interface Group {
  name: string;
  lines: Line[];
  shown: boolean;
}

export interface Tick {
  at: number;
  text: string;
}

export interface ChartOptions {
  title: string;
  note: string;
  groups: Group[];
  x: { low: number; high: number; ticks: Tick[]; name: string };
  y: { low: number; high: number; ticks: Tick[]; name: string };
  words: (y: number) => string; /* a value, for the legend */
  where: (x: number) => string; /* a place, for the legend */
  stepped?: boolean;
  dots?: boolean;
}

const shades = 8; /* --line-1 … of style.css */
const plotHeight = 300;
const endWidth = 30; /* for the numbers at the lines' ends, in CSS pixels */

/* uPlot draws on a canvas, which knows no CSS variables. */
function shadeOf(name: string): string {
  const probe = h("span", {});
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const shade = getComputedStyle(probe).color;
  probe.remove();
  return shade;
}

const seen = new Map<string, string>();

/* Resolved once a colour scheme. */
function shade(name: string): string {
  let found = seen.get(name);
  if (found === undefined) seen.set(name, (found = shadeOf(name)));
  return found;
}

function lineShade(group: number): string {
  return `--line-${(group % shades) + 1}`;
}

/* The value of a line at x: of the last point that is not right of it. */
function valueAt(points: Point[], x: number): number | null {
  const first = points[0], last = points[points.length - 1];
  if (!first || !last || x < first[0] - 1e-9 || x > last[0] + 1e-9) return null;
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((points[middle] as Point)[0] <= x + 1e-9) low = middle;
    else high = middle - 1;
  }
  return (points[low] as Point)[1];
}

interface Drawn {
  group: number;
  line: Line;
}

function seriesOf(drawn: Drawn[], options: ChartOptions): uPlot.Series[] {
  return drawn.map(({ group, line }) => ({
    label: "",
    stroke: () => shade(lineShade(group)),
    width: 1.75,
    spanGaps: true,
    ...(line.dashed ? { dash: [5, 4] } : {}),
    points: options.dots ? { show: true, size: 7, fill: () => shade(lineShade(group)) } : { show: false },
    ...(options.stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
  }));
}

/* Numbers at the ends of lines, moved apart where they would stand on each other; intervals as bars. */
function drawMarks(plot: uPlot, drawn: Drawn[]): void {
  const { ctx } = plot;
  const unit = devicePixelRatio;
  const ends: { x: number; y: number; group: number; text: string }[] = [];
  ctx.save();
  for (const { group, line } of drawn) {
    const last = line.points[line.points.length - 1];
    if (!last) continue;
    ctx.strokeStyle = shade(lineShade(group));
    ctx.lineWidth = 1.5 * unit;
    for (const [x, low, high] of line.bars ?? []) {
      const at = plot.valToPos(x, "x", true);
      ctx.beginPath();
      ctx.moveTo(at, plot.valToPos(low, "y", true));
      ctx.lineTo(at, plot.valToPos(high, "y", true));
      ctx.stroke();
    }
    ends.push({
      x: plot.valToPos(last[0], "x", true), y: plot.valToPos(last[1], "y", true), group, text: String(group + 1),
    });
  }
  ends.sort((a, b) => a.y - b.y);
  ctx.font = `600 ${11 * unit}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const placed: { x: number; y: number }[] = [];
  for (const end of ends) {
    const y = placed.filter((other) => Math.abs(other.x - end.x) < 16 * unit)
      .reduce((y, other) => (y < other.y + 12 * unit ? other.y + 12 * unit : y), end.y);
    ctx.fillStyle = shade(lineShade(end.group));
    ctx.fillText(end.text, end.x + 5 * unit, y);
    placed.push({ x: end.x, y });
  }
  ctx.restore();
}

const tickRoom = 52; /* CSS pixels that a text below the plot wants */

/* Those that fit side by side. */
function fitting(plot: uPlot, range: ChartOptions["x"]): Tick[] {
  const width = plot.bbox.width / devicePixelRatio || plot.width;
  let free = -Infinity;
  return range.ticks.filter((tick) => {
    const place = ((tick.at - range.low) / (range.high - range.low)) * width;
    if (place < free) return false;
    free = place + tickRoom;
    return true;
  });
}

function axis(side: 2 | 3, range: ChartOptions["x"]): uPlot.Axis {
  const ticksOf = (plot: uPlot): Tick[] => (side === 2 ? fitting(plot, range) : range.ticks);
  return {
    side,
    stroke: () => shade("--quiet"),
    font: "12px system-ui, sans-serif",
    size: side === 2 ? 30 : 62,
    gap: 6,
    splits: (plot) => ticksOf(plot).map((tick) => tick.at),
    values: (plot) => ticksOf(plot).map((tick) => tick.text),
    grid: { stroke: () => shade("--rule"), width: 1 },
    ticks: { show: false },
    border: { show: true, stroke: () => shade("--strong-rule"), width: 1 },
  };
}

function legendItem(group: Group, number: number, toggle: (shown: boolean) => void, value: HTMLElement): HTMLElement {
  const box = h("input", { type: "checkbox" });
  box.checked = group.shown;
  box.addEventListener("change", () => toggle(box.checked));
  const swatch = s("svg", { width: 26, height: 10, class: "swatch", "aria-hidden": "true" },
    ...group.lines.map((line, i) => s("line", {
      x1: 0, x2: 26, y1: group.lines.length > 1 ? 2 + i * 6 : 5, y2: group.lines.length > 1 ? 2 + i * 6 : 5,
      "stroke-dasharray": line.dashed ? "5 4" : null,
    })));
  swatch.style.stroke = `var(${lineShade(number - 1)})`;
  return h("li", {}, h("label", {}, box, swatch, h("b", {}, String(number)), " ", foreign(group.name)), " ", value);
}

const plots = new Set<() => void>();

/* Draws every chart again: after the colour scheme has changed, or the room for it. */
export function redrawCharts(): void {
  seen.clear();
  for (const redraw of plots) redraw();
}

/* A figure. It is drawn once it stands in the page and has a width. */
export function chart(options: ChartOptions): HTMLElement {
  const { groups, x, y } = options;
  const values = groups.map(() => h("span", { class: "readout" }));
  const place = h("p", { class: "readout place" });
  const room = h("div", { class: "plot", role: "img", "aria-label": `${options.title}. The table below has the numbers.` });
  let plot: uPlot | null = null;

  const read = (at: number | null): void => {
    place.textContent = at === null ? "" : options.where(at);
    groups.forEach((group, i) => {
      const texts = at === null || !group.shown ? [] : group.lines.map((line) => valueAt(line.points, at))
        .map((found) => (found === null ? "–" : options.words(found)));
      (values[i] as HTMLElement).textContent = texts.join(" · ");
    });
  };
  const draw = (): void => {
    const width = Math.floor(room.clientWidth);
    if (width < 40) return;
    if (plot) {
      plot.setSize({ width, height: plotHeight });
      return;
    }
    const drawn: Drawn[] = groups.flatMap((group, i) => group.shown ? group.lines.map((line) => ({ group: i, line })) : []);
    const joined: uPlot.AlignedData = drawn.length === 0 ? [[x.low, x.high]] : uPlot.join(drawn.map(({ line }): uPlot.AlignedData => [
      line.points.map((point) => point[0]), line.points.map((point) => point[1]),
    ]));
    plot = new uPlot({
      width,
      height: plotHeight,
      padding: [10, endWidth, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [x.low, x.high] }, y: { range: [y.low, y.high] } },
      axes: [axis(2, x), axis(3, y)],
      series: [{}, ...seriesOf(drawn, options)],
      hooks: {
        draw: [(self) => drawMarks(self, drawn)],
        setCursor: [(self) => {
          const left = self.cursor.left ?? -1;
          read(left < 0 ? null : self.posToVal(left, "x"));
        }],
      },
    }, joined, room);
  };
  /* Only lines that are shown are in the plot: they have to be joined, which of hundreds takes long. */
  const toggle = (group: Group, shown: boolean): void => {
    group.shown = shown;
    plot?.destroy();
    plot = null;
    draw();
  };
  new ResizeObserver(draw).observe(room);
  plots.add(() => plot ? plot.redraw(false, true) : draw());
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("strong", {}, options.title), " ", h("span", {}, options.note)),
    h("p", { class: "axis-name" }, y.name), room, h("p", { class: "axis-name below" }, x.name), place,
    h("ul", { class: "legend" }, ...groups.map((group, i) =>
      legendItem(group, i + 1, (shown) => toggle(group, shown), values[i] as HTMLElement))));
}

/* ---- scales ---- */

/* About `most` round numbers from 0 to what is at least `high`. */
export function roundTicks(high: number, words: (at: number) => string, most = 5): Tick[] {
  const rough = (high > 0 ? high : 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough - power * 1e-9) ?? rough;
  const ticks: Tick[] = [];
  for (let i = 0; i === 0 || (ticks[ticks.length - 1] as Tick).at < high; i++) ticks.push({ at: i * step, text: words(i * step) });
  return ticks;
}

/* 1, 2, 5, 10 … between two numbers, fewer where that would be many. Places are decimal logarithms. */
export function logTicks(low: number, high: number, words: (value: number) => string): Tick[] {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: Tick[] = [];
    for (let power = Math.floor(low); power <= Math.ceil(high); power++)
      for (const step of steps) {
        const at = power + Math.log10(step);
        if (at >= low - 1e-9 && at <= high + 1e-9) ticks.push({ at, text: words(step * 10 ** power) });
      }
    if (ticks.length <= 9 || steps.length === 1) return ticks;
  }
  return [];
}
