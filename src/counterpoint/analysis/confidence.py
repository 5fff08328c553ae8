"""Probabilities of detected chords, melody and metre, and a warning when they are low."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

LOW = 0.5
"""Results with a lower probability are often wrong."""


@dataclass(frozen=True)
class Confidence:
    """Probabilities; None if nothing was detected or the extractor reports no probability.

    Attributes:
        chords: mean probability of the chord labels over time.
        melody: mean probability of the melody's notes over the time in which they sound.
        metre: probability of the number of beats per bar.
        downbeats: probability of the positions of the downbeats, including that of the metre.
    """

    chords: float | None = None
    melody: float | None = None
    metre: float | None = None
    downbeats: float | None = None

    def known(self) -> dict[str, float]:
        """The known probabilities, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    @property
    def low(self) -> list[str]:
        """Names of the low probabilities."""
        return [name for name, value in self.known().items() if value < LOW]

    @classmethod
    def mean(cls, parts: Iterable[tuple[float, Confidence]]) -> Confidence:
        """Weighted mean over several pieces."""
        kept = list(parts)
        return cls(
            **{
                field.name: weighted_mean([(weight, getattr(part, field.name)) for weight, part in kept])
                for field in fields(cls)
            }
        )


def weighted_mean(values: Iterable[tuple[float, float | None]]) -> float | None:
    """Mean of (weight, value) without the missing values; None if the total weight is zero."""
    known = [(weight, value) for weight, value in values if value is not None and weight > 0]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total else None
