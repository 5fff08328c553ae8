"""Generation from the latents of a codec that has no codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.codec import Codec, latent_spec, load_codec
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import BACKBONES, FlowMatchingSampling, ModelConfig, UserError, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import GenerationRequest, generate
from counterpoint.generate.model import load_model
from counterpoint.paradigm import build_paradigm

VAE = {
    "encoder_hidden_size": 8,
    "downsampling_ratios": [2, 5],
    "channel_multiples": [1, 2],
    "decoder_channels": 4,
    "decoder_input_channels": 4,
    "audio_channels": 1,
    "sampling_rate": 800,
}


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("vae")
    torch.manual_seed(0)
    save_vae(folder, config=VAE, state=build_vae(VAE).state_dict())
    return load_codec(str(folder))


def test_its_latents_are_drawn_unnormalised_and_decoded(codec: Codec, tmp_path: Path) -> None:
    config = ModelConfig(paradigm="flow_matching", backbone=BACKBONES["debug"])
    latent = latent_spec(codec, mean=0.3, mean_std=2.0)
    assert (latent.num_codebooks, latent.codebook_size, latent.frame_rate) == (0, 0, 80.0)
    weights = build_paradigm(config, latent).state_dict()
    write_json(tmp_path / "model.json", {"model": config.model_dump(), "latent": latent.model_dump()})
    write_checkpoint(tmp_path / "checkpoints", step=0, tensors={"model": weights, "ema": weights}, state={}, keep=1)
    loaded = load_model(tmp_path)
    model = loaded.paradigm
    assert loaded.codec.fingerprint == codec.fingerprint and model.latent == latent
    sampling = FlowMatchingSampling(steps=2)
    [clip] = generate(GenerationRequest(["drums"], duration_s=0.5, seed=3, sampling=sampling), model=loaded)
    sample = model.sample(
        text=model.prepare(["drums"]),
        lengths=torch.tensor([40]),
        sampling=sampling,
        generators=[torch.Generator().manual_seed(3)],
    )
    assert sample.latents is not None and sample.latents.std() > 1.5  # in the codec's own scale
    np.testing.assert_allclose(clip.mono, codec.decode_latents(sample.latents)[0].clamp(-1, 1).numpy(), atol=1e-6)
    assert clip.audio.shape == (1, 400) and clip.audio.std() > 0


def test_an_autoregressive_model_is_refused(codec: Codec, tmp_path: Path) -> None:
    config = ModelConfig(paradigm="autoregressive", backbone=BACKBONES["debug"])
    with pytest.raises(UserError, match=r"need codes, and the codec .* has none: use .* \(flow_matching\), or encode"):
        build_paradigm(config, latent_spec(codec))
    latent = latent_spec(codec).model_dump()
    write_json(tmp_path / "model.json", {"model": config.model_dump(), "latent": latent})
    write_checkpoint(tmp_path / "checkpoints", step=0, tensors={"model": {}, "ema": {}}, state={}, keep=1)
    with pytest.raises(UserError, match="need codes"):
        load_model(tmp_path)
