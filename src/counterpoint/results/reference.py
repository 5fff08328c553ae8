"""What music stands on the other side of the distances of an evaluation."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.results.parts import Part


class Reference(Part):
    """The reference of an evaluation.

    Attributes:
        splits: that it is taken from.
        tracks: whole ones, from which no prompt was cut.
        parts: of the prompts' own tracks, beside the prompts.
        trained: of all these, the number that some model was trained on.
    """

    FILE: ClassVar[str] = "reference.json"
    splits: tuple[str, ...]
    tracks: int
    parts: int = 0
    trained: int = 0

    @property
    def note(self) -> str:
        """What it is, for those who read distances to it."""
        words = (
            f"The reference of distances is music of the {' and '.join(self.splits)} splits: {self.tracks} tracks from "
        )
        words += "which no prompt was cut"
        if self.parts:
            words += (
                f", and, since these are fewer than the prompts, {self.parts} other parts of the prompts' own tracks, "
                "by which the ground truth scores better than other real music would"
            )
        if self.trained:
            return f"{words}. Models were trained on {self.trained} of them, so that whoever copies them gains."
        return f"{words}. No model was trained on any of it."
