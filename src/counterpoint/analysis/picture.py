"""A picture of a piece of music: chords, spectrogram with beats, and melody, line below line.

Shapes: N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import KINDS, NO_CHORD, chord_parts
from counterpoint.analysis.spelling import note_name
from counterpoint.config import UserError, atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _MUTED, _RULE, _SHADE, _PAPER, _NOTE = "#1f1d1a", "#6b675f", "#d9d4c8", "#f1ede4", "#fcfbf8", "#1c6a8c"
_WIDTH, _LINE_HEIGHT, _DPI, _LEFT = 13.0, 3.1, 120, 0.055
"""Width and height in inches, dots per inch, share of the width."""
_LINE_S, _MOST_LINES = 20.0, 12
"""Length of a line in seconds; a piece with more lines than the maximum gets longer lines."""
_WINDOW, _COLUMNS, _BANDS = 2048, 1400, 160
"""Sample count, window count and number of frequencies of a line's spectrogram."""
_LOW_HZ, _HIGH_HZ, _FLOOR_DB = 50.0, 11_000.0, -72.0
_AT_ONCE = 256
"""Windows transformed together."""
_LEAST_NOTES, _MOST_BARS = 12, 30
"""The least range of a piano roll in semitones; the greatest number of bar lines in a line."""
_BLACK_KEYS = (1, 3, 6, 8, 10)


