"""Engines against the limits of the machine: every figure is there, and shares are shares."""

from __future__ import annotations

import re
import shutil

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from counterpoint.bench import engines, peer
from counterpoint.bench.limits import Limits
from counterpoint.config import BACKBONES

TINY = engines.Plan(
    backbone=BACKBONES["debug"], seconds=0.1, shape="debug", captions=2, sizes=((2, 32),), music_s=4.0, repeats=1
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peer.SHAPES, "debug", BACKBONES["debug"])
    monkeypatch.setattr(engines, "EXAMPLES", 2)
    monkeypatch.setattr(engines, "SEGMENT", 8)
    limits = Limits(name="none", kind="cpu", flops=dict.fromkeys(engines.PRECISIONS, 1e15), bandwidth=1e15)
    monkeypatch.setattr(engines, "measure_limits", lambda device: limits)
    monkeypatch.setattr(engines, "measure_bandwidth", lambda device: limits.bandwidth)


def test_every_part_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {figure.name: figure for figure in engines.run(TINY)}
    printed = capsys.readouterr().out
    assert len(figures) == 2 + 2 + 3 + 3 and all(name in printed for name in figures)
    assert "debug against transformers fp32" in printed
    assert all(figures[f"Batch 1, {precision}"].value.startswith("0% of ") for precision in engines.PRECISIONS)
    speeds = [re.match(r"(.+) ms per second", figures[name].value) for name in ("Encoding", "Decoding", "The judge")]
    assert all(speed is not None and float(speed[1]) > 0 for speed in speeds)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_fewer_bits_leave_fewer_greedy_frames() -> None:
    captions = [f"{mood} piano piece" for mood in engines.MOODS]
    found = {figure.name.split()[3]: figure for figure in engines.greedy_frames(captions=captions, frames=20)}
    given, own = (
        {name: float(getattr(figure, part).partition("%")[0]) for name, figure in found.items()}
        for part in ("value", "detail")
    )
    assert own["int8"] < own["fp16"] <= 100 and own["fp16"] >= 80
    assert given["int8"] <= given["fp16"] <= 100 and given["int8"] >= 90


@pytest.mark.parametrize(("is_causal", "pairs"), [(False, 8 * 8), (True, 8 * 9 // 2)])
def test_attention_counts_as_its_products(is_causal: bool, pairs: int) -> None:
    query, key, value = (torch.randn(2, 3, 8, 16, requires_grad=True) for _ in range(3))
    with FlopCounterMode(display=False, custom_mapping=engines.ATTENTION) as forward:
        read = F.scaled_dot_product_attention(query, key, value, is_causal=is_causal)
    with FlopCounterMode(display=False, custom_mapping=engines.ATTENTION) as backward:
        read.sum().backward()
    product = 2 * 2 * 3 * 16 * pairs
    assert (forward.get_total_flops(), backward.get_total_flops()) == (2 * product, 5 * product)
