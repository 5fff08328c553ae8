// The pages of a listening test: consent, instructions, headphone check, practice, trials, a comment, and the end. The
// server chooses the next step, and the page shows it. An answer counts as saved when the server has confirmed it;
// until then it is kept in the browser's storage and sent again.
import { Player } from "/static/player.js";

const data = JSON.parse(document.getElementById("data").textContent);
const sheet = document.getElementById("sheet");
const live = document.getElementById("live");
let token = data.token;
let keys = () => false; // handles the keys of the current stage; returns true if it used one
let leave = () => {}; // cleans up when the current stage ends

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MARGIN_S = 0.5; // seconds around each edge of a span that must be heard

const word = (name, values = {}) => data.words[name].replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const memory = {
  get: (name) => JSON.parse(localStorage.getItem(`listen-${name}`) ?? "null"),
  set: (name, value) => localStorage.setItem(`listen-${name}`, JSON.stringify(value)),
  drop: (name) => localStorage.removeItem(`listen-${name}`),
};

// `el("p", { class: "x" }, "text", child)` adds strings as text, so that no caption can become markup.
function el(name, attributes = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) found.addEventListener(key.slice(2), value);
    else if (value === true) found.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) found.setAttribute(key, value);
  }
  found.append(...children.filter((child) => child !== null && child !== undefined));
  return found;
}

const button = (text, click, kind = "") => el("button", { type: "button", class: `button ${kind}`, onclick: click }, text);
const ICONS = { play: "M4 2.2v11.6L13.5 8z", pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" };

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// ---- the server

class Refused extends Error {}

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error(word("no_connection"));
  }
  const found = await response.json().catch(() => ({}));
  if (response.ok) return found;
  const sentence = found.error ?? word("no_connection");
  throw response.status >= 500 ? new Error(sentence) : new Refused(sentence);
}

// Repeat a request until it is answered; a request that the server refuses is not repeated.
async function retry(method, path, body, showMessage = () => {}) {
  for (let turn = 0; ; turn++) {
    try {
      return await request(method, path, body);
    } catch (error) {
      if (error instanceof Refused) throw error;
      showMessage(word("not_saved", { reason: error.message }));
      await sleep(RETRY_MS[Math.min(turn, RETRY_MS.length - 1)]);
    }
  }
}

// ---- pages

function show(stage, ...content) {
  leave();
  leave = () => {};
  keys = () => false;
  sheet.dataset.stage = stage;
  sheet.replaceChildren(...content.filter((child) => child !== null));
  window.scrollTo(0, 0);
  const title = sheet.querySelector("h1");
  if (title) {
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }
}

const paragraphs = (texts) => texts.map((text) => el("p", {}, text));

function ending(title, ...content) {
  show("end", el("h1", {}, title), el("div", { class: "text" }, ...content));
}

function failed(error) {
  ending(data.title, el("p", { class: "message bad", role: "alert" }, error.message));
}

function consent() {
  const box = el("div", { class: "message bad", role: "alert", hidden: true });
  const begin = button(word("begin"), async () => {
    begin.disabled = true;
    try {
      if (token) return advance(await request("POST", `/api/r/${token}/agree`, {}), true);
      const found = await request("POST", "/api/enter", { platform_id: data.platform_id });
      token = found.token;
      history.replaceState(null, "", `/r/${token}`);
      memory.set("agreed", token);
      instructions(() => next());
    } catch (error) {
      begin.disabled = false;
      box.hidden = false;
      box.textContent = error.message;
    }
  }, "main");
  show(
    "consent",
    el("h1", {}, data.title),
    el("div", { class: "text" }, ...paragraphs(data.consent)),
    box,
    el("div", { class: "actions" }, begin, button(word("decline"), () => ending(word("declined_title"), el("p", {}, word("declined"))))),
  );
}

function instructions(then) {
  const list = el("ol", {}, ...data.instructions.map((text) => el("li", {}, text)));
  show(
    "instructions",
    el("h1", {}, word("instructions_title")),
    el("div", { class: "text" }, list, el("p", { class: "muted" }, word("resume"))),
    el("div", { class: "actions" }, button(word("continue"), then, "main")),
    foot(),
  );
}

