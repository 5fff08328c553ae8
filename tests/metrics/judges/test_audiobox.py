"""Audiobox Aesthetics: both published formats, windows that count by their length, the scale of the targets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from counterpoint.config import UserError
from counterpoint.config.fetched import fetch
from counterpoint.metrics.base import Features
from counterpoint.metrics.judges import audiobox
from counterpoint.metrics.judges.audiobox import AudioboxJudge, audiobox_metrics, load, windows
from fake_device import FAKE, no_cpu

aes = pytest.importorskip("audiobox_aesthetics.model.aes")
PUBLISHED = aes.DEFAULT_AUDIO_CFG
pytestmark = pytest.mark.usefixtures("judges_folder")

CONFIG = {
    "proj_num_layer": 5,
    "proj_ln": True,
    "proj_act_fn": "gelu",
    "proj_dropout": 0.0,
    "nth_layer": 13,
    "use_weighted_layer_sum": True,
    "precision": "32",
    "normalize_embed": True,
    "output_dim": 1,
}
TARGETS = {axis: {"mean": 5.0 + place, "std": 1.0 + place / 4} for place, axis in enumerate(("CE", "CU", "PC", "PQ"))}
SMALL = {"encoder_layers": 2, "encoder_embed_dim": 32, "encoder_ffn_embed_dim": 48, "encoder_attention_heads": 2}
SMALL["conv_feature_layers"] = "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2"  # type: ignore[assignment]
SMALL["conv_pos_groups"] = 4


def written(folder: Path, config: dict[str, Any]) -> tuple[Path, Path, Any]:
    """`checkpoint.pt`, the hub's folder, and the model behind both."""
    torch.manual_seed(0)
    model = aes.AesMultiOutput(**config, target_transform=TARGETS).eval()
    state = model.state_dict()
    saved = {
        "state_dict": {f"model.{name}": value for name, value in state.items()},
        "model_cfg": {**config, "lr": 1e-4},
        "target_transform": TARGETS,
    }
    torch.save(saved, folder / "checkpoint.pt")
    model.save_pretrained(folder / "hub")
    return folder / "checkpoint.pt", folder / "hub", model


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both formats, in the published layout but narrower; the width is no part of the published configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aes, "DEFAULT_AUDIO_CFG", aes.WavLMConfig({**vars(aes.DEFAULT_AUDIO_CFG), **SMALL}))
        made = written(tmp_path_factory.mktemp("aes"), {**CONFIG, "nth_layer": 3})
        for path in made[:2]:
            load(path)  # once, while the model class is that narrow
        yield made


def test_both_formats_give_what_the_model_says(small: Any, music: np.ndarray) -> None:
    file, folder, model = small
    judge = AudioboxJudge(fetch("audiobox", str(file)))
    heard = judge.analyze(music)["aesthetics"]
    again = AudioboxJudge(fetch("hub", str(folder))).analyze(music)["aesthetics"]
    np.testing.assert_allclose(again, heard, atol=1e-5)
    cuts, lengths = windows(audiobox.resample(music, own_rate=32_000, sample_rate=16_000))
    assert lengths.tolist() == [160_000, 32_000]
    mask = torch.arange(160_000) < torch.from_numpy(lengths)[:, None]
    with torch.no_grad():
        answers = model({"wav": torch.from_numpy(cuts)[:, None], "mask": mask[:, None]})
    for place, axis in enumerate(("PQ", "PC", "CE", "CU")):
        first, rest = answers[axis].numpy() * TARGETS[axis]["std"] + TARGETS[axis]["mean"]
        assert heard[place] == pytest.approx((10 * first + 2 * rest) / 12, abs=1e-4)
    assert np.ptp(heard) > 0.5  # every axis on its own scale
    assert "checkpoint.pt" in judge.checkpoint


def test_any_length_and_silence_are_numbers(small: Any) -> None:
    judge = AudioboxJudge(fetch("audiobox", str(small[0])))
    noise = 0.1 * np.random.default_rng(0).standard_normal(320_001).astype(np.float32)
    for audio in (np.zeros(32_000, dtype=np.float32), noise, noise[:1]):
        assert np.isfinite(judge.analyze(audio)["aesthetics"]).all()


def test_the_metrics_are_means_over_clips(small: Any) -> None:
    metrics = audiobox_metrics(AudioboxJudge(fetch("audiobox", str(small[0]))))
    assert [metric.info.name for metric in metrics] == ["pq_audiobox", "pc_audiobox", "ce_audiobox", "cu_audiobox"]
    assert all("checkpoint.pt" in metric.info.description for metric in metrics)
    clips = [
        Features("", {"audiobox": {"aesthetics": np.array(values)}}, {}, 10.0, False)
        for values in ([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    ]
    for place, metric in enumerate(metrics):
        assert metric.prepare(clips, reference=[])(np.ones((1, 2)))[0] == 2.0 + place


def _without(saved: dict[str, Any], key: str) -> object:
    return {name: value for name, value in saved.items() if name != key}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda saved: _without(saved, "model_cfg"), "not an Audiobox Aesthetics checkpoint"),
        (lambda saved: _without(saved, "target_transform"), "not an Audiobox Aesthetics checkpoint"),
        (lambda saved: {**saved, "target_transform": {"CE": {"mean": 0, "std": 1}}}, "not an Audiobox"),
        (lambda saved: {**saved, "state_dict": {"model.layer_weights.CE": torch.ones(13)}}, "lacks the tensor"),
        (lambda saved: [1], "not an Audiobox Aesthetics checkpoint"),
    ],
)
def test_another_file_is_one_sentence(
    tmp_path: Path, small: Any, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    path = tmp_path / "other.pt"
    torch.save(change(torch.load(small[0])), path)
    with pytest.raises(UserError, match=re.escape(says)):
        load(path)


def test_a_folder_without_targets_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no JSON file at .*config\.json"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(UserError, match="not an Audiobox Aesthetics checkpoint"):
        load(tmp_path)


@pytest.mark.slow
def test_the_published_sizes(tmp_path: Path, music: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aes, "DEFAULT_AUDIO_CFG", PUBLISHED)  # whatever the small ones need
    file, _, model = written(tmp_path, CONFIG)
    assert file.stat().st_size == pytest.approx(415_520_834, rel=1e-4)  # as published, but for names and padding
    heard = AudioboxJudge(fetch("audiobox", str(file))).analyze(music[:32_000])["aesthetics"]
    assert heard.shape == (4,) and np.isfinite(heard).all()
    assert load(file).state_dict().keys() == model.state_dict().keys()
    file.unlink()
    (tmp_path / "hub" / "model.safetensors").unlink()


def test_it_hears_the_same_on_another_device_many_windows_at_once(
    small: Any, music: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, model = AudioboxJudge(fetch("audiobox", str(small[0]))), small[2]
    with monkeypatch.context() as patch, no_cpu():
        there = model.to(FAKE)
        patch.setattr(audiobox, "load", lambda path, *, device: there)
        heard = judge.analyze(music, device=FAKE)["aesthetics"]
    np.testing.assert_allclose(
        heard, AudioboxJudge(fetch("audiobox", str(small[0]))).analyze(music)["aesthetics"], atol=1e-4
    )
