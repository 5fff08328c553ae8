// Small helpers for the page's elements.
export { el } from "/static/el.js";

export const $ = (id) => document.getElementById(id);

const ICONS = {
  play: "M4 2.2v11.6L13.5 8z",
  pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z",
  star: "M8 1.3l2 4.3 4.7.6-3.4 3.2.9 4.6L8 11.7 3.8 14l.9-4.6L1.3 6.2 6 5.6z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// A message for screen readers.
export function announce(text) {
  $("news").textContent = text;
}

export function alertUser(text) {
  $("alert").textContent = text;
  $("alert").hidden = !text;
  if (text) $("alert").scrollIntoView({ block: "nearest" });
}

export const seconds = (value) => `${Number(value.toFixed(value < 10 ? 1 : 0))} s`;
// A waiting time, rounded to whole seconds or minutes.
export const duration = (value) => (value < 90 ? `${Math.max(1, Math.round(value))} s` : `${Math.round(value / 60)} min`);
export const isTyping = (target) => target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