function foot(...hints) {
  const withdraw = button(word("withdraw"), async () => {
    if (!confirm(word("withdraw_sure"))) return;
    await retry("POST", `/api/r/${token}/withdraw`);
    localStorage.clear();
    ending(word("withdrawn_title"), el("p", {}, word("withdrawn")));
  }, "quiet");
  return el("footer", { class: "end" }, el("span", { class: "keys" }, ...hints), withdraw);
}

// `keys: "Keys: {space} plays"` as text with <kbd>s.
function hints(name, shown) {
  return word(name).split(/(\{\w+\})/).map((part) => {
    const key = part.match(/^\{(\w+)\}$/)?.[1];
    return key ? el("kbd", {}, shown[key]) : part;
  });
}

function headphones(state) {
  let sound = null;
  const play = (url, after) => {
    sound?.pause();
    sound = new Audio(url);
    sound.addEventListener("ended", after);
    sound.play().catch(() => (live.textContent = word("audio_failed")));
  };
  const chosen = Array(data.headphone_trials).fill(null);
  const send = button(word("continue"), async () => {
    send.disabled = true;
    sound?.pause();
    try {
      advance(await retry("POST", `/api/r/${token}/headphones`, { chosen }, (text) => (live.textContent = text)));
    } catch (error) {
      failed(error);
    }
  }, "main");
  send.disabled = true;
  const tones = chosen.map((_, number) => {
    const choices = [0, 1, 2].map((place) => {
      const input = el("input", { type: "radio", name: `tone-${number}`, disabled: true, onchange: () => {
        chosen[number] = place;
        send.disabled = chosen.includes(null);
      } });
      return el("label", {}, input, el("span", {}, word("headphones_choice", { n: place + 1 })));
    });
    const name = word("headphones_question", { n: number + 1, all: chosen.length });
    const row = el("fieldset", { class: "tone is-locked" }, el("legend", { class: "sr" }, name));
    const listen = el("button", { type: "button", class: "button", "aria-label": `${name}: ${word("headphones_play")}`, onclick: () =>
      play(`/r/${token}/headphones/${number}?try=${state.tries}`, () => {
        row.classList.remove("is-locked");
        for (const input of row.querySelectorAll("input")) input.disabled = false;
      }) }, icon("play"), word("headphones_question", { n: number + 1, all: chosen.length }));
    row.append(listen, el("div", { class: "choices" }, ...choices));
    return el("li", {}, row);
  });
  show(
    "headphones",
    el("h1", {}, word("headphones_title")),
    el("div", { class: "text" },
      state.tries ? el("p", { class: "message bad", role: "alert" }, word("headphones_again")) : null,
      el("p", {}, word("headphones_level")),
      el("p", {}, button(word("headphones_play_level"), () => play(`/r/${token}/level`, () => {}))),
      el("p", {}, word("headphones_task"))),
    el("ol", { class: "tones" }, ...tones),
    el("div", { class: "actions" }, send),
    foot(),
  );
  leave = () => sound?.pause();
}

function comment() {
  const field = el("textarea", { id: "comment", maxlength: "5000" });
  const finish = button(word("finish"), async () => {
    finish.disabled = true;
    try {
      advance(await retry("POST", `/api/r/${token}/finish`, { comment: field.value }, (text) => (live.textContent = text)));
    } catch (error) {
      failed(error);
    }
  }, "main");
  show(
    "comment",
    el("h1", {}, word("comment_title")),
    el("div", { class: "text" }, el("label", { for: "comment" }, word("comment")), field),
    el("div", { class: "actions" }, finish),
    foot(),
  );
}

function done(state) {
  memory.drop("agreed");
  ending(
    word("done_title"),
    el("p", {}, word("done")),
    state.code ? el("p", {}, word("code")) : null,
    state.code ? el("p", {}, el("span", { class: "code" }, state.code)) : null,
    state.url ? el("p", { class: "actions" }, el("a", { class: "button main", href: state.url, rel: "noreferrer" }, word("return"))) : null,
  );
}

