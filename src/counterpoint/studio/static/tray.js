// Items that are gathered for a listening test, and the test made of them.
import { call } from "./api.js";
import { $, announce, el } from "./dom.js";

export class Tray {
  constructor({ onError }) {
    this.onError = onError;
    this.items = []; // {takes, title}
    $("tray-make").addEventListener("click", () => this.make());
    $("tray-clear").addEventListener("click", () => this.clear());
  }

  // `takes` are ids, one of each system.
  add(takes, title) {
    if (this.items.some((item) => item.takes.join() === takes.join())) {
      announce(`${title} is in the listening test already.`);
      return;
    }
    this.items.push({ takes, title });
    if (!$("tray-title").value) $("tray-title").value = title.slice(0, 120);
    $("tray-said").textContent = "";
    this.draw();
    if (innerWidth >= 900) $("tray").scrollIntoView({ block: "nearest" }); // on a telephone it is far from the piece
    announce(`${title} is added to the listening test, which has ${this.items.length} now.`);
  }

  draw() {
    $("tray").hidden = !this.items.length && !$("tray-said").textContent;
    $("tray-make").disabled = !this.items.length;
    $("tray-items").replaceChildren(
      ...this.items.map((item, place) =>
        el("li", {}, el("span", {}, `${item.title} (${item.takes.length} takes) `), el("button", { type: "button", class: "link", "aria-label": `Remove ${item.title} from the test`, onclick: () => this.remove(place) }, "Remove")),
      ),
    );
  }

  remove(place) {
    this.items.splice(place, 1);
    this.draw();
    ($("tray-items").querySelector("button") ?? $("search")).focus();
  }

  clear() {
    this.items = [];
    $("tray-title").value = "";
    $("tray-said").textContent = "";
    this.draw();
    $("search").focus();
  }

  async make() {
    $("tray-make").disabled = true;
    $("tray-said").textContent = "The clips are written\u2026";
    try {
      const title = $("tray-title").value.trim() || this.items[0].title;
      const made = await call("POST", "/api/tests", { title: title.slice(0, 120), items: this.items.map((item) => item.takes) });
      $("tray-said").replaceChildren(`The test has ${made.items} ${made.items === 1 ? "item" : "items"}. Where the studio runs, serve it with `, el("code", {}, made.command));
      this.items = [];
      this.draw();
    } catch (error) {
      $("tray-said").textContent = "";
      this.draw();
      this.onError(error.message);
    }
  }
}
