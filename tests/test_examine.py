"""What a model has learned: cheats get no credit, and what reads captions or beats the counts gets it.

Planted cheats are an untrained model, a sampler of unigram counts, and one that knows the training codes by heart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.config import LatentSpec, ModelConfig, TextConfig
from counterpoint.config.schema import BACKBONES
from counterpoint.data import Encoded, EncodedWriter, save_dataset
from counterpoint.examine import Estimate, examine, hold_out, mean_of, share_of
from counterpoint.paradigm import PARADIGMS, LossOutput, Paradigm, build_paradigm
from counterpoint.paradigm.trivial import Unigram, build_trivial

K, V, D, T = 2, 16, 4, 20
MOODS = ("calm", "fast", "dark", "loud", "warm", "cold", "slow", "wild", "soft", "odd")
LATENT = LatentSpec(
    codec="toy",
    fingerprint="toyprint",
    sample_rate=100,
    frame_rate=10,
    num_codebooks=K,
    codebook_size=V,
    latent_dim=D,
)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Rows whose mood, the one word of their caption, is their most frequent code."""
    folder: Path = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(0)
    counts = {"train": 40, "valid": 20, "test": 20}
    moods = {split: [index % len(MOODS) for index in range(count)] for split, count in counts.items()}
    rows = {
        split: [
            {
                **{"id": f"{split}{index}", "audio": f"{split}{index}.wav", "caption": MOODS[mood]},
                **{"duration_s": T / 10, "sample_rate": 100, "channels": 1},
            }
            for index, mood in enumerate(of_split)
        ]
        for split, of_split in moods.items()
    }
    digests = {row["id"]: row["id"] for part in rows.values() for row in part}
    dataset = save_dataset(folder, rows, info={"name": "toy", "kind": "composed"}, audio_digests=digests)
    writer = EncodedWriter(dataset, codec_fingerprint="toyprint", num_codebooks=K, latent_dim=D)
    for split, of_split in moods.items():
        writer.write_split(split, (_row(mood, rng) for mood in of_split))
    return writer.finish(LATENT)


def _row(mood: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    codes = np.where(rng.random((K, T)) < 0.4, mood, rng.integers(0, V, (K, T)))
    return codes, (rng.standard_normal((T, D)) + 0.1 * mood).astype(np.float32)


def config(paradigm: str) -> ModelConfig:
    return ModelConfig(paradigm=paradigm, backbone=BACKBONES["debug"], text=TextConfig(width=16, buckets=64))


class Reader(Unigram):
    """Counts that hear the caption: the code that it stands for is more frequent."""

    gain = 0.4

    def prepare(self, captions, *, truncate=False):
        self.moods = [MOODS.index(caption) for caption in captions]
        return super().prepare(captions, truncate=truncate)

    def forward(self, target, **context) -> LossOutput:
        losses = []
        for mood, codes in zip(self.moods, target, strict=True):
            p = (1 - self.gain) * self.unigrams
            p[:, mood] += self.gain
            losses.append(-p.gather(1, codes).log().mean())
        return LossOutput(torch.stack(losses).mean(), torch.stack(losses))


class Parrot(Reader):
    """Knows the training music by heart, and nothing else: of other music it is as sure, and wrong."""

    def forward(self, target, **context) -> LossOutput:
        losses = torch.stack(
            [
                -self.counts[index % len(self.counts)].gather(1, codes).clamp(min=1e-4).log().mean()
                for index, codes in enumerate(target)
            ]
        )
        return LossOutput(losses.mean(), losses)

    def fit(self, segments) -> None:
        super().fit(segments)
        self.counts = [torch.nn.functional.one_hot(codes, V).float().mean(dim=1) for codes in segments]


def counting(kind: type[Unigram], music: Encoded) -> Paradigm:
    model = kind(config("autoregressive"), LATENT).eval()
    rows = range(len(music["train"]))
    model.fit([torch.from_numpy(music["train"].slice(row, 0, T)[0]) for row in rows])
    return model


@pytest.fixture
def examined(music: Encoded) -> Callable[[Paradigm], object]:
    return lambda model: examine(model, encoded=music, segment_s=T / 10, clips=40)


def holds(estimate: Estimate, value: float) -> bool:
    return estimate.low <= value <= estimate.high


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_an_untrained_model_beats_no_predictor_and_picks_by_chance(examined, paradigm: str) -> None:
    found = examined(build_paradigm(config(paradigm), LATENT).eval())
    assert set(found.beside) == {entry.name for entry in PARADIGMS[paradigm].trivial}
    assert all(other.difference.low > 0 for other in found.beside.values())
    assert found.picks.chance == 0.125 and holds(found.picks.share, 0.125)
    assert (found.clips, found.splits) == (40, ("test", "valid"))


def test_a_unigram_sampler_is_no_better_than_itself_and_picks_exactly_by_chance(music: Encoded, examined) -> None:
    found = examined(counting(Unigram, music))
    assert found.beside["unigram"].difference.value == pytest.approx(0.0, abs=1e-6)
    assert found.picks.share.value == pytest.approx(1 / 8), "all candidates tie"


def test_who_knows_the_training_music_by_heart_alone_beats_no_predictor(music: Encoded, examined) -> None:
    found = examined(counting(Parrot, music))
    assert all(other.difference.low > 0 for other in found.beside.values())
    assert holds(found.picks.share, 0.125)


def test_who_reads_captions_beats_the_counts_and_picks_the_true_one(music: Encoded, examined) -> None:
    found = examined(counting(Reader, music))
    assert found.beside[found.strongest].difference.high < 0
    assert found.picks.share.low > 0.7 and found.picks.candidates == 8


def test_one_draw_of_times_and_noise_serves_model_predictors_and_candidates(music: Encoded, examined) -> None:
    [entry] = PARADIGMS["flow_matching"].trivial
    field = build_trivial(entry, config("flow_matching"), LATENT)
    field.fit([torch.from_numpy(music["train"].slice(row, 0, T)[1]) for row in range(40)])
    found = examined(field)
    assert found.beside["gaussian"].difference.value == pytest.approx(0.0, abs=1e-6)
    assert found.picks.share.value == pytest.approx(1 / 8)
    assert found == examined(field), "the same again"


def test_candidates_hold_the_true_caption_once_and_no_other_clip_of_training(music: Encoded) -> None:
    asked = hold_out(music, segment=T, clips=30, candidates=8, seed=0)
    assert [one.split for one in asked] == ["test"] * 20 + ["valid"] * 10
    for one in asked:
        assert one.candidates[0] == music[one.split].caption(one.example.row)
        assert len(set(one.candidates)) == 8
    few = hold_out(music, segment=T, clips=5, candidates=8, seed=0)
    assert {len(one.candidates) for one in few} <= set(range(2, 6)), "as many as there are captions"


def test_intervals_of_shares_and_means_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    names = [str(index) for index in range(96)]
    for truth in (0.125, 0.3, 0.7):
        shares = [share_of((rng.random(96) < truth).astype(float), names) for _ in range(400)]
        assert np.mean([holds(share, truth) for share in shares]) > 0.92
    for draw in (rng.standard_normal, lambda n: rng.exponential(1.0, n) - 1):
        means = [mean_of(draw(96), names) for _ in range(400)]
        assert np.mean([holds(mean, 0.0) for mean in means]) > 0.92
    alike = np.repeat(rng.standard_normal(12), 8)
    tracks = [str(index // 8) for index in range(96)]
    assert mean_of(alike, tracks).high - mean_of(alike, tracks).low > 2 * (
        mean_of(alike, names).high - mean_of(alike, names).low
    ), "clips of one track count once"
