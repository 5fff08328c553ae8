"""The reference music of the distances in an evaluation."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.results.parts import Part


class Reference(Part):
    """The reference of an evaluation.

    Attributes:
        splits: the splits of its tracks.
        tracks: number of whole tracks without prompts.
        parts: number of other parts of the prompts' own tracks.
        trained: number of all these on which some model was trained.
    """

    FILE: ClassVar[str] = "reference.json"
    splits: tuple[str, ...]
    tracks: int
    parts: int = 0
    trained: int = 0

    @property
    def note(self) -> str:
        """A description of the reference for readers of distances."""
        words = (
            f"The reference of distances is music of the {' and '.join(self.splits)} splits: {self.tracks} tracks from "
        )
        words += "which no prompt was taken"
        if self.parts:
            words += (
                f", and, since these are fewer than the prompts, {self.parts} other parts of the prompts' own tracks, "
                "so that the ground truth scores better than other real music would"
            )
        if self.trained:
            return f"{words}. Models were trained on {self.trained} of them, which favours copies."
        return f"{words}. No model was trained on any of it."
