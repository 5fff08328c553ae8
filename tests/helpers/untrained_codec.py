"""A codec for studies that must run but need not sound."""

from __future__ import annotations

from pathlib import Path

import torch

from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec


def untrained_codec(folder: Path) -> Path:
    """Write an EnCodec with random weights and random codebooks; returns its folder."""
    torch.manual_seed(0)
    config = encodec_config(filters=2, latent_dim=8, codebook_size=32, lstm_layers=1)
    model = build_encodec(config)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if name.endswith("codebook.embed"):
                buffer.normal_(std=0.1)
    save_encodec(folder, config=config, state=model.state_dict())
    return folder
