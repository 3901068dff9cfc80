/* A story as a timeline: agents side by side, time downwards, a box a statement from its sending to its answer. What
 * has a shape is drawn in SVG; what is to be read or reached by keyboard stands over it in HTML, at the same places.
 * All places are in rem and in shares of the width, so that it fits type of any size, and paper; it is laid out anew
 * only when statements need more lines or fewer. Of a document's texts nothing becomes markup (dom.ts); no style
 * attributes, for pages that forbid them. */

import { code, foreign, h, s, unseen } from "./dom";
import { scaleOf } from "./scale";
import type { Room, Scale } from "./scale";
import { endingInWords, kindOf, nameOf, resultInWords, snapshotsOf, waitInWords, windowsOf } from "./story";
import type { Kind, Story, StoryStep, Window } from "./story";
import { count, duration, many } from "./words";

/* Pixels of a 16 pixel type; timeline.css has the same line heights. */
const line = 16;
const padding = 9; /* of a box, both ends together */
const sqlLinesMax = 5;
const characterShare = 0.62; /* of the type size, in a statement; other words are narrower */
const lineLengths = [10, 12, 14, 18, 24, 36]; /* characters: laid out for the longest of them that fits */
const pool = 18;
const hatched = 20;
const chip = 8; /* around the lines of an ending */
const endingLinesMax = 3;
const boldShare = 0.85; /* of a line's characters, where they are bold and stand in a border */
const lanesMargin = 10; /* below the last answer */
const tickDistance = 15;
const usualPixels = { time: 48, order: 26 };
const growth = { perSecond: 48, most: 144 }; /* pixels, of what leads to now while something runs */
const paper = 40; /* a page's width in rem; the axis and lanes are at least as wide as timeline.css has them */
/* Characters that the drawing shows of a statement, and of another text; the rest is in the detail and the table. */
const sqlShown = 280;
const textShown = 80;

interface Plan {
  story: Story;
  characters: number; /* in a line of a box */
  scale: Scale;
  tops: number[]; /* of each step's box, in pixels */
  bottoms: number[];
  kinds: Kind[];
  windows: Window[];
  snapshots: Set<number>;
  height: number;
  id: string; /* of the figure, for its patterns */
}

const stands = "has read, has not written";

let figures = 0;

function rem(pixels: number): string {
  return `${Number((pixels / 16).toFixed(4))}rem`;
}

/* ---- the layout ---- */

/* Broken between words, and within words that are longer than a line. */
function linesOf(text: string, characters: number): number {
  let lines = 0;
  let left = 0;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (word.length < left) left -= word.length + 1;
    else {
      lines += Math.ceil(word.length / characters);
      left = characters - (word.length % characters || characters);
    }
  }
  return lines;
}

/* Lines of a box below the statement. */
function noteLines(story: Story, step: StoryStep, characters: number): number {
  const waits = step.waits.map((wait) => linesOf(waitInWords(story, wait), characters));
  const result = resultInWords(step);
  const answer = step.error !== null ? linesOf(result, characters) : Math.min(result.length, 1);
  return waits.reduce((sum, lines) => sum + lines, answer) + (step.yields ? linesOf(stands, characters) : 0);
}

function boxPixels(story: Story, step: StoryStep, characters: number): number {
  const sql = step.goesOn ? 1 : Math.min(Math.max(linesOf(step.sql, characters), 1), sqlLinesMax);
  return (sql + noteLines(story, step, characters)) * line + padding;
}

/* What stands below a box. */
function endingPixels(story: Story, i: number, characters: number): number {
  const step = story.steps[i]!;
  const texts = [step.outcome !== null ? endingInWords(story, i) : "", step.breaks ? story.breakLabel : ""];
  const bold = Math.floor(characters * boldShare);
  return texts.filter(Boolean)
    .reduce((sum, text) => sum + Math.min(linesOf(text, bold), endingLinesMax) * line + chip, 0);
}

function nextOf(story: Story, i: number): StoryStep | undefined {
  return story.steps.slice(i + 1).find((step) => step.agent === story.steps[i]!.agent);
}

/* When each step's box ends. A step that is still running reaches to the last moment; none is without a duration. */
function endsOf(story: Story): number[] {
  const last = Math.max(story.until, ...story.steps.map((step) => Math.max(step.to ?? step.from + 1, step.from + 1)));
  return story.steps.map((step) => (step.to === null ? last : Math.max(step.to, step.from + 1)));
}

