// The controls of a request besides its caption: chords (a chart or bars), a melody (a file, singing, a piano roll),
// and drums (a loop or a step grid).
import { call, upload } from "./api.js";
import { $, el, seconds } from "./dom.js";
import { record } from "./record.js";

const NOTE_NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const HINT = $("chords-status").textContent;

export class Steer {
  constructor({ drums, onChange, onError }) {
    Object.assign(this, { onChange, onError });
    this.files = { melody: null, drums: null };
    this.chart = null;
    this.roll = new Roll($("roll"), () => this.changed());
    this.steps = new Steps($("steps"), drums, () => this.changed());
    this.buildBars();
    this.buildFile("melody", $("melody-row"), ".mid,.midi,.kar,.wav,.flac,.mp3,.ogg", true);
    this.buildFile("drums", $("drums-row"), ".wav,.flac,.mp3,.ogg,.aiff,.aif", false);
    $("chords").addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.readChart(), 350);
    });
  }

  // The fields of a request.
  get fields() {
    const chords = $("chords").value.trim();
    const fields = {};
    if (chords) fields.chords = chords;
    if (this.files.melody) fields.melody = this.files.melody.id;
    else if (this.roll.notes.length) fields.notes = this.roll.notes;
    if (this.files.drums) fields.drums = this.files.drums.id;
    else if (this.steps.isSet) fields.grid = this.steps.fields;
    return fields;
  }

  changed() {
    const { chords, melody, notes, drums, grid } = this.fields;
    const parts = [chords && "chords", (melody || notes) && "a melody", (drums || grid) && "drums"].filter(Boolean);
    $("steer-summary").textContent = parts.length ? parts.join(", ") : "chords, a melody, drums";
    $("steer-summary").classList.toggle("set", parts.length > 0);
    this.onChange();
  }

  async readChart() {
    const text = $("chords").value.trim();
    const status = $("chords-status");
    const field = $("chords");
    this.changed();
    if (!text) {
      status.textContent = HINT;
      status.className = "hint";
      field.removeAttribute("aria-invalid");
      $("chords-strip").hidden = true;
      return;
    }
    try {
      const { spans, taken_for: taken } = await call("POST", "/api/chart", { chords: text });
      if (text !== field.value.trim()) return;
      field.removeAttribute("aria-invalid");
      const near = Object.entries(taken).map(([given, used]) => `${given} is replaced by ${used}`);
      status.textContent = near.length ? `${near.join(", ")}.` : `${spans.length} ${spans.length > 1 ? "chords" : "chord"}.`;
      status.className = "hint";
      this.drawStrip(spans);
    } catch (error) {
      if (text !== field.value.trim()) return;
      field.setAttribute("aria-invalid", "true");
      status.textContent = error.message;
      status.className = "hint bad";
      $("chords-strip").hidden = true;
    }
  }

  drawStrip(spans) {
    const length = Math.max(Number($("length").value) || 8, ...spans.map(([start]) => start + 0.01));
    const strip = $("chords-strip");
    strip.replaceChildren(
      ...spans.map(([start, end, label]) =>
        el("span", { style: `left:${(100 * start) / length}%;width:${(100 * (Math.min(end ?? length, length) - start)) / length}%`, title: `${label} from ${start.toFixed(2)} s` }, label),
      ),
    );
    strip.hidden = false;
  }

  // A tempo, a metre, and a field for each bar, from which the chart is written.
  buildBars() {
    const bpm = el("input", { type: "number", min: 30, max: 300, value: 120, id: "bars-bpm" });
    const metre = el("select", { id: "bars-metre" }, ...["4/4", "3/4", "2/4", "6/8"].map((value) => el("option", { value }, value)));
    const bars = el("div", { class: "bars" });
    const write = () => {
      const cells = [...bars.querySelectorAll("input")].map((input) => input.value.trim());
      while (cells.length && !cells.at(-1)) cells.pop();
      $("chords").value = cells.length ? `${bpm.value} bpm ${metre.value} | ${cells.map((cell, place) => cell || (place ? "%" : "N")).join(" | ")} |` : "";
      this.readChart();
    };
    const add = (count) => {
      for (let index = 0; index < count; index += 1) {
        const number = bars.children.length + 1;
        bars.append(el("input", { type: "text", "aria-label": `Chords of bar ${number}`, placeholder: String(number), autocomplete: "off", spellcheck: false, oninput: write }));
      }
    };
    add(4);
    bpm.addEventListener("input", write);
    metre.addEventListener("input", write);
    $("bars").append(
      el("div", { class: "row" }, el("label", { for: "bars-bpm" }, "Tempo"), bpm, el("label", { for: "bars-metre" }, "Metre"), metre, el("button", { type: "button", class: "button small-button", onclick: () => add(4) }, "Four more bars")),
      bars,
      el("p", { class: "hint" }, "A bar may have several chords, such as Am F. An empty bar repeats the previous one."),
    );
  }

  buildFile(kind, row, accept, sings) {
    const input = el("input", { type: "file", class: "sr", id: `${kind}-file`, accept, "aria-label": kind === "melody" ? "File of a melody" : "File of a drum loop" });
    const label = el("label", { class: "button small-button", for: input.id }, kind === "melody" ? "Upload MIDI or audio" : "Upload a loop");
    const status = el("span", { class: "given muted", id: `${kind}-given` });
    const drop = el("button", { type: "button", class: "button quiet small-button", hidden: true, onclick: () => take(null) }, "Remove");
    const take = (given) => {
      this.files[kind] = given;
      status.textContent = given ? `${given.name}, ${seconds(given.duration_s)}` : "";
      drop.hidden = !given;
      drop.setAttribute("aria-label", given ? `Remove ${given.name}` : "Remove");
      input.value = "";
      this.changed();
    };
    const give = async (file) => {
      status.textContent = `Reading ${file.name} …`;
      try {
        take(await upload(file, kind));
      } catch (error) {
        status.textContent = "";
        this.onError(error.message);
      }
    };
    input.addEventListener("change", () => input.files[0] && give(input.files[0]));
    row.append(input, label);
    if (sings) row.append(this.singButton(give));
    row.append(status, drop);
  }

  singButton(give) {
    let running = null;
    const button = el("button", { type: "button", class: "button small-button", id: "sing", "aria-pressed": "false" }, "Sing");
    const idle = () => {
      running = null;
      button.textContent = "Sing";
      button.setAttribute("aria-pressed", "false");
    };
    button.addEventListener("click", async () => {
      if (running) {
        const recording = running;
        idle();
        give(await recording.stop());
        return;
      }
      try {
        running = await record((at) => (button.textContent = `Stop ${seconds(at)}`));
        button.textContent = "Stop";
        button.setAttribute("aria-pressed", "true");
      } catch (error) {
        idle();
        this.onError(error.message);
      }
    });
    return button;
  }
}

