// The items that are collected for a listening test, and the creation of the test.
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
      announce(`${title} is already in the listening test.`);
      return;
    }
    this.items.push({ takes, title });
    if (!$("tray-title").value) $("tray-title").value = title.slice(0, 120);
    $("tray-status").textContent = "";
    this.draw();
    if (innerWidth >= 900) $("tray").scrollIntoView({ block: "nearest" }); // on a phone it is far from the piece
    announce(`${title} was added to the listening test, which has ${this.items.length} ${this.items.length > 1 ? "items" : "item"} now.`);
  }

  draw() {
    $("tray").hidden = !this.items.length && !$("tray-status").textContent;
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
    $("tray-status").textContent = "";
    this.draw();
    $("search").focus();
  }

  async make() {
    $("tray-make").disabled = true;
    $("tray-status").textContent = "Writing the clips\u2026";
    try {
      const title = $("tray-title").value.trim() || this.items[0].title;
      const made = await call("POST", "/api/tests", { title: title.slice(0, 120), items: this.items.map((item) => item.takes) });
      $("tray-status").replaceChildren(`The test has ${made.items} ${made.items === 1 ? "item" : "items"}. To serve it, run this command on the studio's machine: `, el("code", {}, made.command));
      this.items = [];
      this.draw();
    } catch (error) {
      $("tray-status").textContent = "";
      this.draw();
      this.onError(error.message);
    }
  }
}
