// The editor: a waveform with yellow spans, which are dragged or typed, and the earlier versions for Undo.
import { Player } from "/static/player.js";
import { call, upload } from "./api.js";
import { $, announce, el, icon, seconds } from "./dom.js";

const YELLOW = "rgba(255, 214, 51, .55)";

export class Editor {
  constructor({ onError, onChange }) {
    Object.assign(this, { onError, onChange });
    this.take = null;
    this.past = []; // takes for Undo
    this.future = [];
    this.regions = [];
    $("music-file").addEventListener("change", () => $("music-file").files[0] && this.bring($("music-file").files[0]));
    $("undo").addEventListener("click", () => this.step(this.past, this.future, "Undone"));
    $("redo").addEventListener("click", () => this.step(this.future, this.past, "Redone"));
    $("another").addEventListener("click", () => this.close());
    for (const radio of document.querySelectorAll("input[name=what]")) radio.addEventListener("change", () => this.draw());
    this.acceptDrops();
    this.draw();
  }

  // "inpaint", "end" or "start".
  get what() {
    return document.querySelector("input[name=what]:checked").value;
  }

  get spans() {
    return this.regions.map((region) => [Number(region.start.toFixed(3)), Number(region.end.toFixed(3))]).sort((a, b) => a[0] - b[0]);
  }

  // The fields of a request.
  get fields() {
    if (!this.take) throw new Error("There is no music to edit; drop a file here, or press Edit at a take.");
    if (this.what !== "inpaint") return { kind: "continue", take: this.take.id, side: this.what };
    if (!this.regions.length) throw new Error("There is no span to regenerate; mark one on the waveform, or add one.");
    return { kind: "inpaint", take: this.take.id, spans: this.spans };
  }

  acceptDrops() {
    const editor = $("editor");
    for (const name of ["dragover", "dragenter"]) {
      editor.addEventListener(name, (event) => {
        event.preventDefault();
        $("drop").classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) editor.addEventListener(name, () => $("drop").classList.remove("over"));
    editor.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) this.bring(event.dataTransfer.files[0]);
    });
  }

  async bring(file) {
    announce(`Reading ${file.name}`);
    $("drop").classList.add("busy");
    try {
      const { piece } = await upload(file, "music");
      const { title, jobs } = await call("GET", `/api/pieces/${piece}`);
      this.open(jobs[0].takes[0], title);
      announce(`${title} is open.`);
    } catch (error) {
      this.onError(error.message);
    } finally {
      $("drop").classList.remove("busy");
      $("music-file").value = "";
    }
  }

  // Edit a take; if it was made from the open take, that one is kept for Undo.
  open(take, title, parent = null) {
    this.past = this.take && parent === this.take.id ? [...this.past, { take: this.take, title: this.title }] : [];
    this.future = [];
    this.show(take, title);
  }

  step(from, to, action) {
    const next = from.pop();
    if (!next) return;
    to.push({ take: this.take, title: this.title });
    this.show(next.take, next.title);
    announce(`${action}: ${next.title}`);
  }

  close() {
    this.player?.destroy();
    Object.assign(this, { player: null, take: null, past: [], future: [], regions: [] });
    $("edit-wave").replaceChildren();
    this.draw();
  }

  show(take, title) {
    this.player?.destroy();
    Object.assign(this, { take, title, regions: [] });
    const place = el("div", { id: "edit-place" });
    $("edit-wave").replaceChildren(place);
    this.player = new Player(place, {
      url: `/api/takes/${take.id}/sound`,
      duration: take.duration_s,
      peaks: take.peaks,
      top: Math.max(0.05, ...take.peaks),
      height: 128,
      editable: false,
      label: `Position in ${title}`,
      onChange: () => this.drawTransport(),
      onHeard: () => this.drawTransport(),
    });
    this.player.wave.setOptions({ dragToSeek: false });
    this.marks = this.player.regions;
    this.marks.enableDragSelection({ color: YELLOW, drag: true, resize: true });
    this.marks.on("region-created", (region) => this.added(region));
    this.marks.on("region-updated", () => this.drawSpans());
    this.draw();
  }

  added(region) {
    this.regions.push(region);
    this.draw();
    announce(`Span from ${seconds(region.start)} to ${seconds(region.end)}`);
  }

  addSpan() {
    const { duration_s: length } = this.take;
    const start = Math.min(this.player.time, 0.7 * length);
    this.marks.addRegion({ start, end: Math.min(length, start + Math.min(2, 0.3 * length)), color: YELLOW, drag: true, resize: true });
  }

  remove(region) {
    region.remove();
    this.regions = this.regions.filter((other) => other !== region);
    this.draw();
    $("add-span").focus();
  }

  draw() {
    $("drop").hidden = !!this.take;
    $("canvas").hidden = !this.take;
    $("undo").disabled = !this.past.length;
    $("redo").disabled = !this.future.length;
    if (this.take) {
      $("edit-title").textContent = this.title;
      $("edit-hint").hidden = this.what !== "inpaint";
      this.drawTransport();
      this.drawSpans();
    }
    this.onChange();
  }

  drawTransport() {
    if (!this.player) return;
    const row = $("edit-transport");
    if (!this.button || !row.contains(this.button)) {
      this.button = el("button", { type: "button", class: "button round play", onclick: () => this.player.toggle() });
      this.time = el("span", { class: "time number" });
      const add = el("button", { type: "button", class: "button small-button", id: "add-span", onclick: () => this.addSpan() }, "Add a span");
      row.replaceChildren(this.button, this.time, el("span", { class: "grow" }), add);
    }
    this.button.replaceChildren(icon(this.player.playing ? "pause" : "play"));
    this.button.setAttribute("aria-label", this.player.playing ? "Pause the music" : "Play the music");
    this.time.textContent = `${this.player.time.toFixed(1)} / ${seconds(this.player.duration)}`;
  }

  drawSpans() {
    const ordered = [...this.regions].sort((a, b) => a.start - b.start);
    $("spans").hidden = this.what !== "inpaint";
    if (ordered.length === $("spans").children.length && ordered.every((region, place) => $("spans").children[place].region === region)) {
      for (const line of $("spans").children) line.refresh();
      return;
    }
    $("spans").replaceChildren(...ordered.map((region, place) => this.spanLine(region, place + 1)));
  }

  spanLine(region, number) {
    const edge = (name, label) => {
      const input = el("input", { type: "number", min: 0, max: this.take.duration_s.toFixed(2), step: 0.1, "aria-label": `${label} of span ${number}, seconds` });
      input.addEventListener("change", () => {
        const value = Math.max(0, Math.min(Number(input.value) || 0, this.take.duration_s));
        region.setOptions({ start: region.start, end: region.end, [name]: value });
        this.drawSpans();
      });
      return input;
    };
    const start = edge("start", "Start");
    const end = edge("end", "Stop");
    const line = el("li", {}, el("span", { class: "swatch-span" }), start, el("span", {}, "to"), end, el("span", { class: "unit" }, "s"), el("button", { type: "button", class: "button quiet small-button", "aria-label": `Remove span ${number}`, onclick: () => this.remove(region) }, "Remove"));
    line.region = region;
    line.refresh = () => {
      if (document.activeElement !== start) start.value = region.start.toFixed(2);
      if (document.activeElement !== end) end.value = region.end.toFixed(2);
    };
    line.refresh();
    return line;
  }
}
