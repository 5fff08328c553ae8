"""A request for inpainting, and the files that are read and written. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.base import MOST_CLIPS, check_seed
from counterpoint.config.text import check_text
from counterpoint.generate.requested import ControlSources
from counterpoint.inpaint.files import Source, require_room_for
from counterpoint.inpaint.lengthen import Extended
from counterpoint.inpaint.spans import Span

CROSSFADE_S = 0.05
SAMPLING = {"solver": "adams", "steps": 16}
"""Default sampling of a supervised model; the zero-shot methods take Euler steps."""
Keep = Literal["best", "all"]


@dataclass(frozen=True)
class InpaintingRequest:
    """The spans to fill in, and the settings.

    Attributes:
        spans: start and stop of each span in seconds.
        prompt: description of the music; an empty one requests nothing.
        method: one of the model's `inpainting_methods`; by default the first.
        num: number of takes; take i has the seed `seed + i`.
        sampling: sampling settings.
        crossfade_s: crossfade on each side of a span.
        controls: the music to play inside the spans. They begin with the first span and continue in the time of the
            music, through everything between spans.

    Raises:
        UserError: there is no span, no take or too many, a seed is out of range, or a crossfade or prompt is invalid.
    """

    spans: Sequence[Span]
    prompt: str = ""
    method: str | None = None
    num: int = 1
    seed: int = 0
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    crossfade_s: float = CROSSFADE_S
    controls: ControlSources | None = None

    def __post_init__(self) -> None:
        if self.num > MOST_CLIPS:
            raise UserError(f"--num {self.num} exceeds the {MOST_CLIPS:,} takes of one command: choose fewer.")
        if self.num < 1:
            raise UserError(f"--num is {self.num}: it must be 1 or more.")
        check_text(self.prompt, what="prompt")
        check_seed(self.seed, count=self.num + (len(self.spans) << 32))  # see `_fill`
        if not (math.isfinite(self.crossfade_s) and self.crossfade_s >= 0):
            raise UserError(f"The crossfade is {self.crossfade_s:g} s: it must be zero or longer.")
        if not self.spans:
            raise UserError("There is no span to fill in: use --span START:STOP in seconds.")


@dataclass(frozen=True)
class FileJob:
    """A file, and the output files of its takes, as checked by `check_files`; the best take is written to the first.

    Attributes:
        music: the file to fill in.
        paths: one for each take that is kept.
    """

    music: Source | Extended
    paths: Sequence[Path]


def check_files(source: Path, request: InpaintingRequest, *, out: Path, keep: Keep = "best") -> FileJob:
    """Check the input and output files before a model is loaded.

    Args:
        source: any file that libsndfile reads.
        out: a .wav or .flac.
        keep: `best` writes the best take to `out`, `all` writes all takes to OUT-1, OUT-2, ... in order of rank.

    Raises:
        UserError: the source cannot be read, or `out` cannot be written.
    """
    return check_out(Source.open(source), request, out=out, keep=keep)


def check_out(music: Source | Extended, request: InpaintingRequest, *, out: Path, keep: Keep = "best") -> FileJob:
    """The same check for music that is already open."""
    if keep == "all":
        music.check_out(out)
        require_room_for(music, out, files=request.num)
    ranks = range(1, request.num + 1)
    paths = [out.with_stem(f"{out.stem}-{rank}") for rank in ranks] if keep == "all" else [out]
    for path in paths:
        music.check_out(path)
    return FileJob(music, paths)
