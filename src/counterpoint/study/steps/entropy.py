"""Entropies of the first codebook, of every auto-regressive system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from counterpoint.config import read_json, write_json
from counterpoint.generate.sampling import ENTROPIES_FILE

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

PREFIX = "generate_autoregressive_"


def collect_entropies(work: Work) -> None:
    """Write `entropy.json`: latents a second, and by system (`text`, `null`, `all`) a curve a prompt, nats a frame; the
    mean over training seeds."""
    of_runs: dict[str, list[np.ndarray]] = {}
    for name, folder in work.inputs.items():
        if name.startswith(PREFIX):
            system, _, _ = name.removeprefix(PREFIX).partition("@")
            of_runs.setdefault(system, []).append(np.load(folder / ENTROPIES_FILE))
    curves = {system: np.mean(runs, axis=0).round(4).tolist() for system, runs in of_runs.items()}
    frame_rate = read_json(work.inputs["encode"] / "latents.json")["frame_rate"]
    write_json(work.folder / "entropy.json", {"frame_rate": frame_rate, "curves": curves})
