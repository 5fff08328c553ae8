"""Spans as users type them, and the window of music that a model sees around each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from counterpoint.audio import frames
from counterpoint.config import UserError

SLACK = 1e-3
"""Share of a frame, about a sample, within which a start or stop is moved to a frame's border."""
CONTEXT_SHARE, CONTEXT_S = 0.1, 0.5
"""Least context in a window: a share of it, and a number of seconds."""
_LATE_S = 0.001
"""A stop this far past the end is taken as the end: durations are printed in milliseconds."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A span and its window, in samples of the file.

    Attributes:
        start, stop: borders of the window.
        span: the span in seconds of the window.
    """

    start: int
    stop: int
    span: Span


def parse_span(text: str) -> Span:
    """Parse `START:STOP` in seconds.

    Raises:
        UserError: the text is not a pair of times.
    """
    try:
        start, stop = (float(part) for part in text.split(":"))
    except ValueError:
        start = stop = math.nan
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise UserError(f"{text!r} is not a span: write --span START:STOP in seconds, such as 2.0:4.5.")
    return start, stop


def lay_windows(
    spans: Sequence[Span], *, samples: int, sample_rate: int, window_s: float, frame_rate: float
) -> list[Place]:
    """The window of each span, in order of time, centred on it as far as the ends of the file allow.

    A window ends before the next span, which is not yet filled in at that time, and begins whole latent frames before
    its own span.

    Args:
        spans: in seconds.
        samples: length of the file in samples.
        sample_rate: Hz.
        window_s: window of the model in seconds.
        frame_rate: frame rate of the codec in Hz.

    Raises:
        UserError: a span is empty, reversed, before the start, past the end, too long for the model or has too little
            music around it, or two spans overlap.
    """
    duration_s = samples / sample_rate
    ordered = sorted(_checked(span, duration_s=duration_s, window_s=window_s) for span in spans)
    for (start, stop), (following, end) in pairwise(ordered):
        if following < stop:
            raise UserError(
                f"The spans {_text(start, stop)} and {_text(following, end)} overlap: join or separate them."
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
    """The longest span that fits into a model's window together with the context that it needs."""
    return window_s - max(CONTEXT_SHARE * window_s, CONTEXT_S)


def _checked(span: Span, *, duration_s: float, window_s: float) -> Span:
    start, stop = span
    name = f"The span {_text(start, stop)}"
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise UserError(f"{name} is not a pair of numbers: give its start and stop in seconds.")
    if start < 0:
        raise UserError(f"{name} starts before the music, which begins at 0.")
    if stop == start:
        raise UserError(f"{name} is empty: its stop must be later than its start.")
    if stop < start:
        raise UserError(f"{name} stops before it starts: write {_text(stop, start)}.")
    if stop > duration_s + _LATE_S:
        raise UserError(f"{name} ends after the music, which is {duration_s:.3f} s long.")
    if start == 0 and stop >= duration_s - _LATE_S:
        raise UserError(
            f"{name} covers all of the music and leaves no context: make new music with `counterpoint generate`."
        )
    longest = longest_span_s(window_s)
    if stop - start > longest + 1e-9:
        raise UserError(
            f"{name} is {stop - start:g} s long: this model has a window of {window_s:g} s and, with the context "
            f"that it needs, fills in at most {longest:g} s; choose a shorter span."
        )
    return start, min(stop, duration_s)


def _require_context(start: float, stop: float, *, context_s: float, end: float, whole: float) -> None:
    if context_s >= CONTEXT_S - 1e-6:
        return
    near = f" before the next span, at {end:g} s: join the two" if end < whole else ": choose a shorter span"
    raise UserError(
        f"Around the span {_text(start, stop)} there are {context_s:.2f} s of music, and a model needs {CONTEXT_S:g} s "
        f"of context{near}."
    )


def _text(start: float, stop: float) -> str:
    return f"{start:g}:{stop:g}"
