"""A synthetic encoded dataset: rows of unlike lengths, random codes, latents that swing and are a little noisy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterpoint.config import LatentSpec, TrainingConfig
from counterpoint.config.load import parse
from counterpoint.data import Encoded, EncodedWriter, save_dataset

K, V, D = 2, 16, 4
FRAME_RATE = 10.0


def latents(draws: np.random.Generator, T: int) -> np.ndarray:
    swing = 2 * np.sin(np.arange(T)[:, None] / 3 + np.arange(D))
    return (swing + 0.1 * draws.standard_normal((T, D))).astype(np.float32)


def _write_encoded(folder: Path, *, rows: dict[str, int], seed: int = 0) -> Encoded:
    draws = np.random.default_rng(seed)

    def row(split: str, index: int) -> dict[str, Any]:
        name = f"{split}{index}"
        caption = f"a calm piece number {index}" if index % 3 else ""
        facts = {"duration_s": 3.0, "sample_rate": 100, "channels": 1}
        return {"id": name, "audio": f"audio/{name}.wav", "caption": caption, **facts}

    splits = {split: [row(split, index) for index in range(count)] for split, count in rows.items()}
    digests = {row["id"]: f"{row['id']}-{seed}" for part in splits.values() for row in part}
    dataset = save_dataset(folder, splits, info={"name": "toy", "kind": "composed"}, audio_digests=digests)
    writer = EncodedWriter(dataset, codec_fingerprint="toyprint", num_codebooks=K, latent_dim=D)
    for split in ("train", "valid", "test"):
        lengths = draws.integers(12, 60, rows.get(split, 0))
        writer.write_split(split, ((draws.integers(0, V, (K, T)), latents(draws, T)) for T in lengths))
    shape = {"num_codebooks": K, "codebook_size": V, "latent_dim": D, "mean": 0.1, "mean_std": 0.9}
    return writer.finish(
        LatentSpec(codec="toy", fingerprint="toyprint", sample_rate=100, frame_rate=FRAME_RATE, **shape)
    )


@pytest.fixture(scope="session")
def write_encoded():
    """A function of (folder, rows=, seed=) that writes such a dataset."""
    return _write_encoded


@pytest.fixture(scope="session")
def encoded(tmp_path_factory) -> Encoded:
    return _write_encoded(tmp_path_factory.mktemp("toy") / "data", rows={"train": 12, "valid": 3, "test": 1})


@pytest.fixture(scope="session")
def configure(encoded):
    """A small TrainingConfig on the synthetic dataset, `changes` given as nested mappings."""

    def make(paradigm: str, **changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "model": {"paradigm": paradigm, "backbone": "debug", "text": {"buckets": 64, "width": 16}},
            "data": {"dataset": str(encoded.dataset.folder), "codec": "toy", "segment_s": 2.0},
            "optimizer": {"learning_rate": 1e-2, "warmup_steps": 3},
            "steps": 12,
            "batch_size": 4,
            "validate_every": 5,
            "checkpoint_every": 4,
        }
        for key, value in changes.items():
            values[key] = {**values[key], **value} if isinstance(value, dict) else value
        return parse(values, TrainingConfig, source="test")

    return make
