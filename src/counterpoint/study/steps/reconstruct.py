"""The ground truth through the codec: the upper limit for both paradigms."""

from __future__ import annotations

from pathlib import Path

from counterpoint.codec import View
from counterpoint.encode import reconstruct_views
from counterpoint.results.parts import Reconstruction
from counterpoint.study.loading import codec_of
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import through_codec


@computes("reconstruct", version=1, workload=through_codec)
def reconstruct(work: Work) -> None:
    """Write `latents/` (not quantised), `codes/` (through the quantiser) if the codec has one, and a
    `Reconstruction`: the distance of each from the original."""
    views: list[View] = ["codes", "latents"] if work.config["num_codebooks"] else ["latents"]
    out: dict[View, Path] = {view: work.folder / view for view in views}
    found = reconstruct_views(
        work.inputs["prompts"] / "truth", out=out, codec=codec_of(work.config, device=work.device)
    )
    Reconstruction(views=dict(found.items())).write(work.folder)
