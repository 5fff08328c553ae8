"""VGGish: Google's front end, the published layout, no last ReLU, and what short or silent clips give."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from counterpoint.audio import resample
from counterpoint.config import UserError
from counterpoint.config.fetched import Fetched, fetch
from counterpoint.metrics.judges import vggish
from counterpoint.metrics.judges.vggish import VggishJudge, load, log_mel_patches, mel_filters, sixteen_bits
from fake_device import FAKE, no_cpu

pytestmark = pytest.mark.usefixtures("judges_folder")


@pytest.fixture
def weights(vggish_file: Path, judges_folder: Path) -> Fetched:
    return fetch("vggish", str(vggish_file))


def plain_network(weights: dict[str, torch.Tensor], patches: torch.Tensor) -> torch.Tensor:
    """[P, 96, 64] to [P, 128], operation by operation."""
    x = patches[:, None]
    for place in (0, 3, 6, 8, 11, 13):
        x = F.conv2d(x, weights[f"features.{place}.weight"], weights[f"features.{place}.bias"], padding=1).relu()
        if place not in (6, 11):
            x = F.max_pool2d(x, 2, 2)
    x = x.transpose(1, 3).transpose(1, 2).reshape(len(x), -1)
    for place in (0, 2):
        x = F.linear(x, weights[f"embeddings.{place}.weight"], weights[f"embeddings.{place}.bias"]).relu()
    return F.linear(x, weights["embeddings.4.weight"], weights["embeddings.4.bias"])


def test_the_network_is_the_published_one_without_its_last_relu(weights: Fetched, music: np.ndarray) -> None:
    heard = VggishJudge(weights).analyze(music)["embeddings"]
    low = resample(music, own_rate=32_000, sample_rate=16_000)
    expected = plain_network(torch.load(weights.path), torch.from_numpy(log_mel_patches(low))).numpy()
    assert heard.shape == (12, 128) and heard.dtype == np.float32
    np.testing.assert_allclose(heard, expected, atol=1e-4 * np.abs(expected).max())
    assert (heard < 0).mean() > 0.2 and (heard > 0).mean() > 0.2


def test_filters_are_straight_in_mel() -> None:
    filters, bins_hz = mel_filters(), np.arange(257) * 16_000 / 512
    assert filters.shape == (257, 64) and (filters[(bins_hz <= 125) | (bins_hz >= 7500)] == 0).all()
    mel = 2595 * np.log10(1 + bins_hz / 700)
    edges = np.linspace(2595 * np.log10(1 + 125 / 700), 2595 * np.log10(1 + 7500 / 700), 66)
    for band in (0, 7, 40, 63):
        triangle = np.interp(mel, edges[band : band + 3], [0.0, 1.0, 0.0])
        np.testing.assert_allclose(filters[:, band], triangle, atol=1e-9)
    inside = (bins_hz > 250) & (bins_hz < 7000)
    np.testing.assert_allclose(filters[inside].sum(1), 1.0, atol=1e-9)  # neighbours complement each other


def test_frames_are_google_s(music: np.ndarray) -> None:
    audio = resample(music, own_rate=32_000, sample_rate=16_000).astype(np.float64)
    patches = log_mel_patches(audio)
    for patch, frame in ((0, 0), (3, 17), (11, 95)):
        start = (patch * 96 + frame) * 160
        n = np.arange(400)
        windowed = audio[start : start + 400] * (0.5 - 0.5 * np.cos(2 * np.pi * n / 400))
        k = np.arange(257)[:, None]
        spectrum = np.abs((windowed * np.exp(-2j * np.pi * k * n / 512)).sum(1))
        np.testing.assert_allclose(patches[patch, frame], np.log(spectrum @ mel_filters() + 0.01), atol=1e-5)


@pytest.mark.parametrize(
    ("samples", "patches"),
    [(1, 1), (15_360, 1), (15_600, 1), (160_000, 10), (15_600 + 96 * 160 - 1, 1), (15_600 + 96 * 160, 2)],
)
def test_how_many_patches(samples: int, patches: int) -> None:
    assert log_mel_patches(np.ones(samples)).shape == (patches, 96, 64)


def test_short_clips_are_padded_with_zeros() -> None:
    audio = np.random.default_rng(0).standard_normal(9000)
    np.testing.assert_array_equal(log_mel_patches(audio), log_mel_patches(np.pad(audio, (0, 6600))))


def test_silence_is_a_number(weights: Fetched) -> None:
    heard = VggishJudge(weights).analyze(np.zeros(32_000 * 2, dtype=np.float32))["embeddings"]
    assert heard.shape == (2, 128) and np.isfinite(heard).all()


def test_as_fadtk_rounds_what_comes_in_and_what_goes_out(weights: Fetched, music: np.ndarray) -> None:
    plain, rounded = VggishJudge(weights), VggishJudge(weights, as_fadtk=True)
    exact, heard = plain.analyze(music)["embeddings"], rounded.analyze(music)["embeddings"]
    np.testing.assert_array_equal(heard, heard.astype(np.float16).astype(np.float32))
    assert not np.array_equal(exact, exact.astype(np.float16).astype(np.float32))
    np.testing.assert_allclose(heard, exact, atol=0.02 * np.abs(exact).max())
    assert {plain.name, rounded.name} == {"vggish", "vggish_fadtk"} and plain.version != rounded.version
    steps = sixteen_bits(np.array([0.0, 0.4 / 32768, 0.6 / 32768, 2.0, -2.0])) * 32768
    np.testing.assert_array_equal(steps, [0, 0, 1, 32767, -32768])


def test_it_names_and_tells_its_weights(weights: Fetched) -> None:
    judge = VggishJudge(weights)
    assert "vggish-10086976.pth" in judge.checkpoint and weights.sha256[:8] in judge.checkpoint
    assert weights.sha256[:16] in judge.version


def test_threads_share_one_network(weights: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(vggish, "_network", lambda: made.append(1) or torch.nn.ModuleDict())
    monkeypatch.setattr(vggish, "fill", lambda *_, **__: None)
    monkeypatch.setattr(vggish, "read_pickle", lambda path: {})
    path = Path("once.pth")
    threads = [threading.Thread(target=load, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def broken(kind: str, weights: dict[str, torch.Tensor]) -> object:
    last = "embeddings.4.bias"
    return {
        "lacks": lambda: {name: value for name, value in weights.items() if name != last},
        "more": lambda: {**weights, "embeddings.6.weight": torch.zeros(1)},
        "shape": lambda: {**weights, last: torch.zeros(127)},
        "list": lambda: [1, 2],
        "nested": lambda: {"state_dict": weights},
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("lacks", "lacks the tensor embeddings.4.bias"),
        ("more", "VGGish has no tensor embeddings.6.weight"),
        ("shape", "the shape [127]"),
        ("list", "not a VGGish checkpoint"),
        ("nested", "not a VGGish checkpoint"),
    ],
)
def test_another_file_is_one_sentence(tmp_path: Path, vggish_file: Path, kind: str, says: str) -> None:
    # No numbers are needed to be refused: tensors of one number, spread over their shapes, make small files.
    own = {name: torch.zeros(1).expand(value.shape) for name, value in torch.load(vggish_file, mmap=False).items()}
    path = tmp_path / "other.pth"
    torch.save(broken(kind, own), path)
    with pytest.raises(UserError, match=re.escape(says)):
        load(path)


def test_a_truncated_file_is_one_sentence(tmp_path: Path, vggish_file: Path) -> None:
    path = tmp_path / "half.pth"
    with vggish_file.open("rb") as whole:
        path.write_bytes(whole.read(1_000_000))
    with pytest.raises(UserError, match="damaged"):
        load(path)


def test_it_hears_the_same_on_another_device(weights: Fetched, music: np.ndarray) -> None:
    judge = VggishJudge(weights)
    with no_cpu():
        heard = judge.analyze(music, device=FAKE)["embeddings"]
    np.testing.assert_allclose(heard, judge.analyze(music)["embeddings"], atol=1e-4)