/* Whether the agent goes on at the moment at which step i ended: its ending then stands in the step's own time. */
function isTight(story: Story, ends: number[], i: number): boolean {
  const next = nextOf(story, i);
  return next !== undefined && next.ready <= ends[i]!;
}

function roomsOf(story: Story, ends: number[], characters: number): Room[] {
  const rooms: Room[] = [];
  story.steps.forEach((step, i) => {
    const ending = endingPixels(story, i, characters);
    const inside = isTight(story, ends, i) ? ending : 0;
    rooms.push({ from: step.from, to: ends[i]!, pixels: boxPixels(story, step, characters) + inside });
    if (step.ready < step.from) rooms.push({ from: step.ready, to: step.from, pixels: pool });
    for (const wait of step.waits) rooms.push({ from: wait.from, to: wait.to ?? ends[i]!, pixels: hatched });
    const next = nextOf(story, i);
    if (next && ending && !inside) rooms.push({ from: ends[i]!, to: next.ready, pixels: ending });
  });
  return rooms;
}

/* The moment that statements still run at; null when none does, or time is not what is drawn. */
function nowOf(story: Story, ends: number[]): number | null {
  const i = story.unit === "time" ? story.steps.findIndex((step) => step.to === null) : -1;
  return i < 0 ? null : ends[i]!;
}

/* Of what is over, so that what still runs does not stretch it; of everything before anything is. */
function durationsOf(story: Story, ends: number[]): number[] {
  const all = story.steps.map((step, i) => ends[i]! - step.from);
  const over = all.filter((_, i) => story.steps[i]!.to !== null);
  return over.length > 0 ? over : all;
}

/* What leads to now grows with the time it takes, over what is written there. */
function growing(rooms: Room[], from: number, now: number): Room {
  const needed = Math.max(0, ...rooms.filter((room) => room.from === from && room.to === now).map((room) => room.pixels));
  return { from, to: now, pixels: needed + Math.min(((now - from) / 1e9) * growth.perSecond, growth.most) };
}

/* Whether a statement runs all that time, and does not wait. */
function isWorking(story: Story, ends: number[], from: number, to: number): boolean {
  return story.steps.some((step, i) => step.from <= from && ends[i]! >= to &&
    step.waits.every((wait) => wait.from >= to || (wait.to ?? ends[i]!) <= from));
}

function planOf(story: Story, characters: number, id: string): Plan {
  const ends = endsOf(story);
  const rooms = roomsOf(story, ends, characters);
  const moments = rooms.flatMap((room) => [room.from, room.to]);
  const now = nowOf(story, ends);
  if (now !== null) rooms.push(growing(rooms, Math.max(...moments.filter((moment) => moment < now)), now));
  const durations = durationsOf(story, ends);
  const leavesOut = (from: number, to: number): boolean => story.unit === "time" && !isWorking(story, ends, from, to);
  const scale = scaleOf(moments, rooms, usualPixels[story.unit], durations, leavesOut, now);
  const endings = story.steps.map((_, i) => endingPixels(story, i, characters));
  const bottoms = ends.map((end, i) => scale.at(end) - (isTight(story, ends, i) ? endings[i]! : 0));
  return {
    story,
    characters,
    scale,
    tops: story.steps.map((step) => scale.at(step.from)),
    bottoms,
    kinds: story.steps.map((step) => kindOf(step.sql)),
    windows: windowsOf(story),
    snapshots: snapshotsOf(story),
    height: Math.max(scale.height, ...bottoms.map((bottom, i) => bottom + endings[i]!)) + lanesMargin,
    id,
  };
}

function laneOf(plan: Plan, agent: number): number {
  return plan.story.agents.findIndex((lane) => lane.agent === agent);
}

/* ---- moments in words ---- */

function startOf(story: Story): number {
  return story.steps[0]?.from ?? 0;
}

function lastOf(story: Story): number {
  return Math.max(story.until, ...story.steps.map((step) => step.to ?? step.from));
}

function unitOf(span_ns: number): { unit: string; size: number; digits: number } {
  if (span_ns >= 1e9) return { unit: "s", size: 1e9, digits: span_ns >= 100e9 ? 2 : span_ns >= 10e9 ? 3 : 4 };
  if (span_ns >= 10e6) return { unit: "ms", size: 1e6, digits: span_ns >= 100e6 ? 1 : 2 };
  return { unit: "µs", size: 1e3, digits: 0 };
}

/* Of one story all in the same unit, so that they compare at a glance, and no wider than the axis: "36 µs", "12.45 ms",
 * "1.2045 s". */
