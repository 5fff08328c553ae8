"""A request for clips, the one value that every layer passes on. Imports no torch.

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
from counterpoint.generate.requested import ControlSources, RequestedControls

if TYPE_CHECKING:
    from counterpoint.generate.model import LoadedModel

BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class GenerationRequest:
    """Clips to draw.

    Attributes:
        captions: one for each clip; an empty one requests unconditional music.
        duration_s: length of every clip, rounded to whole latent frames; music longer than the model's window is drawn
            in windows, in nearly constant memory.
        seed: clip i has the seed `seed + i`, which alone determines it.
        controls: the controls of every clip besides its caption, as given by a user or as read; or the tracks of each
            clip, [n, J, T] classes of `analysis.tracks`. None requests nothing.
        sampling: sampling settings.
        batch_size: greatest number of clips at once, fewer if memory is short. It affects the speed, not the clips.

    Raises:
        UserError: there is no caption, one is not text, the batch size is not positive, or a seed is out of range.
    """

    captions: Sequence[str]
    duration_s: float = 10.0
    seed: int = 0
    controls: ControlSources | RequestedControls | np.ndarray | None = None
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    batch_size: int = BATCH_SIZE

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UserError(f"The batch size is {self.batch_size}: it must be 1 or more.")
        if not len(self.captions):
            raise UserError("There is no caption: give one, or an empty text for unconditional music.")
        check_seed(self.seed, count=len(self.captions))
        for caption in self.captions:
            check_text(caption, what="caption")

    @property
    def requested_controls(self) -> RequestedControls | None:
        """The user's controls after they were read; see `resolve`."""
        return self.controls if isinstance(self.controls, RequestedControls) else None

    @property
    def tracks(self) -> np.ndarray | None:
        """The tracks [n, J, T], after the controls were read."""
        if isinstance(self.controls, RequestedControls):
            return np.stack([self.controls.tracks] * len(self.captions))
        assert not isinstance(self.controls, ControlSources), "the controls were not read"
        return self.controls


def resolve(request: GenerationRequest, *, model: LoadedModel) -> GenerationRequest:
    """The request with its controls read for one model; unchanged if they were read before.

    Raises:
        UserError: a control cannot be used; see `read_controls`.
    """
    from counterpoint.generate.controls import read_controls

    sources = request.controls
    if not isinstance(sources, ControlSources):
        return request
    wanted = sources.requested()
    controls = read_controls(sources, model=model, duration_s=request.duration_s) if wanted else None
    return replace(request, controls=controls)


def check_number(num: int, *, captions: int) -> None:
    """Refuse a number of clips of each caption.

    Raises:
        UserError: there would be no clip, or more than one call allows.
    """
    if num < 1:
        raise UserError(f"{num} clips of each caption were requested: choose 1 or more.")
    if captions * num > MOST_CLIPS:
        raise UserError(
            f"{captions:,} captions with {num:,} clips each exceed the {MOST_CLIPS:,} clips of one command: "
            "choose fewer."
        )


def repeated(captions: Sequence[str], *, num: int) -> list[str]:
    """Each caption `num` times; raises what `check_number` raises."""
    check_number(num, captions=len(captions))
    return [text for text in captions for _ in range(num)]
