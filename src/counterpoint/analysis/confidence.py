"""How sure what is heard is: probabilities, and what is said where they are low."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

LOW = 0.5
"""What is heard with less confidence than this may well be otherwise."""


@dataclass(frozen=True)
class Confidence:
    """Probabilities, None where nothing is heard or its extractor says nothing of it.

    Attributes:
        chords: of the chord labels, mean over time.
        melody: of the melody's notes, mean over the time in which they sound.
        metre: of the number of beats to the bar.
        downbeats: of where the bars begin, the metre included.
    """

    chords: float | None = None
    melody: float | None = None
    metre: float | None = None
    downbeats: float | None = None

    def known(self) -> dict[str, float]:
        """By name, those that are known."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    @property
    def low(self) -> list[str]:
        """Names of those that are low."""
        return [name for name, value in self.known().items() if value < LOW]

    @classmethod
    def mean(cls, parts: Iterable[tuple[float, Confidence]]) -> Confidence:
        """Of several pieces, each with its weight."""
        kept = list(parts)
        return cls(
            **{
                field.name: weighted_mean([(weight, getattr(part, field.name)) for weight, part in kept])
                for field in fields(cls)
            }
        )


def weighted_mean(values: Iterable[tuple[float, float | None]]) -> float | None:
    """Mean of (weight, value), those without a value left out; None where nothing weighs anything."""
    known = [(weight, value) for weight, value in values if value is not None and weight > 0]
    total = sum(weight for weight, _ in known)
    return sum(weight * value for weight, value in known) / total if total else None