function momentInWords(story: Story, moment: number): string {
  if (story.unit === "order") return `step ${Math.max(Math.ceil(moment), 1)}`;
  const since = moment - startOf(story);
  const { unit, size, digits } = unitOf(lastOf(story) - startOf(story));
  const [whole = "0", part] = Math.abs(since / size).toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part === undefined ? "" : `.${part}`);
  return `${since < 0 && /[1-9]/.test(grouped) ? "−" : ""}${grouped} ${unit}`;
}

function sentInWords(story: Story, step: StoryStep): string {
  return momentInWords(story, story.unit === "order" ? step.from + 1 : step.from);
}

function answeredInWords(story: Story, step: StoryStep): string {
  return step.to === null ? "still running" : momentInWords(story, step.to);
}

/* ---- the drawing ---- */

function pattern(id: string, size: number, ...children: SVGElement[]): SVGElement {
  return s("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse" }, ...children);
}

function patterns(plan: Plan): SVGElement {
  const stripes = pattern(`${plan.id}-hatch`, 7,
    s("path", { d: "M-1,1 l2,-2 M0,7 l7,-7 M6,8 l2,-2", class: "timeline-stripe" }));
  const wave = pattern(`${plan.id}-wave`, 12, s("path", { d: "M0,6 q3,-6 6,0 t6,0", class: "timeline-wave" }));
  return s("defs", {}, stripes, wave);
}

/* A rectangle in a lane's own coordinates; its left and width are the class's, in timeline.css. */
function band(name: string, top: number, bottom: number, inset = 0): SVGElement {
  return s("rect", { class: name, y: rem(top + inset), height: rem(Math.max(bottom - top - 2 * inset, 1)), rx: 4 });
}

function lookOf(plan: Plan, i: number): string {
  return `${plan.kinds[i]!}${plan.story.steps[i]!.error !== null ? " fails" : ""}`;
}

function drawBox(plan: Plan, i: number): SVGElement {
  const { scale } = plan;
  const step = plan.story.steps[i]!;
  const top = plan.tops[i]!;
  const bottom = plan.bottoms[i]!;
  const box = s("g", { class: `timeline-drawn ${lookOf(plan, i)}`, "data-step": i });
  if (step.ready < step.from) box.append(band("timeline-pool", scale.at(step.ready), top, 1));
  box.append(band(`timeline-box${step.to === null ? " running" : ""}`, top, bottom, 1));
  for (const wait of step.waits) {
    const end = wait.to === null ? bottom : Math.min(scale.at(wait.to), bottom);
    const shade = band("timeline-lock", scale.at(wait.from), end, 2);
    shade.setAttribute("fill", `url(#${plan.id}-hatch)`);
    box.append(shade);
  }
  const next = nextOf(plan.story, i);
  if (step.yields && next?.goesOn && scale.at(next.from) > bottom)
    box.append(band("timeline-held", bottom, scale.at(next.from)));
  return box;
}

function drawLane(plan: Plan, lane: number): SVGElement {
  const { story } = plan;
  const share = 100 / story.agents.length;
  const agent = story.agents[lane]!.agent;
  const drawing = s("svg", { class: "timeline-lane", x: `${lane * share}%`, width: `${share}%`, height: "100%" });
  if (lane > 0) drawing.append(s("line", { class: "timeline-border", x1: 0, x2: 0, y1: 0, y2: "100%" }));
  for (const window of plan.windows) {
    if (window.agent !== agent) continue;
    const [top, bottom] = [plan.tops[window.read]!, plan.bottoms[window.write]!];
    drawing.append(band("timeline-window", top, bottom), band("timeline-window-edge", top, bottom));
  }
  story.steps.forEach((step, i) => step.agent === agent && drawing.append(drawBox(plan, i)));
  return drawing;
}

function drawGaps(plan: Plan): SVGElement[] {
  return plan.scale.gaps.map((gap) => {
    const middle = (plan.scale.at(gap.from) + plan.scale.at(gap.to)) / 2;
    return s("svg", { x: 0, y: rem(middle - 6), width: "100%", height: 12 },
      s("rect", { class: "timeline-gap", width: "100%", height: 12, fill: `url(#${plan.id}-wave)` }));
  });
}

function draw(plan: Plan): SVGElement {
  const height = rem(plan.height);
  const drawing = s("svg", { class: "timeline-drawing", width: "100%", height, "aria-hidden": "true" }, patterns(plan));
  for (const tick of ticksOf(plan)) {
    if (tick.gap) continue;
    drawing.append(s("line", { class: "timeline-grid", x1: 0, x2: "100%", y1: rem(tick.top), y2: rem(tick.top) }));
  }
  plan.story.agents.forEach((_, lane) => drawing.append(drawLane(plan, lane)));
  drawing.append(...drawGaps(plan));
  const i = plan.story.steps.findIndex((step) => step.breaks);
  if (i >= 0) {
    const y = rem(plan.bottoms[i]!);
    drawing.append(s("line", { class: "timeline-break", x1: 0, x2: "100%", y1: y, y2: y, "data-step": i }));
  }
  return drawing;
}

