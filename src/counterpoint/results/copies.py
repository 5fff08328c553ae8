"""Whether clips are copies of the training music, by how near they lie to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from counterpoint.examine import Estimate
from counterpoint.results.parts import Part
from counterpoint.results.records import Record

NEAR = 0.05
"""The share of unheard real music that lies so near to a piece of the training music: such clips are suspicious."""
ALLOWED = 0.2
"""The share of suspicious clips beyond which a system is taken to copy: four times that of unheard music, since the
border is known from few clips itself."""


class Nearest(Record):
    """How near the clips of a system lie to the training music.

    Attributes:
        median: of the distances to the nearest window of the training music.
        suspicious: the share of clips that lie nearer than `NEAR` of the unheard real music does.
        clips: all of them, of all training seeds.
    """

    median: float
    suspicious: Estimate
    clips: int

    @property
    def copies(self) -> bool:
        """The whole interval of the share lies beyond what is allowed."""
        return self.suspicious.low > ALLOWED


class Copies(Part):
    """All systems of one judgement.

    Attributes:
        windows: of the training music.
        border: the distance below which a clip is suspicious.
        systems: by key.
    """

    FILE: ClassVar[str] = "copies.json"
    windows: int
    border: float
    systems: Mapping[str, Nearest]