// A small piano roll: rows of two octaves, columns of a quarter of a second.
class Roll {
  constructor(place, onChange) {
    this.onChange = onChange;
    this.low = 60;
    this.columns = 32;
    this.stepS = 0.25;
    this.cells = new Set(); // "column:midi"
    this.grid = el("div", { class: "grid roll-grid", role: "grid", "aria-label": "Piano roll" });
    const octave = (step, name) => el("button", { type: "button", class: "button small-button", onclick: () => this.move(step) }, name);
    place.append(
      el("div", { class: "row" }, octave(-12, "An octave lower"), octave(12, "An octave higher"), el("button", { type: "button", class: "button quiet small-button", onclick: () => this.clear() }, "Clear")),
      el("div", { class: "grid-scroll" }, this.grid),
      el("p", { class: "hint" }, "A column lasts a quarter of a second; adjacent cells of the same pitch form one note. Arrow keys move, and Space sets a cell."),
    );
    new CellGrid(this.grid, (column, row) => this.toggle(column, row));
    this.draw();
  }

  draw() {
    const rows = [];
    for (let row = 0; row < 25; row += 1) {
      const midi = this.low + 24 - row;
      const name = `${NOTE_NAMES[midi % 12]}${Math.floor(midi / 12) - 1}`;
      const black = [1, 3, 6, 8, 10].includes(midi % 12);
      rows.push(gridRow(name, this.columns, (column) => ({ on: this.cells.has(`${column}:${midi}`), label: `${name} at ${seconds(column * this.stepS)}`, beat: column % 4 === 0 }), black ? "black" : ""));
    }
    this.grid.replaceChildren(...rows);
    this.grid.querySelector("[data-cell]").tabIndex = 0;
  }

  toggle(column, row) {
    const key = `${column}:${this.low + 24 - row}`;
    const was = this.cells.has(key);
    for (const cell of [...this.cells]) if (cell.startsWith(`${column}:`)) this.cells.delete(cell); // one note at a time
    if (!was) this.cells.add(key);
    for (const [at, line] of [...this.grid.children].entries()) {
      const midi = this.low + 24 - at;
      setCell(line.querySelectorAll("[data-cell]")[column], this.cells.has(`${column}:${midi}`));
    }
    this.onChange();
  }