// ---- a trial

class TrialPage {
  constructor(trial, wasPractice) {
    Object.assign(this, { trial, wasPractice });
    const kept = memory.get(`trial-${trial.id}`) ?? {};
    this.answers = kept.answers ?? {};
    this.kept = kept;
    this.at = 0;
    this.view = VIEWS[trial.presentation];
    this.render();
    this.players = this.trial.clips.map((clip, place) => this.player(clip, place));
    this.view.ready?.(this);
    this.update();
  }

  get rated() {
    return this.trial.clips.filter((clip) => !clip.is_reference);
  }

  get wanted() {
    const versions = this.trial.presentation === "pair" ? [0] : this.rated.map((_, place) => place);
    return versions.flatMap((version) => this.trial.questions.map((question) => `${version} ${question.id}`));
  }

  get player_() {
    return this.players[this.at];
  }

  share(player) {
    return Math.min(1, player.heard.seconds / player.duration);
  }

  // Whether enough of the clip was heard, including both edges of a span.
  wasHeard(player) {
    const { span, min_heard: least } = this.trial;
    const edges = (span ?? []).every((at) =>
      player.heard.covers(Math.max(0, at - MARGIN_S), Math.min(player.duration, at + MARGIN_S)));
    return this.share(player) >= least && edges;
  }

  player(clip, place) {
    const box = this.places[place];
    const player = new Player(box, {
      ...clip,
      span: this.trial.span,
      top: 1.05 * this.trial.top,
      label: this.name(place),
      heard: this.kept.heard?.[place],
      plays: this.kept.plays?.[place],
      onChange: () => this.players && this.update(),
      onHeard: () => this.players && (this.keep(), this.update()),
      onError: () => this.audioFailed(),
    });
    return player;
  }

  name(place) {
    if (this.trial.clips.length === 1) return word("clip", { n: this.trial.number, all: this.trial.all });
    return this.trial.clips[place].is_reference ? word("reference") : word("version", { name: LETTERS[place] });
  }

  // The letter alone, for places that show all versions together.
  shortName(place) {
    return this.trial.clips[place].is_reference ? word("reference") : LETTERS[place];
  }

  render() {
    const { trial } = this;
    const page = trial.presentation === "single" ? "clip" : "page";
    const minutes = Math.round(trial.seconds_left / 60);
    const left = minutes < 1 ? word("minute_left") : word("minutes_left", { n: minutes });
    this.places = trial.clips.map(() => el("div"));
    this.playButton = el("button", { type: "button", class: "button main round", onclick: () => this.toggle() });
    this.time = el("span", { class: "time" });
    this.heardRing = el("span", { class: "ring", "aria-hidden": "true" });
    this.heardText = el("span");
    this.heardBox = el("span", { class: "heard" }, this.heardRing, this.heardText);
    this.nextButton = button(word("next"), () => this.send(), "main");
    this.why = el("span", { class: "why", id: "why" });
    this.nextButton.setAttribute("aria-describedby", "why");
    this.message = el("p", { class: "message bad", role: "alert", hidden: true });
    const aroundSpan = trial.span
      ? button(word("span_button"), () => this.player_.play(Math.max(0, trial.span[0] - 2 * MARGIN_S)))
      : null;
    show(
      "trial",
      el("div", { class: "head" },
        el("span", {}, trial.kind === "practice" ? el("span", { class: "practice" }, word("training")) : null,
          el("b", {}, word(page, { n: trial.number, all: trial.all }))),
        el("span", { class: "number" }, left)),
      this.bar(),
      this.notice(),
      el("h1", { class: "task" }, data.title),
      trial.caption ? el("p", { class: "caption" }, word("description", { caption: trial.caption })) : null,
      ...this.view.clips(this),
      el("div", { class: "transport" }, this.playButton, aroundSpan, this.time, this.heardBox),
      ...this.view.questions(this),
      this.message,
      el("div", { class: "foot" }, this.nextButton, this.why),
      foot(...hints(this.view.hint, this.view.shown(this))),
    );
    keys = (event) => this.key(event);
    leave = () => this.players?.forEach((player) => player.destroy());
  }

