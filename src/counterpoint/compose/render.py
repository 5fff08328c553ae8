"""Rendering of notes to audio: each part is rendered by the soundfont, levelled, given reverberation and summed.

A clip's samples depend only on its notes: no state of the synthesizer outlives a part.
Shape legend: `N` audio samples (mono, 32 kHz).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from counterpoint.audio import normalize_loudness
from counterpoint.config import UserError
from counterpoint.config.borrowed import borrow_module

SAMPLE_RATE = 32_000
_FONT_GAIN_DB = -6.0
_VOICES = 256
_FADE_S = 0.02
DRUM_CHANNEL = 9


@dataclass(frozen=True)
class Note:
    """A sounding note: start and end in seconds, MIDI pitch, velocity 1-127."""

    start: float
    end: float
    midi: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """One player: role (`lead`, `harmony`, `drums` or a layer's), instrument, level in dB relative to others, notes."""

    role: str
    instrument: str
    program: int
    level_db: float
    notes: tuple[Note, ...]


@cache
def soundfont() -> bytes:
    """The General MIDI soundfont in the installed package pretty_midi.

    Raises:
        UserError: pretty_midi is not installed or lacks the file.
    """
    spec = importlib.util.find_spec("pretty_midi")
    path = Path(spec.origin).parent / "TimGM6mb.sf2" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UserError("The soundfont TimGM6mb.sf2 is missing; install the package pretty_midi, which contains it.")
    return path.read_bytes()


class _Player:
    """A soundfont, loaded once per process (18 ms; a large one half a second, one of compressed samples three) and
    silenced before every part, so that a part's samples depend only on its notes: it is reset, then run past the few ms
    in which a stopped voice fades."""

    def __init__(self, path: Path | None) -> None:
        engine = borrow_module("tinysoundfont._tinysoundfont")  # the package's Synth supports only stereo
        self.path = path
        try:
            self.font = engine.SoundFont(soundfont() if path is None else str(path))
        except RuntimeError:
            raise UserError(f"{path} is a damaged soundfont; use another one, or fetch it again.") from None
        self.font.set_output(engine.OutputMode.Mono, SAMPLE_RATE, _FONT_GAIN_DB)
        self.font.set_max_voices(_VOICES)  # all at once: a growing table would keep the order of old voices

    def silence(self) -> bool:
        """Stop and reset everything; False if something still sounds."""
        self.font.reset()
        rest = np.ones(SAMPLE_RATE // 10, np.float32)
        self.render(rest)
        return not rest[len(rest) // 2 :].any()

    def render(self, audio: np.ndarray) -> None:
        """Fill `audio`, [N] float32 and contiguous, with the next samples."""
        if len(audio):
            self.font.render(audio.data.cast("B"), False)


_player: _Player | None = None


def _silent_player(path: Path | None) -> _Player:
    """The player of a soundfont; only one is held at a time, because a large one takes half a gigabyte."""
    global _player
    if _player is None or _player.path != path or not _player.silence():
        _player = None  # before the next one is read
        _player = _Player(path)
    return _player


def render_part(part: Part, *, samples: int, font: Path | None = None) -> np.ndarray:
    """The dry audio of one part, [N] float32, from the soundfont (by default the one of pretty_midi)."""
    player = _silent_player(font)
    drums = part.role == "drums"
    channel = DRUM_CHANNEL if drums else 0
    player.font.channel_set_bank(channel, 128 if drums else 0)
    player.font.channel_set_preset_number(channel, part.program, drums)
    audio = np.zeros(samples, np.float32)
    position = 0
    for at, on, midi, velocity in _events(part.notes, samples):
        player.render(audio[position:at])
        position = at
        if on:
            player.font.channel_note_on(channel, midi, velocity / 127.0)
        else:
            player.font.channel_note_off(channel, midi)
    player.render(audio[position:])
    return audio


def _events(notes: Sequence[Note], samples: int) -> list[tuple[int, int, int, int]]:
    """(sample, 1 for on or 0 for off, pitch, velocity) in order of time; ends come before starts."""
    events = []
    for note in notes:
        start, end = round(note.start * SAMPLE_RATE), round(note.end * SAMPLE_RATE)
        if 0 <= start < samples:
            events.append((start, 1, note.midi, note.velocity))
            if end < samples:
                events.append((max(end, start + 1), 0, note.midi, 0))
    return sorted(events)


def _level(audio: np.ndarray, *, drums: bool) -> float:
    """RMS over the 50 ms blocks that are not silent, so that a sparse part is not amplified. Drums are strokes with
    silence between: their level is half way (in dB) to the RMS of everything."""
    block = SAMPLE_RATE // 20
    whole = np.pad(audio, (0, -len(audio) % block)).reshape(-1, block)
    power = np.mean(np.square(whole, dtype=np.float64), axis=1)
    loudest = float(power.max())
    if loudest <= 0:
        return 0.0
    active = float(np.sqrt(power[power > 0.02 * loudest].mean()))
    return float(np.sqrt(active * np.sqrt(power.mean()))) if drums else active


@cache
def _room(decay_s: float) -> np.ndarray:
    """A small room's tail: noise that decays by 60 dB in `decay_s`, the same for every clip."""
    length = int(decay_s * SAMPLE_RATE)
    noise = np.random.default_rng(20231).standard_normal(length)
    smooth = np.convolve(noise, np.hanning(7) / np.hanning(7).sum(), mode="same")  # walls absorb high frequencies
    tail = smooth * 10 ** (-3.0 * np.arange(length) / length)
    tail[: SAMPLE_RATE // 100] *= np.linspace(0.0, 1.0, SAMPLE_RATE // 100)
    return (tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


@cache
def _room_spectrum(decay_s: float, size: int) -> np.ndarray:
    return np.fft.rfft(_room(decay_s), size).astype(np.complex64)


def _with_room(audio: np.ndarray, *, decay_s: float, wet: float) -> np.ndarray:
    """The audio plus `wet` times its convolution with the room's tail."""
    from scipy.fft import next_fast_len

    if wet <= 0:
        return audio
    size = next_fast_len(len(audio) + len(_room(decay_s)), real=True)
    echo = np.fft.irfft(np.fft.rfft(audio, size) * _room_spectrum(decay_s, size), size)[: len(audio)]
    return audio + np.float32(wet) * echo.astype(np.float32)


def render(
    parts: Sequence[Part], *, duration_s: float, decay_s: float, wet: float, font: Path | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The mix and, if there are drums, the drum stem in the same scale; both [N] float32. `font` is a soundfont that
    has the parts' presets.

    The mix is scaled to -20 dBFS RMS with its peak at most 0.99; the stem has the same factor, so that
    mix - stem is the clip without drums.
    """
    samples = round(duration_s * SAMPLE_RATE)
    music, drums = np.zeros(samples, np.float32), None
    for part in parts:
        audio = render_part(part, samples=samples, font=font)
        level = _level(audio, drums=part.role == "drums")
        if level <= 0:
            continue
        audio *= np.float32(10 ** (part.level_db / 20) * 0.1 / level)
        if part.role == "drums":
            drums = _with_room(audio, decay_s=decay_s, wet=0.35 * wet)
        else:
            music += audio
    mix = _with_room(music, decay_s=decay_s, wet=wet)
    if drums is not None:
        mix = mix + drums
    fade = np.ones(samples, np.float32)
    edge = min(int(_FADE_S * SAMPLE_RATE), samples)
    fade[samples - edge :] = np.linspace(1.0, 0.0, edge, dtype=np.float32)
    mix = mix * fade
    level = normalize_loudness(mix, sample_rate=SAMPLE_RATE)
    loudest = int(np.abs(mix).argmax())
    gain = level[loudest] / mix[loudest] if mix[loudest] else np.float32(1.0)
    return level, None if drums is None else drums * fade * gain
