"""Entropies of the first codebook for every auto-regressive system, and their tests (App. I)."""

from __future__ import annotations

import numpy as np

from counterpoint.generate.outputs import ENTROPIES_FILE
from counterpoint.metrics.entropies import by_track, evaluate_entropies
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Entropies, Prompts
from counterpoint.study.judged import GENERATED
from counterpoint.study.step_inputs import latents_of
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing


@computes("collect_entropies", version=1, workload=nothing)
def collect_entropies(work: Work) -> None:
    """Write `Entropies` by system, the mean over training seeds, and an `Evaluation` of their means early and late.

    Prompts of one track are alike and count once, by their mean. Intervals and p-values are those of Student's paired
    t-test over tracks, the latter after Holm's correction. The configuration holds the `pairs` of systems to test.
    """
    of_runs: dict[str, list[np.ndarray]] = {}
    for name, folder in work.inputs.items():
        if name.startswith(GENERATED):
            system, _, _ = name.removeprefix(GENERATED).partition("@")
            of_runs.setdefault(system, []).append(np.load(folder / ENTROPIES_FILE))
    curves = {system: np.mean(runs, axis=0).round(4) for system, runs in of_runs.items()}
    plain = {system: curve.tolist() for system, curve in curves.items()}
    Entropies(frame_rate=latents_of(work).frame_rate, curves=plain).write(work.folder)
    rows = [window.row for window in Prompts.read(work.inputs["prompts"]).windows]
    tracks = {system: by_track(curve, rows) for system, curve in curves.items()}
    write_evaluation(evaluate_entropies(tracks, pairs=work.config["pairs"], names=rows), work.folder)
