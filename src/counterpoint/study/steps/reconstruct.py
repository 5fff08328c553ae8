"""The ground truth through the codec: the best that either paradigm can sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.config import write_json
from counterpoint.encode import reconstruct_folder

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def reconstruct(work: Work) -> None:
    """Write `codes/` (through the quantiser) and `latents/` (not quantised), and `reconstruction.json`: mean SI-SNR and
    log-spectral distance of each, in dB."""
    truth = work.inputs["prompts"] / "truth"
    measures = {
        view: reconstruct_folder(truth, out=work.folder / view, codec=work.config["codec"], quantized=view == "codes")
        for view in ("codes", "latents")
    }
    write_json(work.folder / "reconstruction.json", measures)
