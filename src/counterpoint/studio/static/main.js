// The studio's page: the request, the piece on the desk, and the history.
import { call, follow } from "./api.js";
import { Compare } from "./compare.js";
import { $, alertUser, announce, duration, el, isTyping } from "./dom.js";
import { Editor } from "./editor.js";
import { History } from "./history.js";
import { Piece } from "./piece.js";
import { Steer } from "./steer.js";
import { Tray } from "./tray.js";

const about = await call("GET", "/api/about").catch((error) => {
  alertUser(error.message);
  throw error;
});
const models = Object.fromEntries(about.models.map((model) => [model.name, model]));
const LONG_S = 60; // a request that takes longer is asked about first
let desk = null; // the piece that is shown
let mode = "make";
const recent = []; // events that may have come before the piece that they are of was shown

// The request

function buildModels() {
  const boxes = about.models.map((model) => {
    const input = el("input", { type: "checkbox", name: "model", value: model.name, checked: true });
    input.addEventListener("change", drawSaid);
    return el("label", { class: `choice ${model.paradigm}`, title: model.name }, input, el("span", {}, model.label));
  });
  $("models").replaceChildren(...boxes);
}

const chosenModels = () => [...document.querySelectorAll("input[name=model]:checked")].map((input) => input.value);

function buildExamples() {
  $("examples").replaceChildren(
    ...about.examples.slice(0, 3).flatMap((text, place) => [place ? ", " : "", el("button", { type: "button", class: "link", onclick: () => setCaption(text) }, text)]),
  );
  const groups = Object.entries(about.words).map(([name, words]) =>
    el("p", {}, el("span", { class: "muted" }, `${name}: `), ...words.flatMap((word) => [el("button", { type: "button", class: "link word", onclick: () => addWord(word) }, word), " "])),
  );
  $("words").replaceChildren(...groups);
}

function setCaption(text) {
  $("caption").value = text;
  $("caption").focus();
}

function addWord(word) {
  const text = $("caption").value.trim();
  $("caption").value = text ? `${text}, ${word}` : word;
}

function buildSettings() {
  const lists = about.models.map((model) => {
    const lines = model.settings.map((setting) => settingLine(model, setting));
    if (model.methods.length > 1) {
      const select = el("select", { id: `method-${model.name}` }, el("option", { value: "" }, "the best that it knows"), ...model.methods.map((method) => el("option", { value: method }, method)));
      lines.push(el("div", { class: "setting edits-only" }, el("label", { for: select.id }, "method"), select, el("p", { class: "hint" }, "How passages are filled in: supervised, or zero-shot by inversion, repaint, projection or gradient.")));
    }
    return el("section", { class: model.paradigm }, el("h3", {}, model.label), ...lines);
  });
  $("setting-lists").replaceChildren(...lists);
  $("setting-lists").addEventListener("input", drawSettingsSaid);
}

function settingLine(model, { name, value, text, kind, choices }) {
  const id = `setting-${model.name}-${name}`;
  const input =
    kind === "choice"
      ? el("select", { id, "data-model": model.name, "data-setting": name, "data-usual": value }, ...choices.map((choice) => el("option", { value: choice, selected: choice === value }, choice)))
      : el("input", { id, type: "number", step: kind === "count" ? 1 : "any", placeholder: value ?? "all", "data-model": model.name, "data-setting": name });
  return el("div", { class: "setting" }, el("label", { for: id }, name.replaceAll("_", " ")), input, el("p", { class: "hint" }, text));
}

function settingsAsked() {
  const asked = {};
  for (const input of document.querySelectorAll("[data-setting]")) {
    if (input.value === "" || input.value === input.dataset.usual) continue;
    (asked[input.dataset.model] ??= {})[input.dataset.setting] = input.tagName === "SELECT" ? input.value : Number(input.value);
  }
  return asked;
}