def save_picture(
    path: Path, annotation: Annotation, *, pieces: Iterable[np.ndarray], sample_rate: int, title: str
) -> None:
    """Draw an annotation above its spectrogram to a .png file.

    Args:
        path: the file to write.
        annotation: chords, notes and beats.
        pieces: consecutive pieces of the audio, [N] float each.
        sample_rate: Hz.
        title: text above the picture.

    Raises:
        UserError: the suffix is not .png.
    """
    check_picture(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    line_s = max(min(_LINE_S, annotation.duration_s), annotation.duration_s / _MOST_LINES)
    count = max(1, math.ceil(annotation.duration_s / line_s - 1e-6))
    height = 0.7 + _LINE_HEIGHT * count
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    figure.text(_LEFT, 1 - 0.36 / height, title, color=_INK, fontsize=13, weight="bold")
    edges = {"left": _LEFT, "right": 0.985, "top": 1 - 0.5 / height, "bottom": 0.35 / height}
    spans_s = [(index * line_s, (index + 1) * line_s) for index in range(count)]
    centres = np.geomspace(_LOW_HZ, min(_HIGH_HZ, sample_rate / 2), _BANDS)
    ends_s = [min(stop, annotation.duration_s) for _, stop in spans_s]
    looks = _looks([(start, end) for (start, _), end in zip(spans_s, ends_s, strict=True)], sample_rate=sample_rate)
    sounds = np.split(_spectrogram(pieces, looks=looks, sample_rate=sample_rate, hertz=centres), count)
    lines = figure.add_gridspec(count, 1, hspace=0.2, **edges)
    for index, span_s in enumerate(spans_s):
        grid: Any = lines[index].subgridspec(3, 1, height_ratios=(0.3, 1.5, 1.1), hspace=0.04)
        strip, sound, roll = grid.subplots(sharex=True)
        _draw_chords(strip, annotation, span_s=span_s)
        _draw_sound(sound, sounds[index], hertz=centres, span_s=(span_s[0], ends_s[index]))
        _draw_notes(roll, annotation, span_s=span_s)
        _draw_beats((sound, roll), annotation, span_s=span_s)
        for axes in (strip, sound, roll):
            _plain(axes, span_s=span_s, times=axes is roll)
    atomic_write(path, lambda temporary: figure.savefig(temporary, format="png", facecolor=_PAPER))


def check_picture(path: Path) -> None:
    """
    Raises:
        UserError: the suffix is not .png.
    """
    if path.suffix.lower() != ".png":
        raise UserError(f"Cannot draw to {path}: use a file name that ends in .png.")


def _draw_chords(axes: Axes, annotation: Annotation, *, span_s: tuple[float, float]) -> None:
    """Draw a box for each chord, coloured along the circle of fifths; minor chords are darker."""
    ends = [*(start for start, _ in annotation.chords[1:]), annotation.duration_s]
    for (start, label), end in zip(annotation.chords, ends, strict=False):
        first, last = max(start, span_s[0]), min(end, span_s[1])
        if last <= first:
            continue
        axes.axvspan(first, last, 0.06, 0.98, facecolor=_chord_colour(label), edgecolor=_PAPER, linewidth=1.5)
        room = (last - first) / (span_s[1] - span_s[0]) * _WIDTH * 0.93
        if label != NO_CHORD and room > 0.1 * len(label) + 0.06:
            axes.text((first + last) / 2, 0.48, label, ha="center", va="center", fontsize=9.5, color=_INK, clip_on=True)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_ylabel("chords", color=_MUTED, fontsize=8, rotation=0, ha="right", va="center")


def _chord_colour(label: str) -> tuple[float, float, float]:
    parts = chord_parts(label)
    if parts is None:
        return _oklch(0.93, chroma=0.005, hue=90)
    root, kind = parts
    minor = 3 in KINDS[kind]
    return _oklch(0.80 if minor else 0.87, chroma=0.085, hue=root * 7 % 12 * 30 + 20)


def _oklch(lightness: float, *, chroma: float, hue: float) -> tuple[float, float, float]:
    """sRGB in [0, 1] of a colour in Ottosson's OKLCH, hue in degrees: even steps look even."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cones = np.array([[1, 0.3963378, 0.2158038], [1, -0.1055613, -0.0638542], [1, -0.0894842, -1.2914855]])
    linear = np.array(
        [[4.0767417, -3.3077116, 0.2309699], [-1.2684380, 2.6097574, -0.3413194], [-0.0041961, -0.7034186, 1.7076147]]
    ) @ ((cones @ [lightness, a, b]) ** 3)
    red, green, blue = np.where(
        linear > 0.0031308, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * linear
    )
    return tuple(np.clip((red, green, blue), 0, 1).tolist())


def _draw_sound(axes: Axes, picture: np.ndarray, *, hertz: np.ndarray, span_s: tuple[float, float]) -> None:
    """Draw levels [columns, bands] over frequency, evenly spaced in octaves."""
    low, high = hertz[0], hertz[-1]
    axes.imshow(
        picture.T,
        origin="lower",
        aspect="auto",
        extent=(*span_s, math.log2(low), math.log2(high)),
        cmap="magma",
        vmin=_FLOOR_DB,
        vmax=0,
        interpolation="bilinear",
    )
    ticks = [hertz for hertz in (100, 400, 1600, 6400) if hertz < high]
    axes.set_yticks([math.log2(hertz) for hertz in ticks], [f"{hertz:,} Hz" for hertz in ticks], fontsize=7)


def _looks(spans_s: Sequence[tuple[float, float]], *, sample_rate: int) -> np.ndarray:
    """Starts [lines * columns] of the windows, each centred in its column."""
    starts = []
    for start_s, stop_s in spans_s:
        step = (stop_s - start_s) * sample_rate / _COLUMNS
        starts.append(start_s * sample_rate + (np.arange(_COLUMNS) + 0.5) * step - _WINDOW / 2)
    return np.concatenate(starts).astype(np.int64)


def _spectrogram(pieces: Iterable[np.ndarray], *, looks: np.ndarray, sample_rate: int, hertz: np.ndarray) -> np.ndarray:
    """Levels [lines * columns, bands] in dB below the loudest in the piece, in constant memory."""
    power, done, loudest = np.zeros((len(looks), len(hertz))), 0, 1e-9
    held, first = np.zeros(_WINDOW), -_WINDOW  # silence before and after the music
    for piece in chain(pieces, [np.zeros(2 * _WINDOW)]):
        loudest = max(loudest, float(np.abs(piece).max(initial=0.0)))
        held = np.concatenate([held, piece])
        ready = int(np.searchsorted(looks, first + len(held) - _WINDOW, side="right"))
        for start in range(done, ready, _AT_ONCE):
            some = slice(start, min(start + _AT_ONCE, ready))
            power[some] = _bands(held, looks[some] - first, sample_rate=sample_rate, hertz=hertz)
        done = max(done, ready)
        gone = len(held) - _WINDOW if done == len(looks) else max(0, int(looks[done]) - first)
        held, first = held[gone:], first + min(gone, len(held))
    return np.maximum(10 * np.log10(power / (loudest * _WINDOW / 8) ** 2 + 1e-12), _FLOOR_DB)


def _bands(audio: np.ndarray, starts: np.ndarray, *, sample_rate: int, hertz: np.ndarray) -> np.ndarray:
    """Power [windows, bands] at each frequency in the windows of `audio` at `starts`, with raised treble."""
    sound = audio[starts[:, None] + np.arange(_WINDOW)]
    power = np.abs(np.fft.rfft(sound * np.hanning(_WINDOW))) ** 2
    bins = hertz * _WINDOW / sample_rate
    below = np.minimum(bins.astype(np.int64), power.shape[1] - 2)
    share = bins - below
    return (power[:, below] * (1 - share) + power[:, below + 1] * share) * np.sqrt(hertz / hertz[0])


def _draw_notes(axes: Axes, annotation: Annotation, *, span_s: tuple[float, float]) -> None:
    """Draw a piano roll with the range of the whole piece's melody."""
    pitches = [midi for _, _, midi in annotation.notes] or [60, 72]
    spare = max(0, _LEAST_NOTES - (max(pitches) - min(pitches)))
    low, high = min(pitches) - 1 - spare // 2, max(pitches) + 2 + spare // 2
    end_s = min(span_s[1], annotation.duration_s)
    for midi in range(low, high):
        if midi % 12 in _BLACK_KEYS:
            axes.barh(midi, end_s - span_s[0], left=span_s[0], height=1, color=_SHADE, linewidth=0, zorder=0)
    inside = [(start, end, midi) for start, end, midi in annotation.notes if start < span_s[1] and end > span_s[0]]
    starts, ends, rows = zip(*inside, strict=True) if inside else ((), (), ())
    axes.hlines(rows, starts, ends, color=_NOTE, linewidth=4.2, zorder=3)
    axes.set_ylim(low - 0.5, high - 0.5)
    ticks = [midi for midi in range(low, high) if midi % 12 == 0] or [min(pitches)]
    axes.set_yticks(ticks, [note_name(midi) for midi in ticks], fontsize=7)


def _draw_beats(both: Sequence[Axes], annotation: Annotation, *, span_s: tuple[float, float]) -> None:
    """Draw a line at each beat through spectrogram and notes, a strong numbered one per bar; fewer if crowded."""
    sound, roll = both
    bars = [(bar, time) for bar, time in enumerate(annotation.downbeats_s, 1) if span_s[0] <= time < span_s[1]]
    beats = [time for time, position in annotation.beats if position > 1 and span_s[0] <= time < span_s[1]]
    apart = 2 ** math.ceil(math.log2(max(1, len(bars) / _MOST_BARS)))
    for time in beats if apart == 1 else ():
        sound.axvline(time, color="white", alpha=0.28, linewidth=0.6)
        roll.axvline(time, color=_RULE, linewidth=0.7, zorder=1)
    for bar, time in bars:
        if (bar - 1) % apart == 0:
            sound.axvline(time, color="white", alpha=0.75, linewidth=1.1)
            roll.axvline(time, color=_MUTED, linewidth=0.9, zorder=1)
            sound.text(
                time, 0.97, f" {bar}", transform=sound.get_xaxis_transform(), color="white", fontsize=7.5, va="top"
            )


def _plain(axes: Axes, *, span_s: tuple[float, float], times: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(*span_s)
    axes.set_facecolor(_PAPER)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelbottom=times, labelsize=7, colors=_MUTED)
    if times:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda time, _: f"{int(time // 60)}:{int(time % 60):02d}")
