"""The checkpoint reader and the network, against plain convolutions, training statistics and stored values."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from counterpoint.analysis import musicnn
from counterpoint.analysis.musicnn import SAMPLE_RATE, TAGS, load_musicnn, log_mel_patches
from counterpoint.analysis.tf_checkpoint import read_checkpoint
from counterpoint.config import UserError
from fake_device import FAKE, no_cpu


def _index() -> Path:
    spec = importlib.util.find_spec("musicnn")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "MTT_musicnn" / ".index"


def _sweep(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * (200 * time + 150 * time**2))).astype(np.float32)


def _plain_batch_norm(weights: dict[str, np.ndarray], x: torch.Tensor, layer: int) -> torch.Tensor:
    name = f"batch_normalization_{layer}" if layer else "batch_normalization"
    parts = ("moving_mean", "moving_variance", "gamma", "beta")
    mean, variance, gamma, beta = (torch.tensor(weights[f"{name}/{part}"]) for part in parts)
    return (x - mean) / torch.sqrt(variance + 1e-3) * gamma + beta


def test_checkpoint_holds_every_layer_with_its_shape():
    weights = {name: value for name, value in read_checkpoint(_index()).items() if "Adam" not in name}
    assert weights["conv2d/kernel"].shape == (7, 38, 1, 204)
    assert weights["conv2d_1/kernel"].shape == (7, 67, 1, 204)
    assert [weights[f"conv2d_{i}/kernel"].shape for i in (2, 3, 4)] == [(t, 1, 1, 51) for t in (128, 64, 32)]
    assert weights["conv2d_5/kernel"].shape == (7, 561, 1, 64)
    assert weights["dense/kernel"].shape == (1506, 200)
    assert weights["dense_1/bias"].shape == (50,)
    assert sum("batch_normalization" in name for name in weights) == 4 * 11
    assert all(np.isfinite(value).all() for value in weights.values())
    assert all((value >= 0).all() for name, value in weights.items() if name.endswith("moving_variance"))


def test_checkpoint_that_is_cut_or_something_else_is_refused(tmp_path):
    data = _index().with_name(".data-00000-of-00001").read_bytes()
    (tmp_path / "x.index").write_bytes(_index().read_bytes())
    (tmp_path / "x.data-00000-of-00001").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_checkpoint(tmp_path / "x.index")
    (tmp_path / "x.index").write_bytes(b"no table" * 20)
    with pytest.raises(ValueError, match="not the index"):
        read_checkpoint(tmp_path / "x.index")


def test_front_end_equals_plain_convolutions():
    """Taking the maximum before ReLU and batch norm, and convolving by Fourier transforms, changes nothing."""
    weights = read_checkpoint(_index())
    network = musicnn.Musicnn(weights)
    x = torch.randn(2, 30, 96, generator=torch.Generator().manual_seed(0))
    expected = []
    normalized = _plain_batch_norm(weights, x[..., None], 0)[..., 0]
    for layer in range(5):
        name = f"conv2d_{layer}" if layer else "conv2d"
        kernel = torch.tensor(weights[name + "/kernel"]).permute(3, 2, 0, 1)
        taps = kernel.shape[2]
        padded = F.pad(normalized, (0, 0, (taps - 1) // 2, taps // 2))[:, None]
        response = F.relu(F.conv2d(padded, kernel, torch.tensor(weights[name + "/bias"])))
        expected.append(_plain_batch_norm(weights, response.permute(0, 2, 3, 1), layer + 1).amax(2))
        assert (weights[f"batch_normalization_{layer + 1}/gamma"] < 0).any()  # the harder sign does occur
    front = network.feature_map(x)[..., :561]
    torch.testing.assert_close(front, torch.cat(expected, -1), atol=1e-4, rtol=1e-4)


def test_activations_have_the_means_that_training_stored():
    """Batch norm kept the mean of every pooled channel on real music: a wrong layer or order would not correlate."""
    from counterpoint.audio import resample
    from counterpoint.compose import render_clip

    audio = [render_clip(7, i, duration_s=3.5).audio for i in range(3)]
    patches = [log_mel_patches(resample(a, own_rate=32_000, sample_rate=SAMPLE_RATE)) for a in audio]
    features = load_musicnn().feature_map(torch.cat(patches))
    pooled = torch.stack([features.amax(1), features.mean(1)], dim=-1).flatten(1).mean(0)
    stored = read_checkpoint(_index())["batch_normalization_9/moving_mean"]
    assert np.corrcoef(pooled, stored)[0, 1] > 0.9
    assert np.corrcoef(np.roll(pooled, 1), stored)[0, 1] < 0.3


def test_golden_values():
    heard = load_musicnn()(_sweep(4), sample_rate=SAMPLE_RATE)
    assert heard.embeddings.shape == (2, 200)
    assert heard.logits.shape == (2, 50)
    np.testing.assert_allclose(
        heard.embeddings[0, :5], [1.2313379, -0.0328787, -0.0922630, -0.1860576, -0.0787033], atol=2e-3
    )
    np.testing.assert_allclose(heard.logits[1, :4], [-6.5101514, -4.918084, -2.0297875, -12.647092], atol=1e-2)
    assert TAGS[int(heard.probabilities.argmax())] == "flute"  # a pure tone


def test_patches_see_every_frame_and_short_clips_are_repeated():
    click = np.zeros(5 * SAMPLE_RATE, np.float32)
    for at in range(1000, len(click) - 1000, 4000):
        heard = log_mel_patches(click)
        click[at] = 1
        assert heard.shape == (2, 187, 96)
        assert not torch.equal(heard, log_mel_patches(click))
        click[at] = 0
    assert len(log_mel_patches(_sweep(3.0))) == 1
    assert len(log_mel_patches(_sweep(9.0))) == 3
    once = _sweep(0.5)
    torch.testing.assert_close(log_mel_patches(once), log_mel_patches(np.tile(once, 6)[: 187 * 256]))


def test_loud_audio_stays_finite_and_a_patch_does_not_depend_on_its_batch():
    loud = np.sign(np.sin(np.arange(9 * SAMPLE_RATE) / 5)).astype(np.float32)
    together = load_musicnn()(loud, sample_rate=SAMPLE_RATE)
    assert np.isfinite(together.embeddings).all() and np.isfinite(together.logits).all()
    alone = load_musicnn().forward(log_mel_patches(loud)[1:2])[0]
    np.testing.assert_allclose(together.embeddings[1:2], alone, atol=1e-4)


def test_the_package_itself_is_never_imported():
    load_musicnn()
    assert "musicnn" not in sys.modules
    assert "tensorflow" not in sys.modules


def test_missing_weights_and_wrong_rates_are_named(nothing_borrowed):
    with pytest.raises(ValueError, match="16000 Hz"):
        load_musicnn()(_sweep(1), sample_rate=32_000)
    load_musicnn.cache_clear()
    nothing_borrowed()
    with pytest.raises(UserError, match="pip install --no-deps musicnn"):
        load_musicnn()


def test_it_hears_the_same_on_another_device() -> None:
    with no_cpu():
        heard = load_musicnn(FAKE)(_sweep(4), sample_rate=SAMPLE_RATE)
    expected = load_musicnn()(_sweep(4), sample_rate=SAMPLE_RATE)
    np.testing.assert_allclose(heard.embeddings, expected.embeddings, atol=1e-4)
    np.testing.assert_allclose(heard.logits, expected.logits, atol=1e-4)
