"""CLAP: every published tensor finds its place, LAION's front end, windows, captions, and what cannot be used."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from counterpoint.config import UserError
from counterpoint.config.fetched import Fetched, fetch
from counterpoint.metrics.base import Features, NotApplicableError
from counterpoint.metrics.judges import clap
from counterpoint.metrics.judges.clap import ClapJudge, ClapMatch, load, log_mel, renamed, windows
from fake_device import FAKE, no_cpu

pytestmark = pytest.mark.usefixtures("judges_folder")
RATE = 48_000


@pytest.fixture
def weights(clap_file: Path, judges_folder: Path) -> Fetched:
    return fetch("clap", str(clap_file))


@pytest.fixture
def reading(weights: Fetched, tokenizer_folder: Path) -> ClapJudge:
    fetch("roberta", str(tokenizer_folder))
    return ClapJudge(weights)


@pytest.fixture(scope="module")
def twin(clap_file: Path, tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in the format of transformers, with transformers' own eps and a tokenizer, as on the hub."""
    folder = tmp_path_factory.mktemp("twin")
    load(clap_file).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["layer_norm_eps"] = 1e-12
    (folder / "config.json").write_text(json.dumps(config))
    for file in tokenizer_folder.iterdir():
        shutil.copy(file, folder)
    return folder


def check_bijection(path: Path) -> None:
    """Every tensor of the model is one of the file's or a part of one, and no value of those is left over."""
    model = load(path)
    published = torch.load(path, weights_only=False)["state_dict"]
    names = renamed(published)
    own = model.state_dict()
    computed = {name for name in own if name.endswith("token_type_ids")}  # zeros, which torch no longer saves
    assert names.keys() == own.keys() - computed
    for name, value in names.items():
        assert torch.equal(own[name], value), name
    left_out = re.compile(r"spectrogram_extractor|logmel_extractor|tscam_conv|\.head\.|attn_mask|_transform\.")
    kept = sum(value.numel() for name, value in published.items() if not left_out.search(name))
    assert kept == sum(value.numel() for value in names.values())
    for name, value in own.items():
        if re.search(r"audio.*\.self\.(query|key|value)\.weight", name):
            stage, block = re.findall(r"\d+", name)[:2]
            third = ("query", "key", "value").index(name.split(".")[-2])
            mixed = published[f"module.audio_branch.layers.{stage}.blocks.{block}.attn.qkv.weight"]
            assert torch.equal(value, mixed[third * len(value) : (third + 1) * len(value)])


def test_renaming_is_a_bijection(clap_file: Path) -> None:
    check_bijection(clap_file)
    config = load(clap_file).config
    assert config.text_config.layer_norm_eps == 1e-5 and not config.audio_config.enable_fusion
    assert tuple(config.audio_config.depths) == (2, 1, 2, 1)


@pytest.mark.slow
def test_the_published_sizes(tmp_path: Path, music: np.ndarray) -> None:
    from .conftest import CLAP_PUBLISHED, clap_weights, write_clap

    path = write_clap(tmp_path / "music_audioset_epoch_15_esc_90.14.pt", clap_weights(**CLAP_PUBLISHED))
    check_bijection(path)
    assert sum(value.numel() for value in load(path).parameters()) == 193_913_882
    heard = ClapJudge(fetch("clap", str(path))).analyze(music[:32_000])["embeddings"]
    assert heard.shape == (1, 512) and np.isfinite(heard).all()
    path.unlink()


def test_log_mel_is_laion_s() -> None:
    from transformers import ClapFeatureExtractor

    rng = np.random.default_rng(0)
    audio = (0.2 * rng.standard_normal(10 * RATE)).astype(np.float32)
    ours = log_mel(audio[None])
    theirs = ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc", padding="repeatpad")
    expected = theirs(audio, sampling_rate=RATE, return_tensors="np")["input_features"]
    assert ours.shape == (1, 1001, 64) and expected.shape == (1, 1, 1001, 64)
    np.testing.assert_allclose(ours.numpy(), expected[:, 0], atol=2e-3)  # dB
    assert float(log_mel(np.zeros((1, RATE)))[0, 0, 0]) == pytest.approx(-100.0)


def test_short_clips_repeat_and_long_ones_end_with_a_whole_window() -> None:
    short = windows(np.arange(1, 200_001))
    assert short.shape == (1, 480_000) and (short[0, 400_000:] == 0).all()
    np.testing.assert_array_equal(short[0, :400_000], np.tile(np.arange(1, 200_001), 2))
    for seconds, starts_s in ((10, [0]), (12, [0, 2]), (20, [0, 10]), (25, [0, 10, 15])):
        cuts = windows(np.arange(seconds * RATE))
        assert cuts.shape[1] == 10 * RATE and (cuts[:, 0] / RATE).tolist() == starts_s


def test_what_is_heard_is_the_same_each_time_and_of_length_one(weights: Fetched, music: np.ndarray) -> None:
    judge = ClapJudge(weights)
    first, again = judge.analyze(music)["embeddings"], judge.analyze(music)["embeddings"]
    assert first.shape == (2, 24)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(first[0], judge.analyze(music[: 10 * 32_000])["embeddings"][0], atol=1e-4)
    assert np.abs(first[0] - first[1]).max() > 1e-4  # it hears something
    assert weights.sha256[:8] in judge.checkpoint and weights.sha256[:16] in judge.version


