// The open piece: a column for each model, with its takes as they arrive and their analysis.
import { call } from "./api.js";
import { Deck } from "./deck.js";
import { announce, el, icon, seconds } from "./dom.js";

const STATE_TEXTS = {
  queued: (job) => (job.ahead ? `Waiting for ${job.ahead} ${job.ahead > 1 ? "jobs" : "job"}` : "Waiting"),
  loading: () => "Loading the model",
  drawing: () => "Generating",
  listening: () => "Analysing the take",
  done: () => "",
  cancelled: () => "Cancelled",
  failed: (job) => job.message,
  interrupted: () => "Interrupted, because the studio was closed.",
};
const OPEN = ["queued", "loading", "drawing", "listening"];

export class Piece {
  // models by name; onEdit(take, piece); onCompare(take, label); onGone(); onAgain(request); onTest(takes, title)
  constructor(piece, { models, onEdit, onCompare, onGone, onAgain, onTest, onError }) {
    Object.assign(this, { piece, models, onEdit, onCompare, onGone, onAgain, onTest, onError });
    this.deck = new Deck();
    this.columns = new Map();
    this.element = el("article", { class: "piece" }, this.head(), el("div", { class: "columns" }, ...piece.jobs.map((job) => this.column(job))), this.foot());
    for (const job of piece.jobs) {
      for (const take of job.takes) this.showTake(take);
      this.showJob(job);
    }
  }

  get id() {
    return this.piece.id;
  }

  // Ids of the takes for a listening test: the first take of each model, or all takes of a single model.
  get rivals() {
    const columns = [...this.columns.values()].filter(({ entries }) => entries.length);
    const entries = columns.length > 1 ? columns.map((column) => column.entries[0]) : (columns[0]?.entries.slice(0, 6) ?? []);
    return entries.map(({ take }) => take.id);
  }

  head() {
    const { piece } = this;
    const title = el("h2", { class: "title" }, piece.title);
    this.star = el("button", { type: "button", class: "button round-small star", "aria-pressed": String(piece.starred), "aria-label": "Star" }, icon("star"));
    this.star.addEventListener("click", () => this.change({ starred: this.star.getAttribute("aria-pressed") !== "true" }));
    const rename = el("button", { type: "button", class: "button small-button" }, "Rename");
    rename.addEventListener("click", () => this.rename(title, rename));
    const share = el("button", { type: "button", class: "button small-button" }, "Link");
    share.addEventListener("click", () => this.share());
    const remove = el("button", { type: "button", class: "button small-button" }, "Delete");
    remove.addEventListener("click", () => this.remove());
    this.testButton = el("button", { type: "button", class: "button small-button", hidden: true }, "Add to a listening test");
    this.testButton.addEventListener("click", () => {
      this.onTest(this.rivals, this.piece.title);
      this.testButton.textContent = "Added to the listening test";
    });
    this.linkLine = el("p", { class: "link-line", hidden: true });
    const again = piece.kind === "generate" ? el("button", { type: "button", class: "button small-button", onclick: () => this.onAgain(piece.request) }, "Reuse request") : null;
    return el("header", {}, el("div", { class: "row spread" }, title, el("div", { class: "row" }, this.star, again, this.testButton, rename, share, remove)), el("p", { class: "facts muted" }, this.facts()), this.linkLine);
  }

