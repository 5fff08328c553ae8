"""The ground truth through the codec: the best that either paradigm can sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import write_json
from counterpoint.encode import reconstruct_views

if TYPE_CHECKING:
    from counterpoint.codec import View
    from counterpoint.study.engine import Work


def reconstruct(work: Work) -> None:
    """Write `codes/` (through the quantiser) and `latents/` (not quantised), and `reconstruction.json`: mean SI-SNR and
    log-spectral distance of each, in dB."""
    truth = work.inputs["prompts"] / "truth"
    out: dict[View, Path] = {"codes": work.folder / "codes", "latents": work.folder / "latents"}
    write_json(work.folder / "reconstruction.json", reconstruct_views(truth, out=out, codec=work.config["codec"]))
