// The list of pieces, which can be searched, filtered and opened.
import { call } from "./api.js";
import { $, el } from "./dom.js";

const KINDS = { generate: "generated", inpaint: "inpainted", continue: "continued", upload: "uploaded" };
const OPEN = ["queued", "loading", "drawing", "listening"];

export class History {
  constructor({ models, onOpen, onError }) {
    Object.assign(this, { models, onOpen, onError });
    this.pieces = [];
    this.current = null;
    this.list = $("history");
    let waiting;
    $("search").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.load(), 250);
    });
    $("only-starred").addEventListener("change", () => this.load());
    $("older").addEventListener("click", () => this.load(this.pieces.at(-1)?.created));
  }

  async load(before) {
    const query = new URLSearchParams({ search: $("search").value.trim(), starred: $("only-starred").checked ? "1" : "0" });
    if (before) query.set("before", before);
    try {
      const { pieces, event } = await call("GET", `/api/pieces?${query}`);
      this.pieces = before ? [...this.pieces, ...pieces] : pieces;
      $("older").hidden = pieces.length < 20;
      this.draw();
      return event;
    } catch (error) {
      this.onError(error.message);
      return 0;
    }
  }

  draw() {
    const empty = $("search").value || $("only-starred").checked ? "No piece matches." : "Your pieces appear here.";
    this.list.replaceChildren(...(this.pieces.length ? this.pieces.map((piece) => this.line(piece)) : [el("li", { class: "muted empty" }, empty)]));
  }

  line(piece) {
    const shorts = piece.jobs.map((job) => this.models[job.model]?.short).filter(Boolean);
    const busy = piece.jobs.some((job) => OPEN.includes(job.state));
    const wrong = piece.jobs.some((job) => ["failed", "interrupted"].includes(job.state));
    const when = new Date(piece.created * 1000);
    const today = when.toDateString() === new Date().toDateString();
    const time = today ? when.toLocaleTimeString([], { timeStyle: "short" }) : when.toLocaleDateString([], { day: "numeric", month: "short" });
    const button = el(
      "button",
      { type: "button", class: "entry", "aria-current": piece.id === this.current ? "true" : null, onclick: () => this.onOpen(piece.id) },
      el("span", { class: "entry-title" }, piece.starred ? "★ " : "", piece.title),
      el("span", { class: "entry-facts muted" }, [KINDS[piece.kind], shorts.join(" + "), busy ? "in progress" : wrong ? "not finished" : "", time].filter(Boolean).join(" · ")),
    );
    return el("li", {}, button);
  }

  mark(id) {
    this.current = id;
    this.draw();
  }

  // The piece that is `step` places after the open one.
  neighbour(step) {
    const place = this.pieces.findIndex((piece) => piece.id === this.current);
    return this.pieces[Math.max(0, Math.min(this.pieces.length - 1, place + step))]?.id;
  }
}