  bar() {
    const { number, all } = this.trial;
    const text = word("clip", { n: number, all });
    const inner = el("span");
    inner.style.width = `${(100 * (number - 1)) / all}%`;
    return el("div", { class: "progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": String(all), "aria-valuenow": String(number - 1), "aria-label": text }, inner);
  }

  notice() {
    if (this.trial.kind === "practice") return el("p", { class: "message" }, word("training_note"));
    return this.wasPractice ? el("p", { class: "message good" }, word("training_over")) : null;
  }

  toggle() {
    this.player_.toggle();
  }

  // Switch to another version at the same position.
  choose(place) {
    if (place === this.at || !this.players[place]) return;
    const { time, playing } = this.player_;
    this.player_.pause();
    this.at = place;
    const from = time >= this.player_.duration - 0.05 ? 0 : time;
    if (playing) this.player_.play(from);
    else this.player_.seek(from);
    this.update();
  }

  answer(version, question, value) {
    this.answers[`${version} ${question}`] = value;
    this.keep();
    this.update();
  }

  keep() {
    memory.set(`trial-${this.trial.id}`, {
      answers: this.answers,
      heard: this.players.map((player) => player.heard.intervals),
      plays: this.players.map((player) => player.plays),
    });
  }

  update() {
    const player = this.player_;
    const state = player.playing ? "pause" : "play";
    if (this.playButton.dataset.state !== state) {
      this.playButton.dataset.state = state;
      this.playButton.replaceChildren(icon(state));
      this.playButton.setAttribute("aria-label", word(state));
    }
    this.time.textContent = `${player.time.toFixed(1)} / ${player.duration.toFixed(1)} s`;
    const heard = this.wasHeard(player);
    this.heardBox.classList.toggle("is-done", heard);
    this.heardRing.style.setProperty("--share", String(heard ? 100 : Math.round(100 * this.share(player))));
    this.heardText.textContent = heard ? word("heard_all") : `${word("heard")} ${Math.floor(100 * this.share(player))}%`;
    this.view.update?.(this);
    const allHeard = this.players.every((each) => this.wasHeard(each));
    const answered = this.wanted.every((name) => name in this.answers);
    this.nextButton.disabled = this.sending || !allHeard || !answered;
    const first = this.players.length > 1 ? "heard_each_first" : "heard_first";
    this.why.textContent = this.sending ? word("saving") : !allHeard ? word(first) : answered ? "" : word("answer_first");
  }

  showMessage(text) {
    this.message.hidden = !text;
    this.message.textContent = text;
  }

  async send() {
    if (this.nextButton.disabled) return;
    this.sending = true;
    this.player_.pause();
    this.update();
    const body = {
      answers: this.wanted.map((name) => {
        const [version, question] = name.split(" ");
        return { version: Number(version), question, value: this.answers[name] };
      }),
      heard: this.rated.map((_, place) => this.share(this.players[place])),
      plays: this.rated.map((_, place) => this.players[place].plays),
    };
    try {
      await retry("PUT", `/api/r/${token}/trials/${this.trial.id}`, body, (text) => this.showMessage(text));
      memory.drop(`trial-${this.trial.id}`);
      await next(this.trial.kind === "practice");
    } catch (error) {
      this.sending = false;
      this.showMessage(error.message);
      this.update();
    }
  }

  audioFailed() {
    this.showMessage(`${word("audio_failed")} `);
    this.message.append(button(word("skip"), async () => {
      await retry("POST", `/api/r/${token}/trials/${this.trial.id}/skip`, { reason: "audio failed" });
      await next();
    }));
  }

  key(event) {
    if (event.key === " ") this.toggle();
    else if (event.key === "Enter") this.send();
    else return this.view.key(this, event);
    return true;
  }
}

