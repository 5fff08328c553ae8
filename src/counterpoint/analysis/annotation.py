"""Chords, notes and beats of a piece of music over time: known exactly, detected, or requested by a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """The chords, notes and beats of a piece, with times in seconds from the start of the audio.

    Attributes:
        duration_s: length of the audio.
        chords: (start, label of `analysis.chords`) in order; each lasts until the next, the last to the end.
        notes: (start, end, MIDI number) of the melody, in order.
        beats: (time, position in the bar) in order; position 1 is the downbeat.
    """

    duration_s: float
    chords: tuple[tuple[float, str], ...] = ()
    notes: tuple[tuple[float, float, int], ...] = ()
    beats: tuple[tuple[float, int], ...] = ()

    @property
    def downbeats_s(self) -> list[float]:
        """Times of the downbeats."""
        return [time for time, position in self.beats if position == 1]

    def cut(self, start_s: float, duration_s: float) -> Annotation:
        """The part that starts at `start_s`, with times relative to it; a chord or note sounding there begins at 0."""
        stop_s = start_s + duration_s
        ends = [*(start for start, _ in self.chords[1:]), self.duration_s]
        chords = [
            (max(0.0, start - start_s), label)
            for (start, label), end in zip(self.chords, ends, strict=False)
            if start < stop_s and end > start_s
        ]
        notes = [
            (max(0.0, start - start_s), min(end, stop_s) - start_s, midi)
            for start, end, midi in self.notes
            if start < stop_s and end > start_s
        ]
        beats = [(time - start_s, position) for time, position in self.beats if start_s <= time < stop_s]
        return Annotation(duration_s, chords=tuple(chords), notes=tuple(notes), beats=tuple(beats))

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Annotation:
        """The exact annotation stored in a dataset row; empty for a user's own music."""
        return cls(
            duration_s=row["duration_s"],
            chords=tuple((chord["start_s"], chord["label"]) for chord in row["chords"]),
            notes=tuple((note["start_s"], note["end_s"], note["midi"]) for note in row["melody"]),
            beats=tuple((beat["time_s"], beat["position"]) for beat in row["beats"]),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Annotation:
        """The inverse of `to_json`, also for values read back from a file."""
        lists = {name: tuple(tuple(item) for item in value[name]) for name in ("chords", "notes", "beats")}
        return cls(duration_s=value["duration_s"], **lists)