def test_silence_is_a_number(weights: Fetched) -> None:
    assert np.isfinite(ClapJudge(weights).analyze(np.zeros(32_000, dtype=np.float32))["embeddings"]).all()


def test_captions_do_not_depend_on_their_neighbours(reading: ClapJudge) -> None:
    captions = ["drums", "a slow piano piece with strings", "x" * 500]
    together = reading.read(captions)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for caption, expected in zip(captions, together, strict=True):
        np.testing.assert_allclose(reading.read([caption])[0], expected, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_twin_from_the_hub_hears_and_reads_the_same(
    twin: Path, reading: ClapJudge, music: np.ndarray, judges_folder: Path
) -> None:
    theirs = ClapJudge(fetch("twin", str(twin)))
    np.testing.assert_allclose(theirs.analyze(music)["embeddings"], reading.analyze(music)["embeddings"], atol=1e-6)
    expected = reading.read(["drums"])
    (judges_folder / "roberta.json").unlink()
    np.testing.assert_allclose(theirs.read(["drums"]), expected, atol=1e-6)  # by its own tokenizer
    assert theirs.version != reading.version


def clip(caption: str, embeddings: np.ndarray) -> Features:
    return Features(caption, {"clap_laion": {"embeddings": embeddings}}, {}, 10.0, False)


class Reader(ClapJudge):
    """Reads a caption as the unit vector of its number, and notes what it was asked to read."""

    def __init__(self) -> None:
        self.checkpoint, self.asked = "none", []

    def read(self, captions: Any) -> np.ndarray:
        self.asked.append(list(captions))
        return np.eye(4)[[int(caption) for caption in captions]]


def test_the_score_is_the_mean_cosine_over_windows() -> None:
    reader = Reader()
    metric = ClapMatch(reader)
    assert metric.info.name == "clap_laion" and metric.info.better == "higher" and not metric.equal_n
    clips = [clip("1", np.array([[0, 1, 0, 0], [0, 0.5, 0, 0]])), clip("", np.eye(4)[:1]), clip("2", np.eye(4)[:1])]
    functional = metric.prepare(clips, reference=[])
    assert functional.per_clip is not None
    np.testing.assert_allclose(functional.per_clip, [0.75, np.nan, 0.0])
    np.testing.assert_allclose(functional(np.array([[1, 1, 1], [1, 1, 0]])), [0.375, 0.75])
    metric.prepare([*clips, clip("3", np.eye(4)[:1])], reference=[])
    assert reader.asked == [["1", "2"], ["3"]]  # each caption once
    with pytest.raises(NotApplicableError, match="no caption was given"):
        metric.prepare([clip("", np.eye(4)[:1])], reference=[])


def test_without_a_tokenizer_it_hears_but_cannot_read(weights: Fetched, tokenizer_folder: Path) -> None:
    judge = ClapJudge(weights)
    assert not judge.can_read
    with pytest.raises(UserError, match=r"without a tokenizer.*counterpoint metrics fetch roberta"):
        judge.read(["drums"])
    with pytest.raises(UserError, match="has no tokenizer"):
        fetch("roberta", str(weights.path.parent), check=clap.load_tokenizer)
    fetch("roberta", str(tokenizer_folder), check=clap.load_tokenizer)
    assert judge.can_read


def test_a_damaged_tokenizer_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{]")
    with pytest.raises(UserError, match=r"The tokenizer in .* cannot be read"):
        clap.load_tokenizer(tmp_path)


def changed(kind: str, weights: dict[str, torch.Tensor]) -> object:
    bias, patch = "module.text_branch.pooler.dense.bias", "module.audio_branch.patch_embed"
    return {
        "lacks": lambda: {name: value for name, value in weights.items() if name != bias},
        "more": lambda: {**weights, "module.text_branch.more": torch.zeros(1)},
        "fused": lambda: {**weights, f"{patch}.fusion_model.local_att.0.weight": torch.zeros(1)},
        "shape": lambda: {**weights, bias: torch.zeros(3)},
        "vggish": lambda: {"features.0.weight": torch.zeros(64, 1, 3, 3)},
        "list": lambda: [1],
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("lacks", "lacks the tensor text_model.pooler.dense.bias"),
        ("more", "it has a tensor text_model.more"),
        ("fused", "is a fused CLAP"),
        ("shape", "the shape [3]"),
        ("vggish", "not a CLAP checkpoint"),
        ("list", "not a CLAP checkpoint"),
    ],
)
def test_another_file_is_one_sentence(tmp_path: Path, clap_file: Path, kind: str, says: str) -> None:
    path = tmp_path / "other.pt"
    torch.save(changed(kind, torch.load(clap_file, weights_only=False)["state_dict"]), path)
    with pytest.raises(UserError, match=re.escape(says)):
        load(path)


def test_a_truncated_file_and_an_empty_folder_are_one_sentence(tmp_path: Path, clap_file: Path) -> None:
    (tmp_path / "half.pt").write_bytes(clap_file.read_bytes()[:100_000])
    with pytest.raises(UserError, match="damaged"):
        load(tmp_path / "half.pt")
    with pytest.raises(UserError, match=r"has no config\.json"):
        load(tmp_path)


def test_it_hears_the_same_on_another_device_many_windows_at_once(weights: Fetched, music: np.ndarray) -> None:
    judge = ClapJudge(weights)
    with no_cpu():
        heard = judge.analyze(music, device=FAKE)["embeddings"]
    assert len(heard) == 2
    np.testing.assert_allclose(heard, judge.analyze(music)["embeddings"], atol=1e-5)
