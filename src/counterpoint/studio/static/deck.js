// The takes of a piece side by side. One is active; a switch to another keeps the position and the loudness.
import { Player } from "/static/player.js";
import { el, icon, seconds } from "./dom.js";

const TONES = { autoregressive: "--red", flow_matching: "--blue" };

export class Deck {
  constructor() {
    this.takes = []; // {take, player, row}
    this.active = null;
  }

  // Show a take in `row`.
  add(take, { label, onEdit, onCompare, readOnly = false, address = (each) => `/api/takes/${each.id}/sound` }) {
    const place = el("div", { class: "take-wave" });
    const button = el("button", { type: "button", class: "button round play", onclick: () => this.toggle(entry) });
    const time = el("span", { class: "time number" });
    const number = el("kbd", { class: "take-key" });
    const row = el(
      "div",
      { class: "take" },
      place,
      el("div", { class: "row transport" }, button, time, number, el("span", { class: "grow" }), ...(readOnly ? [] : tools(take, { label, onEdit, onCompare }))),
    );
    const entry = { take, row, button, time, number, label };
    entry.player = new Player(place, {
      url: address(take),
      duration: take.duration_s,
      peaks: take.peaks,
      top: Math.max(0.05, ...take.peaks),
      height: 72,
      tone: TONES[take.paradigm],
      label: `Position in ${label}`,
      onChange: () => this.draw(entry),
      onHeard: () => this.draw(entry),
    });
    entry.player.audio.preload = "metadata";
    for (const [start, end] of editedSpans(take)) {
      entry.player.regions.addRegion({ start, end, color: "rgba(255, 214, 51, .55)", drag: false, resize: false });
    }
    this.takes.push(entry);
    this.level();
    this.takes.forEach((each) => this.draw(each));
    return row;
  }

  // Louder takes are played softer, so that loudness does not influence the comparison.
  level() {
    const quietest = Math.min(...this.takes.map(({ take }) => take.rms));
    for (const { take, player } of this.takes) player.audio.volume = Math.min(1, Math.max(0.05, quietest / take.rms));
  }

  toggle(entry) {
    if (entry.player.playing) entry.player.pause();
    else this.activate(entry);
  }

  // Play this take from the position of the active one.
  activate(entry) {
    const before = this.active;
    this.active = entry;
    if (before && before !== entry) {
      const at = before.player.time;
      before.player.pause();
      entry.player.play(at < entry.player.duration - 0.05 ? at : 0);
    } else entry.player.play();
  }

  switchTo(place) {
    const entry = this.takes[place];
    if (!entry) return false;
    if (this.active?.player.playing || !this.active) this.activate(entry);
    else {
      const at = this.active.player.time;
      this.active = entry;
      entry.player.seek(at);
      this.takes.forEach((each) => this.draw(each));
    }
    return true;
  }

  playOrPause() {
    const entry = this.active ?? this.takes[0];
    if (entry) this.toggle(entry);
    return !!entry;
  }

  draw(entry) {
    const { player, button, time, row, label, number } = entry;
    const playing = player.playing;
    if (button.dataset.playing !== String(playing)) {
      button.dataset.playing = playing;
      button.replaceChildren(icon(playing ? "pause" : "play"));
      button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${label}`);
    }
    number.textContent = this.takes.length > 1 ? String(this.takes.indexOf(entry) + 1) : "";
    number.hidden = this.takes.length < 2;
    row.classList.toggle("active", this.active === entry);
    time.textContent = `${player.time.toFixed(1)} / ${seconds(player.duration)}`;
  }

  destroy() {
    for (const { player } of this.takes) player.destroy();
    this.takes = [];
    this.active = null;
  }
}

// The new spans of a take, if only a part of it is new.
function editedSpans({ new: spans = [], duration_s: duration }) {
  const whole = spans.length === 1 && spans[0][0] < 0.01 && spans[0][1] > duration - 0.01;
  return whole ? [] : spans;
}

function tools(take, { label, onEdit, onCompare }) {
  const sound = `/api/takes/${take.id}/sound`;
  const list = el(
    "div",
    { class: "menu-list" },
    el("a", { href: `${sound}?download=1` }, "Original file"),
    el("a", { href: `${sound}?as=flac` }, "FLAC"),
    take.recipe && take.recipe.kind ? el("a", { href: `/api/takes/${take.id}/zip` }, "Zip with the request") : null,
  );
  const menu = el("details", { class: "menu" }, el("summary", { class: "button small-button" }, "Download"), list);
  menu.addEventListener("focusout", (event) => {
    if (!menu.contains(event.relatedTarget)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  return [
    el("button", { type: "button", class: "button small-button", onclick: () => onCompare(take, label), "aria-label": `Compare ${label}` }, "Compare"),
    el("button", { type: "button", class: "button small-button", onclick: () => onEdit(take), "aria-label": `Edit ${label}` }, "Edit"),
    menu,
  ];
}
