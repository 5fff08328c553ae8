"""Detection of clips that are copies of the training music, by their distance to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from counterpoint.examine import Estimate
from counterpoint.results.parts import Part
from counterpoint.results.records import Record

NEAR = 0.05
"""Share of held-out music that lies as near to the training music; nearer clips are suspicious."""
ALLOWED = 0.2
"""Share of suspicious clips above which a system is considered to copy: four times that of held-out music, because the
border itself is estimated from few clips."""


class Nearest(Record):
    """Distances of the clips of a system to the training music.

    Attributes:
        median: median distance to the nearest window of the training music.
        suspicious: share of clips that are nearer than `NEAR` of the held-out music.
        clips: number of clips, over all training seeds.
    """

    median: float
    suspicious: Estimate
    clips: int

    @property
    def copies(self) -> bool:
        """Whether the whole interval of the share is above the allowed share."""
        return self.suspicious.low > ALLOWED


class Copies(Part):
    """The distances of all systems in one evaluation.

    Attributes:
        windows: number of windows of the training music.
        border: distance below which a clip is suspicious.
        systems: by key.
    """

    FILE: ClassVar[str] = "copies.json"
    windows: int
    border: float
    systems: Mapping[str, Nearest]
