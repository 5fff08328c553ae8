"""Ours and MusicGen of transformers, on the same weights and prompts."""

from __future__ import annotations

import pytest
import torch

from counterpoint.bench import peer
from counterpoint.config import BACKBONES


@pytest.fixture(autouse=True)
def debug_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peer.SHAPES, "debug", BACKBONES["debug"])


def test_every_engine_is_timed_and_its_tokens_compared(capsys: pytest.CaptureFixture[str]) -> None:
    summary = peer.run("debug", batches=[1, 2], frames=8, repeats=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("transformers", "counterp"))]
    assert len(lines) == 2 * 5
    assert all("100%" in line for line in lines if "fp32" in line)
    assert summary.startswith("debug against transformers fp32") and summary.count("x") >= 8
    assert "batch 1: fp32, no compiler " in summary and "batch 2: " in summary


def test_prompts_differ_in_length_and_repeat() -> None:
    text = peer.prompts(8)
    assert text.mask.sum(dim=1).unique().numel() > 2
    assert torch.equal(text.ids, peer.prompts(8).ids)
