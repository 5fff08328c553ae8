// The studio's page: the request, the open piece, and the history.
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
const LONG_S = 60; // the user must confirm requests that take longer
let shown = null; // the open piece
let mode = "make";
const recent = []; // recent events, some of which may have arrived before their piece was opened

// The request

function buildModels() {
  const boxes = about.models.map((model) => {
    const input = el("input", { type: "checkbox", name: "model", value: model.name, checked: true });
    input.addEventListener("change", drawSubmit);
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
      const select = el("select", { id: `method-${model.name}` }, el("option", { value: "" }, "best available"), ...model.methods.map((method) => el("option", { value: method }, method)));
      lines.push(el("div", { class: "setting edits-only" }, el("label", { for: select.id }, "method"), select, el("p", { class: "hint" }, "Inpainting method: supervised, or zero-shot by inversion, repaint, projection or gradient.")));
    }
    return el("section", { class: model.paradigm }, el("h3", {}, model.label), ...lines);
  });
  $("setting-lists").replaceChildren(...lists);
  $("setting-lists").addEventListener("input", drawSettingsSummary);
}

function settingLine(model, { name, value, text, kind, choices }) {
  const id = `setting-${model.name}-${name}`;
  const input =
    kind === "choice"
      ? el("select", { id, "data-model": model.name, "data-setting": name, "data-usual": value }, ...choices.map((choice) => el("option", { value: choice, selected: choice === value }, choice)))
      : el("input", { id, type: "number", step: kind === "count" ? 1 : "any", placeholder: value ?? "all", "data-model": model.name, "data-setting": name });
  return el("div", { class: "setting" }, el("label", { for: id }, name.replaceAll("_", " ")), input, el("p", { class: "hint" }, text));
}

function changedSettings() {
  const request = {};
  for (const input of document.querySelectorAll("[data-setting]")) {
    if (input.value === "" || input.value === input.dataset.usual) continue;
    (request[input.dataset.model] ??= {})[input.dataset.setting] = input.tagName === "SELECT" ? input.value : Number(input.value);
  }
  return request;
}

function drawSettingsSummary() {
  const count = Object.values(changedSettings()).flatMap(Object.keys).length;
  $("settings-summary").textContent = count ? `${count} changed` : "default settings";
  $("settings-summary").classList.toggle("set", count > 0);
}

function requestFields() {
  const chosen = chosenModels();
  if (!chosen.length) throw new Error("Choose at least one model.");
  const seed = $("seed").value.trim();
  if (seed && !/^\d{1,18}$/.test(seed)) throw new Error("The seed must be a whole number; leave it empty for a random one.");
  const request = { models: chosen, caption: $("caption").value.trim(), takes: Number($("takes").value) || 1, ...steer.fields };
  if (seed) request.seed = Number(seed);
  const sampling = changedSettings();
  if (Object.keys(sampling).length) request.sampling = Object.fromEntries(Object.entries(sampling).filter(([name]) => chosen.includes(name)));
  if (mode === "edit") {
    Object.assign(request, editor.fields);
    const methods = chosen.map((name) => [name, $(`method-${name}`)?.value]).filter(([, method]) => method);
    if (methods.length) request.methods = Object.fromEntries(methods);
  }
  if (mode === "make" || editor.what !== "inpaint") request.duration_s = Number($("length").value) || 8;
  return request;
}

