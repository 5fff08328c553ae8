// The page of a shared piece: its takes, for listening and comparing.
import { call } from "./api.js";
import { Deck } from "./deck.js";
import { $, alertUser, el, isTyping } from "./dom.js";

const token = location.pathname.split("/").at(-1);
const deck = new Deck();
try {
  const { jobs } = await call("GET", `/shared/${token}`);
  for (const job of jobs) {
    const takes = job.takes.map((take) =>
      deck.add(take, { label: `${job.model || "the file"}, take ${take.number + 1}`, readOnly: true, address: (each) => `/shared/${token}/${each.id}` }),
    );
    $("result").append(el("section", { class: `column ${job.takes[0]?.paradigm ?? ""}` }, el("h2", { class: "shared-name" }, job.model || "Uploaded file"), el("div", { class: "takes" }, ...takes)));
  }
} catch (error) {
  alertUser(error.message);
}
document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[1-9]$/.test(event.key)) deck.switchTo(Number(event.key) - 1);
  if (event.key === " " && !event.target.closest("button, a")) {
    event.preventDefault();
    deck.playOrPause();
  }
});
document.body.dataset.ready = "true";
