"""Tones to train tiny codecs on."""

from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import CodecTrainingConfig
from counterpoint.config.load import parse
from counterpoint.training.codec.data import Clips

RATE = 3200
ENCODEC = {
    "dataset": "unused",
    "codec": {
        "kind": "encodec",
        "strides": [4, 4, 2],
        "filters": 8,
        "lstm_layers": 1,
        "activation": "elu",
        "latent_dim": 16,
        "num_codebooks": 2,
        "codebook_size": 32,
    },
    "sample_rate": RATE,
    "discriminator": {"filters": 4, "windows": [256, 64]},
    "quantizer": {"decay": 0.9, "dead_below": 0.1, "kmeans_vectors": 256, "refit_every": 5},
    "losses": {"adversarial": 1.0, "feature": 1.0, "waveform": 2.0},
    "optimizer": {
        "learning_rate": 3e-4,
        "betas": [0.9, 0.99],
        "weight_decay": 0.0,
        "warmup_steps": 2,
        "ema_decay": 0.9,
    },
    "segment_s": 1.0,
    "batch_size": 4,
    "steps": 12,
    "checkpoint_every": 4,
    "validate_every": 6,
}
VAE = {
    **{key: value for key, value in ENCODEC.items() if key != "quantizer"},
    "codec": {"kind": "vae", "strides": [4, 5, 2], "filters": 16, "decoder_filters": 8, "multiples": [1, 2, 4]},
    "losses": {"waveform": 1.0, "adversarial": 0.1, "feature": 5.0, "spectral": 1.0, "balanced": False},
}
SPECTROGRAM = {
    **{key: value for key, value in ENCODEC.items() if key not in ("discriminator", "losses")},
    "codec": {
        "kind": "spectrogram",
        "frames_per_latent": 1,
        "width": 16,
        "fine_width": 16,
        "latent_dim": 8,
        "num_codebooks": 2,
        "codebook_size": 32,
    },
    "losses": {"commitment": 0.02},
    "segment_s": 2.0,
}
KL = {**SPECTROGRAM, "codec": {**SPECTROGRAM["codec"], "num_codebooks": 0}}
KINDS = {"encodec": ENCODEC, "vae": VAE, "spectrogram": SPECTROGRAM, "kl": KL}


@pytest.fixture
def configure():
    """A tiny configuration of a kind, with some of its top-level keys changed; `kl` is a variational spectrogram
    codec."""

    def make(kind: str = "encodec", **changes) -> CodecTrainingConfig:
        return parse({**KINDS[kind], **changes}, CodecTrainingConfig, source="test")

    return make


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    """Four tones of 5 s that swell."""
    folder: Path = tmp_path_factory.mktemp("tones")
    time_s = np.arange(5 * RATE) / RATE
    paths = []
    for index, frequency_hz in enumerate((110.0, 165.0, 220.0, 275.0)):
        audio = 0.2 * np.sin(2 * np.pi * frequency_hz * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * time_s))
        paths.append(folder / f"{index}.wav")
        save_audio(paths[-1], audio.astype(np.float32), sample_rate=RATE)
    return Clips(paths=tuple(paths), durations_s=(5.0,) * 4, sample_rate=RATE)
