"""A comparison of the paradigms, from data to report, in seconds."""

from __future__ import annotations

from pathlib import Path

from untrained_codec import untrained_codec

_STUDY = """
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


def tiny_study(folder: Path, further: str = "") -> Path:
    """Write the study and its codec into a folder; returns its file.

    Args:
        further: further lines of its configuration.
    """
    path = folder / "tiny.yaml"
    path.write_text(_STUDY.replace("CODEC", str(untrained_codec(folder / "codec"))) + further)
    return path