/* ---- the axis ---- */

interface Tick {
  top: number; /* pixels */
  text: string;
  gap: boolean;
  breaks: boolean;
}

/* What is most worth knowing first; what comes too close to it is left to the table. */
function ticksOf(plan: Plan): Tick[] {
  const { story, scale } = plan;
  const wanted: Tick[] = [];
  const add = (top: number, text: string, breaks = false): number => wanted.push({ top, text, gap: false, breaks });
  if (story.unit === "order") story.steps.forEach((_, i) => add(plan.tops[i]!, String(i + 1)));
  else {
    story.steps.forEach((step, i) => step.breaks && add(plan.bottoms[i]!, momentInWords(story, step.to!), true));
    for (const gap of scale.gaps) {
      const top = (scale.at(gap.from) + scale.at(gap.to)) / 2;
      wanted.push({ top, text: `+${duration(gap.to - gap.from)}`, gap: true, breaks: false });
    }
    story.steps.forEach((step, i) => add(plan.tops[i]!, momentInWords(story, step.from)));
    story.steps.forEach((step, i) => add(plan.bottoms[i]!, momentInWords(story, step.to ?? lastOf(story))));
  }
  const placed: Tick[] = [];
  for (const tick of wanted)
    if (placed.every((other) => Math.abs(other.top - tick.top) >= tickDistance && other.text !== tick.text))
      placed.push(tick);
  return placed.sort((a, b) => a.top - b.top);
}

function axis(plan: Plan): HTMLElement[] {
  return ticksOf(plan).map((tick) => {
    const name = `timeline-tick${tick.gap ? " gap" : ""}${tick.breaks ? " breaks" : ""}`;
    const label = h("span", { class: name }, tick.text);
    label.style.setProperty("top", rem(tick.top));
    return label;
  });
}

/* ---- the steps ---- */

/* Other words than it has: what says the same stays as it is, and what a reader selected in it. */
function renew(element: HTMLElement, content: (Node | string)[]): void {
  const words = content.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  if (element.textContent !== words) element.replaceChildren(...content);
}

function place(element: HTMLElement, plan: Plan, agent: number, top: number, bottom: number): void {
  const share = 100 / plan.story.agents.length;
  const lane = laneOf(plan, agent);
  element.style.setProperty("left", `${lane * share}%`);
  element.style.setProperty("width", `${share}%`);
  element.style.setProperty("top", rem(top));
  element.style.setProperty("height", rem(bottom - top));
}

function cut(text: string, characters = textShown): string {
  return text.length > characters ? `${text.slice(0, characters)}…` : text;
}

function answer(step: StoryStep): HTMLElement | null {
  const words = resultInWords(step);
  if (!words) return null;
  const name = `timeline-result${step.error !== null ? " fails" : ""}`;
  return h("span", { class: name }, h("span", {}, step.error !== null ? "" : "→ ", foreign(cut(words))));
}

/* What stands in a box: the statement, what it waited for, and at its foot, where the answer came, what it returned. */
function stepButton(plan: Plan, i: number): HTMLElement {
  const { story } = plan;
  const step = story.steps[i]!;
  const fitting = Math.floor((plan.bottoms[i]! - plan.tops[i]! - padding) / line);
  const lines = Math.max(fitting - noteLines(story, step, plan.characters), 1);
  const sql = h("span", { class: "timeline-sql" }, code(step.goesOn ? "… goes on" : cut(step.sql, sqlShown)));
  sql.style.setProperty("-webkit-line-clamp", String(lines));
  const note = (words: string): HTMLElement => h("span", { class: "timeline-note" }, h("span", {}, foreign(words)));
  const name = `timeline-step ${lookOf(plan, i)}`;
  return h("button", { type: "button", class: name, title: step.sql, tabindex: -1, "data-step": i },
    h("span", { class: unseen }, `Step ${i + 1}, ${nameOf(story, step.agent)}: `),
    sql,
    ...step.waits.map((wait) => note(waitInWords(story, wait))),
    step.yields && note(stands),
    answer(step));
}