function drawSettingsSaid() {
  const count = Object.values(settingsAsked()).flatMap(Object.keys).length;
  $("settings-said").textContent = count ? `${count} changed` : "each model's own settings";
  $("settings-said").classList.toggle("set", count > 0);
}

function askedFor() {
  const chosen = chosenModels();
  if (!chosen.length) throw new Error("Choose a model: without one nothing can be made.");
  const seed = $("seed").value.trim();
  if (seed && !/^\d{1,18}$/.test(seed)) throw new Error("The seed is a whole number; leave it empty for any.");
  const asked = { models: chosen, caption: $("caption").value.trim(), takes: Number($("takes").value) || 1, ...steer.asked };
  if (seed) asked.seed = Number(seed);
  const sampling = settingsAsked();
  if (Object.keys(sampling).length) asked.sampling = Object.fromEntries(Object.entries(sampling).filter(([name]) => chosen.includes(name)));
  if (mode === "edit") {
    Object.assign(asked, editor.asked);
    const methods = chosen.map((name) => [name, $(`method-${name}`)?.value]).filter(([, method]) => method);
    if (methods.length) asked.methods = Object.fromEntries(methods);
  }
  if (mode === "make" || editor.what !== "inpaint") asked.duration_s = Number($("length").value) || 8;
  return asked;
}

async function make(event) {
  event?.preventDefault();
  alertUser("");
  $("make").disabled = true;
  try {
    const asked = askedFor();
    const { total_s: total } = await call("POST", "/api/estimate", asked);
    if (total > LONG_S && !confirm(`This takes about ${duration(total)} on this machine. Make it all the same?`)) return;
    const piece = await call("POST", "/api/pieces", asked);
    show(piece);
    announce("Your request is queued.");
    if (innerWidth < 900) $("result").scrollIntoView({ block: "start" });
    history_.load();
  } catch (error) {
    alertUser(error.message);
  } finally {
    $("make").disabled = false;
  }
}

function setMode(next) {
  mode = next;
  for (const name of ["make", "edit"]) {
    $(`tab-${name}`).setAttribute("aria-selected", String(name === mode));
    $(`tab-${name}`).tabIndex = name === mode ? 0 : -1;
  }
  $("ask-body").setAttribute("aria-labelledby", `tab-${mode}`);
  $("editor").hidden = mode !== "edit";
  document.body.classList.toggle("editing", mode === "edit");
  drawSaid();
}

function drawSaid() {
  const passage = mode === "edit" && editor.what === "inpaint";
  $("length-field").hidden = passage;
  const names = { make: "Make", inpaint: "Make again", end: "Continue", start: "Lead in" };
  $("make").firstChild.textContent = `${names[mode === "make" ? "make" : editor.what]} `;
  estimate();
}

// How long the request will take, as far as it is one already.
let estimating;
function estimate() {
  clearTimeout(estimating);
  estimating = setTimeout(async () => {
    try {
      const { models: own, ahead_s: ahead, total_s: total } = await call("POST", "/api/estimate", askedFor());
      const each = Object.entries(own).map(([name, time]) => `${models[name].short} ${duration(time)}`);
      const parts = [...(ahead >= 1 ? [`${duration(ahead)} ahead`] : []), ...(each.length > 1 || ahead >= 1 ? each : [])];
      $("make-said").textContent = `about ${duration(total)}${parts.length ? `: ${parts.join(", ")}` : ""}`;
      $("make-said").classList.toggle("long", total > LONG_S);
    } catch {
      $("make-said").textContent = ""; // the form says what is missing when it is sent
    }
  }, 350);
}

// The desk

