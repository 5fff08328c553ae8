"""The controls that a user requests besides the caption: as given, and as read for one model. Imports no torch.

Shapes: J controls of the model, T frames of the clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import Sound
from counterpoint.config.schema import CONTROLS, ControlName


@dataclass(frozen=True)
class ControlSources:
    """The controls that a user gives; any may be missing.

    Attributes:
        chords: a chart or a file, see `read_chords`.
        melody: a MIDI file, or audio from which the melody is extracted: a file or a sound.
        drums: audio: a file or a sound.
    """

    chords: str | None = None
    melody: Path | Sound | None = None
    drums: Path | Sound | None = None

    def requested(self) -> dict[ControlName, str]:
        """The controls that the user gave, by name."""
        return {name: str(source) for name in CONTROLS if (source := getattr(self, name)) is not None}


@dataclass(frozen=True, eq=False)
class RequestedControls:
    """The controls of every clip of a call.

    Attributes:
        tracks: [J, T] int16, see `analysis.tracks`.
        sources: the source of each given control.
        chords, notes: as in an `Annotation`, on the frames' grid; a chord label None means no request.
        remarks: changes that were made to fit the controls, one sentence each.
    """

    tracks: np.ndarray
    sources: Mapping[ControlName, str]
    chords: Sequence[tuple[float, str | None]]
    notes: Sequence[tuple[float, float, int]]
    remarks: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`."""
        return {"sources": self.sources, "chords": self.chords, "notes": self.notes}