function endings(plan: Plan, i: number): HTMLElement | null {
  const { story } = plan;
  const step = story.steps[i]!;
  if (step.outcome === null && !step.breaks) return null;
  const name = `timeline-outcome ${step.outcome}${step.breaks ? " breaks" : ""}`;
  return h("div", { class: "timeline-endings" },
    step.breaks && h("span", { class: "timeline-break-label", title: story.breakNote }, story.breakLabel),
    step.outcome !== null && h("span", { class: name }, foreign(cut(endingInWords(story, i)))));
}

function snapshot(): HTMLElement {
  const mark = s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
    s("circle", { cx: 6, cy: 6, r: 4.5 }), s("circle", { cx: 6, cy: 6, r: 1.5, class: "timeline-pupil" }));
  return h("span", { class: "timeline-snapshot", title: "A snapshot: it sees what was committed by now" }, mark,
    h("span", { class: unseen }, "takes a snapshot"));
}

/* Buttons that are there already stay and get what is new in them: one that has the focus keeps it. */
function fillSteps(list: HTMLElement, plan: Plan): void {
  const { steps } = plan.story;
  while (list.children.length > steps.length) list.lastChild!.remove();
  steps.forEach((step, i) => {
    let button = stepButton(plan, i);
    let item = list.children[i] as HTMLElement | undefined;
    if (item) {
      const kept = item.querySelector("button")!;
      kept.className = button.className;
      kept.title = button.title;
      kept.replaceChildren(...button.childNodes);
      while (item.lastChild !== kept) item.lastChild!.remove();
      button = kept;
    } else {
      item = h("li", { "data-step": i }, button);
      list.append(item);
    }
    item.append(...[plan.snapshots.has(i) ? snapshot() : null, endings(plan, i)].filter((mark) => mark !== null));
    place(item, plan, step.agent, plan.tops[i]!, plan.bottoms[i]!);
  });
}

/* What a shape without words means, where there is room to say so. */
function captions(plan: Plan): HTMLElement[] {
  const { story, scale } = plan;
  const found: HTMLElement[] = [];
  for (const window of plan.windows) {
    const label = h("span", { class: "timeline-window-label", "aria-hidden": "true" }, h("span", {}, "check to use"));
    place(label, plan, window.agent, plan.tops[window.read]!, plan.bottoms[window.write]!);
    found.push(label);
  }
  for (const step of story.steps) {
    if (step.ready >= step.from) continue;
    const label = h("span", { class: "timeline-pool-label", "aria-hidden": "true" }, "no connection free");
    place(label, plan, step.agent, scale.at(step.ready), scale.at(step.from));
    found.push(label);
  }
  return found;
}

/* ---- what is said of one step ---- */

function windowFacts(plan: Plan, i: number): string[] {
  const { story } = plan;
  return plan.windows.filter((window) => window.read === i || window.write === i).map((window) => {
    const { read, write } = window;
    const other = read === i ? `used in step ${write + 1}` : `decided by what step ${read + 1} read`;
    return story.unit === "time" ? `${other}: ${duration(window.to - window.from)} from check to use` : other;
  });
}

function factsOf(plan: Plan, i: number): string[] {
  const { story } = plan;
  const step = story.steps[i]!;
  const facts: string[] = [];
  const last = step.to ?? lastOf(story);
  if (step.ready < step.from) facts.push(`waited ${duration(step.from - step.ready)} for a connection`);
  for (const wait of step.waits) {
    const took = story.unit === "time" ? `, ${duration((wait.to ?? last) - wait.from)}` : "";
    facts.push(`${waitInWords(story, wait)}${took}`);
  }
  if (step.releasedBy !== null) facts.push(`its answer came with step ${step.releasedBy + 1}`);
  if (step.yields) facts.push("stopped when it had read and had not written");
  if (plan.snapshots.has(i)) facts.push("took a snapshot");
  facts.push(...windowFacts(plan, i));
  if (resultInWords(step)) facts.push(`returned ${resultInWords(step)}`);
  if (step.outcome !== null) facts.push(endingInWords(story, i));
  if (step.breaks) facts.push(`${story.breakLabel}: ${story.breakNote}`);
  return facts;
}

function timesInWords(story: Story, step: StoryStep): string {
  if (story.unit === "order") return "";
  const took = step.to === null ? "still running" : `took ${duration(step.to - step.from)}`;
  return ` · at ${sentInWords(story, step)}, ${took}`;
}

