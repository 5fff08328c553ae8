// Takes of different pieces side by side, which are chosen one by one and switched like those of one piece.
import { Deck } from "./deck.js";
import { $, announce, el } from "./dom.js";

export class Compare {
  constructor({ onTest }) {
    this.deck = new Deck();
    this.cells = new Map(); // by the take's id
    this.columns = el("div", { class: "columns" });
    const close = el("button", { type: "button", class: "button small-button", onclick: () => this.clear() }, "Close");
    this.test = el("button", { type: "button", class: "button small-button", onclick: () => onTest([...this.cells.keys()], this.titles()) }, "Add to a listening test");
    $("compare").append(el("div", { class: "row spread" }, el("h2", {}, "Comparison"), el("div", { class: "row" }, this.test, close)), this.columns);
  }

  // While the comparison is open, it receives the number keys and Space.
  get isOpen() {
    return this.cells.size > 0;
  }

  add(take, title) {
    if (this.cells.has(take.id)) {
      announce(`${title} is already in the comparison.`);
      return;
    }
    const row = this.deck.add(take, { label: title, readOnly: true });
    const cell = el("section", { class: `column ${take.paradigm ?? ""}` }, el("h3", {}, title), row);
    this.cells.set(take.id, cell);
    this.columns.append(cell);
    this.test.hidden = this.cells.size < 2;
    $("compare").hidden = false;
    announce(`${title} was added to the comparison.`);
  }

  titles() {
    return [...this.columns.querySelectorAll("h3")].map((title) => title.textContent).join(" / ");
  }

  clear() {
    this.deck.destroy();
    this.cells.clear();
    this.columns.replaceChildren();
    $("compare").hidden = true;
  }
}
