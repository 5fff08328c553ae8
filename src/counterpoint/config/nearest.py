"""Suggestions for an unknown name. Imports no torch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_SHORT = {
    **dict.fromkeys(("ar", "autoreg", "auto"), "autoregressive"),
    **dict.fromkeys(("fm", "flow"), "flow_matching"),
    "enc": "encodec",
}
"""Abbreviations in names."""
_CUTOFF = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most similar to an unknown one, abbreviations written out; None if none is similar.

    Names below folders are compared by their last part too: `autoregresive` is like `quick/autoregressive`.
    """
    wanted = _plain(name)
    ratios = {each: max(_likeness(wanted, _plain(part)) for part in (each, each.split("/")[-1])) for each in known}
    best = max(ratios, key=lambda each: ratios[each], default=None)
    return best if best is not None and ratios[best] >= _CUTOFF else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'pocket'?)`, or nothing, for a message about an unknown name."""
    found = nearest(name, known)
    return f" (did you mean {found!r}?)" if found else ""


def _plain(name: str) -> str:
    """Small letters, parts written out: `Pocket-AR` is `pocket_autoregressive`."""
    parts = re.split(r"[_\-\s]+", name.lower().strip("/ "))
    whole = "_".join(parts).replace("flow_matching", "flow")
    return "_".join(_SHORT.get(part, part) for part in whole.split("_"))


def _likeness(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()
