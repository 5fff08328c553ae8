// The organiser's page: it requests the progress of the test every few seconds and shows it.
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

async function request(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  if (!answer) throw new Error("The server does not respond; the page shows the last known state.");
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
    ["Active now", String(found.raters.filter((rater) => rater.is_active).length)],
    ["Finished", String(stages.done ?? 0)],
    ["Excluded", String(excluded)],
    ["Still needed", found.raters_needed ? `about ${found.raters_needed}` : "none"],
    ["Median time", found.minutes === null ? "–" : `${found.minutes.toFixed(1)} min`],
  ];
  if (skipped) facts.push(["Skipped clips", String(skipped)]);
  $("facts").replaceChildren(...facts.map(([name, value]) => fact(name, value)));
}

// One row per system: a bar towards the goal, then a column for each item, darker if it has more judgments.
function drawCells(found) {
  const items = Object.keys(found.items);
  const most = Math.max(1, ...found.systems.flatMap((system) => Object.values(system.by_item)));
  const head = el("tr", {}, el("th", { scope: "col" }, "Version"), el("th", { scope: "col" }, `of ${found.goal}`), el("th", { scope: "col" }, "excluded"),
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
    return el("tr", { class: system.role }, el("th", { scope: "row" }, system.name), el("td", {}, bar, String(system.kept)), el("td", {}, String(system.rated - system.kept || "")), ...cells);
  });
  $("cells").replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows));
}

function drawRaters(found) {
  const head = ["Rater", "State", "Answered", "Minutes", "Reasons for exclusion"].map((name) => el("th", { scope: "col" }, name));
  const rows = found.raters.map((rater) =>
    el("tr", { class: rater.reasons.length ? "excluded" : "" },
      el("th", { scope: "row" }, String(rater.number)),
      el("td", {}, rater.is_active ? el("span", { class: "dot", title: "active" }) : null, STAGES[rater.stage] ?? rater.stage),
      el("td", {}, `${rater.answered} of ${rater.trials}`),
      el("td", {}, rater.stage === "invited" ? "" : rater.minutes.toFixed(1)),
      el("td", {}, rater.reasons.join("; "))));
  const none = el("tr", {}, el("td", { colSpan: 5, class: "muted" }, "No rater has entered yet."));
  $("raters").replaceChildren(el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...(rows.length ? rows : [none])));
}

function draw(found) {
  isOpen = found.is_open;
  $("entry").hidden = false;
  $("entry").textContent = isOpen ? "Close to new raters" : "Reopen to new raters";
  showMessage(isOpen ? "" : "The test is closed to new raters; raters who have entered may finish.", false);
  drawFacts(found);
  drawCells(found);
  drawRaters(found);
  $("comments-section").hidden = !found.comments.length;
  $("comments").replaceChildren(...found.comments.map((text) => el("li", {}, text)));
  document.body.dataset.ready = "true";
}

function showMessage(text, isBad) {
  $("news").hidden = !text;
  $("news").classList.toggle("bad", isBad);
  if ($("news").textContent !== text) $("news").textContent = text;
}

async function refresh() {
  try {
    draw(await request(address));
  } catch (error) {
    showMessage(error.message, true);
  }
}

$("entry").addEventListener("click", async () => {
  try {
    await request(`${address}/entry`, { method: "POST", body: JSON.stringify({ opens: !isOpen }) });
  } catch (error) {
    showMessage(error.message, true);
  }
  await refresh();
});

await refresh();
setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