function show(piece) {
  desk?.destroy();
  desk = new Piece(piece, {
    models,
    onEdit: edit,
    onCompare: (take, title) => compare.add(take, title),
    onGone: () => {
      closeDesk();
      history_.load();
    },
    onAgain: takeOver,
    onTest: (takes, title) => tray.add(takes, title),
    onError: alertUser,
  });
  desk.element.addEventListener("changed", () => history_.load());
  for (const [name, data] of recent) if (data.piece === piece.id) desk[name](data);
  $("result").replaceChildren(desk.element);
  $("result").hidden = false;
  history_.mark(piece.id);
  if (location.hash !== `#${piece.id}`) history.replaceState(null, "", `#${piece.id}`);
}

function closeDesk() {
  desk?.destroy();
  desk = null;
  $("result").hidden = true;
  history.replaceState(null, "", location.pathname);
}

async function open(id) {
  try {
    show(await call("GET", `/api/pieces/${id}`));
  } catch (error) {
    closeDesk();
    alertUser(error.message);
  }
}

function edit(take, piece) {
  setMode("edit");
  editor.open(take, piece.title, piece.parent);
  $("editor").scrollIntoView({ block: "start" });
  announce(`${piece.title} is open for editing.`);
}

// A request of the history, put into the form again.
function takeOver(request) {
  setMode("make");
  $("caption").value = request.caption ?? "";
  $("length").value = request.duration_s ?? 8;
  $("takes").value = request.takes ?? 1;
  $("seed").value = request.seed ?? "";
  for (const input of document.querySelectorAll("input[name=model]")) input.checked = request.models.includes(input.value);
  $("chords").value = request.chords ?? "";
  steer.readChart();
  drawSaid();
  $("caption").focus();
}

// Start

const history_ = new History({ models, onOpen: open, onError: alertUser });
const tray = new Tray({ onError: alertUser });
const compare = new Compare({ onTest: (takes, title) => tray.add(takes, title) });
const deck = () => (compare.isOpen ? compare.deck : desk?.deck);
const editor = new Editor({ onError: alertUser, onChange: () => mode === "edit" && drawSaid() });
const steer = new Steer({ drums: about.drums, onChange: () => {}, onError: alertUser });
buildModels();
buildExamples();
buildSettings();
drawSaid();

$("ask").addEventListener("submit", make);
$("ask").addEventListener("input", estimate);
for (const name of ["make", "edit"]) {
  $(`tab-${name}`).addEventListener("click", () => setMode(name));
  $(`tab-${name}`).addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = name === "make" ? "edit" : "make";
    setMode(other);
    $(`tab-${other}`).focus();
  });
}
$("keys-button").addEventListener("click", () => $("keys").showModal());

const KEYS = {
  " ": () => (mode === "edit" && editor.player && !desk ? editor.player.toggle() : deck()?.playOrPause()),
  c: () => $("caption").focus(),
  "/": () => $("search").focus(),
  j: () => history_.neighbour(1) && open(history_.neighbour(1)),
  k: () => history_.neighbour(-1) && open(history_.neighbour(-1)),
  "?": () => $("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("ask").requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || $("keys").open) return;
  const isControl = event.target.closest("button, a, summary, input, label, [data-cell]");
  if (event.key === " " && isControl) return;
  if (/^[1-9]$/.test(event.key)) deck()?.switchTo(Number(event.key) - 1);
  else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// Something new of a piece, for the desk if the piece is there.
function tell(method, data) {
  recent.push([method, data]);
  if (recent.length > 200) recent.shift();
  if (desk?.id === data.piece) desk[method](data);
}

const last = await history_.load();
follow(last, {
  job: (job) => {
    tell("showJob", job);
    if (["done", "failed", "cancelled", "interrupted"].includes(job.state)) {
      history_.load();
      estimate();
    }
  },
  take: (take) => tell("showTake", take),
  piece: () => history_.load(),
  deleted: ({ piece }) => {
    if (desk?.id === piece) closeDesk();
    history_.load();
  },
  again: () => {
    history_.load();
    if (desk) open(desk.id);
  },
});
if (location.hash.length > 1) open(location.hash.slice(1));
document.body.dataset.ready = "true";