  facts() {
    const { request, kind, created } = this.piece;
    const parts = [new Date(created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })];
    if (request.seed !== undefined) parts.push(`seed ${request.seed}`);
    if (kind === "inpaint") parts.push(`spans ${request.spans.map(([start, stop]) => `${start}–${stop} s`).join(", ")}`);
    if (request.chords) parts.push(`chords ${request.chords}`);
    return parts.join(" · ");
  }

  foot() {
    this.keysLine = el("p", { class: "hint", hidden: true }, "Switch with ", el("kbd", {}, "1"), " ", el("kbd", {}, "2"), " …; the position and the loudness stay the same.");
    return this.keysLine;
  }

  column(job) {
    const model = this.models[job.model];
    const name = job.model ? [el("span", { class: "short" }, model?.short ?? ""), ` ${model?.label ?? job.model}`] : ["Uploaded file"];
    const status = el("div", { class: "status" });
    const takes = el("div", { class: "takes" });
    const element = el("section", { class: `column ${model?.paradigm ?? ""}`, "aria-label": model?.label ?? "Music" }, el("h3", {}, ...name, job.model ? el("span", { class: "muted model-name" }, job.model) : null), status, takes);
    this.columns.set(job.id, { job, status, takes, element, entries: [] });
    return element;
  }

  showJob(change) {
    const column = this.columns.get(change.id);
    if (!column) return;
    const before = column.job.state;
    Object.assign(column.job, change);
    const { job, status } = column;
    const label = this.models[job.model]?.label ?? "Music";
    if (before !== job.state && STATE_TEXTS[job.state](job)) announce(`${label}: ${STATE_TEXTS[job.state](job)}`);
    if (before !== "done" && job.state === "done") announce(`${label}: done`);
    if (OPEN.includes(job.state)) this.showProgress(column);
    else {
      const text = STATE_TEXTS[job.state](job);
      const again = el("button", { type: "button", class: "button small-button", onclick: () => this.repeat(job) }, job.state === "cancelled" ? "Start again" : "Try again");
      status.replaceChildren(...(text ? [el("p", { class: job.state === "failed" ? "status-text bad" : "status-text" }, text), again] : []));
      status.bar = null;
      if (before === "drawing" || before === "listening") this.rank(column);
    }
  }

  showProgress({ job, status }) {
    if (!status.bar) {
      status.bar = el("span");
      status.text = el("span", { class: "status-text" });
      status.left = el("span", { class: "muted number" });
      status.live = el("div", { class: "live" });
      const cancel = el("button", { type: "button", class: "button small-button", onclick: () => this.cancel(job), "aria-label": `Cancel ${this.models[job.model]?.label ?? ""}` }, "Cancel");
      const bar = el("div", { class: "progress", role: "progressbar", "aria-label": `Progress of ${this.models[job.model]?.label ?? "the job"}`, "aria-valuemin": "0", "aria-valuemax": "100" }, status.bar);
      status.replaceChildren(el("div", { class: "row" }, status.text, status.left, el("span", { class: "grow" }), cancel), bar, status.live);
    }
    const percent = Math.round(100 * (job.share ?? 0));
    status.bar.style.width = `${percent}%`;
    status.bar.parentElement.setAttribute("aria-valuenow", percent);
    status.text.textContent = STATE_TEXTS[job.state](job);
    status.left.textContent = job.left_s ? `about ${seconds(Math.max(1, Math.round(job.left_s)))} left` : "";
    if (job.state === "drawing" && this.models[job.model]?.streams && this.piece.kind === "generate" && !status.live.children.length) {
      const button = el("button", { type: "button", class: "button small-button" }, "Listen during generation");
      button.addEventListener("click", () => this.listenLive(job, status));
      status.live.replaceChildren(button);
    }
  }

  listenLive(job, status) {
    this.liveAudio = new Audio(`/api/jobs/${job.id}/live.wav`);
    this.liveAudio.addEventListener("playing", () => status.live?.replaceChildren(el("span", { class: "muted" }, "Playing live")));
    this.liveAudio.play().catch(() => {});
  }

  // Show a new take, or update a take after its analysis.
  showTake(take) {
    const column = this.columns.get(take.job);
    if (!column) return;
    const known = column.entries.find((entry) => entry.take.id === take.id);
    if (known) {
      known.take = take;
      known.notes.replaceChildren(...this.notes(take));
      return;
    }
    const model = this.models[column.job.model];
    const label = `${model?.label ?? "the file"}, take ${take.number + 1}`;
    const row = this.deck.add(take, { label, onEdit: () => this.onEdit(take, this.piece), onCompare: () => this.onCompare(take, `${this.piece.title}, ${label}`) });
    const notes = el("div", { class: "notes" }, ...this.notes(take));
    row.append(notes);
    column.entries.push({ take, row, notes });
    column.takes.append(row);
    this.keysLine.hidden = this.deck.takes.length < 2;
    this.testButton.hidden = this.rivals.length < 2;
  }

  // Sort edited takes by their seams, the best first.
  rank(column) {
    if (!column.entries.some(({ take }) => take.seams)) return;
    column.entries.sort((a, b) => (b.take.seams?.score ?? -99) - (a.take.seams?.score ?? -99));
    column.takes.append(...column.entries.map(({ row }) => row));
  }

  notes(take) {
    const lines = [];
    if (take.seams) lines.push(el("p", { class: "seams" }, `Seams ${take.seams.score.toFixed(1)}`, el("span", { class: "muted" }, " (0 is as smooth as real music)")));
    for (const { share, text } of take.heard?.measures ?? []) lines.push(el("p", { class: "share" }, el("b", { class: "number" }, `${Math.round(100 * share)}%`), ` ${text}`));
    for (const remark of [...(take.remarks ?? []), ...(take.heard?.remarks ?? [])]) lines.push(el("p", { class: "remark muted" }, remark));
    if (take.heard?.svg) {
      const picture = new DOMParser().parseFromString(take.heard.svg, "text/html").querySelector("svg");
      if (picture) lines.push(el("figure", { class: "analysis-picture" }, document.importNode(picture, true), el("figcaption", { class: "hint" }, "Top: requested. Bottom: detected.")));
    }
    return lines;
  }

  async change(values) {
    try {
      const piece = await call("PATCH", `/api/pieces/${this.id}`, values);
      this.star.setAttribute("aria-pressed", String(piece.starred));
      this.piece.title = piece.title;
      this.element.dispatchEvent(new CustomEvent("changed", { bubbles: true }));
    } catch (error) {
      this.onError(error.message);
    }
  }

  rename(title, button) {
    const input = el("input", { type: "text", value: this.piece.title, maxLength: 200, "aria-label": "Name of the piece" });
    const finish = async (keep) => {
      if (!input.isConnected) return;
      if (keep && input.value.trim() && input.value !== this.piece.title) await this.change({ title: input.value });
      title.textContent = this.piece.title;
      button.focus();
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    });
    input.addEventListener("blur", () => finish(true));
    title.replaceChildren(input);
    input.select();
    input.focus();
  }

  async share() {
    try {
      const { link } = await call("POST", `/api/pieces/${this.id}/link`);
      const whole = new URL(link, location.href).href;
      await navigator.clipboard?.writeText(whole).catch(() => {});
      this.linkLine.replaceChildren("Anyone with this link can listen to the piece: ", el("a", { href: whole }, whole));
      this.linkLine.hidden = false;
    } catch (error) {
      this.onError(error.message);
    }
  }

  async remove() {
    if (!confirm(`Delete “${this.piece.title}” and its takes?`)) return;
    await this.attempt("DELETE", `/api/pieces/${this.id}`);
    this.onGone();
  }

  cancel(job) {
    return this.attempt("DELETE", `/api/jobs/${job.id}`);
  }

  async repeat(job) {
    const column = this.columns.get(job.id);
    column.entries.forEach(({ row, take }) => {
      row.remove();
      this.deck.takes = this.deck.takes.filter((entry) => entry.take.id !== take.id);
    });
    column.entries = [];
    await this.attempt("POST", `/api/jobs/${job.id}/repeat`);
  }

  async attempt(method, path) {
    try {
      await call(method, path);
    } catch (error) {
      this.onError(error.message);
    }
  }

  destroy() {
    this.deck.destroy();
    this.liveAudio?.pause();
  }
}
