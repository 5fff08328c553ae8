// The page of whoever runs a test: asks every few seconds how the test goes, and shows it.
import { el } from "/static/el.js";

const EVERY_MS = 5000;
const STAGES = {
  invited: "invited",
  headphones: "at the headphone check",
  failed: "headphone check failed",
  trials: "rating",
  comment: "at the last page",
  done: "done",
};
const $ = (id) => document.getElementById(id);
const address = `/api/watch/${document.querySelector("main").dataset.key}`;
let isOpen = true;

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  if (!answer) throw new Error("The server does not answer; what is shown is what was last heard of it.");
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

function drawFacts(found) {
  const { stages } = found;
  const entered = Object.entries(stages).reduce((sum, [stage, count]) => sum + (stage === "invited" ? 0 : count), 0);
  const excluded = found.raters.filter((rater) => rater.reasons.length).length;
  const skipped = Object.values(found.skipped).reduce((sum, count) => sum + count, 0);
  const facts = [
    ["Entered", String(entered)],
    ["At work now", String(found.raters.filter((rater) => rater.is_active).length)],
    ["Done", String(stages.done ?? 0)],
    ["Left out", String(excluded)],
    ["Still needed", found.raters_needed ? `about ${found.raters_needed}` : "none"],
    ["Time of a rater", found.minutes === null ? "–" : `${found.minutes.toFixed(1)} min`],
  ];
  if (skipped) facts.push(["Clips not played", String(skipped)]);
  $("facts").replaceChildren(...facts.map(([name, value]) => fact(name, value)));
}

// One row a system: the bar towards the goal, then a column for each item, darker where it has more.
function drawCells(found) {
  const items = Object.keys(found.items);
  const most = Math.max(1, ...found.systems.flatMap((system) => Object.values(system.by_item)));
  const head = el("tr", {}, el("th", { scope: "col" }, "Version"), el("th", { scope: "col" }, `of ${found.goal}`), el("th", { scope: "col" }, "left out"),
    ...items.map((item, place) => el("th", { scope: "col", title: found.items[item] || item }, String(place + 1))));
  const rows = found.systems.map((system) => {
    const share = Math.min(100, (100 * system.kept) / found.goal);
    const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
    bar.firstChild.style.width = `${share}%`;
    const cells = items.map((item) => {
      const cell = el("td", { class: "cell" }, String(system.by_item[item]));
      cell.style.setProperty("--share", `${Math.round((60 * system.by_item[item]) / most)}%`);
      return cell;
    });
    return el("tr", { class: system.role }, el("th", { scope: "row" }, system.name), el("td", {}, bar, String(system.kept)), el("td", {}, String(system.heard - system.kept || "")), ...cells);
  });
  $("cells").replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows));
}

function drawRaters(found) {
  const head = ["Rater", "State", "Answered", "Minutes", "Left out because of"].map((name) => el("th", { scope: "col" }, name));
  const rows = found.raters.map((rater) =>
    el("tr", { class: rater.reasons.length ? "excluded" : "" },
      el("th", { scope: "row" }, String(rater.number)),
      el("td", {}, rater.is_active ? el("span", { class: "dot", title: "at work" }) : null, STAGES[rater.stage] ?? rater.stage),
      el("td", {}, `${rater.answered} of ${rater.trials}`),
      el("td", {}, rater.stage === "invited" ? "" : rater.minutes.toFixed(1)),
      el("td", {}, rater.reasons.join("; "))));
  const none = el("tr", {}, el("td", { colSpan: 5, class: "muted" }, "Nobody has entered yet."));
  $("raters").replaceChildren(el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...(rows.length ? rows : [none])));
}

function draw(found) {
  isOpen = found.is_open;
  $("door").hidden = false;
  $("door").textContent = isOpen ? "Let no new raters in" : "Let new raters in again";
  say(isOpen ? "" : "The test is closed: those who have entered may finish, and nobody new can enter.", false);
  drawFacts(found);
  drawCells(found);
  drawRaters(found);
  $("said").hidden = !found.comments.length;
  $("comments").replaceChildren(...found.comments.map((text) => el("li", {}, text)));
  document.body.dataset.ready = "true";
}

function say(text, isBad) {
  $("news").hidden = !text;
  $("news").classList.toggle("bad", isBad);
  if ($("news").textContent !== text) $("news").textContent = text;
}

async function look() {
  try {
    draw(await ask(address));
  } catch (error) {
    say(error.message, true);
  }
}

$("door").addEventListener("click", async () => {
  try {
    await ask(`${address}/door`, { method: "POST", body: JSON.stringify({ opens: !isOpen }) });
  } catch (error) {
    say(error.message, true);
  }
  await look();
});

await look();
setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
