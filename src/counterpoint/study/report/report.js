// The players: one plays at a time, the spectrogram is the seek bar, arrows move between systems and prompts.
// Without this file the page keeps the browser's own audio controls.
(() => {
  "use strict";
  const ICONS = {
    play: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2.2v11.6L13.5 8z"/></svg>',
    pause: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"/></svg>',
  };
  const rows = [];
  let current = null;

  const clock = (seconds) => seconds.toFixed(1);
  const length = (player) =>
    Number.isFinite(player.audio.duration) ? player.audio.duration : Number(player.audio.dataset.duration);

  function draw(player) {
    const { audio, head, time, button, figure, name } = player;
    const started = audio.currentTime > 0 || !audio.paused;
    head.hidden = !started;
    head.style.left = `${(100 * audio.currentTime) / length(player)}%`;
    time.textContent = `${clock(audio.currentTime)} / ${clock(length(player))} s`;
    const playing = !audio.paused && !audio.ended;
    if (figure.classList.contains("playing") !== playing || !button.innerHTML) {
      figure.classList.toggle("playing", playing);
      button.innerHTML = playing ? ICONS.pause : ICONS.play;
      button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${name}`);
    }
  }

  function animate(player) {
    draw(player);
    if (!player.audio.paused) requestAnimationFrame(() => animate(player));
  }

  function play(player, at) {
    if (current && current !== player) current.audio.pause();
    current = player;
    if (at !== undefined) player.audio.currentTime = Math.min(at, Math.max(0, length(player) - 0.05));
    player.audio.play().catch(() => draw(player));
  }

  function toggle(player) {
    if (player.audio.paused) play(player);
    else player.audio.pause();
  }

  function enhance(figure, row) {
    const audio = figure.querySelector("audio");
    const stage = figure.querySelector("[data-stage]");
    const transport = document.createElement("div");
    transport.className = "transport";
    const button = document.createElement("button");
    button.type = "button";
    const time = document.createElement("span");
    transport.append(button, time);
    figure.append(transport);
    audio.controls = false;
    const player = {
      figure, audio, button, time, row, head: figure.querySelector("[data-head]"),
      name: audio.getAttribute("aria-label"),
    };
    button.addEventListener("click", () => toggle(player));
    stage.addEventListener("click", (event) => {
      const box = stage.getBoundingClientRect();
      play(player, ((event.clientX - box.left) / box.width) * length(player));
    });
    audio.addEventListener("play", () => animate(player));
    for (const name of ["pause", "ended", "seeked", "loadedmetadata"]) audio.addEventListener(name, () => draw(player));
    draw(player);
    return player;
  }

  function sideways(step) {
    const row = rows[current.row];
    const next = row[row.indexOf(current) + step];
    if (next) move(next, current.audio.currentTime);
  }

  function updown(step) {
    const row = rows[current.row + step];
    if (row) move(row[Math.min(rows[current.row].indexOf(current), row.length - 1)], 0);
  }

  function move(next, at) {
    const wasPlaying = !current.audio.paused;
    if (wasPlaying) play(next, at);
    else {
      current = next;
      next.audio.currentTime = at;
    }
    next.button.focus({ preventScroll: true });
    next.figure.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !rows.length) return;
    const at = document.activeElement;
    const inPlayers = at && at.closest && at.closest("[data-player]");
    const elsewhere = at && at !== document.body && !inPlayers;
    if (elsewhere) return;
    if (inPlayers) current = rows.flat().find((player) => player.figure === inPlayers) || current;
    const moves = { ArrowLeft: () => sideways(-1), ArrowRight: () => sideways(1), ArrowUp: () => updown(-1), ArrowDown: () => updown(1) };
    if (event.key === " ") {
      if (at && at.tagName === "BUTTON") return; // the button itself answers
      if (!current) return;
      event.preventDefault();
      toggle(current);
    } else if (current && moves[event.key]) {
      event.preventDefault();
      moves[event.key]();
    }
  });

  document.documentElement.classList.add("enhanced");
  document.querySelectorAll(".example").forEach((example, index) => {
    rows.push([...example.querySelectorAll("[data-player]")].map((figure) => enhance(figure, index)));
  });
})();
