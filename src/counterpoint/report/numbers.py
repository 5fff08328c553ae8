"""Numbers and lists as text, the same in the page, the tables and the charts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

MINUS = "\u2212"


class Estimated(Protocol):
    """A value with its interval, such as a score or a difference."""

    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def number(value: float, *, places: int | None = None) -> str:
    """A number with the given decimals, by default three significant digits; with a true minus sign."""
    if not math.isfinite(value):
        return "not defined"
    text = f"{value:.{decimals(value) if places is None else places}f}"
    if text.startswith("-"):
        text = text[1:] if float(text) == 0 else MINUS + text[1:]
    return text


def decimals(value: float, *, digits: int = 3) -> int:
    """Number of decimals that show the given significant digits of `value`."""
    if value == 0 or not math.isfinite(value):
        return digits - 1
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def interval(value: float, low: float, high: float, *, places: int | None = None) -> str:
    """`1.3 [0.8, 1.9]`.

    Args:
        places: decimals; by default those of `known_places`.
    """
    places = known_places(value, low, high) if places is None else places
    return f"{number(value, places=places)} [{number(low, places=places)}, {number(high, places=places)}]"


def span(found: Estimated, *, places: int | None = None) -> str:
    """An estimate as `1.3 [0.8, 1.9]`; see `interval`."""
    return interval(found.value, found.low, found.high, places=places)


def known_places(value: float, low: float, high: float) -> int:
    """Decimals justified by a value's interval: those of the first two digits of its width."""
    width = high - low
    places = decimals(width, digits=2) if width > 0 and math.isfinite(width) else decimals(value)
    return min(places, decimals(max(abs(low), abs(high)), digits=5))


def shared_places(found: Iterable[Estimated]) -> int:
    """Decimals for the estimates of one column, so that its numbers can be compared digit by digit: the lower median of
    those justified for each."""
    spans = [(each.value, each.low, each.high) for each in found]
    known = sorted(known_places(*span) for span in spans if all(map(math.isfinite, span)))
    return known[(len(known) - 1) // 2] if known else 2


def p_value(p: float) -> str:
    if not math.isfinite(p):
        return "not defined"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def day(moment_s: float | None = None) -> str:
    """`5 March 2026`, of a moment in seconds since 1970; by default of now."""
    then = time.localtime(moment_s)
    return f"{then.tm_mday} {time.strftime('%B %Y', then)}"


def duration(seconds: float) -> str:
    """`0.42 s`, `38 s`, `2 min 31 s`, `3 h 05 min`, `1,200 h`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 100 else f"{hours:,} h"


def count(value: int) -> str:
    """`12,300`; `4.71 M` from a million."""
    return f"{value / 1e6:.2f} M" if value >= 1_000_000 else f"{value:,}"


def extent(values: Sequence[float]) -> str:
    """`3`, or `2 to 5`."""
    return " to ".join(dict.fromkeys(f"{value:g}" for value in (min(values), max(values))))


def listed(names: Sequence[str]) -> str:
    """`a, b and c`; `nothing` for an empty list."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"


def memory(size: int | None) -> str:
    return "not measured" if size is None else f"{size / 2**30:.2f} GiB"
