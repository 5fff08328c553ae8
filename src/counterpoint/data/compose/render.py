"""From notes to sound: each part is rendered alone by the soundfont, levelled, given a room and summed.

A fresh synthesizer per part leaves no state between clips, so a clip's samples depend on its notes alone.
Shape legend: `N` audio samples (mono, 32 kHz).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from counterpoint.config import UserError

SAMPLE_RATE = 32_000
_TARGET_RMS = 0.1  # -20 dBFS, the one loudness policy
_PEAK = 0.99
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
    """One player: role (`lead`, `chords`, `bass`, `pad`, `counter`, `drums`), program, its level in dB and its notes."""

    role: str
    instrument: str
    program: int
    level_db: float
    notes: tuple[Note, ...]


@cache
def soundfont() -> bytes:
    """The General MIDI soundfont that the installed pretty_midi package carries.

    Raises:
        UserError: when pretty_midi is not installed or lacks the file.
    """
    spec = importlib.util.find_spec("pretty_midi")
    path = Path(spec.origin).parent / "TimGM6mb.sf2" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UserError("The soundfont TimGM6mb.sf2 is missing; install the package pretty_midi, which carries it.")
    return path.read_bytes()


def render_part(part: Part, *, samples: int) -> np.ndarray:
    """The dry sound of one part, [N] float32, as the soundfont gives it."""
    from tinysoundfont import Synth, _tinysoundfont

    synth = Synth(samplerate=SAMPLE_RATE)
    font = synth.sfload(soundfont())
    synth.soundfonts[font].set_output(_tinysoundfont.OutputMode.Mono, SAMPLE_RATE, -6.0)
    drums = part.role == "drums"
    channel = DRUM_CHANNEL if drums else 0
    synth.program_select(channel, font, 128 if drums else 0, part.program, drums)
    audio = np.zeros(samples, np.float32)
    view = memoryview(audio).cast("B")
    position = 0
    for at, on, midi, velocity in _events(part.notes, samples):
        if at > position:
            synth.soundfonts[font].render(view[4 * position : 4 * at], False)
            position = at
        if on:
            synth.noteon(channel, midi, velocity)
        else:
            synth.noteoff(channel, midi)
    if position < samples:
        synth.soundfonts[font].render(view[4 * position :], False)
    return audio


def _events(notes: Sequence[Note], samples: int) -> list[tuple[int, int, int, int]]:
    """(sample, 1 for on or 0 for off, pitch, velocity) in the order they happen; ends come before starts."""
    events = []
    for note in notes:
        start, end = round(note.start * SAMPLE_RATE), round(note.end * SAMPLE_RATE)
        if 0 <= start < samples:
            events.append((start, 1, note.midi, note.velocity))
            if end < samples:
                events.append((max(end, start + 1), 0, note.midi, 0))
    return sorted(events)


def _active_rms(audio: np.ndarray) -> float:
    """RMS over the 50 ms blocks that sound at all, so a sparse part is not pushed up."""
    block = SAMPLE_RATE // 20
    whole = audio[: len(audio) // block * block].reshape(-1, block)
    if not len(whole):
        return float(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))
    power = np.mean(whole.astype(np.float64) ** 2, axis=1)
    loudest = power.max()
    return float(np.sqrt(power[power > 0.02 * loudest].mean())) if loudest > 0 else 0.0


@cache
def _room(decay_s: float) -> np.ndarray:
    """A small room's tail: noise that decays by 60 dB in `decay_s`, the same for every clip."""
    length = int(decay_s * SAMPLE_RATE)
    noise = np.random.default_rng(20231).standard_normal(length)
    smooth = np.convolve(noise, np.hanning(7) / np.hanning(7).sum(), mode="same")  # walls take the highs
    tail = smooth * 10 ** (-3.0 * np.arange(length) / length)
    tail[: SAMPLE_RATE // 100] *= np.linspace(0.0, 1.0, SAMPLE_RATE // 100)
    return (tail / np.sqrt(np.sum(tail**2))).astype(np.float32)


def _with_room(audio: np.ndarray, *, decay_s: float, wet: float) -> np.ndarray:
    from scipy.signal import fftconvolve

    if wet <= 0:
        return audio
    return audio + wet * fftconvolve(audio, _room(decay_s))[: len(audio)].astype(np.float32)


def render(
    parts: Sequence[Part], *, duration_s: float, decay_s: float, wet: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """The mix and, where there are drums, the drum stem in the same scale; both [N] float32.

    The mix comes to -20 dBFS RMS with its peak at most 0.99; the stem takes the same factor, so that
    mix - stem is the clip without drums.
    """
    samples = round(duration_s * SAMPLE_RATE)
    music, drums = np.zeros(samples, np.float32), None
    for part in parts:
        audio = render_part(part, samples=samples)
        level = _active_rms(audio)
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
    gain = _gain(mix * fade)
    return mix * fade * gain, None if drums is None else drums * fade * gain


def _gain(mix: np.ndarray) -> np.float32:
    rms = float(np.sqrt(np.mean(mix.astype(np.float64) ** 2)))
    peak = float(np.abs(mix).max())
    return np.float32(min(_TARGET_RMS / rms, _PEAK / peak)) if rms > 0 else np.float32(1.0)
