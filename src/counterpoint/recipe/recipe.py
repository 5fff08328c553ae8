"""The common part of all kinds of recipes; `kinds.read_recipe` reads one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from counterpoint.config.base import Caption, Config, Seed

if TYPE_CHECKING:
    from counterpoint.config import SamplingConfig
    from counterpoint.generate import ControlSources, LoadedModel
    from counterpoint.generate.controls import RequestedControls
    from counterpoint.generate.outputs import Progress
    from counterpoint.metrics import Seams
    from counterpoint.paradigm.watch import Watch


@dataclass(frozen=True, eq=False)
class Made:
    """The result of a recipe.

    Attributes:
        duration_s: duration of the written clip.
        controls: the requested controls; None without any.
        seams: measures of the filled-in spans; None for an entirely new clip.
        remarks: changes that were made to fit the controls, one sentence each.
        new: (start, stop) in seconds of the new music in the clip.
    """

    duration_s: float
    new: Sequence[tuple[float, float]]
    controls: RequestedControls | None = None
    seams: Seams | None = None
    remarks: Sequence[str] = ()


class Recipe(Config, ABC):
    """One clip, and everything that determines it; each kind adds its own fields.

    Files are named relative to the folder of the recipe, so that the folder can be moved and sent.
    """

    noun: ClassVar[str]
    """The name of the kind in messages."""
    is_new: ClassVar[bool] = False
    """Whether all of the clip is new, so that it can be played while it is drawn."""

    version: Literal[1] = 1
    """The version of this format."""
    model: str
    """A run folder, its name below `runs`, a pretrained model of the package, or a MusicGen."""
    caption: Caption = ""
    """A description of the music; an empty one requests nothing."""
    seed: Seed = 0
    """The seed of the clip."""
    sampling: Annotated[dict[str, Any], Field(default_factory=dict)]
    """Sampling settings of the model's paradigm; missing ones are the model's defaults."""
    chords: str | None = None
    """A chord chart, see `generate.chart`."""
    melody: str | None = None
    """The name of a MIDI file, or of audio from which the melody is extracted."""
    drums: str | None = None
    """The name of a drum loop."""

    @property
    def suffix(self) -> str:
        """The best suffix of the file for the clip."""
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
            model: the model that `model` names.
            folder: folder of the recipe, which contains its files.
            progress: called with (parts done, total parts), also within a part.
            watch: called while music is drawn; see `Paradigm.sample`.

        Raises:
            UserError: the model or the files do not allow it.
        """

    def how(self, model: LoadedModel) -> SamplingConfig:
        """All settings with which the clip is drawn."""
        return model.how(self.sampling)

    def settled(self, model: LoadedModel) -> Self:
        """The recipe with every setting written out, so that it gives the same clip when a model's defaults change."""
        return self.model_copy(update={"sampling": self.how(model).model_dump(mode="json")})

    def files(self) -> dict[str, str]:
        """Names of the files that it needs, by the field that names them; a chart in words is not a file."""
        return {field: name for field in ("source", "melody", "drums") if (name := getattr(self, field, None))}

    def controls(self, folder: Path) -> ControlSources | None:
        """The controls besides the caption; None without any."""
        from counterpoint.generate import ControlSources

        if not (self.chords or self.melody or self.drums):
            return None
        return ControlSources(
            chords=self.chords,
            melody=folder / self.melody if self.melody else None,
            drums=folder / self.drums if self.drums else None,
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values, without unset ones."""
        return self.model_dump(mode="json", exclude_none=True)