function describe(plan: Plan, i: number): Node[] {
  const { story } = plan;
  const step = story.steps[i]!;
  return [
    h("p", { class: "timeline-detail-head" }, `Step ${i + 1} of ${story.steps.length} · `,
      foreign(nameOf(story, step.agent)), " · ", foreign(step.operation), timesInWords(story, step)),
    h("pre", {}, code(step.goesOn ? `… goes on: ${step.sql}` : step.sql)),
    h("ul", {}, ...factsOf(plan, i).map((fact) => h("li", {}, foreign(fact)))),
  ];
}

/* ---- the legend ---- */

function swatch(...children: SVGElement[]): SVGElement {
  return s("svg", { class: "timeline-swatch", viewBox: "0 0 24 16", "aria-hidden": "true" }, ...children);
}

function boxSwatch(group: string, name: string, fill?: string): SVGElement {
  return swatch(s("g", { class: group }, s("rect", { class: name, x: 1, y: 1, width: 22, height: 14, rx: 3, fill })));
}

function legend(plan: Plan): HTMLElement[] {
  const { story, kinds } = plan;
  const list: HTMLElement[] = [];
  const add = (occurs: boolean, sign: SVGElement | HTMLElement, words: string): void => {
    if (occurs) list.push(h("li", {}, sign, words));
  };
  const waits = story.steps.flatMap((step) => step.waits);
  const guessed = waits.length > 0 && waits.every((wait) => wait.inferred);
  const mark = snapshot();
  mark.removeAttribute("title");
  mark.querySelector(`.${unseen}`)?.remove();
  add(kinds.includes("reads"), boxSwatch("timeline-drawn reads", "timeline-box"), "reads");
  add(kinds.includes("writes"), boxSwatch("timeline-drawn writes", "timeline-box"), "writes");
  add(waits.length > 0, boxSwatch("", "timeline-lock", `url(#${plan.id}-hatch)`),
    guessed ? "waits for a lock (inferred from times)" : "waits for a lock");
  add(story.steps.some((step) => step.ready < step.from), boxSwatch("", "timeline-pool"), "waits for a connection");
  add(story.steps.some((step) => step.yields), boxSwatch("", "timeline-held"), "stands between reading and writing");
  add(plan.windows.length > 0, boxSwatch("", "timeline-window"), "from check to use");
  add(plan.snapshots.size > 0, mark, "takes a snapshot");
  add(story.steps.some((step) => step.breaks),
    swatch(s("line", { class: "timeline-break", x1: 0, x2: 24, y1: 8, y2: 8 })), story.breakLabel);
  add(plan.scale.gaps.length > 0,
    swatch(s("rect", { class: "timeline-gap", width: 24, height: 12, fill: `url(#${plan.id}-wave)` })),
    "time left out");
  const scale = story.unit === "time" ? "Time runs down, not to scale." : "Step by step, downwards.";
  list.push(h("li", { class: "timeline-scale" }, scale));
  return list;
}

/* ---- the same in words ---- */

function waitsCell(story: Story, step: StoryStep): HTMLElement {
  const pooled = step.ready < step.from ? [`for a connection, ${duration(step.from - step.ready)}`] : [];
  return h("td", {}, foreign([...pooled, ...step.waits.map((wait) => waitInWords(story, wait))].join("; ")));
}

function tableRow(plan: Plan, i: number): HTMLElement {
  const { story } = plan;
  const step = story.steps[i]!;
  const ending = [step.outcome !== null ? endingInWords(story, i) : "", step.breaks ? story.breakLabel : ""];
  return h("tr", { "data-step": i, class: step.breaks ? "breaks" : null },
    h("th", { scope: "row" }, i + 1),
    h("td", {}, foreign(nameOf(story, step.agent))),
    h("td", {}, foreign(step.operation)),
    h("td", {}, code(step.goesOn ? `… goes on: ${step.sql}` : step.sql)),
    h("td", { class: "number" }, sentInWords(story, step)),
    h("td", { class: "number" }, answeredInWords(story, step)),
    waitsCell(story, step),
    h("td", {}, foreign(resultInWords(step) || (step.yields ? stands : ""))),
    h("td", {}, foreign(ending.filter(Boolean).join(" · "))));
}

const heads = ["Step", "Agent", "Operation", "Statement", "Sent", "Answered", "Waited", "Returned", "Ending"];

class TextTable {
  readonly element: HTMLElement;
  private readonly summary = h("summary");
  private readonly name = h("caption", { class: unseen });
  private readonly rows = h("tbody");

