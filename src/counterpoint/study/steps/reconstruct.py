"""The ground truth through the codec: the best that either paradigm can sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.codec import View, load_codec
from counterpoint.config import write_json
from counterpoint.encode import reconstruct_views

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def reconstruct(work: Work) -> None:
    """Write `latents/` (not quantised), `codes/` (through the quantiser) where the codec has one, and
    `reconstruction.json`: mean log-spectral distance of each and, where the codec keeps phases, SI-SNR, in dB."""
    codec = work.config["codec"]
    views: list[View] = ["codes", "latents"] if load_codec(codec).num_codebooks else ["latents"]
    out: dict[View, Path] = {view: work.folder / view for view in views}
    measures = reconstruct_views(work.inputs["prompts"] / "truth", out=out, codec=codec)
    write_json(work.folder / "reconstruction.json", measures)
