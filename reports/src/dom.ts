/* Elements. Whatever comes from a document is set as text or as an attribute's value, never as markup: a name like
 * `<script>` is shown, not run. */

export type Child = Node | string | number | null | undefined | false;
export type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

const svgNamespace = "http://www.w3.org/2000/svg";

function fill<T extends Element>(element: T, attributes: Attributes, children: Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string | number =>
    child !== null && child !== undefined && child !== false).map((child) =>
    child instanceof Node ? child : String(child)));
  return element;
}

/* An HTML element. An attribute that is a function is a listener of that event; false, null and undefined are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(name), attributes, children);
}

/* An SVG element, by the same rules. */
export function s<K extends keyof SVGElementTagNameMap>(
  name: K, attributes: Attributes = {}, ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

const longest = 300; /* characters that are shown at once; more stand in a small frame of their own that scrolls */

function frame(text: string): string | null {
  return text.length > longest ? "long" : null;
}

/* A text from a document, isolated: right-to-left text does not turn what stands beside it. */
export function foreign(text: string): HTMLElement {
  return h("bdi", { class: frame(text) }, text);
}

/* The same in type that tells letters apart: a statement, a name of the database. */
export function code(text: string): HTMLElement {
  return h("code", { dir: "auto", class: frame(text) }, text);
}

/* The class of elements that are seen by screen readers only. */
export const unseen = "unseen";
