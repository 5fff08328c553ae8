// The page without this file is whole: it keeps the browser's own audio controls and open tables.
// With it, all clips of an example play in step and one of them is heard, so that a switch between them is without a gap.
(() => {
  "use strict";
  const ICONS = {
    play: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2.2v11.6L13.5 8z"/></svg>',
    pause: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"/></svg>',
  };
  const STEP_S = 0.5;
  const DRIFT_S = 0.025; // clips of a row may be so far out of step before they are put right
  const rows = [];
  let playing = null; // the row that plays

  class Player {
    constructor(figure, row) {
      this.figure = figure;
      this.row = row;
      this.audio = figure.querySelector("audio");
      this.stage = figure.querySelector("[data-stage]");
      this.head = figure.querySelector("[data-head]");
      this.who = figure.querySelector("[data-who]");
      this.name = figure.dataset.name;
      this.audio.controls = false;
      this.audio.preload = "none";
      this.build();
    }

    build() {
      const transport = document.createElement("div");
      transport.className = "transport";
      this.button = document.createElement("button");
      this.button.type = "button";
      this.button.setAttribute("aria-describedby", this.audio.getAttribute("aria-describedby"));
      this.time = document.createElement("span");
      this.save = document.createElement("a");
      Object.assign(this.save, { href: this.audio.getAttribute("src"), download: "", textContent: "↓" });
      transport.append(this.button, this.time, this.save);
      this.figure.append(transport);
      this.stage.tabIndex = 0;
      this.stage.setAttribute("role", "slider");
      this.stage.setAttribute("aria-valuemin", "0");
      this.button.addEventListener("click", () => this.row.toggle(this));
      this.stage.addEventListener("click", (event) => {
        const box = this.stage.getBoundingClientRect();
        this.row.play(this, ((event.clientX - box.left) / box.width) * this.length);
        this.button.focus({ preventScroll: true });
      });
      this.audio.addEventListener("ended", () => this.row.ended(this));
      this.audio.addEventListener("loadedmetadata", () => this.row.draw());
    }

    get length() {
      return Number.isFinite(this.audio.duration) ? this.audio.duration : Number(this.audio.dataset.duration);
    }

    get shown() {
      return this.row.blind ? `clip ${this.row.order.indexOf(this) + 1}` : this.name;
    }

    draw(at, isPlaying, isHeard) {
      const length = this.length;
      this.head.hidden = at <= 0;
      this.head.style.left = `${(100 * Math.min(at, length)) / length}%`;
      this.time.textContent = `${at.toFixed(1)} / ${length.toFixed(1)} s`;
      const state = `${isPlaying} ${isHeard} ${this.shown}`;
      this.stage.setAttribute("aria-valuenow", at.toFixed(1));
      if (this.state === state) return;
      this.state = state;
      this.figure.classList.toggle("playing", isPlaying);
      this.figure.classList.toggle("heard", isHeard);
      this.button.innerHTML = isPlaying && isHeard ? ICONS.pause : ICONS.play;
      this.button.setAttribute("aria-label", `${isPlaying && isHeard ? "Pause" : "Play"} ${this.shown}`);
      this.stage.setAttribute("aria-label", `Position in ${this.shown}, in seconds`);
      this.stage.setAttribute("aria-valuemax", length.toFixed(1));
      this.save.setAttribute("aria-label", `Download ${this.shown}`);
      this.who.textContent = this.row.blind ? this.shown.replace("clip", "Clip") : this.name;
    }
  }

  class Row {
    constructor(example, list) {
      this.example = example;
      this.list = list;
      this.at = 0;
      this.players = [...example.querySelectorAll("[data-player]")].map((figure) => new Player(figure, this));
      this.order = this.players;
      this.heard = null;
      this.isPlaying = false;
      this.draw();
    }

    get blind() {
      return this.list.classList.contains("blind");
    }

    get loops() {
      return this.list.dataset.loop === "on";
    }

    play(player, at) {
      if (playing && playing !== this) playing.pause();
      playing = this;
      const from = at ?? (this.isPlaying || this.heard ? this.now() : 0);
      this.heard = player;
      this.at = Math.max(0, Math.min(from, player.length - 0.05));
      const fresh = !this.isPlaying || at !== undefined;
      this.isPlaying = true;
      for (const other of this.players) {
        other.audio.muted = other !== player;
        if (fresh) {
          other.audio.currentTime = Math.min(this.at, Math.max(0, other.length - 0.05));
          other.audio.play().catch(() => other === player && this.pause());
        }
      }
      this.align();
      this.animate();
    }

    // The clip that is heard leads; the others follow it silently.
    align() {
      const lead = this.heard.audio;
      if (lead.readyState < 3 || lead.paused) return;
      for (const { audio } of this.players) {
        if (audio !== lead && !audio.paused && audio.readyState > 2 && Math.abs(audio.currentTime - lead.currentTime) > DRIFT_S) {
          audio.currentTime = lead.currentTime;
        }
      }
    }

    pause() {
      this.at = this.now();
      this.isPlaying = false;
      for (const { audio } of this.players) audio.pause();
      if (playing === this) playing = null;
      this.draw();
    }

    toggle(player) {
      if (this.isPlaying && this.heard === player) this.pause();
      else this.play(player);
    }

    ended(player) {
      if (player !== this.heard) return;
      if (this.loops) this.play(player, 0);
      else {
        this.pause();
        this.at = 0;
        this.draw();
      }
    }

    seek(player, at) {
      const target = Math.max(0, Math.min(at, player.length - 0.05));
      if (this.isPlaying) this.play(this.heard, target);
      else {
        this.heard = player;
        this.at = target;
        this.draw();
      }
    }

    now() {
      return this.isPlaying && this.heard ? this.heard.audio.currentTime : this.at;
    }

    draw() {
      const at = this.now();
      for (const player of this.players) player.draw(at, this.isPlaying, player === this.heard);
    }

    animate() {
      if (!this.isPlaying) return;
      this.draw();
      requestAnimationFrame(() => this.animate());
    }

    // Hidden names are of use only where the order does not give them away.
    shuffle(isBlind) {
      this.order = [...this.players];
      if (isBlind) {
        for (let last = this.order.length - 1; last > 0; last--) {
          const other = Math.floor(Math.random() * (last + 1));
          [this.order[last], this.order[other]] = [this.order[other], this.order[last]];
        }
      }
      this.order[0]?.figure.parentElement.append(...this.order.map((player) => player.figure));
      this.draw();
    }

    choose(player) {
      if (!player) return;
      if (this.isPlaying) this.play(player);
      else this.heard = player;
      player.button.focus({ preventScroll: true });
      player.figure.scrollIntoView({ block: "nearest" });
      this.draw();
    }
  }

  function toggled(list, what) {
    const button = list.querySelector(`[data-toggle="${what}"]`);
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    if (what === "loop") list.dataset.loop = on ? "on" : "off";
    else {
      list.classList.toggle("blind", on);
      for (const row of rows) if (row.list === list) row.shuffle(on);
      button.textContent = on ? "Reveal" : "Blind";
    }
  }

  function controls(list) {
    const bar = document.createElement("div");
    bar.className = "controls";
    for (const [what, name] of [["blind", "Blind"], ["loop", "Loop"]]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: name });
      button.dataset.toggle = what;
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => toggled(list, what));
      bar.append(button);
    }
    list.querySelector(".example")?.before(bar);
  }

  function keyed(event) {
    const figure = event.target.closest?.("[data-player]");
    if (!figure || event.altKey || event.ctrlKey || event.metaKey) return;
    const row = rows.find((other) => other.players.some((player) => player.figure === figure));
    const player = row.players.find((other) => other.figure === figure);
    const onStage = event.target === player.stage;
    const order = row.order;
    const aside = (step) => () => row.choose(order[order.indexOf(player) + step]);
    const along = (step) => () => row.seek(player, row.now() + step);
    const across = (step) => () => {
      const next = rows[rows.indexOf(row) + step];
      if (!next) return;
      const wasPlaying = row.isPlaying;
      if (wasPlaying) row.pause();
      const other = next.order[Math.min(order.indexOf(player), next.players.length - 1)];
      if (wasPlaying) next.play(other, 0);
      next.choose(other);
    };
    const seeks = event.shiftKey || onStage;
    const acts = {
      ArrowLeft: seeks ? along(-STEP_S) : aside(-1),
      ArrowRight: seeks ? along(STEP_S) : aside(1),
      ArrowUp: onStage ? along(STEP_S) : across(-1),
      ArrowDown: onStage ? along(-STEP_S) : across(1),
      Home: onStage && (() => row.seek(player, 0)),
      End: onStage && (() => row.seek(player, player.length)),
      Enter: onStage && (() => row.toggle(player)),
      " ": event.target !== player.button && (() => row.toggle(player)),
      l: () => toggled(row.list, "loop"),
      b: () => toggled(row.list, "blind"),
    };
    const number = Number(event.key);
    const act = acts[event.key] || acts[event.key.toLowerCase()] || (number >= 1 && (() => row.choose(order[number - 1])));
    if (!act) return;
    event.preventDefault();
    act();
  }

  // `#listen-3/flow_matching@2.1` is the third example, at 2.1 s of one system.
  function follow() {
    const [id, rest] = decodeURIComponent(location.hash.slice(1)).split("/");
    const row = rows.find((other) => other.example.id === id);
    for (let part = document.getElementById(id); part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (!row || !rest) return;
    const [system, at] = rest.split("@");
    const player = row.players.find((other) => other.figure.dataset.player === system);
    if (!player) return;
    row.seek(player, Number(at) || 0);
    row.choose(player);
  }

  function anchored(row) {
    row.example.querySelector(".anchor")?.addEventListener("click", (event) => {
      if (!row.heard || row.blind) return;
      event.preventDefault();
      location.hash = `${row.example.id}/${row.heard.figure.dataset.player}@${row.now().toFixed(1)}`;
    });
  }

  function edges() {
    for (const scroll of document.querySelectorAll(".scroll")) {
      const draw = () => scroll.classList.toggle("more", scroll.scrollWidth - scroll.scrollLeft > scroll.clientWidth + 4);
      scroll.addEventListener("scroll", draw, { passive: true });
      new ResizeObserver(draw).observe(scroll);
    }
  }

  function contents() {
    const links = new Map([...document.querySelectorAll("nav.contents a")].map((link) => [link.hash.slice(1), link]));
    const watch = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting || !links.has(target.id)) continue;
          for (const link of links.values()) link.removeAttribute("aria-current");
          links.get(target.id).setAttribute("aria-current", "true");
        }
      },
      { rootMargin: "-20% 0px -75% 0px" },
    );
    for (const section of document.querySelectorAll("section")) watch.observe(section);
  }

  function printing() {
    let closed = [];
    addEventListener("beforeprint", () => {
      closed = [...document.querySelectorAll("details:not([open])")];
      for (const part of closed) part.open = true;
    });
    addEventListener("afterprint", () => closed.forEach((part) => (part.open = false)));
  }

  document.documentElement.classList.add("enhanced");
  for (const list of document.querySelectorAll("[data-players]")) {
    controls(list);
    for (const example of list.querySelectorAll("[data-example]")) rows.push(new Row(example, list));
  }
  rows.forEach(anchored);
  document.addEventListener("keydown", keyed);
  addEventListener("hashchange", follow);
  edges();
  contents();
  printing();
  follow();
})();
