"""The shipped configurations of codec training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from counterpoint.config import CodecTrainingConfig, load_yaml
from counterpoint.config.codec_training import EncodecArchitecture, SpectrogramArchitecture, VaeArchitecture
from counterpoint.training.codec.autoencoder import SpectrogramAutoEncoder, build_autoencoder
from counterpoint.training.codec.data import Clips
from counterpoint.training.codec.step import WaveformStep

FOLDER = Path(__file__).parents[3] / "configs" / "codec"
FILES = sorted(FOLDER.glob("*.yaml"))
PAPER = {
    "encodec_25hz": ((8, 8, 5, 4), 58_588_610),
    "encodec_50hz": ((8, 5, 4, 4), 56_884_674),
    "encodec_100hz": ((8, 5, 4, 2), 56_819_138),
    "vae_25hz": ((2, 4, 4, 5, 8), 149_819_265),
    "vae_50hz": ((2, 4, 4, 4, 5), 122_556_289),
    "vae_100hz": ((2, 2, 4, 4, 5), 122_294_145),
}
"""Strides of the table in App. E.3, and what they come to in parameters, codebooks aside."""


def of(name: str) -> CodecTrainingConfig:
    return load_yaml(FOLDER / f"{name}.yaml", CodecTrainingConfig)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loads_and_says_what_it_is(path):
    config = load_yaml(path, CodecTrainingConfig)
    header = path.read_text().split("dataset:")[0]
    assert "# Cost" in header and f"configs/codec/{path.name}" in header
    frame_rate = config.sample_rate / config.codec.samples_per_frame
    assert path.stem.endswith(f"{frame_rate:.0f}hz")
    kind = config.codec.kind
    if isinstance(config.codec, SpectrogramArchitecture):
        kind = "pocket_rvq" if config.codec.num_codebooks else "pocket_kl"
    assert kind in path.stem


@pytest.mark.parametrize("name", PAPER)
def test_paper_scale_is_the_papers(name):
    config, (strides, _) = of(name), PAPER[name]
    assert (config.steps, config.batch_size, config.segment_s, config.sample_rate) == (400_000, 64, 1.0, 32_000)
    assert config.optimizer.learning_rate == 3e-4 and config.start == "random"
    shape, losses = config.codec, config.losses
    assert not isinstance(shape, SpectrogramArchitecture) and shape.strides == strides
    if isinstance(shape, EncodecArchitecture):
        assert (shape.activation, shape.latent_dim, shape.num_codebooks, shape.codebook_size) == ("gelu", 128, 4, 2048)
        assert losses.balanced
        assert (losses.adversarial, losses.feature, losses.waveform, losses.spectral) == (4, 4, 0.1, 2)
        assert (config.quantizer.decay, config.quantizer.dead_below) == (0.99, 2)
    else:
        assert isinstance(shape, VaeArchitecture) and not losses.balanced
        channels = tuple(shape.filters * multiple for multiple in shape.multiples)
        assert (channels, shape.latent_dim, losses.kl) == ((128, 256, 512, 1024, 2048), 64, 1e-3)


@pytest.mark.parametrize("name", PAPER)
def test_paper_scale_has_the_papers_parameters(name):
    with torch.device("meta"):  # shapes alone
        model = build_autoencoder(of(name)) if "vae" in name else None
    if model is None:  # its quantiser cannot be built without memory
        model = build_autoencoder(of(name))
    assert not isinstance(model, SpectrogramAutoEncoder)
    assert sum(p.numel() for part in (model.encoder, model.decoder) for p in part.parameters()) == PAPER[name][1]


@pytest.mark.slow
def test_one_update_at_paper_scale():
    """EnCodec at 50 Hz, 56.9M parameters, with all five discriminators, batch 1."""
    config = of("encodec_50hz")
    quantizer = config.quantizer.model_copy(update={"kmeans_vectors": 2048})
    config = config.model_copy(update={"batch_size": 1, "quantizer": quantizer})

    class Noise(Clips):
        def batch(self, draws, *, batch_size, samples, augment=False):
            return 0.1 * draws.standard_normal((batch_size, samples)).astype(np.float32)

    clips = Noise(paths=(Path("noise"),), durations_s=(10.0,), sample_rate=32_000)
    step = WaveformStep(config, clips=clips, held_out=torch.zeros(0, 1), accelerator=Accelerator(cpu=True), fresh=True)
    assert step.description == (
        "parameters: encoder 28,441,984, decoder 28,442,690, discriminators 472,490, codebooks 1,048,576"
    )
    before = [parameter.detach().clone() for parameter in step.model.parameters()]
    update = step.update(0)
    assert np.isfinite(update.loss) and update.details["discriminator"] == pytest.approx(2, abs=0.1)
    assert all(not torch.equal(old, new) for old, new in zip(before, step.model.parameters(), strict=True))
