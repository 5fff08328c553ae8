"""What is asked for in place of a span, and the files that it is read from and written to. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.base import MOST_CLIPS, check_seed
from counterpoint.config.text import check_text
from counterpoint.generate.asked import ControlSources
from counterpoint.inpaint.files import Source
from counterpoint.inpaint.lengthen import Extended
from counterpoint.inpaint.spans import Span

CROSSFADE_S = 0.05
SAMPLING = {"solver": "adams", "steps": 16}
"""How a supervised model fills in, if nobody says how; the zero-shot methods take Euler steps."""
Keep = Literal["best", "all"]


@dataclass(frozen=True)
class InpaintingRequest:
    """What is to be filled in, and how.

    Attributes:
        spans: start and stop of each, seconds.
        prompt: what the music should sound like; an empty one asks for nothing.
        method: one of the model's `inpainting_methods`; by default the first.
        num: takes to draw; take i has the seed `seed + i`.
        sampling: how to draw.
        crossfade_s: on each side of a span.
        controls: what is to be played inside the spans. They begin where the first span does and go on in the time of
            the music, through whatever lies between spans.

    Raises:
        UserError: no span, no take or too many, a seed out of range, a crossfade or a prompt that cannot be.
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
            raise UserError(
                f"--num {self.num} draws more than the {MOST_CLIPS:,} takes that one command does: ask for fewer."
            )
        if self.num < 1:
            raise UserError(f"--num {self.num} draws no take: it must be 1 or more.")
        check_text(self.prompt, what="prompt")
        check_seed(self.seed, count=self.num + (len(self.spans) << 32))  # see `_fill`
        if not (math.isfinite(self.crossfade_s) and self.crossfade_s >= 0):
            raise UserError(f"A crossfade of {self.crossfade_s:g} s cannot be: it must be zero or longer.")
        if not self.spans:
            raise UserError("There is no span to fill in: give --span START:STOP in seconds.")


@dataclass(frozen=True)
class FileJob:
    """A file, and the files into which takes of it may be written, as `check_files` found; the best goes to the first.

    Attributes:
        music: the file that is filled in.
        paths: one for each take that is kept.
    """

    music: Source | Extended
    paths: Sequence[Path]


def check_files(source: Path, request: InpaintingRequest, *, out: Path, keep: Keep = "best") -> FileJob:
    """What is read and written; everything that forbids it is found before a model is loaded.

    Args:
        source: any file libsndfile reads.
        out: a .wav or .flac.
        keep: write the `best` to `out`, or `all` of them to OUT-1, OUT-2, ... in order of rank.

    Raises:
        UserError: a source that cannot be read, or an `out` that cannot be written.
    """
    return check_out(Source.open(source), request, out=out, keep=keep)


def check_out(music: Source | Extended, request: InpaintingRequest, *, out: Path, keep: Keep = "best") -> FileJob:
    """The same of music that is open."""
    ranks = range(1, request.num + 1)
    paths = [out.with_stem(f"{out.stem}-{rank}") for rank in ranks] if keep == "all" else [out]
    for path in paths:
        music.check_out(path)
    return FileJob(music, paths)