async function make(event) {
  event?.preventDefault();
  alertUser("");
  $("make").disabled = true;
  try {
    const request = requestFields();
    const { total_s: total } = await call("POST", "/api/estimate", request);
    if (total > LONG_S && !confirm(`This request takes about ${duration(total)} on this machine. Start it?`)) return;
    const piece = await call("POST", "/api/pieces", request);
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
  $("request-body").setAttribute("aria-labelledby", `tab-${mode}`);
  $("editor").hidden = mode !== "edit";
  document.body.classList.toggle("editing", mode === "edit");
  drawSubmit();
}

function drawSubmit() {
  const passage = mode === "edit" && editor.what === "inpaint";
  $("length-field").hidden = passage;
  const names = { make: "Generate", inpaint: "Regenerate", end: "Continue", start: "Add lead-in" };
  $("make").firstChild.textContent = `${names[mode === "make" ? "make" : editor.what]} `;
  estimate();
}

// The estimated time of the request, if it is complete.
let estimating;
function estimate() {
  clearTimeout(estimating);
  estimating = setTimeout(async () => {
    try {
      const { models: own, ahead_s: ahead, total_s: total } = await call("POST", "/api/estimate", requestFields());
      const each = Object.entries(own).map(([name, time]) => `${models[name].short} ${duration(time)}`);
      const parts = [...(ahead >= 1 ? [`${duration(ahead)} waiting`] : []), ...(each.length > 1 || ahead >= 1 ? each : [])];
      $("make-estimate").textContent = `about ${duration(total)}${parts.length ? `: ${parts.join(", ")}` : ""}`;
      $("make-estimate").classList.toggle("long", total > LONG_S);
    } catch {
      $("make-estimate").textContent = ""; // when the form is sent, an error says what is missing
    }
  }, 350);
}

// The open piece

function show(piece) {
  shown?.destroy();
  shown = new Piece(piece, {
    models,
    onEdit: edit,
    onCompare: (take, title) => compare.add(take, title),
    onGone: () => {
      closePiece();
      history_.load();
    },
    onAgain: reuseRequest,
    onTest: (takes, title) => tray.add(takes, title),
    onError: alertUser,
  });
  shown.element.addEventListener("changed", () => history_.load());
  for (const [name, data] of recent) if (data.piece === piece.id) shown[name](data);
  $("result").replaceChildren(shown.element);
  $("result").hidden = false;
  history_.mark(piece.id);
  if (location.hash !== `#${piece.id}`) history.replaceState(null, "", `#${piece.id}`);
}

function closePiece() {
  shown?.destroy();
  shown = null;
  $("result").hidden = true;
  history.replaceState(null, "", location.pathname);
}

async function open(id) {
  try {
    show(await call("GET", `/api/pieces/${id}`));
  } catch (error) {
    closePiece();
    alertUser(error.message);
  }
}

function edit(take, piece) {
  setMode("edit");
  editor.open(take, piece.title, piece.parent);
  $("editor").scrollIntoView({ block: "start" });
  announce(`${piece.title} is open for editing.`);
}

// Copy a request from the history into the form.
function reuseRequest(request) {
  setMode("make");
  $("caption").value = request.caption ?? "";
  $("length").value = request.duration_s ?? 8;
  $("takes").value = request.takes ?? 1;
  $("seed").value = request.seed ?? "";
  for (const input of document.querySelectorAll("input[name=model]")) input.checked = request.models.includes(input.value);
  $("chords").value = request.chords ?? "";
  steer.readChart();
  drawSubmit();
  $("caption").focus();
}

// Start

const history_ = new History({ models, onOpen: open, onError: alertUser });
const tray = new Tray({ onError: alertUser });
const compare = new Compare({ onTest: (takes, title) => tray.add(takes, title) });
const deck = () => (compare.isOpen ? compare.deck : shown?.deck);
const editor = new Editor({ onError: alertUser, onChange: () => mode === "edit" && drawSubmit() });
const steer = new Steer({ drums: about.drums, onChange: () => {}, onError: alertUser });
buildModels();
buildExamples();
buildSettings();
drawSubmit();

$("request").addEventListener("submit", make);
$("request").addEventListener("input", estimate);
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
  " ": () => (mode === "edit" && editor.player && !shown ? editor.player.toggle() : deck()?.playOrPause()),
  c: () => $("caption").focus(),
  "/": () => $("search").focus(),
  j: () => history_.neighbour(1) && open(history_.neighbour(1)),
  k: () => history_.neighbour(-1) && open(history_.neighbour(-1)),
  "?": () => $("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("request").requestSubmit();
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

// Forward an event to the open piece if it concerns it.
function forward(method, data) {
  recent.push([method, data]);
  if (recent.length > 200) recent.shift();
  if (shown?.id === data.piece) shown[method](data);
}

const last = await history_.load();
follow(last, {
  job: (job) => {
    forward("showJob", job);
    if (["done", "failed", "cancelled", "interrupted"].includes(job.state)) {
      history_.load();
      estimate();
    }
  },
  take: (take) => forward("showTake", take),
  piece: () => history_.load(),
  deleted: ({ piece }) => {
    if (shown?.id === piece) closePiece();
    history_.load();
  },
  again: () => {
    history_.load();
    if (shown) open(shown.id);
  },
});
if (location.hash.length > 1) open(location.hash.slice(1));
document.body.dataset.ready = "true";
