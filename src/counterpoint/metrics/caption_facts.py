"""Match between a clip and the tempo, key and metre that its caption names.

>>> named_tempo("calm jazz, 92 BPM"), named_metre("a slow waltz")
(92.0, 3)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoint.analysis.chords import ROOTS
from counterpoint.analysis.spelling import KEYS, Key
from counterpoint.metrics.base import Features, Functional, MetricInfo, NotApplicableError
from counterpoint.metrics.text_match import beyond_other_captions

TEMPO_TOLERANCE = 0.05
"""Greatest relative distance from the tempo that the caption names."""
_TEMPO = re.compile(r"\b(\d{2,3}(?:\.\d+)?)[ -]?(?:bpm|beats (?:per|a) minute)\b", re.IGNORECASE)
_KEY = re.compile(r"\b([A-G])(#|♯|[- ]sharp|b|♭|[- ]flat)?[ -](major|minor)\b(?P<key> key)?")
_METRES = {
    3: re.compile(
        r"3/4|\bthree[- ](?:four|beat)\b|\bin three\b|\btriple (?:time|met(?:er|re))\b|\bwaltz", re.IGNORECASE
    ),
    4: re.compile(r"4/4|\bfour[- ](?:four|beat)\b|\bin four\b|\bcommon time\b", re.IGNORECASE),
}
_TONICS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


def named_tempo(caption: str) -> float | None:
    """The beats per minute that a caption names; None if it names none or several."""
    found = {float(number) for number in _TEMPO.findall(caption)}
    return found.pop() if len(found) == 1 else None


def named_key(caption: str) -> Key | None:
    """The key that a caption names; None if it names none or several. "A minor key" names only a mode."""
    found = {
        Key((_TONICS[letter] + (bool(sign) and (-1 if sign[-1] in "b♭t" else 1))) % 12, mode)
        for letter, sign, mode, key in _KEY.findall(caption)
        if not (letter == "A" and not sign and key)
    }
    return found.pop() if len(found) == 1 else None


def named_metre(caption: str) -> int | None:
    """The beats per bar that a caption names, 3 or 4; None if it names none or both."""
    found = [beats for beats, pattern in _METRES.items() if pattern.search(caption)]
    return found[0] if len(found) == 1 else None


@dataclass
class FactMatch:
    """One fact that captions name, by the facts detected in clips; see `Metric`.

    Attributes:
        named: the fact that a caption names, or None.
        agreement: from the facts detected in a clip and the fact named to 0 (wrong) to 1 (right).
    """

    info: MetricInfo
    named: Callable[[str], Any]
    agreement: Callable[[dict[str, float], Any], float]
    equal_n: bool = False

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        named = [self.named(clip.caption) for clip in clips]
        if len(set(named) - {None}) < 2:
            raise NotApplicableError("fewer than two different ones are named in captions")
        detected = [{name: float(value[0]) for name, value in clip.outputs["facts"].items()} for clip in clips]
        matches = [[np.nan if fact is None else self.agreement(own, fact) for fact in named] for own in detected]
        return beyond_other_captions(np.array(matches), captions=[clip.caption for clip in clips])


def tempo_agreement(detected: dict[str, float], named: float) -> float:
    return float(abs(detected["tempo_bpm"] / named - 1) <= TEMPO_TOLERANCE)


def metre_agreement(detected: dict[str, float], named: int) -> float:
    return float(detected["metre"] == named)


def key_agreement(detected: dict[str, float], named: Key) -> float:
    """The MIREX score: 1 for the same key, 0.5 a fifth away, 0.3 for the relative and 0.2 for the parallel key."""
    from mir_eval.key import weighted_score

    if detected["key"] < 0:
        return 0.0
    return float(weighted_score(*(f"{ROOTS[key.tonic]} {key.mode}" for key in (named, KEYS[int(detected["key"])]))))


def fact_matches() -> tuple[FactMatch, ...]:
    """Tempo, key and metre."""
    return (
        _fact("tempo", "share of clips within 5% of the tempo that the caption names", named_tempo, tempo_agreement),
        _fact("key", "MIREX score of the key that the caption names", named_key, key_agreement),
        _fact("metre", "share of clips in the metre that the caption names", named_metre, metre_agreement),
    )


def _fact(
    name: str, what: str, named: Callable[[str], Any], agreement: Callable[[dict[str, float], Any], float]
) -> FactMatch:
    info = MetricInfo(
        name=f"caption_{name}",
        title=f"Match with the caption's {name}",
        description=f"{what}, above what the same clips score with the other captions that name one",
        unit="",
        better="higher",
        at_least=-1.0,
        at_most=1.0,
        chance=0.0,
    )
    return FactMatch(info, named, agreement)
