"""Numbers as people read them, the same in the page, the tables and the charts."""

from __future__ import annotations

import math

MINUS = "\u2212"


def number(value: float, *, like: float | None = None) -> str:
    """Three significant digits, or as many decimals as `like` takes; a true minus sign."""
    if not math.isfinite(value):
        return "not defined"
    text = f"{value:.{decimals(value if like is None else like)}f}"
    if text.startswith("-"):
        text = text[1:] if float(text) == 0 else MINUS + text[1:]
    return text


def decimals(value: float) -> int:
    """Decimals that show three significant digits of `value`."""
    if value == 0 or not math.isfinite(value):
        return 2
    return min(6, max(0, 2 - math.floor(math.log10(abs(value)))))


def interval(value: float, low: float, high: float) -> str:
    """`1.31 [0.82, 1.90]`, all to the same decimals."""
    like = _scale(value, low, high)
    return f"{number(value, like=like)} {bounds(low, high, like=like)}"


def bounds(low: float, high: float, *, like: float | None = None) -> str:
    like = _scale(low, low, high) if like is None else like
    return f"[{number(low, like=like)}, {number(high, like=like)}]"


def _scale(value: float, low: float, high: float) -> float:
    """The size whose decimals suit a value and its interval: the width tells what can be known."""
    width = abs(high - low)
    size = abs(value) if math.isfinite(value) else 0.0
    if not math.isfinite(width) or width == 0:
        return size
    return min(max(size, width), width * 10)


def p_value(p: float) -> str:
    if not math.isfinite(p):
        return "not defined"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """`0.42 s`, `38 s`, `2 min 31 s`, `3 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def count(value: int) -> str:
    """`12,300`; `4.71 M` from a million on."""
    return f"{value / 1e6:.2f} M" if value >= 1_000_000 else f"{value:,}"


def memory(size: int | None) -> str:
    return "not measured" if size is None else f"{size / 2**30:.2f} GiB"
