"""Untrained models of debug size on the latents of an untrained codec of 8 kHz and 25 frames a second."""

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.codec import latent_spec, load_codec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.config import BACKBONES, ModelConfig, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.paradigm import build_paradigm

RATE, WINDOW_S = 8000, 3.0
MODELS = {
    "ar": {"paradigm": "autoregressive", "inpainting": 0.5},
    "fm": {"paradigm": "flow_matching", "inpainting": 0.5},
    "ar_text": {"paradigm": "autoregressive"},
    "fm_text": {"paradigm": "flow_matching"},
    "ar_steered": {"paradigm": "autoregressive", "inpainting": 0.5, "controls": ["chords"]},
    "fm_steered": {"paradigm": "flow_matching", "inpainting": 0.5, "controls": ["chords"]},
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each of `MODELS`, by name; those without inpainting end in `_text`, those with chords in `_steered`."""
    root = tmp_path_factory.mktemp("inpaint")
    torch.manual_seed(0)
    config = encodec_config(
        sample_rate=RATE, strides=(8, 8, 5), filters=2, latent_dim=16, codebook_size=32, lstm_layers=1
    )
    model = build_encodec(config)
    with torch.no_grad():
        frames = model.encoder(torch.from_numpy(music(4.0)).float().T[None])[0].T
    spread = float(frames.std(dim=0).mean())
    # transformers starts its codebooks at zero, which would make every code sound alike.
    for index, layer in enumerate(model.quantizer.layers):
        layer.codebook.embed.copy_(frames[:96:3] if index == 0 else spread * torch.randn(32, 16) / 2**index)
    save_encodec(root / "codec", config=config, state=model.state_dict())
    latent = latent_spec(load_codec(str(root / "codec")), mean=float(frames.mean()), mean_std=spread)
    for name, kind in MODELS.items():
        model = ModelConfig(backbone=BACKBONES["debug"], **kind)  # type: ignore[arg-type]
        described = {"model": model.model_dump(), "latent": latent.model_dump(), "segment_s": WINDOW_S}
        write_json(root / name / "model.json", described)
        weights = build_paradigm(model, latent).state_dict()
        tensors = {"model": weights, "ema": weights}
        write_checkpoint(root / name / "checkpoints", step=0, tensors=tensors, state={}, keep=1)
    return {name: root / name for name in MODELS}


def music(duration_s: float, *, sample_rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """[N, C] float64: noise of two beats a second, each channel at a level of its own."""
    generator = np.random.default_rng(seed)
    at = np.arange(round(duration_s * sample_rate)) / sample_rate
    noise = generator.uniform(-1, 1, len(at)) * np.exp(-6 * (at % 0.5))
    return noise[:, None] * (0.6 / 2 ** np.arange(channels))


@pytest.fixture(scope="session")
def compose():
    """The function `music`."""
    return music
