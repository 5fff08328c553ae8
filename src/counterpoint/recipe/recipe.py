"""What every kind of recipe has in common; `kinds.read_recipe` reads one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from counterpoint.config.base import Config, Seed

if TYPE_CHECKING:
    from counterpoint.config import SamplingConfig
    from counterpoint.generate import ControlSources, LoadedModel
    from counterpoint.generate.controls import Asked
    from counterpoint.generate.outputs import Progress
    from counterpoint.metrics import Seams
    from counterpoint.paradigm.watch import Watch


@dataclass(frozen=True, eq=False)
class Made:
    """What a recipe gave.

    Attributes:
        duration_s: of the clip that was written.
        asked: what its controls ask for; None where there were none.
        seams: of what was filled in; None of a clip that is new from beginning to end.
        remarks: what was changed to make the controls fit, a sentence each.
        new: (start, stop) in seconds of what is new in the clip.
    """

    duration_s: float
    new: Sequence[tuple[float, float]]
    asked: Asked | None = None
    seams: Seams | None = None
    remarks: Sequence[str] = ()


class Recipe(Config, ABC):
    """One clip, and all that decides it; each kind says what it needs beside this.

    Files are named relative to the folder of the recipe, so that the folder can be moved and sent.
    """

    noun: ClassVar[str]
    """What messages call the kind."""
    is_new: ClassVar[bool] = False
    """All of the clip is new, and can be heard while it is drawn."""

    version: Literal[1] = 1
    """Of this format."""
    model: str
    """A run folder, its name below `runs`, a model that ships, or a MusicGen."""
    caption: str = ""
    """What it should sound like; an empty one asks for nothing."""
    seed: Seed = 0
    """It decides the clip."""
    sampling: Annotated[dict[str, Any], Field(default_factory=dict)]
    """Settings of the model's paradigm; what is left out is the model's own choice."""
    chords: str | None = None
    """A chart, see `generate.chart`."""
    melody: str | None = None
    """The name of a MIDI file, or of audio to hear a melody in."""
    drums: str | None = None
    """The name of a drum loop."""

    @property
    def suffix(self) -> str:
        """Of the file that the clip is best written to."""
        return ".wav"

    @abstractmethod
    def make(
        self,
        out: Path,
        *,
        model: LoadedModel,
        folder: Path,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> Made:
        """Draw the clip and write it.

        Args:
            out: a .wav or .flac.
            model: that `model` names.
            folder: of the recipe, in which its files lie.
            progress: called with (parts done, parts in all), also within a part.
            watch: called while music is drawn; see `Paradigm.sample`.

        Raises:
            UserError: what the model or the files do not allow.
        """

    def how(self, model: LoadedModel) -> SamplingConfig:
        """All settings with which the clip is drawn."""
        return model.how(self.sampling)

    def settled(self, model: LoadedModel) -> Self:
        """The same with every setting written out, so that it gives the same clip when a model's own choices change."""
        return self.model_copy(update={"sampling": self.how(model).model_dump(mode="json")})

    def files(self) -> dict[str, str]:
        """Names of the files that it needs, by the field that names them; a chart in words is none."""
        return {field: name for field in ("source", "melody", "drums") if (name := getattr(self, field, None))}

    def controls(self, folder: Path) -> ControlSources | None:
        """What is asked beside the caption; None where nothing is."""
        from counterpoint.generate import ControlSources

        if not (self.chords or self.melody or self.drums):
            return None
        return ControlSources(
            chords=self.chords,
            melody=folder / self.melody if self.melody else None,
            drums=folder / self.drums if self.drums else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)
