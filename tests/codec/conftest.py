"""A tiny, randomly initialised checkpoint in exactly the format of facebook/encodec_32khz."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


def make_checkpoint(folder: Path, *, seed: int = 0, **changes: object) -> Path:
    """Save an `EncodecModel` with the architecture fields of facebook/encodec_32khz, but narrow."""
    from transformers import EncodecConfig, EncodecModel

    fields = {
        "sampling_rate": 800,
        "audio_channels": 1,
        "normalize": False,
        "chunk_length_s": None,
        "overlap": None,
        "hidden_size": 12,
        "codebook_dim": 12,
        "num_filters": 4,
        "num_residual_layers": 1,
        "upsampling_ratios": [4, 2],
        "norm_type": "weight_norm",
        "use_causal_conv": False,
        "use_conv_shortcut": False,
        "num_lstm_layers": 2,
        "codebook_size": 32,
        "target_bandwidths": [2.0],  # 4 codebooks of 5 bits at 100 Hz
    }
    torch.manual_seed(seed)
    model = EncodecModel(EncodecConfig(**{**fields, **changes}))
    for layer in model.quantizer.layers:
        layer.codebook.embed.copy_(0.05 * torch.randn_like(layer.codebook.embed))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny checkpoint."""
    return make_checkpoint(tmp_path_factory.mktemp("codec") / "tiny")