  constructor() {
    const columns = h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)));
    this.element = h("details", { class: "timeline-text" }, this.summary,
      h("div", { class: "timeline-table" }, h("table", {}, this.name, h("thead", {}, columns), this.rows)));
  }

  show(plan: Plan): void {
    renew(this.summary, [`The same as a table: ${many(plan.story.steps.length, "step")}`]);
    renew(this.name, [foreign(plan.story.title)]);
    renew(this.rows, plan.story.steps.map((_, i) => tableRow(plan, i)));
  }
}

/* ---- choosing a step ---- */

function nearestIn(story: Story, i: number, lane: number): number {
  const agent = story.agents[lane]?.agent;
  const distance = (k: number): number => Math.abs(story.steps[k]!.from - story.steps[i]!.from);
  return story.steps.reduce((best, step, k) =>
    step.agent === agent && (best < 0 || distance(k) < distance(best)) ? k : best, -1);
}

/* Where a key leads from step i; i itself when the key is none of ours. */
function stepAfterKey(plan: Plan, i: number, key: string): number {
  const { story } = plan;
  const last = story.steps.length - 1;
  const lane = laneOf(plan, story.steps[i]!.agent);
  if (key === "ArrowDown") return Math.min(i + 1, last);
  if (key === "ArrowUp") return Math.max(i - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return last;
  const side = key === "ArrowRight" ? lane + 1 : key === "ArrowLeft" ? lane - 1 : -1;
  const found = side < 0 ? -1 : nearestIn(story, i, side);
  return found < 0 ? i : found;
}

function stepOf(target: EventTarget | null): number | null {
  const element = target instanceof Element ? target.closest("[data-step]") : null;
  return element ? Number(element.getAttribute("data-step")) : null;
}

/* One step at a time is chosen: it is marked in the drawing and in the table, told in the detail, and is where the
 * figure stands in the order of focus. */
class Choice {
  private chosen = 0;
  private own = false; /* the reader's */

  constructor(private readonly figure: HTMLElement, private readonly detail: HTMLElement) {}

  /* Marks it again where the figure was drawn anew. `suggested`: what is chosen until the reader does. */
  show(plan: Plan, suggested = this.chosen): void {
    if (!this.own) this.chosen = suggested;
    this.chosen = Math.min(this.chosen, plan.story.steps.length - 1);
    for (const element of this.figure.querySelectorAll("[data-step]")) {
      const own = element.getAttribute("data-step") === String(this.chosen);
      element.classList.toggle("chosen", own);
      if (element instanceof HTMLButtonElement) element.tabIndex = own ? 0 : -1;
    }
    renew(this.detail, describe(plan, this.chosen));
  }

  follow(plan: Plan, event: Event): void {
    const i = stepOf(event.target);
    if (i === null || (this.own && i === this.chosen)) return;
    this.chosen = i;
    this.own = true;
    this.show(plan);
  }

  /* Another story begins: nothing of it is the reader's choice, but where the focus is. */
  forget(): void {
    const focused = stepOf(this.figure.contains(document.activeElement) ? document.activeElement : null);
    this.own = focused !== null;
    this.chosen = focused ?? 0;
  }

  focus(i = this.chosen): void {
    this.figure.querySelector<HTMLElement>(`button[data-step="${i}"]`)?.focus();
  }
}

function onKey(plan: Plan, choice: Choice, event: KeyboardEvent): void {
  const from = stepOf(event.target);
  const ours = ["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
  if (from === null || !ours || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choice.focus(stepAfterKey(plan, from, event.key));
}

/* ---- all of it ---- */

function caption(story: Story): Node[] {
  const round = story.round === null ? "" : `, round ${count(story.round)}`;
  const why = story.why ? [document.createTextNode(" "), foreign(story.why)] : [];
  return [h("strong", {}, foreign(story.title)), document.createTextNode(`${round}.`), ...why];
}

function heading(story: Story): HTMLElement[] {
  return [h("span", { class: "timeline-corner" }, story.unit === "order" ? "step" : "time"),
    ...story.agents.map((lane) => h("span", { class: "timeline-agent" }, foreign(cut(lane.name))))];
}

/* How many characters a line of a box holds. */
function charactersIn(body: HTMLElement): number {
  const statement = body.querySelector<HTMLElement>(".timeline-sql code")!;
  const fit = statement.parentElement!.clientWidth / parseFloat(getComputedStyle(statement).fontSize) / characterShare;
  return lineLengths.filter((length) => length <= fit).at(-1) ?? lineLengths[0]!;
}

/* b is what a has become: the same statements, and maybe more. */
function goesOn(a: Story, b: Story): boolean {
  return a.steps.length <= b.steps.length && a.key === b.key && a.steps.every((step, i) => {
    const then = b.steps[i]!;
    return step.agent === then.agent && step.from === then.from && step.sql === then.sql;
  });
}

type Suggestion = (story: Story) => number;

/* Where the rule breaks; else the first step, or, of a story that goes on, the latest. */
const first: Suggestion = (story) => Math.max(story.steps.findIndex((step) => step.breaks), 0);
const latest: Suggestion = (story) => {
  const breaking = story.steps.findIndex((step) => step.breaks);
  return breaking < 0 ? story.steps.length - 1 : breaking;
};

/* It listens to nothing but itself. What it shows anew it changes where it is different, so that choice, focus, place and
 * what is unfolded stay. */
class Figure {
  readonly element: HTMLElement;
  private readonly id = `timeline-${++figures}`;
  private readonly caption = h("figcaption");
  private readonly head = h("div", { class: "timeline-head", "aria-hidden": "true" });
  private readonly axis = h("div", { class: "timeline-axis", "aria-hidden": "true" });
  private readonly shapes = h("div", { class: "timeline-shapes" });
  private readonly steps = h("ol", { class: "timeline-steps" });
  private readonly body: HTMLElement;
  private readonly plane: HTMLElement;
  private readonly scroll: HTMLElement;
  private readonly legend = h("ul", { class: "timeline-legend" });
  private readonly detail = h("div", { class: "timeline-detail" });
  private readonly table = new TextTable();
  private readonly choice: Choice;
  private plan: Plan | null = null; /* null: it shows no steps */
  private characters = lineLengths.at(-1)!;

  constructor(private readonly suggestion: Suggestion) {
    const lanes = h("div", { class: "timeline-lanes" }, this.shapes, this.steps);
    this.body = h("div", { class: "timeline-body" }, this.axis, lanes);
    this.plane = h("div", { class: "timeline-plane" }, this.head, this.body);
    this.scroll = h("div", { class: "timeline-scroll" }, this.plane);
    this.element = h("figure", { class: "timeline", id: this.id }, this.caption);
    this.choice = new Choice(this.element, this.detail);
    /* Not pointerover, which comes as well when a box moves under a pointer that rests. */
    for (const kind of ["focusin", "pointermove", "pointerdown"])
      this.element.addEventListener(kind, (event) => this.plan && this.choice.follow(this.plan, event));
    this.element.addEventListener("keydown", (event) => this.plan && onKey(this.plan, this.choice, event));
    new ResizeObserver(() => this.fit()).observe(this.body);
  }

  show(story: Story): void {
    renew(this.caption, caption(story));
    this.element.dataset.unit = story.unit;
    const { element, scroll, legend, detail, table } = this;
    if (story.steps.length === 0) {
      this.plan = null;
      element.replaceChildren(this.caption);
      return;
    }
    const follows = scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 2; /* the latest, as it was seen */
    if (!this.plan) element.append(scroll, legend, detail, table.element);
    else if (!goesOn(this.plan.story, story)) this.choice.forget();
    renew(this.head, heading(story));
    this.plane.style.setProperty("--lanes", String(story.agents.length));
    this.plane.style.setProperty("--paper-zoom", String(Math.min(1, paper / (4.25 + 7.5 * story.agents.length))));
    this.draw(story);
    if (follows) scroll.scrollTop = scroll.scrollHeight;
  }

  private draw(story: Story): void {
    const focused = this.steps.contains(document.activeElement);
    const plan = planOf(story, this.characters, this.id);
    this.plan = plan;
    this.axis.replaceChildren(...axis(plan));
    this.shapes.replaceChildren(draw(plan), ...captions(plan));
    fillSteps(this.steps, plan);
    this.body.style.setProperty("height", rem(plan.height));
    renew(this.legend, legend(plan));
    this.table.show(plan);
    this.choice.show(plan, this.suggestion(story));
    if (focused && !this.steps.contains(document.activeElement)) this.choice.focus(); /* its button is gone */
  }

  /* Lays it out for the width that it has. */
  private fit(): void {
    const characters = this.plan && this.body.clientWidth > 0 ? charactersIn(this.body) : this.characters;
    if (characters === this.characters || !this.plan) return;
    this.characters = characters;
    this.draw(this.plan.story);
  }
}

/* The figure. Each call makes one of its own. */
export function timeline(story: Story): HTMLElement {
  const figure = new Figure(first);
  figure.show(story);
  return figure.element;
}

export interface LiveTimeline {
  readonly element: HTMLElement;
  show(story: Story): void; /* anew; one that goes on keeps what the reader did with the figure */
}

export function liveTimeline(): LiveTimeline {
  return new Figure(latest);
}
