"""Entropies of the first codebook, of every auto-regressive system."""

from __future__ import annotations

import numpy as np

from counterpoint.generate.sampling import ENTROPIES_FILE
from counterpoint.results.parts import Entropies
from counterpoint.study.step_inputs import latents_of
from counterpoint.study.work import Work, computes

PREFIX = "generate_autoregressive_"


@computes("collect_entropies", version=1)
def collect_entropies(work: Work) -> None:
    """Write `Entropies` by system: `text`, `null` and `all`."""
    of_runs: dict[str, list[np.ndarray]] = {}
    for name, folder in work.inputs.items():
        if name.startswith(PREFIX):
            system, _, _ = name.removeprefix(PREFIX).partition("@")
            of_runs.setdefault(system, []).append(np.load(folder / ENTROPIES_FILE))
    curves = {system: np.mean(runs, axis=0).round(4).tolist() for system, runs in of_runs.items()}
    Entropies(frame_rate=latents_of(work).frame_rate, curves=curves).write(work.folder)