  move(step) {
    if (this.low + step < 36 || this.low + step > 72) return;
    this.low += step;
    this.cells = new Set([...this.cells].map((cell) => cell.split(":").map(Number)).map(([column, midi]) => `${column}:${midi + step}`));
    this.draw();
    this.onChange();
  }

  clear() {
    this.cells.clear();
    this.draw();
    this.onChange();
  }

  get notes() {
    const byPitch = [...this.cells].map((cell) => cell.split(":").map(Number)).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const notes = [];
    for (const [column, midi] of byPitch) {
      const last = notes.at(-1);
      if (last && last[2] === midi && Math.abs(last[1] - column * this.stepS) < 1e-6) last[1] += this.stepS;
      else notes.push([column * this.stepS, (column + 1) * this.stepS, midi]);
    }
    return notes.sort((a, b) => a[0] - b[0]);
  }
}

// Sixteen steps of a bar for each drum.
class Steps {
  constructor(place, drums, onChange) {
    this.onChange = onChange;
    this.rows = Object.fromEntries(drums.map((name) => [name, Array(16).fill(0)]));
    this.names = drums;
    this.bpm = el("input", { type: "number", min: 30, max: 300, value: 120, id: "steps-bpm", oninput: onChange });
    this.grid = el("div", { class: "grid", role: "grid", "aria-label": "Step grid of drums" });
    const patterns = { "Four on the floor": { kick: [0, 4, 8, 12], hat: [2, 6, 10, 14], clap: [4, 12] }, Rock: { kick: [0, 8, 10], snare: [4, 12], hat: [0, 2, 4, 6, 8, 10, 12, 14] } };
    const buttons = Object.entries(patterns).map(([name, strokes]) => el("button", { type: "button", class: "button small-button", onclick: () => this.set(strokes) }, name));
    place.append(
      el("div", { class: "row" }, el("label", { for: "steps-bpm" }, "Tempo"), this.bpm, ...buttons, el("button", { type: "button", class: "button quiet small-button", onclick: () => this.set({}) }, "Clear")),
      el("div", { class: "grid-scroll" }, this.grid),
    );
    new CellGrid(this.grid, (column, row) => {
      const steps = this.rows[this.names[row]];
      steps[column] = 1 - steps[column];
      setCell(this.grid.children[row].querySelectorAll("[data-cell]")[column], steps[column]);
      this.onChange();
    });
    this.draw();
  }

  draw() {
    const rows = this.names.map((name) => gridRow(name, 16, (column) => ({ on: this.rows[name][column], label: `${name}, step ${column + 1}`, beat: column % 4 === 0 })));
    this.grid.replaceChildren(...rows);
    this.grid.querySelector("[data-cell]").tabIndex = 0;
  }

  set(strokes) {
    for (const name of this.names) this.rows[name] = this.rows[name].map((_, column) => (strokes[name]?.includes(column) ? 1 : 0));
    this.draw();
    this.onChange();
  }

  get isSet() {
    return this.names.some((name) => this.rows[name].some(Boolean));
  }

  get fields() {
    const rows = Object.fromEntries(Object.entries(this.rows).filter(([, steps]) => steps.some(Boolean)));
    return { bpm: Number(this.bpm.value), rows };
  }
}

function gridRow(name, columns, cell, kind = "") {
  const cells = Array.from({ length: columns }, (_, column) => {
    const { on, label, beat } = cell(column);
    return el("div", { role: "gridcell", class: `cell${beat ? " beat" : ""}`, tabIndex: -1, "data-cell": column, "aria-label": label, "aria-selected": on ? "true" : "false" });
  });
  return el("div", { role: "row", class: `grid-row ${kind}` }, el("div", { role: "rowheader", class: "grid-name" }, name), ...cells);
}

function setCell(cell, on) {
  cell.setAttribute("aria-selected", on ? "true" : "false");
}

// Pointer and arrow keys in a grid of cells.
class CellGrid {
  constructor(grid, onToggle) {
    const where = (cell) => [Number(cell.dataset.cell), [...grid.children].indexOf(cell.parentElement)];
    grid.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-cell]");
      if (cell) onToggle(...where(cell));
    });
    grid.addEventListener("keydown", (event) => {
      const cell = event.target.closest("[data-cell]");
      if (!cell) return;
      const [column, row] = where(cell);
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key === " " || event.key === "Enter") onToggle(column, row);
      else if (event.key in moves) {
        const [right, down] = moves[event.key];
        const next = grid.children[row + down]?.querySelectorAll("[data-cell]")[column + right];
        if (next) {
          cell.tabIndex = -1;
          next.tabIndex = 0;
          next.focus();
        }
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
}
