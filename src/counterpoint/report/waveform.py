"""A clip's waveform as SVG, with the filled-in span on yellow, as the paper's listeners saw it (5.3).

Inline it uses the colours of the page's style sheet, and the playhead crosses it; as a file it has its own colours.

Shapes: N samples, P columns of the picture.
"""

from __future__ import annotations

from html import escape

import numpy as np

COLUMNS, HEIGHT = 240, 128
_COLOURS = (
    "svg{background:#fff}.wave{fill:#1f1d1a}.span{fill:#ffd84d}.middle{stroke:#1f1d1a;stroke-width:.5;opacity:.4}"
)


def waveform(
    audio: np.ndarray,
    *,
    duration_s: float,
    span_s: tuple[float, float],
    name: str,
    top: float = 1.0,
    columns: int = COLUMNS,
    alone: bool = False,
) -> str:
    """Draw the waveform and the span behind it.

    Args:
        audio: [N].
        duration_s: its duration.
        span_s: start and stop of the filled-in span.
        name: name of the clip, for screen readers.
        top: sample value at the top of the picture, the same for clips to be compared.
        columns: P.
        alone: whether it is a separate file instead of a part of a page.
    """
    start, stop = (min(max(value / duration_s, 0.0), 1.0) * columns for value in span_s)
    label = f"Waveform, {name}: {duration_s:g} s, filled in from {said(span_s)}"
    own = f' xmlns="http://www.w3.org/2000/svg" width="{columns}" height="{HEIGHT}"' if alone else ""
    return (
        f'<svg class="waveform"{own} viewBox="0 0 {columns} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label, quote=True)}">{f"<style>{_COLOURS}</style>" if alone else ""}'
        f'<rect class="span" x="{start:.2f}" y="0" width="{stop - start:.2f}" height="{HEIGHT}"/>'
        f'<line class="middle" x1="0" x2="{columns}" y1="{HEIGHT // 2}" y2="{HEIGHT // 2}"/>'
        f"{_wave(audio / top, start, stop, columns=columns)}</svg>"
    )


def said(span_s: tuple[float, float]) -> str:
    """`1.20 to 3.70 s`."""
    return f"{span_s[0]:.2f} to {span_s[1]:.2f} s"


def _wave(audio: np.ndarray, start: float, stop: float, *, columns: int) -> str:
    """The wave inside the span is a separate path: it is drawn on yellow, whatever the page's colours are."""
    low, high = _peaks(audio, columns)
    middles = np.arange(columns) + 0.5
    inside = (middles >= start) & (middles < stop)
    paths = (("wave", ~inside), ("wave inside", inside))
    return "".join(f'<path class="{kind}" d="{_path(low, high, chosen)}"/>' for kind, chosen in paths)


def _peaks(audio: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value, [P] both, of each column of audio [N]."""
    starts = np.minimum(np.linspace(0, len(audio), columns, endpoint=False).astype(int), len(audio) - 1)
    return np.minimum.reduceat(audio, starts), np.maximum.reduceat(audio, starts)


def _path(low: np.ndarray, high: np.ndarray, chosen: np.ndarray) -> str:
    """Bars one column wide and at least a line high, so that silence is visible."""
    half = HEIGHT / 2
    top = np.floor(half - half * np.clip(high, -1, 1) - 0.5).astype(int)
    bottom = np.ceil(half - half * np.clip(low, -1, 1) + 0.5).astype(int)
    return "".join(f"M{column} {top[column]}h1V{bottom[column]}h-1z" for column in np.flatnonzero(chosen))
