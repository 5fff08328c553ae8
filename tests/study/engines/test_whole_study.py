"""A whole study, tiny and with a codec that was never trained: processes give the results of the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from counterpoint.study import run_study
from counterpoint.study.engines.registry import Where
from tiny_study import tiny_study

pytestmark = pytest.mark.slow


def test_processes_give_the_weights_clips_and_scores_of_the_local_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    study = tiny_study(tmp_path)
    said: list[str] = []
    done = {
        name: run_study(study, out=tmp_path / name, store=tmp_path / f"store_{name}", where=where, say=said.append)
        for name, where in (("processes", Where(jobs=2)), ("local", Where()))
    }
    shared, alone = done["processes"].steps, done["local"].steps
    assert {name: step.folder.name for name, step in shared.items()} == {n: s.folder.name for n, s in alone.items()}
    compared = 0
    for name, step in alone.items():
        for path in sorted(step.folder.rglob("*")):
            if path.suffix in (".wav", ".safetensors"):
                other = shared[name].folder / path.relative_to(step.folder)
                assert other.read_bytes() == path.read_bytes(), f"{path} differs"
                compared += 1
    assert compared > 40
    first, second = (each.results.evaluations for each in done.values())
    assert first.keys() == second.keys() and all(first[step].scores == second[step].scores for step in first)
    again = run_study(study, out=tmp_path / "again", store=tmp_path / "store_processes", say=said.append)
    assert all(step.cached for step in again.steps.values()), "what processes have finished, the local engine finds"
    assert again.steps["data"].folder == shared["data"].folder
