"""A whole study, tiny and with a codec that was never trained: processes give the results of the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from counterpoint.study import run_study
from counterpoint.study.engines.registry import Where
from untrained_codec import untrained_codec

pytestmark = pytest.mark.slow

STUDY = """
kind: grid
axes:
  paradigm: {keys: [paradigm], values: {autoregressive: autoregressive, flow_matching: flow_matching}}
compose: {clips: 40, duration_s: 2}
codec: CODEC
training:
  backbone: debug
  text: {width: 16, buckets: 64}
  segment_s: 2
  steps: 4
  batch_size: 4
  optimizer: {learning_rate: 1.0e-3, warmup_steps: 1}
  validate_every: 2
  checkpoint_every: 2
sampling:
  autoregressive: {top_k: 20}
  flow_matching: {steps: 2}
prompts: {clips: 8, duration_s: 2, batch_size: 8}
examples: 2
"""


def test_processes_give_the_weights_clips_and_scores_of_the_local_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    codec = untrained_codec(tmp_path / "codec")
    study = tmp_path / "tiny.yaml"
    study.write_text(STUDY.replace("CODEC", str(codec)))
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
