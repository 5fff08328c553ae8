// A player that shows a clip as a waveform, with a yellow span and a red line at the current position. It is controlled
// by pointer and keys and draws peaks that the server has computed, so that nothing is decoded twice.
import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";
import RegionsPlugin from "./vendor/wavesurfer/regions.esm.js";

const STEP_S = 0.5;
let sounding = null; // the player that is playing; only one plays at a time

export const nonce = () => document.querySelector('meta[name="csp-nonce"]')?.content ?? "";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

// The parts of a clip that were played, as sorted disjoint intervals.
export class PlayedIntervals {
  constructor(intervals = []) {
    this.intervals = intervals.map(([from, to]) => [from, to]);
  }

  add(from, to) {
    if (!(to > from)) return;
    const apart = [];
    for (const [start, stop] of this.intervals) {
      if (stop < from - 0.05 || start > to + 0.05) apart.push([start, stop]);
      else [from, to] = [Math.min(from, start), Math.max(to, stop)];
    }
    this.intervals = [...apart, [from, to]].sort((a, b) => a[0] - b[0]);
  }

  get seconds() {
    return this.intervals.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  covers(from, to) {
    return this.intervals.some(([start, stop]) => start <= from + 0.1 && stop >= to - 0.1);
  }
}

// A player in `place`, an empty element.
//   url, duration   address and duration (in seconds) of the clip
//   peaks           highest absolute values of equal parts, 0 to 1; without peaks, a plain line is shown
//   top             value at the full height of the picture, the same for all clips that are compared
//   span            [start, stop] in seconds, optional
//   editable        whether the span can be drawn and dragged
//   tone            name of the colour of the waveform; by default the colour of text
//   label           label for screen readers
//   onChange(player), onHeard(player), onError(player), onSpan([start, stop])
export class Player {
  constructor(place, options) {
    Object.assign(this, { place, ...options });
    this.heard = new PlayedIntervals(options.heard);
    this.plays = options.plays ?? 0;
    this.last = null;
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.src = this.url;
    if (this.peaks) this.drawWave();
    else this.drawLine();
    this.addKeys();
    this.addListening();
  }

  drawWave() {
    this.regions = RegionsPlugin.create();
    this.wave = WaveSurfer.create({
      container: this.place,
      media: this.audio,
      peaks: [this.peaks],
      duration: this.duration,
      normalize: true,
      maxPeak: this.top ?? 1,
      height: this.height ?? 112,
      cursorWidth: 2,
      dragToSeek: !this.editable,
      interact: !this.editable || !this.span,
      hideScrollbar: true,
      cspNonce: nonce(),
      plugins: [this.regions],
      ...this.colours(),
    });
    this.wave.on("interaction", () => this.onChange?.(this));
    // A span can only be placed when the duration is known.
    if (this.span || this.editable) this.wave.once("ready", () => this.addSpan());
    this.recolour = () => this.wave.setOptions(this.colours());
    dark.addEventListener("change", this.recolour);
    this.place.classList.add("wave");
  }

  colours() {
    return { waveColor: colour(this.tone ?? "--ink"), progressColor: colour("--muted"), cursorColor: colour("--progress") };
  }

  addSpan() {
    const look = { color: "rgba(255, 214, 51, .55)", drag: !!this.editable, resize: !!this.editable };
    if (this.span) this.region = this.regions.addRegion({ start: this.span[0], end: this.span[1], ...look });
    if (!this.editable) return;
    this.regions.enableDragSelection(look);
    const changed = (region) => {
      if (this.region && this.region !== region) this.region.remove();
      this.region = region;
      this.span = [region.start, region.end];
      this.onSpan?.(this.span);
    };
    this.regions.on("region-created", changed);
    this.regions.on("region-updated", changed);
  }

  setSpan(span) {
    this.span = span;
    if (this.region) this.region.setOptions({ start: span[0], end: span[1] });
    else this.addSpan();
  }

  drawLine() {
    const line = document.createElement("div");
    line.className = "wave-line";
    this.line = document.createElement("span");
    line.append(this.line);
    this.place.append(line);
    this.place.classList.add("wave", "is-plain");
    this.place.addEventListener("click", (event) => {
      const box = this.place.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.duration);
    });
  }

  addKeys() {
    const { place } = this;
    place.tabIndex = 0;
    place.setAttribute("role", "slider");
    place.setAttribute("aria-label", this.label ?? "Position in the clip");
    place.setAttribute("aria-valuemin", "0");
    place.setAttribute("aria-valuemax", this.duration.toFixed(1));
    place.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -STEP_S, ArrowDown: -STEP_S, ArrowRight: STEP_S, ArrowUp: STEP_S };
      const target = { Home: 0, End: this.duration }[event.key] ?? (event.key in moves ? this.time + moves[event.key] : null);
      if (target === null || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.seek(target);
    });
  }

  addListening() {
    const { audio } = this;
    audio.addEventListener("play", () => (this.last ??= audio.currentTime));
    audio.addEventListener("seeking", () => (this.last = null));
    audio.addEventListener("seeked", () => (this.last = audio.currentTime));
    audio.addEventListener("timeupdate", () => this.listened(audio.currentTime));
    audio.addEventListener("pause", () => this.listened(audio.currentTime));
    audio.addEventListener("ended", () => {
      this.listened(this.duration);
      this.plays += 1;
      this.stop();
    });
    audio.addEventListener("error", () => this.onError?.(this));
    this.draw();
  }

  // Record the interval since the last event as played; a jump resets the start of the interval.
  listened(now) {
    if (this.last !== null && now > this.last) {
      this.heard.add(this.last, now);
      this.onHeard?.(this);
    }
    this.last = now;
    this.draw();
  }

  get time() {
    return Math.min(this.audio.currentTime, this.duration);
  }

  get playing() {
    return sounding === this;
  }

  async play(from) {
    if (sounding && sounding !== this) sounding.pause();
    sounding = this;
    if (from !== undefined) this.audio.currentTime = from;
    else if (this.audio.ended || this.time >= this.duration - 0.02) this.audio.currentTime = 0;
    this.last = this.audio.currentTime; // set now, since a busy browser reports the start late
    this.onChange?.(this);
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name === "AbortError") return; // it was paused before it started
      this.stop();
      if (error.name !== "NotAllowedError") this.onError?.(this);
    }
  }

  pause() {
    this.audio.pause();
    this.stop();
  }

  stop() {
    if (sounding === this) sounding = null;
    this.draw();
    this.onChange?.(this);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(to) {
    this.audio.currentTime = Math.max(0, Math.min(to, this.duration - 0.01));
    this.draw();
    this.onChange?.(this);
  }

  draw() {
    this.place.setAttribute("aria-valuenow", this.time.toFixed(1));
    this.place.setAttribute("aria-valuetext", `${this.time.toFixed(1)} of ${this.duration.toFixed(1)} s`);
    if (this.line) this.line.style.width = `${(100 * this.time) / this.duration}%`;
  }

  destroy() {
    this.audio.pause();
    if (sounding === this) sounding = null;
    if (this.recolour) dark.removeEventListener("change", this.recolour);
    this.wave?.destroy();
    this.audio.removeAttribute("src");
  }
}
