/* Light or dark: what the reader chose, else what the system says. The choice is kept where the browser lets a page keep
 * anything. */
import { h } from "./dom";

/* The switch. changed: is called when the colours are other than they were. */
export function themeSwitch(changed: () => void): HTMLElement {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = (): boolean => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const button = h("button", { type: "button", class: "theme" });
  const say = (): void => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    changed();
  };
  try {
    const kept = localStorage.getItem("pgrace-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* not kept then */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("pgrace-theme", root.dataset.theme);
    } catch { /* not kept then */ }
    say();
  });
  dark.addEventListener("change", say);
  say();
  return button;
}
