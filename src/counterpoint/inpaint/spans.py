"""Spans as people type them, and the window of music that a model sees around each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from counterpoint.audio import frames
from counterpoint.config import UserError

SLACK = 1e-3
"""Of a frame, about a sample: what begins or stops so near to a frame's border is meant to do so there."""
CONTEXT_SHARE, CONTEXT_S = 0.1, 0.5
"""Of a window, at least so much is music that is known: this share of it, and so many seconds."""
_LATE_S = 0.001
"""A stop so far past the end is meant to be the end: durations are printed in milliseconds."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A span and its window, in samples of the file.

    Attributes:
        start, stop: of the window.
        span: seconds in the window.
    """

    start: int
    stop: int
    span: Span


def parse_span(text: str) -> Span:
    """`START:STOP` in seconds.

    Raises:
        UserError: it says no two times, or they are not numbers.
    """
    try:
        start, stop = (float(part) for part in text.split(":"))
    except ValueError:
        start = stop = math.nan
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise UserError(f"{text!r} is no span: write --span START:STOP in seconds, such as 2.0:4.5.")
    return start, stop


def lay_windows(
    spans: Sequence[Span], *, samples: int, sample_rate: int, window_s: float, frame_rate: float
) -> list[Place]:
    """The window of each span, in order of time, as centred on it as the ends of the file allow.

    A window ends before the next span, which is still to be filled in when it is needed, and begins whole latent
    frames before its own.

    Args:
        spans: in seconds.
        samples: of the file.
        sample_rate: Hz.
        window_s: that the model sees at once.
        frame_rate: of the codec, Hz.

    Raises:
        UserError: a span that is empty, reversed, before the start, past the end, too long for the model or with too
            little music around it, or two that overlap.
    """
    duration_s = samples / sample_rate
    ordered = sorted(_checked(span, duration_s=duration_s, window_s=window_s) for span in spans)
    for (start, stop), (following, end) in pairwise(ordered):
        if following < stop:
            raise UserError(
                f"The spans {_text(start, stop)} and {_text(following, end)} overlap: give them as one, or apart."
            )
    ends = [*(start for start, _ in ordered[1:]), duration_s]
    longest = frames(window_s, frame_rate=frame_rate)
    places = []
    for (start, stop), end in zip(ordered, ends, strict=True):
        covered = math.ceil((stop - start) * frame_rate - SLACK)
        before, after = math.floor(start * frame_rate), math.ceil((end - stop) * frame_rate)
        free = longest - covered
        lead = min(before, max(free // 2, free - after)) / frame_rate
        first = max(0, round((start - lead) * sample_rate))
        last = min(round(end * sample_rate), first + int(longest / frame_rate * sample_rate))
        _require_context(
            start, stop, context_s=(last - first) / sample_rate - (stop - start), end=end, whole=duration_s
        )
        places.append(Place(first, last, (start - first / sample_rate, stop - first / sample_rate)))
    return places


def longest_span_s(window_s: float) -> float:
    """That fits into a model's window together with the music it needs."""
    return window_s - max(CONTEXT_SHARE * window_s, CONTEXT_S)


def _checked(span: Span, *, duration_s: float, window_s: float) -> Span:
    start, stop = span
    name = f"The span {_text(start, stop)}"
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise UserError(f"{name} is not a pair of numbers: give its start and stop in seconds.")
    if start < 0:
        raise UserError(f"{name} starts before the music does: the first second is 0.")
    if stop == start:
        raise UserError(f"{name} is empty: its stop must be later than its start.")
    if stop < start:
        raise UserError(f"{name} stops before it starts: write {_text(stop, start)}.")
    if stop > duration_s + _LATE_S:
        raise UserError(f"{name} goes past the end of the music, which lasts {duration_s:.3f} s.")
    if start == 0 and stop >= duration_s - _LATE_S:
        raise UserError(
            f"{name} is all of the music and leaves nothing to go by: make new music with `counterpoint generate`."
        )
    longest = longest_span_s(window_s)
    if stop - start > longest + 1e-9:
        raise UserError(
            f"{name} is {stop - start:g} s long: this model sees {window_s:g} s at once and, with the music around "
            f"it that it needs, fills in at most {longest:g} s; give a shorter span."
        )
    return start, min(stop, duration_s)


def _require_context(start: float, stop: float, *, context_s: float, end: float, whole: float) -> None:
    if context_s >= CONTEXT_S - 1e-6:
        return
    near = f" before the next span, at {end:g} s: give the two as one" if end < whole else ": give a shorter span"
    raise UserError(
        f"Around the span {_text(start, stop)} there are {context_s:.2f} s of music, and a model needs {CONTEXT_S:g} s "
        f"to go by{near}."
    )


def _text(start: float, stop: float) -> str:
    return f"{start:g}:{stop:g}"