// A question as a row of choices in `--n` columns; on a phone, the style sheet breaks long rows.
function scale(page, version, question, choices) {
  const name = `${version} ${question.id}`;
  const byValue = question.labels.length === choices.length && question.labels.length > 2;
  const labels = choices.map(([value, text], place) => {
    const input = el("input", { type: "radio", name, value: String(value), onchange: () => page.answer(version, question.id, value) });
    input.checked = page.answers[name] === value;
    return el("label", {}, input, el("span", {}, text, byValue ? el("small", {}, question.labels[place]) : null));
  });
  const many = choices.length > 7 ? " many" : byValue || choices.some(([, text]) => text.length > 3) ? " words" : "";
  const row = el("div", { class: `scale${many}` }, ...labels);
  row.style.setProperty("--n", String(choices.length));
  const ends = question.labels.length === 2
    ? el("div", { class: "ends", "aria-hidden": "true" }, ...question.labels.map((text) => el("span", {}, text))) : null;
  const spoken = question.labels.length === 2 ? ` (${question.low}: ${question.labels[0]}, ${question.high}: ${question.labels[1]})` : "";
  return el("fieldset", { class: "question", "data-question": question.id },
    el("legend", {}, el("span", { class: "wording" }, el("b", {}, question.name), el("span", {}, question.text), el("span", { class: "sr" }, spoken))),
    row, ends);
}

const numbers = (question) => Array.from({ length: question.high - question.low + 1 }, (_, place) => question.low + place);

function tabs(page) {
  page.tabs = page.trial.clips.map((_, place) =>
    el("button", { type: "button", class: "button", "aria-label": page.name(place), onclick: () => { page.choose(place); if (!page.player_.playing) page.player_.play(); } }, page.shortName(place)));
  return el("div", { class: "tabs", role: "group" }, ...page.tabs);
}

function updateTabs(page) {
  page.places.forEach((box, place) => (box.parentElement.hidden = place !== page.at));
  page.tabs.forEach((tab, place) => {
    tab.setAttribute("aria-pressed", String(place === page.at));
    tab.classList.toggle("was-heard", page.wasHeard(page.players[place]));
  });
}

const digit = (event) => (/^[0-9]$/.test(event.key) ? Number(event.key) || 10 : null);

// The clips, questions and keys of each presentation.
const VIEWS = {
  single: {
    hint: "keys",
    shown: (page) => ({ space: "space", digits: `1–${Math.min(9, page.trial.questions[0].high)}, 0`, arrows: "↓ ↑", enter: "enter" }),
    clips: (page) => [el("div", { class: "clip" }, page.places[0])],
    questions: (page) => page.trial.questions.map((question) => scale(page, 0, question, numbers(question).map((n) => [n, String(n)]))),
    // A digit answers the question with the focus, or the first unanswered one; then the next question gets the focus.
    key(page, event) {
      const sets = [...sheet.querySelectorAll(".question")];
      const now = sets.findIndex((set) => set.contains(document.activeElement));
      const open = page.trial.questions.findIndex((question) => !(`0 ${question.id}` in page.answers));
      const focus = (place) => sets[place]?.querySelector("input:checked, input")?.focus();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        focus(Math.max(0, Math.min(sets.length - 1, now < 0 ? 0 : now + (event.key === "ArrowDown" ? 1 : -1))));
        return true;
      }
      const value = digit(event);
      const place = now >= 0 ? now : Math.max(0, open);
      const question = page.trial.questions[place];
      if (value === null || value < question.low || value > question.high) return false;
      const input = sets[place].querySelector(`input[value="${value}"]`);
      input.checked = true;
      page.answer(0, question.id, value);
      focus(Math.min(place + 1, sets.length - 1));
      return true;
    },
  },
  pair: {
    hint: "keys_pair",
    shown: () => ({ space: "space", digits: "1, 2", arrows: "← →", enter: "enter" }),
    clips: (page) => [...page.places.map((box) => el("div", { class: "clip" }, box)), tabs(page)],
    questions(page) {
      const [question] = page.trial.questions;
      const choices = numbers(question).filter((value) => value !== 0 || page.trial.ties);
      const labels = question.labels.length === 3 ? question.labels : ["A", "=", "B"];
      const plain = { ...question, labels: [] };
      return [scale(page, 0, plain, choices.map((value) => [value, labels[value + 1]]))];
    },
    update: updateTabs,
    key(page, event) {
      const value = digit(event);
      if (value === 1 || value === 2) {
        page.choose(value - 1);
        return true;
      }
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return false;
      const inputs = [...sheet.querySelectorAll(".scale input")];
      const now = inputs.findIndex((input) => input.checked);
      const step = event.key === "ArrowLeft" ? -1 : 1;
      const input = inputs[now < 0 ? (step < 0 ? 0 : inputs.length - 1) : Math.max(0, Math.min(inputs.length - 1, now + step))];
      input.checked = true;
      input.focus();
      page.answer(0, page.trial.questions[0].id, Number(input.value));
      return true;
    },
  },
  together: {
    hint: "keys_together",
    shown: (page) => ({ space: "space", digits: `1–${page.trial.clips.length}`, arrows: "↑ ↓", enter: "enter" }),
    clips: (page) => [...page.places.map((box) => el("div", { class: "clip" }, box)), tabs(page)],
    questions: (page) => page.trial.questions.map((question) => sliders(page, question)),
    update(page) {
      updateTabs(page);
      for (const slider of sheet.querySelectorAll(".slider")) slider.classList.toggle("is-current", Number(slider.dataset.version) === page.at);
    },
    key(page, event) {
      const value = digit(event);
      if (value === null || value > page.players.length) return false;
      page.choose(value - 1);
      sheet.querySelector(`.slider[data-version="${value - 1}"] input`)?.focus();
      return true;
    },
  },
};

