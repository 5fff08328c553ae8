"""What is asked of a model, in the one value that every layer passes on. Imports no torch.

Shapes: n clips, J controls of the model, T latent frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.base import MOST_CLIPS, check_seed
from counterpoint.config.text import check_text
from counterpoint.generate.asked import Asked, ControlSources

if TYPE_CHECKING:
    from counterpoint.generate.model import LoadedModel

BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class GenerationRequest:
    """Clips to draw.

    Attributes:
        captions: one for each clip; an empty one asks for unconditional music.
        duration_s: length of every clip, rounded to whole latent frames; music longer than the model's window is made
            by windows, in memory that hardly grows.
        seed: clip i has the seed `seed + i`, which alone decides it.
        controls: what is asked of every clip beside its caption, as a user gives it or as it was read; or the tracks
            of each clip, [n, J, T] classes of `analysis.tracks`. None asks for nothing.
        sampling: how to draw.
        batch_size: most clips to draw at once; fewer where memory holds fewer. It changes the speed, not the clips.

    Raises:
        UserError: no caption, one that is not text, a batch that is not positive, or a seed out of range.
    """

    captions: Sequence[str]
    duration_s: float = 10.0
    seed: int = 0
    controls: ControlSources | Asked | np.ndarray | None = None
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    batch_size: int = BATCH_SIZE

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(f"The batch size {self.batch_size} draws no clip: it must be 1 or more.")
        if not len(self.captions):
            raise UserError("There is no caption to make music for: give one, or an empty text for music of any kind.")
        check_seed(self.seed, count=len(self.captions))
        for caption in self.captions:
            check_text(caption, what="caption")

    @property
    def asked(self) -> Asked | None:
        """What a user's controls ask for, once they were read; see `resolve`."""
        return self.controls if isinstance(self.controls, Asked) else None

    @property
    def tracks(self) -> np.ndarray | None:
        """[n, J, T], once the controls were read."""
        if isinstance(self.controls, Asked):
            return np.stack([self.controls.tracks] * len(self.captions))
        assert not isinstance(self.controls, ControlSources), "the controls were not read"
        return self.controls


def resolve(request: GenerationRequest, *, model: LoadedModel) -> GenerationRequest:
    """The request with its controls read for one model; unchanged where they were read before.

    Raises:
        UserError: see `read_controls`.
    """
    from counterpoint.generate.controls import read_controls

    sources = request.controls
    if not isinstance(sources, ControlSources):
        return request
    wanted = sources.requested()
    asked = read_controls(sources, model=model, duration_s=request.duration_s) if wanted else None
    return replace(request, controls=asked)


def repeated(captions: Sequence[str], *, num: int) -> list[str]:
    """Each caption `num` times.

    Raises:
        UserError: there would be no clip, or more than are drawn at one call.
    """
    if num < 1:
        raise UserError(f"{num} clips of each caption are none: ask for 1 or more.")
    if len(captions) * num > MOST_CLIPS:
        raise UserError(
            f"{len(captions)} captions and {num} clips of each are more than the {MOST_CLIPS:,} clips that one command "
            "draws: ask for fewer."
        )
    return [text for text in captions for _ in range(num)]