function sliders(page, question) {
  const boxes = page.rated.map((_, version) => {
    const name = `${version} ${question.id}`;
    const known = page.answers[name];
    const output = el("output", {}, known ?? "–");
    const middle = Math.round((question.low + question.high) / 2);
    const input = el("input", {
      type: "range", min: String(question.low), max: String(question.high), step: "1", value: String(known ?? middle),
      "aria-label": `${page.name(version)}, ${question.name}`, "data-unset": known === undefined,
    });
    const set = () => {
      input.removeAttribute("data-unset");
      output.textContent = input.value;
      page.answer(version, question.id, Number(input.value));
    };
    input.addEventListener("input", set);
    input.addEventListener("change", set);
    input.addEventListener("focus", () => page.players && page.choose(version));
    return el("div", { class: "slider", "data-version": String(version) }, el("b", { "aria-hidden": "true" }, page.shortName(version)), input, output);
  });
  const step = (question.high - question.low) / Math.max(1, question.labels.length);
  const marks = question.labels.map((text, place) =>
    el("li", {}, `${Math.round(question.low + place * step)}–${Math.round(question.low + (place + 1) * step)} ${text}`));
  return el("fieldset", { class: "question", "data-question": question.id },
    el("legend", {}, el("span", { class: "wording" }, el("b", {}, question.name), el("span", {}, question.text))),
    el("ul", { class: "marks" }, ...marks), el("div", { class: "sliders" }, ...boxes));
}

// ---- steps

const STAGES = {
  invited: () => consent(),
  headphones: (state) => headphones(state),
  failed: () => ending(word("headphones_failed_title"), el("p", {}, word("headphones_failed"))),
  trials: (state, wasPractice) => new TrialPage(state.trial, wasPractice && state.trial.kind !== "practice"),
  comment: () => comment(),
  done: (state) => done(state),
};

function advance(state, isNew = false) {
  if (isNew) instructions(() => next());
  else STAGES[state.stage](state, false);
}

async function next(wasPractice = false) {
  try {
    const state = await retry("GET", `/api/r/${token}`, undefined, (text) => (live.textContent = text));
    STAGES[state.stage](state, wasPractice);
  } catch (error) {
    failed(error);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  const at = event.target;
  if (at.matches?.("textarea, input[type=text]")) return;
  const isControl = at.matches?.("button, a, summary");
  if (isControl && (event.key === "Enter" || event.key === " ")) return;
  if (at.matches?.("input[type=range]") && event.key.startsWith("Arrow")) return;
  if (keys(event)) event.preventDefault();
});

if (token) next();
else consent();
